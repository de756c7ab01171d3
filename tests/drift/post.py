"""A controller with a real store in front of one device of any platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from controller import audit, history
from controller.access import Access
from controller.applying import run
from controller.drift import Finding, Sweep
from controller.history import History
from controller.journal import Journal, State
from controller.planning import Planned, plan_one
from controller.rollout import Outcome, Works
from controller.store.engine import open_engine
from controller.store.tables import metadata
from drivers.configurers.seam import Talk, Wish
from drivers.model import Device, Endpoint, Role, SnmpCredentials
from drivers.ssh import SshShell
from tests.configure.ciscobox import CiscoPeer
from tests.configure.desk import PATIENT, Pocket, inventory, utc_now
from tests.configure.ordeal import Peer


@dataclass
class Keys(Pocket):
    """What a wish of the fault suite names."""

    users: Mapping[str, SnmpCredentials] = field(default_factory=dict)

    def snmp(self, name: str) -> SnmpCredentials:
        """A user of SNMPv3."""
        return self.users[name]


@dataclass(frozen=True)
class Entrance(Access):
    """Enters the peer, whatever the inventory says of its address."""

    peer: Peer | None = None

    def enter(self, device: Device, user_suffix: str = "") -> SshShell:
        """A new login."""
        assert self.peer is not None
        login = self.peer.target(PATIENT).connect()
        assert isinstance(login, SshShell)
        return login


@dataclass
class Post:
    """What a technician has before the device."""

    peer: Peer
    works: Works
    device: Device
    logins: int = 0

    def want(self, device: Device) -> None:
        """The inventory says this now."""
        self.device = device
        self.works = replace(self.works, inventory=inventory([device]))

    def plan(self) -> Planned:
        """As `plaza diff`."""
        return plan_one(self.works.inventory, self.works.access, self.device)

    def apply(self) -> Outcome:
        """As `plaza apply`; it must be changed."""
        (outcome,) = run(self.works, self.device.name, [self.plan()], lambda outcome: None)
        assert outcome.state is State.CONFIRMED, outcome
        return outcome

    def look(self) -> Finding:
        """As the sweep."""
        (found,) = Sweep(self.works, self.enter).look([self.device])
        return found

    def enter(self, device: Device) -> SshShell:
        """A new login, counted."""
        self.logins += 1
        return self.works.access.enter(device)

    def talk(self, shell: SshShell) -> Talk:
        """For what a hand does in a login."""
        return Talk(shell, self.device.name, 30)


def make_post(folder: Path, peer: Peer, wish: Wish | None = None) -> Post:
    """A desk whose inventory wishes what the peer wishes."""
    if isinstance(peer, CiscoPeer):
        peer.fake.box.minute_s = 60.0
    wish = wish or peer.wish()
    folder.mkdir(parents=True, exist_ok=True)
    engine = open_engine(f"sqlite:///{folder / 'plaza.db'}")
    metadata.create_all(engine)
    words = {
        name: word.reveal() for kind in (wish.passphrases, wish.portal_secrets) for name, word in kind.items()
    }
    key = audit.load_key(folder)
    device = _device(peer.configurer.platform, wish)
    works = Works(
        inventory([device]),
        Entrance(Keys({}, words, wish.snmp_users), engine, peer=peer),
        Journal(engine, key, "tecnica", utc_now),
        History(engine, history.load_key(folder), "tecnica", utc_now),
        PATIENT,
    )
    return Post(peer, works, device)


def _device(platform: str, wish: Wish) -> Device:
    at, intent = Endpoint("127.0.0.1", 22), wish.intent
    return Device(
        name=intent.hostname,
        role=Role.AP,
        municipality="08019",
        site="08019-plaza",
        platform=platform,
        address="127.0.0.1",
        snmp=at,
        ssh=at,
        http=at,
        ssh_credentials="aps",
        country=intent.country,
        radios=intent.radios,
        ssids=intent.ssids,
        manage=intent.manage,
        captive=intent.captive,
    )
