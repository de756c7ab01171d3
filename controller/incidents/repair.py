"""How long repairs take: of what is closed, and of what is not, which no figure may leave out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from controller.incidents.desk import Incident

LONG_S: Final = 72 * 3600


@dataclass(frozen=True, slots=True)
class Repairs:
    """Of the incidents of one place: seconds, None where not so many are closed that it is known.

    `median_s` and `p90_s` count what is open as lasting longer than it did yet: where that decides them they
    are None, never a shorter time. `closed_median_s` and `closed_p90_s` are of the closed ones alone.
    """

    closed: int
    open: int
    open_long: int
    expected: int
    closed_median_s: int | None
    closed_p90_s: int | None
    median_s: int | None
    p90_s: int | None


def repairs(incidents: Iterable[Incident]) -> Repairs:
    """The figures. What was expected counts apart: nobody was called."""
    known = [one for one in incidents if not one.merged_into]
    ours = [one for one in known if not one.expected]
    done = sorted(one.repair_s or 0 for one in ours if not one.is_open)
    going_on = sorted(one.open_s for one in ours if one.is_open)
    return Repairs(
        len(done),
        len(going_on),
        sum(lasted > LONG_S for lasted in going_on),
        len(known) - len(ours),
        _quantile(done, 0.5),
        _quantile(done, 0.9),
        surviving(done, going_on, 0.5),
        surviving(done, going_on, 0.9),
    )


def surviving(done: Sequence[int], going_on: Sequence[int], share: float) -> int | None:
    """The time in which this share is repaired (Kaplan and Meier, 1958); None where too many still go on.

    Both are sorted, in seconds.
    """
    left, going = 1.0, len(done) + len(going_on)
    open_s, at = list(going_on), 0
    for seconds in done:
        while at < len(open_s) and open_s[at] < seconds:  # it was open so long, and says nothing of later
            at, going = at + 1, going - 1
        left *= 1 - 1 / going
        going -= 1
        if left <= 1 - share + 1e-9:
            return seconds
    return None


def _quantile(done: Sequence[int], share: float) -> int | None:
    """The least value that this share does not exceed (nearest rank)."""
    return done[max(0, -(-int(len(done) * share * 1000) // 1000) - 1)] if done else None
