"""Whether a rollout stops by itself: so many devices failed, or so large a part of those that ended."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from controller.journal import State
from controller.rollouts.seam import Policy

_COUNTED_FROM: Final = 5  # fewer devices are no base for a percentage
_LOST_COUNTS: Final = 2
_NAMED: Final = 5
_FAILED: Final = frozenset({State.ROLLED_BACK, State.FAILED})


@dataclass(frozen=True, slots=True)
class Count:
    """How one device of a rollout stands.

    `lost`: it could not be reached once its change was applied, whether it came back by its timer since then
    or is still away. That counts double, for somebody may have to drive there.
    """

    device: str
    state: State
    lost: bool = False

    @property
    def weight(self) -> int:
        """How many failures it counts as."""
        if self.state is State.CONFIRMED:
            return 0
        return _LOST_COUNTS if self.lost else int(self.state in _FAILED)


def why(counts: Iterable[Count], policy: Policy) -> str:
    """One sentence that names the devices, "" to go on.

    Confirmed, rolled back, failed and lost devices have ended; pending, held and skipped ones say nothing of
    the change. Devices whose failure a person has looked at since then are left out by the caller.
    """
    ended = [count for count in counts if count.weight or count.state is State.CONFIRMED]
    failed = sorted((count for count in ended if count.weight), key=lambda count: count.device)
    weight = sum(count.weight for count in failed)
    if policy.stop_number and weight >= policy.stop_number:
        return f"{_said(failed, len(ended))}; it stops at {policy.stop_number}"
    if not policy.stop_percent or len(ended) < _COUNTED_FROM:
        return ""
    if weight * 100 >= policy.stop_percent * len(ended):
        return f"{_said(failed, len(ended))}; it stops at {policy.stop_percent:g} %"
    return ""


def _said(failed: list[Count], ended: int) -> str:
    names = [count.device for count in failed]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    lost = sum(count.lost for count in failed)
    double = f", {lost} of them out of reach after the change, which counts double" if lost else ""
    return f"{len(names)} of {ended} failed ({', '.join(names[:_NAMED])}{more}){double}"
