"""Reads what a RouterOS device has, and what it says of its radios."""

import base64
import re
from typing import Final

from drivers.configurers import told
from drivers.configurers.routeros import console, state
from drivers.configurers.routeros.language import quote
from drivers.configurers.seam import Running, Talk
from drivers.errors import DriverError, UnexpectedReply, Unreachable
from drivers.facts import Facts
from drivers.redact import redact

END: Final = "plaza-end"
"""The last line of an answer that arrived whole."""

_PROPERTY: Final = re.compile(r"^ *([a-z-]+): (.*)$", re.MULTILINE)
_UNKNOWN_WORD: Final = re.compile(r"expected end of command|bad parameter|syntax error|unknown parameter")


def read(talk: Talk) -> Running:
    """The export with secrets, and what it leaves out.

    Raises UnexpectedReply when it is none or was cut short.
    """
    said = _exported_with(talk, "show-sensitive ")
    if _UNKNOWN_WORD.search(said[:200]):  # version 6 shows secrets by itself and does not know the word
        said = _exported_with(talk, "")
    export, end, page = said.partition(f"\n{END}\n")
    export, _, folders = export.rpartition("\n")
    if not end or " by RouterOS " not in export[:200]:
        raise cut_short(talk, said, "it did not print its configuration")
    keys = console.ask(talk, "/user ssh-keys print terse")
    user, key = _login(talk)
    there = page.removesuffix("\n") if page.startswith("<!") else None
    return state.compose(export, state.Login(user, key, "flash/" if folders == "1" else ""), keys, there)


def facts(talk: Talk) -> Facts:
    """What it is. It keeps every change at once; who is in its safe mode shows only to who takes it.

    Raises UnexpectedReply.
    """
    said = console.ask(talk, f"/system resource print; :put {END}")
    if not re.search(rf"^{END}$", said, re.MULTILINE):
        raise cut_short(talk, said, "it did not say what it is")
    board = dict(_PROPERTY.findall(console.ask(talk, "/system routerboard print")))  # a CHR has none
    resource = dict(_PROPERTY.findall(said))
    return Facts(
        told.word(board.get("model", "") or resource.get("board-name", "")),
        told.word(resource.get("version", "")).partition(" ")[0],
        told.serial(board.get("serial-number", "")),
        told.octets(resource.get("free-hdd-space", "")),
    )


def on_air(talk: Talk) -> str:
    """What its own account of WiFi interfaces says is not at work; "" where it has none."""
    said = console.ask(talk, "/interface wifi print terse")
    down = []
    for line in said.splitlines():
        found = re.match(r"\s*\d+\s+(?P<flags>[A-Z]*)\s*(?=.*\bcomment=plaza|.*\bname=plaza-)", line)
        name = re.search(r"\bname=(\S+)", line)
        # I: inactive (help.mikrotik.com, WiFi)
        if found and name and "I" in found["flags"]:
            down.append(name[1])
    return f"{', '.join(down)} is not on the air" if down else ""


def cut_short(talk: Talk, said: str, reason: str) -> DriverError:
    """A device that reboots ends what it was saying."""
    if not said.strip() or " by RouterOS " in said[:200]:
        return Unreachable(talk.device, "it ended the session before it had answered", "ask again later")
    return UnexpectedReply(talk.device, reason, redact(said[:2000]), "is it really RouterOS?")


def _exported_with(talk: Talk, word: str) -> str:
    """The export, how many folders "flash" there are, our end mark; last what may be refused: the page."""
    pages = " or ".join(f"name={quote(folder + state.PAGE)}" for folder in ("", "flash/"))
    commands = (
        f"/export terse {word}",
        ':put [:len [/file find name="flash"]]',
        f":put {END}",
        f":put [/file get [/file find {pages}] contents]",
    )
    return console.ask(talk, "; ".join(commands))


def _login(talk: Talk) -> tuple[str, str]:
    """The user we are, and the fingerprint of the key that we logged in with; empty for a password."""
    key = base64.b64decode(talk.session.public_key)
    return talk.session.user.partition("+")[0], state.digest_of(key) if key else ""
