"""A site whose access points can be flashed: real SSH servers, a real gateway, a backhaul that is counted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from controller.firmware.delivery import ENDING_S
from controller.firmware.images import Claim, Images
from controller.firmware.ledger import Ledger
from controller.firmware.means import Means
from controller.firmware.work import Firmware
from controller.journal import Row, State
from controller.model import Hours, Opening
from controller.rollouts import starting
from controller.rollouts.runner import Fleet, Standing, advance
from controller.rollouts.seam import Asked, Evidence, Kind, Policy, Tell
from controller.rollouts.store import Rollout, Store
from drivers.apply import Timers
from drivers.firmware.seam import Image
from drivers.model import Device, Endpoint, PowerSource, Role
from metrics.local.store import LocalStore
from metrics.sample import Sample
from tests.configure.desk import Desk, make_desk, utc_now
from tests.firmware.machine import Machine, Place, living, machine_of

GATEWAY = "gw-08019-0"
TIMERS = Timers(settle_s=0.1, grace_s=5, command_s=30, longest_pause_s=0.5)
POLICY = Policy(
    shares=(1.0,), soak_s=0, stop_number=0, stop_percent=0.0, retry_first_s=1, without=frozenset(Asked)
)
ANSWERS = 20.0
"""Seconds that a device may take to be back."""


@dataclass
class Town:
    """A desk, the machines, a gateway, and what is sent to them."""

    desk: Desk
    machines: dict[str, Machine]
    means: Means
    folder: Path
    gateway: Machine | None = None
    rollout: str = ""
    kbps: int = 200_000
    told: list[Row] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    at_tell: Callable[[Row], None] = field(default=lambda _row: None)
    _fleet: Fleet = field(init=False)

    @property
    def store(self) -> Store:
        """Rollouts."""
        return Store(self.desk.works.journal)

    @property
    def octets(self) -> int:
        """All that went over the backhaul."""
        links = [machine.link for machine in self.machines.values()]
        return sum(link.octets for link in links) + (self.gateway.link.octets if self.gateway else 0)

    def keep(self, octets: bytes, name: str = "sysupgrade.bin") -> Image:
        """`plaza firmware add`, and from now on devices are looked at for it."""
        file = self.folder / name
        file.write_bytes(octets)
        image = self.means.images.add(file, Claim())
        self.means = replace(self.means, sha256=image.sha256)
        return image

    def want(self, *devices: Device) -> None:
        """The inventory says this of them."""
        self.desk.want(*devices)
        self.means = replace(self.means, works=self.desk.works)

    def maintain(self, hours: Hours | None) -> None:
        """When the site may be changed."""
        [site] = self.desk.works.inventory.sites.values()
        inventory = replace(self.desk.works.inventory, sites={site.key: replace(site, maintenance=hours)})
        self.desk.works = replace(self.desk.works, inventory=inventory)
        self.means = replace(self.means, works=self.desk.works)

    def tick(self) -> None:
        """Nobody has to wait any more."""
        for row in self.store.rows(self.rollout):
            self.store.note(replace(row, next_at=0))

    def open_window(self) -> None:
        """The site may be changed now and for hours."""
        self.maintain(Hours(_where_it_is_noon(), ((Opening(time(9), time(16)),),) * 7))

    def close_window(self, in_s: float = ENDING_S / 2) -> None:
        """It may not any more in a moment, until tomorrow."""
        zone = _where_it_is_noon()
        clock = utc_now().astimezone(ZoneInfo(zone)) + timedelta(seconds=in_s)
        hours = Hours(zone, ((Opening(time(9), clock.time()),),) * 7)
        for place in (self._fleet.inventory.sites, self.desk.works.inventory.sites):
            assert isinstance(place, dict)
            place["08019-plaza"] = replace(place["08019-plaza"], maintenance=hours)

    def device(self, name: str) -> Device:
        """As the inventory has it."""
        return self.desk.works.inventory.devices[name]

    def begin(self, names: Sequence[str] = ()) -> list[Row]:
        """`plaza firmware start`, detached."""
        policy = replace(POLICY, kbps=self.kbps, image=self.means.sha256)
        devices = [self.device(name) for name in names or self.machines]
        found = list(starting.look_all(Firmware(self.means), devices))
        self.rollout = f"r{len(self.desk.rollouts())}"
        frame = starting.Frame(self.desk.works.inventory, {}, policy, utc_now())
        planned = starting.plan(self.rollout, found, frame)
        made = Rollout(self.rollout, Kind.FIRMWARE, "all", "a test", policy, names=planned.names)
        self.store.begin(made, planned.rows)
        return list(planned.rows)

    def go(self) -> Standing:
        """Who carries it on does all that can be done now."""
        self._fleet = fleet(self.means, self._tell)
        return advance(self._fleet, self.rollout)

    def confirmed(self) -> bool:
        """After one more try, all are."""
        self.go()
        return set(self.states().values()) == {State.CONFIRMED}

    def rows(self) -> dict[str, Row]:
        """As the journal has them."""
        return {row.device: row for row in self.store.rows(self.rollout)}

    def states(self) -> dict[str, State]:
        """The same, in short."""
        return {name: row.state for name, row in self.rows().items()}

    def hang_on_ups(self) -> None:
        """All devices are powered by one."""
        first = self.device(next(iter(self.machines)))
        ups = replace(first, name="ups-1", role=Role.UPS, platform="ups", powered_by=None, ssh_credentials="")
        power = PowerSource("ups-1", "1")
        self.want(ups, *(replace(self.device(name), powered_by=power) for name in self.machines))

    def power(self, on_battery: int) -> None:
        """The UPS says so now."""
        tags = {"ap": "ups-1", "mun": "08019", "site": "08019-plaza", "vendor": "ups"}
        at = int(utc_now().timestamp())
        self.means.samples.write("poller", [Sample("power", tags, {"on_battery": on_battery}, at)])

    def _tell(self, row: Row) -> None:
        self.told.append(row)
        self.sent.append(sum(copy.sent for copy in self.means.ledger.all()))
        self.at_tell(row)


def _where_it_is_noon() -> str:
    """A zone in whose day no test comes near midnight."""
    ahead = utc_now().hour - 12
    return f"Etc/GMT{ahead:+d}" if ahead else "Etc/GMT"


def _never(_site: str, _since: int) -> Sequence[Evidence]:
    raise AssertionError("nobody asked for evidence")


def office(folder: Path, places: Sequence[Place], gateway: str = "") -> tuple[Desk, Means]:
    """The controller of a site of these devices, one of which may be its gateway; its store may be there."""
    desk = make_desk(folder / "controller", [each.ap for each in places], TIMERS)
    for each in places:
        device = replace(each.ap.device, ssh=Endpoint("127.0.0.1", each.port))
        as_gateway = {"role": Role.GATEWAY, "platform": "linux", "address": "127.0.0.1"}
        desk.want(replace(device, **(as_gateway if each.ap.name == gateway else {})))  # type: ignore[arg-type]
    key = desk.works.journal.audit_key
    images = Images(desk.engine, folder / "controller/firmware", key, "tecnica", utc_now)
    samples = LocalStore.open(folder / "controller/samples")
    return desk, Means(desk.works, images, Ledger(desk.works.journal), samples, back_s=ANSWERS)


def fleet(means: Means, tell: Tell) -> Fleet:
    """What carries its rollouts on."""
    return Fleet(means.works.inventory, Store(means.works.journal), Firmware(means), _never, tell)


@contextmanager
def town(folder: Path, aps: int = 1, *, gateway: bool = True) -> Iterator[Town]:
    """So many access points of one site, that restart when they are flashed."""
    made = [machine_of(folder, f"ap-08019-{number}") for number in range(1, aps + 1)]
    cache = machine_of(folder, GATEWAY) if gateway else None
    everybody = [*made, *([cache] if cache else [])]
    desk, means = office(folder, [each.place for each in everybody], GATEWAY)
    with living(everybody):
        yield Town(desk, {each.ap.name: each for each in made}, means, folder, cache)
