"""The work of a rollout of kind `firmware`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from controller import rollout as one_device
from controller.errors import NotBegun
from controller.firmware import asking, cleaning, looking
from controller.firmware.flashing import Flash
from controller.firmware.means import Means
from controller.journal import OPEN, Row, State
from controller.rollouts.seam import Fits, Kind, Phase, Preflight, Tell
from controller.rollouts.store import Store
from drivers.model import Device


@dataclass(frozen=True, slots=True)
class Firmware:
    """Brings an image to devices and has them take it."""

    means: Means

    @property
    def kind(self) -> Kind:
        """Its name in the store."""
        return Kind.FIRMWARE

    def preflight(self, device: Device) -> Preflight:
        """Look at a device, in one login that changes nothing."""
        return looking.preflight(self.means, device)

    def carry_out(self, rows: Sequence[Row], fits: Fits, tell: Tell) -> tuple[Row, ...]:
        """Flash one device; of a link the near end only when the far one is back."""
        done: list[Row] = []
        for row in rows:
            if done and done[-1].state not in {State.CONFIRMED, State.SKIPPED}:
                done.append(self._after(done[0], row, tell))
                continue
            try:
                done.append(Flash(self.means, row, fits, tell).carry_out())
            except NotBegun:
                self._withdraw(row)
                return (*done, *rows[len(done) :])
        return tuple(done)

    def resume(self, rows: Sequence[Row], tell: Tell) -> tuple[Row, ...]:
        """Ask each device once what became of its flash."""
        return tuple(self._resume(row, tell) if row.state in OPEN else row for row in rows)

    def _resume(self, row: Row, tell: Tell) -> Row:
        after = asking.ask_after(self.means, row)
        return row if after == row else one_device.write(self.means.works.journal, after, tell)

    def _after(self, far: Row, near: Row, tell: Tell) -> Row:
        """The near end of a link whose far end is not as wanted."""
        detail = f"the other end of its link, {far.device}: {far.detail or far.state.value}"
        if far.state is State.PLANNED:
            return replace(near, state=State.PLANNED, detail=detail)
        state = State.PENDING if far.state is State.PENDING else State.HELD
        return self.means.write(near, tell, state, detail)

    def _withdraw(self, row: Row) -> None:
        """A rollout that was aborted leaves nothing at its devices."""
        if Store(self.means.works.journal).phase(row.rollout) is Phase.ABORTED:
            cleaning.sweep(self.means)
