"""What a site may count on, by the kind of its gateway: `python -m captive_portal.gateways.promises`.

It prints the table of docs/gateways.md; with that file's name it puts it there, between the two marks.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from captive_portal.gateways.ending import TELL_EVERY_S, Ending, ending
from captive_portal.gateways.leaving import logs_out
from captive_portal.gateways.lengthening import TAKEN
from captive_portal.gateways.letting_go import SCHEME
from captive_portal.gateways.promises_told import TOLD, Told
from captive_portal.gateways.traits import TRAITS
from captive_portal.model import GatewayKind
from captive_portal.radius.limits import OCTETS

FIRST: Final = "<!-- made by: python -m captive_portal.gateways.promises docs/gateways.md -->\n"
LAST: Final = "<!-- end of what is made -->\n"
HEADS: Final = (
    "Kind",
    "Plaza away: who is in",
    "who comes new",
    "what they see",
    "The gateway itself sends for a session",
    "Ended from afar",
    "Holds a rate",
    "Holds a cap of octets",
    "More time",
)
_NAS: Final = f"{SCHEME}://nas:3799"
_WITH_NAS: Final = f"with `controller: {SCHEME}://…`"

_CAPS: Final[Mapping[GatewayKind, str]] = MappingProxyType(
    {
        GatewayKind.PLAZA: "its kernel",
        GatewayKind.OPENNDS: "its gateway, where that polls: each way by itself",
        GatewayKind.UNIFI: "its controller, in whole MB",
        GatewayKind.OMADA: "its controller, from 6.2.10 on",
    }
)
"""Who is told the octets of a grant otherwise than by RADIUS: as each kind's file does it."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What one kind does; `told` is data with its source, the rest follows from our own code."""

    kind: GatewayKind
    told: Told
    ended: str
    rate: str
    octets: str
    more: str


def promise(kind: GatewayKind) -> Promise:
    """What a site with a gateway of this kind may count on."""
    return Promise(kind, TOLD[kind], _ended(kind), TRAITS[kind].slows.value, _octets(kind), _more(kind))


def table() -> str:
    """All kinds in a table of Markdown, and below it where each line's first five answers come from."""
    promises = [promise(kind) for kind in GatewayKind]
    lines = [_row(HEADS), _row(["---"] * len(HEADS)), *map(_line, promises)]
    return "\n".join([*lines, "", *_sources(promises)]) + "\n"


def written(document: str) -> str:
    """The document with the table as it is now. Raises ValueError without the marks."""
    before, _, rest = document.partition(FIRST)
    _, mark, after = rest.partition(LAST)
    if not mark:
        raise ValueError("the document lacks the marks of the table")
    return f"{before}{FIRST}\n{table()}\n{LAST}{after}"


def main(names: Sequence[str]) -> None:
    """Print the table, or put it into the files of these names."""
    if not names:
        sys.stdout.write(table())
    for path in map(Path, names):
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


def _ended(kind: GatewayKind) -> str:
    if ending(kind, "") is Ending.SYNC:
        how = "at its next sync"
    elif ending(kind, "") is Ending.TOLD:
        how = f"within {TELL_EVERY_S} s"
    else:
        how = f"within {TELL_EVERY_S} s {_WITH_NAS}" if _is_told(kind) else "no"
    return f"{how}; the phone itself can" if logs_out(kind) else how


def _octets(kind: GatewayKind) -> str:
    if kind in OCTETS:
        return "its gateway, told by RADIUS"
    if kind in _CAPS:
        return _CAPS[kind]
    if not _is_told(kind):
        return "no"
    where = "" if ending(kind, "") is Ending.TOLD else f" {_WITH_NAS}"
    return f"no; it is told to let go once they are used{where}"


def _more(kind: GatewayKind) -> str:
    if TRAITS[kind].extends:
        return "by a second ticket"
    if kind not in TAKEN:
        return "no"
    capped = TAKEN[kind].issuperset(OCTETS[kind])
    return f"by RADIUS, {_WITH_NAS}{'' if capped else ' and no cap'}"


def _is_told(kind: GatewayKind) -> bool:
    """Whether there is a site of this kind whose gateway we tell to let a phone go."""
    return ending(kind, _NAS) is Ending.TOLD


def _line(one: Promise) -> str:
    told = one.told
    known = (told.stays, told.enters, told.page, told.sends)
    return _row([f"`{one.kind}`", *known, one.ended, one.rate, one.octets, one.more])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _sources(promises: Sequence[Promise]) -> Iterator[str]:
    """Each source once, with the kinds of which it tells."""
    kinds: dict[str, list[str]] = {}
    for one in promises:
        kinds.setdefault(one.told.source, []).append(f"`{one.kind}`")
    for source, names in kinds.items():
        yield f"- {', '.join(names)}: {source}."


if __name__ == "__main__":
    main(sys.argv[1:])
