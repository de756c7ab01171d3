"""Flashes one device: checks it, brings the image, checks again, and then the one step beyond return."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex
from typing import Final

from controller import rollout as one_device
from controller.errors import FirmwareError, SecretError
from controller.firmware import looking, power
from controller.firmware.asking import judged
from controller.firmware.delivery import Gate, WindowEnds
from controller.firmware.flashed import Flashed
from controller.firmware.means import Means
from controller.history import Seen
from controller.journal import Row, State
from controller.rollout import ARMING_S
from controller.rollouts.seam import Fits, Phase, Tell
from controller.rollouts.store import Store
from drivers.apply import Target
from drivers.configurers.seam import Talk
from drivers.errors import AuthFailed, DriverError, UnexpectedReply, Unreachable
from drivers.firmware.seam import Image
from drivers.firmware.ways import FLASHERS
from drivers.model import Device

POINT_OF_NO_RETURN: Final = State.APPLIED
"""The state that is in the journal before a flash begins; until then all can be cancelled."""

_WAITS: Final = "the maintenance window ends; what was sent of the image stays"
_BEGUN: Final = "its flash began"  # so that nobody takes it for one whose controller died
_UNAGREED: Final = "nobody agreed to that: plaza rollout retry asks"
_TOO_LATE: Final = "the maintenance window is too short now for a flash; the image is there"


@dataclass(frozen=True, slots=True)
class Flash:
    """One device of a rollout."""

    means: Means
    row: Row
    fits: Fits
    tell: Tell

    def carry_out(self) -> Row:
        """How it ended, in the journal. Raises NotBegun where the rollout was stopped before the flash."""
        device = self.means.works.inventory.devices.get(self.row.device)
        if device is None:
            return self._ended(State.HELD, "it is no longer in the inventory")
        try:
            image = self.means.images.find(self.row.intent_hash)
            if left_alone := looking.not_for(device, image):
                return self._ended(State.HELD, left_alone)
            return self._on_mains(device, lambda: self._prepared(device, image))
        except (FirmwareError, SecretError) as error:
            return self._ended(State.HELD, str(error))
        except WindowEnds:
            return replace(self.row, state=State.PLANNED, detail=_WAITS)
        except DriverError as error:
            return self._not_prepared(device, error)

    def _on_mains(self, device: Device, go_on: Callable[[], Row]) -> Row:
        """Never on battery: asked before anything is sent, and right before the flash."""
        works = self.means.works
        now, devices = works.journal.clock(), works.inventory.devices
        if why_not := power.why_not(devices, self.means.samples, device, now):
            return self._ended(State.PENDING, why_not)
        return go_on()

    def _prepared(self, device: Device, image: Image) -> Row:
        to = self.means.target(device)
        with to.connect() as session:
            if (not_now := self._not_now(to, to.talk(session), device, image)) is not None:
                return not_now
        gate = Gate(self._runs, self.fits, self._note)
        flasher = FLASHERS[device.platform]
        kbps = Store(self.means.works.journal).get(self.row.rollout).policy.kbps
        self.means.delivery(kbps).bring(to, device, flasher, image, gate)
        gate.check()
        with to.connect() as session:
            talk = to.talk(session)
            if (not_now := self._not_now(to, talk, device, image)) is not None:
                return not_now
            running = to.configurer.read(talk)
            seen = Seen(running, to.configurer.redacted(running), "before", self.row.rollout)
            token = f"{token_hex(16)}-{self.means.works.history.keep(device, seen)}"
            flasher.check(talk, image, token)
        return self._on_mains(device, lambda: self._flashed(to, device, image, token))

    def _not_now(self, to: Target, talk: Talk, device: Device, image: Image) -> Row | None:
        """Why it is not flashed, looked at before anything is sent to it and again once the image is there.

        Who was out of reach at the beginning is held for what would have held it then. If it was taken for
        another model, it waits as one of its own.
        """
        looked = looking.look(self.means, to, talk, device, image)
        if looked.other:
            return self._ended(State.HELD if self.row.diff else State.SKIPPED, looked.other)
        if looked.present.version == image.version:
            return self._ended(State.SKIPPED, f"it runs {image.version} already")
        agreed = looking.agreed_from(looked.present.version) in self.row.diff
        if reason := looked.trouble or ("" if agreed or not looked.older else f"{looked.older}; {_UNAGREED}"):
            return self._ended(State.HELD, reason)
        model = looked.facts.model
        if self.row.attempts and model not in {"", self.row.model}:
            row = replace(self.row, model=model)
            return self.means.write(row, self.tell, State.PENDING, f"only now known as {model}")
        return None

    def _flashed(self, to: Target, device: Device, image: Image, token: str) -> Row:
        back_s = self.means.back_within_s(device)
        limit_s = ARMING_S + back_s
        if not self.fits(limit_s):
            return replace(self.row, state=State.PLANNED, detail=_TOO_LATE)
        flashed = Flashed(to, FLASHERS[device.platform], image)
        deadline = self.means.works.journal.clock() + timedelta(seconds=limit_s)
        begun = replace(self.row, token=token, deadline_at=int(deadline.timestamp()))
        begun = self.means.write(begun, self.tell, POINT_OF_NO_RETURN, "")
        try:
            if refused := _begin(flashed, token):
                return self._ended(State.FAILED, f"{refused}; nothing was changed")
            found = flashed.wait(token, back_s)
            after = judged(self.means, replace(begun, detail=_BEGUN), device, flashed, found)
        except (Unreachable, AuthFailed) as error:
            after = replace(begun, detail=one_device.lost(error.reason))
        except SecretError as error:
            after = replace(begun, detail=one_device.lost(str(error)))
        except DriverError as error:
            after = replace(begun, state=State.FAILED, detail=f"after its flash {error.reason}")
        return one_device.write(self.means.works.journal, after, self.tell)

    def _not_prepared(self, device: Device, error: DriverError) -> Row:
        """Nothing was changed. What its gateway did wrong is no failure of the device."""
        theirs = error.device != device.name
        said = f"{error.device}: {error.reason}" if theirs else error.reason
        if isinstance(error, Unreachable):
            return self._ended(State.PENDING, said)
        if theirs:
            return self._ended(State.HELD, f"{said}; {error.hint}" if error.hint else said)
        return self._ended(State.FAILED, f"{said}; nothing was changed")

    def _runs(self) -> bool:
        return Store(self.means.works.journal).phase(self.row.rollout) is Phase.RUNNING

    def _note(self, said: str) -> None:
        row = replace(self.row, detail=said)
        Store(self.means.works.journal).note(row)
        self.tell(row)

    def _ended(self, state: State, detail: str) -> Row:
        return self.means.write(self.row, self.tell, state, detail)


def _begin(flashed: Flashed, token: str) -> str:
    """Why the device did not begin; "" where it did, or where the line broke and only it knows."""
    try:
        with flashed.to.connect() as session:
            flashed.flasher.flash(flashed.to.talk(session), flashed.image, token)
    except (Unreachable, UnexpectedReply):
        return ""
    except DriverError as error:
        return error.reason
    return ""
