"""A controller with a real store, for some access points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, select

from controller import audit, history
from controller.access import Access, Pinning, pinned
from controller.applying import resume, run
from controller.history import History
from controller.journal import OPEN, Journal, State
from controller.model import Hours, Inventory, Municipality, Portal, Site, Uplink, UplinkKind
from controller.planning import Planned, plan_all
from controller.rollout import Outcome, Report, Works
from controller.store.engine import open_engine
from controller.store.tables import audit as audit_table
from controller.store.tables import metadata, rollout_steps, rollouts
from drivers.apply import Timers
from drivers.model import Device, HttpLogin, Secret, Security, SnmpCredentials, SnmpV2c, SshLogin, Ssid
from tests.configure.device import Ap, wait_until

CANARY = "canario-no-lo-digas-4711"
PATIENT = Timers(revert_s=300, settle_s=0.1, grace_s=60, command_s=60, longest_pause_s=0.5)
"""For changes that are to be confirmed, however busy the machine."""

IMPATIENT = Timers(revert_s=3, settle_s=0.1, grace_s=60, command_s=60, longest_pause_s=0.5)
"""For changes that are to be reverted."""


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


@dataclass
class Pocket:
    """Credentials held in memory."""

    logins: Mapping[str, SshLogin]
    words: dict[str, str] = field(default_factory=lambda: {"staff": CANARY})

    def of(self, _device: Device) -> "Pocket":
        """Every device has the same."""
        return self

    def ssh(self, name: str) -> SshLogin:
        """A login."""
        return self.logins[name]

    def snmp(self, name: str) -> SnmpCredentials:
        """Nobody polls here."""
        return SnmpV2c(Secret(name))

    def http(self, name: str) -> HttpLogin:
        """Nobody asks over HTTPS here."""
        return HttpLogin(token=Secret(name))

    def passphrase(self, name: str) -> Secret:
        """A Wi-Fi passphrase."""
        return Secret(self.words[name])

    def portal(self, name: str) -> Secret:
        """What a gateway shares with the portal."""
        return Secret(self.words[name])


@dataclass
class Desk:
    """What a rollout needs, and shortcuts that read like what a technician does."""

    works: Works
    aps: Sequence[Ap]
    said: list[Outcome] = field(default_factory=list)

    def hurry(self, revert_s: int | None = IMPATIENT.revert_s) -> None:
        """Let devices revert soon, though not before what the test is about on a busy machine."""
        self.works = replace(self.works, timers=replace(IMPATIENT, revert_s=revert_s))

    @property
    def engine(self) -> Engine:
        """The store."""
        return self.works.journal.engine

    def devices(self) -> tuple[Device, ...]:
        """All of the inventory, in order."""
        return tuple(self.works.inventory.devices.values())

    def want(self, *devices: Device) -> None:
        """The inventory now says this of these devices."""
        known = dict(self.works.inventory.devices) | {device.name: device for device in devices}
        self.works = replace(self.works, inventory=replace(self.works.inventory, devices=known))

    def want_staff(self) -> None:
        """Everybody gets a network with a passphrase."""
        staff = Ssid("Personal", Security.WPA3, passphrase="staff")
        self.want(*(replace(device, ssids=(*device.ssids, staff)) for device in self.devices()))

    def plan(self) -> list[Planned]:
        """What `plaza diff` reads."""
        found = {
            item.device.name: item
            for item in plan_all(self.works.inventory, self.works.access, self.devices())
        }
        return [found[device.name] for device in self.devices()]

    def apply(self, report: Report | None = None) -> tuple[Outcome, ...]:
        """What `plaza apply all` does."""
        return run(self.works, "all", self.plan(), report or self.said.append)

    def resume(self) -> tuple[Outcome, ...]:
        """What a controller does first, and the worker every few seconds."""
        return resume(self.works, self.said.append)

    def resume_to_the_end(self) -> tuple[Outcome, ...]:
        """As the worker: again and again until nothing is open."""
        outcomes: tuple[Outcome, ...] = ()

        def ended() -> bool:
            nonlocal outcomes
            outcomes = self.resume()
            return not any(outcome.state in OPEN for outcome in outcomes)

        wait_until("every trial has ended", ended)
        return outcomes

    def states(self) -> dict[str, State]:
        """The newest journal row of each device."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(rollout_steps).order_by(rollout_steps.c.updated_at)).all()
        return {row.device: State(row.state) for row in rows}

    def rollouts(self) -> list[str]:
        """The states of all rollouts, oldest first."""
        with self.engine.connect() as connection:
            return [row.state for row in connection.execute(select(rollouts).order_by(rollouts.c.created_at))]

    def actions(self) -> list[str]:
        """What the audit log says happened."""
        with self.engine.connect() as connection:
            return [row.action for row in connection.execute(select(audit_table).order_by(audit_table.c.seq))]


NewDesk = Callable[..., Desk]
"""Makes a desk over some access points."""


def make_desk(folder: Path, aps: Sequence[Ap], timers: Timers = PATIENT) -> Desk:
    """A controller whose host keys are pinned."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "plaza.db"
    if not store.exists():
        store.write_bytes(_empty_store())
    engine = open_engine(f"sqlite:///{store}")
    key = audit.load_key(folder)
    secrets = Pocket({ap.device.ssh_credentials: ap.login for ap in aps})
    for ap in aps:
        if pinned(engine, ap.name) is None:
            Pinning(engine, key, "tecnica").pin(ap.name, ap.host_key(), utc_now())
    works = Works(
        inventory=inventory([ap.device for ap in aps]),
        access=Access(secrets, engine, login_timeout_s=30),
        journal=Journal(engine, key, "tecnica", utc_now),
        history=History(engine, history.load_key(folder), "tecnica", utc_now),
        timers=timers,
    )
    return Desk(works, aps)


@cache
def _empty_store() -> bytes:
    """The file of a store in which nothing is yet: to make its tables takes longer than to copy it."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "plaza.db")
        engine = open_engine(f"sqlite:///{file}")
        metadata.create_all(engine)
        engine.dispose()
        return file.read_bytes()


def inventory(devices: Sequence[Device]) -> Inventory:
    """One municipality with one site."""
    site = Site(
        key="08019-plaza",
        name="Plaza de Armas",
        municipality="08019",
        lat=28.6,
        lon=-106.1,
        opened_on=date(2024, 1, 1),
        hours=Hours("America/Chihuahua", ((),) * 7),
        uplink=Uplink(UplinkKind.FIBRE, "CFE", 100, 100),
        portal=Portal(("es",), "hora", timedelta(hours=1), "http://10.19.1.1:2060", "gateways"),
    )
    return Inventory(
        municipalities={"08019": Municipality("08019", "Chihuahua", "Chihuahua", "America/Chihuahua")},
        sites={site.key: site},
        devices={device.name: device for device in devices},
        credentials={},
    )
