"""What a person must know and say before a change that nothing on the device undoes by itself."""

from collections.abc import Sequence
from dataclasses import replace

from controller.errors import PlanError
from controller.planning import Planned
from drivers import apply
from drivers.apply import Timers
from drivers.configurers.seam import Safety, Traits
from drivers.configurers.ways import CONFIGURERS


def traits_of(item: Planned) -> Traits:
    """What the device's platform promises."""
    return CONFIGURERS[item.device.platform].traits


def needs_typing(item: Planned) -> bool:
    """Whether nothing on the device brings it back, so that its name has to be typed."""
    return item.pending and traits_of(item).safety is Safety.D


def canary_of_one(planned: Sequence[Planned]) -> list[Planned]:
    """Of the devices that have no timer only the first is changed; the others wait for another `apply`."""
    kept: list[Planned] = []
    chosen = ""
    for item in planned:
        if needs_typing(item) and chosen:
            reason = f"it has no timer of its own: one at a time, after {chosen}"
            kept.append(replace(item, plan=None, held=reason))
            continue
        if needs_typing(item):
            chosen = item.device.name
        kept.append(item)
    return kept


def one_at_a_time(planned: Sequence[Planned]) -> None:
    """Raises PlanError for a plan that could not be carried out whole."""
    several = [item.device.name for item in planned if needs_typing(item)]
    if len(several) > 1:
        what = f"{', '.join(several)} have no timer of their own, and are changed one at a time"
        raise PlanError(f"nothing was changed: {what}; make a plan for each")


def too_short(planned: Sequence[Planned], timers: Timers) -> str:
    """A warning where somebody asked for less time than a change needs; "" else."""
    if timers.revert_s is None:
        return ""
    needed = [
        apply.revert_s(traits_of(item), replace(timers, revert_s=None), item.plan)
        for item in planned
        if item.plan is not None and item.pending and not needs_typing(item)
    ]
    if not needed or max(needed) <= timers.revert_s:
        return ""
    return f"{timers.revert_s} s may be too short: a change here needs {max(needed)} s, or it goes back"


def goes_back_after(planned: Sequence[Planned], timers: Timers) -> str:
    """How soon those that have a timer go back by themselves; "" when none has."""
    seconds = sorted(
        apply.revert_s(traits_of(item), timers, item.plan)
        for item in planned
        if item.plan is not None and item.pending and not needs_typing(item)
    )
    if not seconds:
        return ""
    span = f"{seconds[0]}" if seconds[0] == seconds[-1] else f"{seconds[0]} to {seconds[-1]}"
    return f"what we cannot confirm goes back by itself after {span} s"


def warnings(item: Planned) -> list[str]:
    """Sentences about one pending change: what brings the device back, and what may take it away."""
    if item.plan is None or not item.pending:
        return []
    traits, said = traits_of(item), []
    if traits.safety is Safety.D:
        said.append("nothing on this device undoes a bad change; it stays unsaved until it is confirmed")
    risky = item.plan.change.dangerous(traits.dangerous)
    if risky:
        said.append(f"this may take its management away: {', '.join(risky)}")
    return said
