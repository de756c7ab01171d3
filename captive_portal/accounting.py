"""What a report of a gateway changes in a stored session: pure rules."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from captive_portal.model import GatewayEvent, Usage

Stored = Mapping[str, Any]
"""A row of the session table."""

Changes = dict[str, int | str | None]
"""New values of its columns; empty when the report says nothing new."""

UNREPORTED: Final = "unreported"
"""The cause of an end that no gateway told; the gateway's own word replaces it."""

REPLACED: Final = "gateway-replaced"
"""The cause of an end that we conclude from a new box at the site; whoever knows better replaces it."""

GUESSED: Final = frozenset({UNREPORTED, REPLACED})

OVERDUE: Final = timedelta(minutes=15)
"""How long after its time a session waits for its gateway's word before we write the end ourselves."""

_TOTALS: Final = (
    ("acctsessiontime", "seconds"),
    ("acctinputoctets", "octets_up"),
    ("acctoutputoctets", "octets_down"),
)


def changes(stored: Stored, event: GatewayEvent, now: datetime) -> Changes:
    """What an event changes. Raises KeyError for a kind of event nobody knows.

    A gateway has no clock to trust, so the moment is ours minus the event's age, and never before the tap.
    """
    moment = int((now - timedelta(seconds=max(0, event.age_s))).timestamp())
    return _RULES[event.kind](stored, event, max(moment, stored["granted_at"]))


def totals(stored: Stored, seconds: int | None, octets_down: int | None, octets_up: int | None) -> Changes:
    """Usage only grows; unknown changes nothing."""
    reported = {"seconds": seconds, "octets_down": octets_down, "octets_up": octets_up}
    grown: Changes = {}
    for column, name in _TOTALS:
        value = reported[name]
        if value is not None and value > (-1 if stored[column] is None else stored[column]):
            grown[column] = value
    return grown


def used(stored: Stored, report: Usage | GatewayEvent, at: int) -> Changes:
    """What a report of usage changes: the totals, when octets last grew, that the door is open."""
    grown = totals(stored, report.seconds, report.octets_down, report.octets_up)
    if grown.get("acctinputoctets") or grown.get("acctoutputoctets"):
        grown["active_at"] = at
    if stored["acctstarttime"] is None and report.seconds is not None:
        grown["acctstarttime"] = max(stored["granted_at"], at - report.seconds)
    if grown and stored["acctterminatecause"] == REPLACED:
        grown |= {"acctstoptime": None, "acctterminatecause": None}
    return grown


def goes_backwards(
    stored: Stored, seconds: int | None, octets_down: int | None, octets_up: int | None
) -> bool:
    """Whether a report is below what is stored: usage of this session was lost somewhere."""
    reported = {"seconds": seconds, "octets_down": octets_down, "octets_up": octets_up}
    pairs = [(stored[column], reported[name]) for column, name in _TOTALS]
    return any(old is not None and new is not None and new < old for old, new in pairs)


def end(stored: Stored, cause: str, at: int) -> Changes:
    """The end, once: a second report changes nothing, unless the first was only our guess.

    A cause that stands before the end is of who asked for it, and holds.
    """
    if stored["acctstoptime"] is not None and stored["acctterminatecause"] not in GUESSED:
        return {}
    began = stored["granted_at"] if stored["acctstarttime"] is None else stored["acctstarttime"]
    asked = stored["acctterminatecause"] if stored["acctstoptime"] is None else None
    return {"acctstoptime": max(at, began), "acctterminatecause": (asked or cause)[:32]}


def _opened(stored: Stored, _event: GatewayEvent, at: int) -> Changes:
    found: Changes = {}
    if stored["acctstarttime"] is None:
        found["acctstarttime"] = at
    if stored["acctstoptime"] is not None and at >= stored["acctstoptime"]:
        # The citizen left and came back within the same session, before we had heard of the leaving.
        found |= {"acctstoptime": None, "acctterminatecause": None}
    return found


def _usage(stored: Stored, event: GatewayEvent, at: int) -> Changes:
    return used(stored, event, at)


def _closed(stored: Stored, event: GatewayEvent, at: int) -> Changes:
    """Octets that are told only at the end tell nothing of when they grew."""
    found = _usage(stored, event, at)
    if stored["acctinputoctets"] is None and stored["acctoutputoctets"] is None:
        found.pop("active_at", None)
    return found | end(stored, event.cause, at)


_RULES: Final[Mapping[str, Callable[[Stored, GatewayEvent, int], Changes]]] = {
    "opened": _opened,
    "admitted": _opened,
    "continued": _opened,
    "usage": _usage,
    "closed": _closed,
}
