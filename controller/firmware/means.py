"""What a rollout of firmware is done with."""

from dataclasses import dataclass, replace

from controller import rollout as one_device
from controller.app import App
from controller.errors import SecretError
from controller.firmware.delivery import Delivery
from controller.firmware.images import Images
from controller.firmware.ledger import Ledger
from controller.journal import Row, State
from controller.planning import target, wish
from controller.rollout import Works
from controller.rollouts.seam import Tell
from drivers.apply import Target
from drivers.configurers.seam import Wish
from drivers.firmware.ways import FLASHERS
from drivers.model import Device
from metrics.local.store import LocalStore


def means_of(app: App, sha256: str = "") -> "Means":
    """What this process flashes with; `sha256` as in Means."""
    works = one_device.works_of(app)
    journal = works.journal
    folder = app.settings.data_dir / "firmware"
    images = Images(app.engine, folder, journal.audit_key, journal.actor, journal.clock)
    return Means(works, images, Ledger(journal), app.samples, sha256)


@dataclass(frozen=True, slots=True)
class Means:
    """The store, the images and the ways to devices.

    `sha256` is the image that devices are looked at for; a row holds its own as what is wanted. `back_s` is
    how long a device may take to be back, None as its platform needs.
    """

    works: Works
    images: Images
    ledger: Ledger
    samples: LocalStore
    sha256: str = ""
    back_s: float | None = None

    def target(self, device: Device) -> Target:
        """A device of a platform that is flashed."""
        return target(self.works.access, device, self.works.timers)

    def quick_target(self, device: Device) -> Target:
        """The same where others wait for the answer of one that may be dead."""
        login_s = min(one_device.ASKING_S, self.works.access.login_timeout_s)
        return target(replace(self.works.access, login_timeout_s=login_s), device, self.works.timers)

    def delivery(self, kbps: int = 0) -> Delivery:
        """What images are brought with; `kbps` 0 is by each site's uplink."""
        works = self.works
        command_s = works.timers.command_s
        return Delivery(works.access, self.images, self.ledger, works.inventory, kbps, command_s)

    def back_within_s(self, device: Device) -> float:
        """From the beginning of a flash until the device is back, or will not come back by itself."""
        return FLASHERS[device.platform].back_s if self.back_s is None else self.back_s

    def wished(self, device: Device) -> Wish | None:
        """What the device should be; None where a secret of it cannot be read."""
        try:
            return wish(self.works.inventory, self.works.access, device)
        except SecretError:
            return None

    def write(self, row: Row, tell: Tell, state: State, detail: str) -> Row:
        """Make a row durable with how it stands now, and tell of it."""
        return one_device.write(self.works.journal, replace(row, state=state, detail=detail), tell)
