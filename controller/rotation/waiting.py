"""Brings keys to devices that were off when they were rotated or revoked, as soon as they are back."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

from controller import applying, caution, rollout
from controller.app import App, afresh
from controller.errors import ControllerError, RolloutHalted, StoreBusy
from controller.journal import State
from controller.planning import Planned, plan_all, touches_only_keys
from controller.rollout import Outcome
from controller.rotation import carry
from controller.rotation.carry import Means
from controller.rotation.ledger import Accepts, Stage
from controller.rotation.look import Seen
from drivers.apply import Timers
from drivers.model import Device

log = logging.getLogger(__name__)

_ACTOR: Final = "plaza worker"
_ROUNDS: Final = 2  # it takes the new one, then it gives the old one up


def carry_on(app: App) -> None:
    """Go on with every rotation and revocation that waits for somebody; one that fails costs only itself.

    Nothing but keys is changed unasked: a device where other changes wait is left to a person.
    """
    means = carry.means_of(app, _ACTOR)
    for name in carry.owed(means):
        with _logged(name):
            carry.begin(means, name, "a stolen device may know the last one")
    for rotation in means.ledger.running():
        with _logged(rotation.credential):
            _carry_on(app, rotation.id)


@contextmanager
def _logged(name: str) -> Iterator[None]:
    try:
        yield
    except ControllerError as error:
        log.warning("a rotation waits", extra={"credential": name, "error": str(error)})


def _carry_on(app: App, name: str) -> None:
    for _ in range(_ROUNDS):
        if not _turn(carry.means_of(afresh(app), _ACTOR), name):
            break


def _turn(means: Means, name: str) -> bool:
    """One look, one change of those that came back, one look at those; whether any was changed."""
    rotation = means.ledger.one(name)
    waiting = carry.to_change(means, rotation)
    if rotation.state is Stage.DONE:
        return False
    seen = carry.look_at(means, rotation, _log_seen, [device.name for device in waiting])
    back = [device for device in waiting if device.name in seen and seen[device.name].accepts is not None]
    changed = _changed(means, [one for one in back if seen[one.name].accepts is not Accepts.NEW])
    if changed:
        means = carry.means_of(afresh(means.app), _ACTOR)
        carry.look_at(means, rotation, _log_seen, changed)
    carry.forward(means, rotation)
    return bool(changed)


def _changed(means: Means, devices: Sequence[Device]) -> list[str]:
    """Those that could be changed, by name."""
    if not devices:
        return []
    app, done = means.app, list[str]()

    def report(outcome: Outcome) -> None:
        log.info("keys", extra={"device": outcome.device, "state": str(outcome.state)})
        if outcome.state is State.CONFIRMED:
            done.append(outcome.device)

    with suppress(StoreBusy, RolloutHalted), rollout.alone(app.settings.data_dir, "the worker"):
        works = rollout.works_of(app, Timers())
        found = list(plan_all(app.inventory, works.access, devices))
        planned = [_keys_only(item) for item in rollout.postpone(works, found)]
        applying.run(works, "keys of those that were off", planned, report)
    return done


def _keys_only(item: Planned) -> Planned:
    """The same, unless something else than keys would change as well or nothing would bring it back."""
    if item.plan is None or not item.pending:
        return item
    if caution.needs_typing(item):
        return replace(item, plan=None, held="it has no timer of its own, so a person has to do it")
    if not touches_only_keys(item.device, item.plan):
        held = f"other changes wait there as well: plaza apply {item.device.name}"
        return replace(item, plan=None, held=held)
    return item


def _log_seen(seen: Seen) -> None:
    log.info("access looked at", extra={"device": seen.device, "found": seen.detail})
