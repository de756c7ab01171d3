"""What all vouchers of a batch say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from captive_portal.model import Plan
from captive_portal.vouchers import Batch
from controller.printing.networks import names
from controller.vouchers import Place, Wish
from drivers.model import Device


@dataclass(frozen=True, slots=True)
class Sheet:
    """`link` is the portal's address for a code, "" where no one site has it; `network` may be empty.

    `last_day` is the last local day on which a voucher can be used first.
    """

    batch: str
    place: str
    network: str
    plan: Plan
    devices: int
    last_day: date
    link: str = ""

    def address(self, code: str) -> str:
        """What the QR code of a normalised code says."""
        return f"{self.link}?c={code}" if self.link else ""


def sheet(place: Place, wish: Wish, batch: Batch, devices: Iterable[Device], portal_url: str) -> Sheet:
    """The sheet of a batch: with a link where the place is one site, whose door alone a link can open."""
    sites = {site.key for site in place.sites}
    networks = names(device for device in devices if device.site in sites)
    link = f"{portal_url}/p/{place.sites[0].key}" if len(sites) == 1 else ""
    network = networks[0] if networks else ""
    return Sheet(batch.name, place.name, network, wish.plan, wish.devices, wish.last_day, link)
