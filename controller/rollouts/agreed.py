"""Whether what would be done to a device now is what was agreed to when its rollout was planned."""

from collections import Counter
from dataclasses import replace
from typing import Final

from controller import intent as wanting
from controller.journal import Row, State
from controller.planning import Planned, beside_keys
from drivers.configurers.seam import Wish

_SHOWN: Final = 3
_CHANGED: Final = "the inventory changed since this rollout was planned"
_MEND: Final = "retry plans it anew"


def as_agreed(row: Row, item: Planned) -> Row:
    """The row as it may be carried out, or `held` with what is not as agreed.

    An edit that changes nothing of what is done to the device does not count, and neither do keys.
    """
    plan = item.plan
    if plan is None or not isinstance(plan.goal, Wish):
        return row
    wanted = wanting.held_to(plan.goal.intent)
    if wanted != row.intent_hash and (reason := _what_differs(item, row.diff)):
        return replace(row, state=State.HELD, detail=reason)
    return replace(row, intent_hash=wanted)


def done_already(row: Row) -> Row:
    """Its device is as intended."""
    by_others = " already: another rollout, or somebody, did it meanwhile" if row.diff else ""
    return replace(row, state=State.SKIPPED, detail=f"as intended{by_others}")


def _what_differs(item: Planned, agreed: str) -> str:
    """One sentence, "" where the lines are those that were agreed to, whatever keys go with them."""
    if item.plan is None or not (left := _lines(beside_keys(item.device, item.plan).text)):
        return ""
    now, then = _lines(item.plan.change.text), _lines(agreed)
    if then in (now, left):
        return ""
    if not then:
        return f"{_CHANGED}, when nobody saw its difference; {_MEND}"
    said = [*_named("now also", left - then), *_named("no more", then - now)]
    return f"{_CHANGED} ({'; '.join(said)}); {_MEND}"


def _named(what: str, lines: Counter[str]) -> list[str]:
    found = [f"{line[0]}{line[1:].strip()}" for line in lines]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return [f"{what} {', '.join(found[:_SHOWN])}{more}"] if found else []


def _lines(text: str) -> Counter[str]:
    """What a difference takes away and adds, wherever it stands."""
    lines = (line for line in text.splitlines() if not line.startswith(("--- ", "+++ ")))
    return Counter(line for line in lines if line.startswith(("-", "+")) and line[1:].strip())
