"""RouterOS over SSH: each menu by a command of its own, for one unknown word spoils a whole line.

`print as-value` in a script gives every property by name, whatever the terminal's width (help.mikrotik.com,
Scripting); each is printed on a line of its own, so that no value can be taken for another.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from drivers.collect import Collected
from drivers.collectors.routeros import Record, read
from drivers.model import Device

if TYPE_CHECKING:
    from drivers.ssh import Shell

TIMEOUT_S: Final = 10.0


def _each(properties: str) -> str:
    return f':foreach k,v in={properties} do={{:put (" " . $k . "=" . $v)}}'


def _alone(menu: str) -> str:
    return f":put row; {_each(f'[{menu} print as-value]')}; :put end"


def _listed(menu: str) -> str:
    return f":foreach r in=[{menu} as-value] do={{:put row; {_each('$r')}}}; :put end"


def _monitored(menu: str) -> str:
    name, told = f'(" name=" . [{menu} get $i name])', _each(f"[{menu} monitor $i once as-value]")
    return f":foreach i in=[{menu} find where !disabled] do={{:put row; :put {name}; {told}}}; :put end"


COMMANDS: Final[Mapping[str, str]] = {
    "resource": _alone("/system resource"),
    "identity": _alone("/system identity"),
    "health": _listed("/system health print"),
    "interface": _listed("/interface print stats"),
    "wireless": _listed("/interface wireless print"),
    "wireless-monitor": _monitored("/interface wireless"),
    "wireless-clients": _listed("/interface wireless registration-table print stats"),
    "wifi": _listed("/interface wifi print"),
    "wifi-monitor": _monitored("/interface wifi"),
    "wifi-clients": _listed("/interface wifi registration-table print"),
}
"""What to ask, by menu. None of them changes anything."""


def ask(shell: "Shell") -> Iterator[tuple[str, str]]:
    """Every menu, one after another."""
    for menu, command in COMMANDS.items():
        yield menu, shell.ask(command, TIMEOUT_S).text


def collect(device: Device, said: Mapping[str, str], slot: int) -> Collected:
    """The samples in what `ask` brought. Raises UnexpectedReply when it is not RouterOS that answered."""
    records = {menu: _records(text) for menu, text in said.items()}
    return read(device, {menu: rows for menu, rows in records.items() if rows is not None}, slot)


def _records(text: str) -> list[Record] | None:
    """None where the menu is not there or was cut short: its last word is missing."""
    lines = text.splitlines()
    if "end" not in lines:
        return None
    found: list[dict[str, str]] = []
    for line in lines[: len(lines) - lines[::-1].index("end") - 1]:
        if line == "row":
            found.append({})
        elif line.startswith(" ") and found:
            key, equals, value = line[1:].partition("=")
            found[-1] |= {key: value} if equals else {}
    return list(found)
