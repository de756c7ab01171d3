"""Makes the devices of a rollout what the inventory says: as `plaza apply` does, and held to its plan."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final

from controller import caution, links
from controller import intent as wanting
from controller import rollout as one_device
from controller.errors import NotBegun, SecretError
from controller.history import SEEN
from controller.journal import OPEN, TURNS, Row, State
from controller.planning import Planned, plan_one, target, touches_only_keys, wish
from controller.rollout import Change, Works
from controller.rollouts import known, linked
from controller.rollouts.agreed import as_agreed, done_already
from controller.rollouts.seam import Fits, Kind, Preflight, Tell
from drivers import apply
from drivers.apply import Plan, Timers
from drivers.errors import DriverError, Unreachable
from drivers.facts import Facts
from drivers.model import Device

_ROOM_OCTETS: Final = 65_536  # for what a device keeps of its old configuration, and for the new one
_UNTYPED: Final = "nothing on it undoes a bad change: plaza rollout retry asks for its name"


@dataclass(frozen=True, slots=True)
class Configure:
    """The work of a rollout of kind `configure`."""

    works: Works

    @property
    def kind(self) -> Kind:
        """Its name in the store."""
        return Kind.CONFIGURE

    def preflight(self, device: Device) -> Preflight:
        """Read a device, its facts and what would change, in one login. Changes nothing."""
        left_alone = wanting.why_not(device)
        if left_alone:
            return Preflight(device.name, None, left_alone=left_alone)
        try:
            wanted = wanting.held_to(wish(self.works.inventory, self.works.access, device).intent)
        except SecretError as error:
            return Preflight(device.name, None, trouble=str(error))
        try:
            facts, plan = self._look(device)
        except Unreachable:
            return Preflight(device.name, None, wanted=wanted)
        except DriverError as error:
            return Preflight(device.name, None, trouble=error.reason, wanted=wanted)
        with TURNS:
            known.keep(self.works.journal.engine, device.name, facts, self.works.journal.clock())
        found = Preflight(device.name, facts, wanted=wanted)
        return found if not plan.change else self._judged(device, facts, plan, found)

    def carry_out(self, rows: Sequence[Row], fits: Fits, tell: Tell) -> tuple[Row, ...]:
        """Change one device, or both ends of a link as one."""
        try:
            if len(rows) == 1:
                return (self._carry_out(rows[0], fits, tell),)
            return self._carry_out_link(rows, fits, tell)
        except NotBegun:
            return tuple(rows)

    def resume(self, rows: Sequence[Row], tell: Tell) -> tuple[Row, ...]:
        """Ask each device once what became of its trial."""
        devices = [self.works.inventory.devices.get(row.device) for row in rows]
        known_ones = [device for device in devices if device is not None and not wanting.why_not(device)]
        if len(rows) == len(known_ones) == 2:
            return linked.resume(self.works, known_ones, rows, tell, linked.Asking(died=one_device.again))
        return tuple(self._resume(row, tell) if row.state in OPEN else row for row in rows)

    def _look(self, device: Device) -> tuple[Facts, Plan]:
        to = target(self.works.access, device, Timers())
        with to.connect() as session:
            facts = to.configurer.facts(to.talk(session))
            here = replace(to, connect=lambda: nullcontext(session))
            return facts, apply.plan(here, wish(self.works.inventory, self.works.access, device))

    def _judged(self, device: Device, facts: Facts, plan: Plan, found: Preflight) -> Preflight:
        planned = Planned(device, plan)
        return replace(
            found,
            trouble=self._trouble(device, facts, plan),
            diff=plan.change.text,
            cautions=tuple(caution.warnings(planned)),
            typed=caution.needs_typing(planned),
        )

    def _trouble(self, device: Device, facts: Facts, plan: Plan) -> str:
        if facts.foreign:
            return f"somebody else is changing it: {facts.foreign}; let them finish, then retry"
        if facts.free_octets is not None and facts.free_octets < _ROOM_OCTETS:
            return f"only {facts.free_octets} octets are free on it; make room, then retry"
        return self._drifted(device, plan.fingerprint)

    def _drifted(self, device: Device, fingerprint: str) -> str:
        """Whether it runs what nobody here knows of; "" where it was never looked at before."""
        engine = self.works.journal.engine
        mend = f"once somebody has looked, plaza drift {device.name} --now --accept makes it known"
        last = known.last(engine, device.name)
        if last is None:
            return ""
        if last.fingerprint != fingerprint:
            return f"it was changed since it was last looked at; {mend}"
        seen = last.reason == SEEN and known.drifted(engine, device.name)
        return f"somebody else changed it; {mend}" if seen else ""

    def _carry_out(self, row: Row, fits: Fits, tell: Tell) -> Row:
        device = self.works.inventory.devices.get(row.device)
        if device is None or _left_out(device):
            return self._write(replace(row, state=State.HELD, detail=_left_out(device)), tell)
        if (waits := self._came_back(row, device)) is not None:
            return self._write(waits, tell)
        item = plan_one(self.works.inventory, self.works.access, device)
        row = as_agreed(row, item)
        if item.plan is None or not item.pending or row.state is State.HELD:
            return self._write(_without_change(row, item), tell)
        change = Change(replace(row, diff=item.plan.change.text), device, item.plan)
        (alone,) = links.together([device.name], self.works.inventory)
        if alone.far and not touches_only_keys(device, item.plan):
            return linked.change_near(self.works, change, linked.ask_far(self.works, alone.far), fits, tell)
        if not fits(one_device.on_trial_s(self.works, device, item.plan)):
            return replace(row, state=State.PLANNED, detail=linked.TOO_LATE)
        return one_device.change_device(self.works, change, tell)

    def _carry_out_link(self, rows: Sequence[Row], fits: Fits, tell: Tell) -> tuple[Row, ...]:
        devices = [self.works.inventory.devices.get(row.device) for row in rows]
        if any(map(_left_out, devices)):
            return self._hold(rows, [_left_out(device) for device in devices], tell)
        both = [device for device in devices if device is not None]
        looked = [self._came_back(row, device) for row, device in zip(rows, both, strict=True)]
        if waiting := [row for row in looked if row is not None]:
            return tuple(self._write(row, tell) for row in _wait_as_one(rows, waiting))
        items = [plan_one(self.works.inventory, self.works.access, device) for device in both]
        rows = [as_agreed(row, item) for row, item in zip(rows, items, strict=True)]
        if any(row.state is State.HELD for row in rows):
            reasons = [row.detail if row.state is State.HELD else "" for row in rows]
            return self._hold(rows, reasons, tell)
        return linked.change(self.works, items, rows, fits, tell)

    def _hold(self, rows: Sequence[Row], reasons: Sequence[str], tell: Tell) -> tuple[Row, ...]:
        """Both ends of a link, for the reasons of one."""
        said = [reason or "the other end of its link is held" for reason in reasons]
        held = [replace(row, state=State.HELD, detail=each) for row, each in zip(rows, said, strict=True)]
        return tuple(self._write(row, tell) for row in held)

    def _came_back(self, row: Row, device: Device) -> Row | None:
        """Why one that was out of reach is not changed now; None where nothing is against it.

        It is held for what would have held it at the beginning. If it was taken for another model, it waits
        as one of its own.
        """
        found = self.preflight(device) if row.attempts else None
        if found is None:
            return None
        if reason := found.trouble or (_UNTYPED if found.typed else ""):
            return replace(row, state=State.HELD, detail=reason)
        model = found.facts.model if found.facts is not None else ""
        if found.diff and model not in {"", row.model}:
            return replace(row, state=State.PENDING, model=model, detail=f"only now known as {model}")
        return None

    def _resume(self, row: Row, tell: Tell) -> Row:
        after = one_device.end_interrupted(self.works, row)
        back = after.state in {State.ROLLED_BACK, State.FAILED} and row.device in self.works.inventory.devices
        if back and one_device.was_interrupted(row):
            after = one_device.again(row)
        return row if after == row else self._write(after, tell)

    def _write(self, row: Row, tell: Tell) -> Row:
        return one_device.write(self.works.journal, row, tell)


def _left_out(device: Device | None) -> str:
    """Why no rollout changes it; "" where one may."""
    return "it is no longer in the inventory" if device is None else wanting.why_not(device)


def _wait_as_one(rows: Sequence[Row], waiting: Sequence[Row]) -> list[Row]:
    """Both ends of a link wait, or are held, for what one of them waits for."""
    state = State.HELD if any(row.state is State.HELD for row in waiting) else State.PENDING
    known_ones = {row.device: replace(row, state=state) for row in waiting}
    other = f"the other end of its link is {state.value}"
    return [known_ones.get(row.device, replace(row, state=state, detail=other)) for row in rows]


def _without_change(row: Row, item: Planned) -> Row:
    if row.state is State.HELD:
        return row
    if isinstance(item.error, Unreachable):
        return replace(row, state=State.PENDING, detail=item.error.reason)
    if item.error is not None:
        reason = item.error.reason if isinstance(item.error, DriverError) else str(item.error)
        return replace(row, state=State.FAILED, detail=reason)
    return done_already(row)
