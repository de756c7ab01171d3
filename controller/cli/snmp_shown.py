"""Shows SNMP objects to a person, and to a program."""

from collections.abc import Callable, Iterator, Sequence

from drivers.snmp.names import Names
from drivers.snmp.seam import Oid, PollReply, Value

Row = tuple[Oid, Value | None]
"""An object and its value; None when the agent has no such object."""

Reading = Callable[[Sequence[Oid], PollReply], list[Row]]
"""Which rows are shown of what was asked for and answered."""

_IN_TEXT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def got(oids: Sequence[Oid], reply: PollReply) -> list[Row]:
    """One row for each object that was asked for; those that a failure left unanswered are not there."""
    rows: list[Row] = [(oid, reply.scalars.get(oid)) for oid in oids]
    return [row for row in rows if row[1] is not None or reply.failure is None]


def walked(roots: Sequence[Oid], reply: PollReply) -> list[Row]:
    """What stands below each root, in the order of OIDs; a root with nothing below has one row."""
    rows: list[Row] = []
    for root in roots:
        below = sorted(reply.columns.get(root, {}).items())
        rows += [((*root, *suffix), value) for suffix, value in below]
        if not below and reply.failure is None:
            rows.append((root, None))
    return rows


def lines(names: Names, rows: Sequence[Row]) -> Iterator[str]:
    """One line per object: OID, name where one is known, value."""
    for oid, value in rows:
        said = _absent(names, oid) if value is None else _shown(value)
        yield "  ".join(part for part in (dotted(oid), names.name(oid), said) if part)


def machine(names: Names, rows: Sequence[Row], reply: PollReply) -> dict[str, object]:
    """What a program reads: octets always in hex too, and as text where they are text."""
    failure = reply.failure
    return {
        "device": reply.device,
        "objects": [_object(names, oid, value) for oid, value in rows],
        "failure": None if failure is None else {"reason": failure.reason, "detail": failure.detail},
    }


def dotted(oid: Oid) -> str:
    """1.3.6.1…"""
    return ".".join(map(str, oid))


def one_line(text: str) -> str:
    """What a device may have said, without what would break a line or a terminal."""
    return "".join(
        mark if mark.isprintable() else _IN_TEXT.get(mark, "\N{REPLACEMENT CHARACTER}") for mark in text
    )


def _absent(names: Names, oid: Oid) -> str:
    said = "the agent has no such object"
    if (name := names.objects.get(oid)) is not None:
        return f"{said}; a single one is {name}.0, of a table walk {name}"
    return said


def _shown(value: Value) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return dotted(value)
    text = _text(value)
    return f"0x{value.hex()}" if text is None else one_line(text)


def _text(octets: bytes) -> str | None:
    """None when it is not printable; line ends are."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    return text if all(mark.isprintable() or mark in _IN_TEXT for mark in text) else None


def _object(names: Names, oid: Oid, value: Value | None) -> dict[str, object]:
    row: dict[str, object] = {"oid": dotted(oid), "name": names.name(oid), "absent": value is None}
    if isinstance(value, bytes):
        return row | {"value": _text(value), "hex": value.hex()}
    return row | {"value": dotted(value) if isinstance(value, tuple) else value}
