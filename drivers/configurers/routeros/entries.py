"""What a RouterOS device keeps about a trial: scheduler entries, a backup, a note of those confirmed."""

from drivers.configurers.routeros import console
from drivers.configurers.routeros.language import Item, NotRouterOs, parse, quote
from drivers.configurers.routeros.menus import LAST, OWN_NAME
from drivers.configurers.seam import Talk
from drivers.errors import UnexpectedReply


def exported(talk: Talk, menu: str = "scheduler") -> str:
    """The lines of an export of /system scheduler, or of /system script."""
    said = console.ask(talk, f"/system {menu} export terse")
    return "\n".join(line for line in said.splitlines() if line.startswith("/"))


def items(talk: Talk, text: str) -> tuple[Item, ...]:
    """Those lines, read. Raises UnexpectedReply."""
    try:
        return parse(text)
    except NotRouterOs as error:
        raise UnexpectedReply(talk.device, f"its answer cannot be read: {error}") from error


def schedulers(items: tuple[Item, ...]) -> list[Item]:
    """The entries of any trial, whoever's."""
    entries = (item for item in items if item.menu == "system scheduler")
    return [item for item in entries if item.get("name").startswith(OWN_NAME)]


def confirmed(items: tuple[Item, ...]) -> list[str]:
    """The tokens of our note."""
    note = next((item.get("comment").split() for item in items if item.get("name") == LAST), [])
    return note[2:]


def backup_of(token: str) -> str:
    """A pattern of the console for the backup of a trial; `token` is one."""
    return f"(^|/){OWN_NAME}{token}[.]backup$"


def disarming(token: str) -> str:
    """Nobody else's entries."""
    return f"/system scheduler remove [find comment~{quote(f'^plaza {token} ')}]"
