"""Phones at three sites of a municipality: our own gateway, a MikroTik, RADIUS; what is counted of them."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, select
from werkzeug.test import Client

from captive_portal.carried import open_arrival, seal_arrival
from captive_portal.gateway import rekeying
from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.monthly import Marker
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.signed import HEADER
from captive_portal.gateway.sync import Orders, Sync
from captive_portal.gateways.kinds import gateway_of
from captive_portal.model import Arrival, GatewayKind, Grant, Keys, PortalSite, Refusal, Wiring
from captive_portal.monthly import Devices, noted
from captive_portal.monthly_tables import device_counts, device_keys
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata
from controller.edge.app import create_app
from controller.store.engine import open_engine
from metrics.distinct import Sketch
from tests.gateway.conftest import Clock as BoxClock
from tests.kinds.mikrotik_kind import ARRIVED
from tests.kinds.mikrotik_kind import WIRING as MIKROTIK
from tests.kinds.radius_kind import RADIUS
from tests.portal.conftest import Clock
from tests.portal.places import site_of

HERE: Final = "08027"
OURS, TIKS, CLUB = f"{HERE}-plaza", f"{HERE}-mercado", f"{HERE}-club"
CHIHUAHUA: Final = "America/Chihuahua"
PHONES: Final = [
    f"{'02' if number % 5 else '00'}:ca:fe:{number:02x}:00:{255 - number:02x}" for number in range(100)
]
"""Every fifth has its maker's MAC, the others made one up."""


def square() -> dict[str, PortalSite]:
    """The three sites of one municipality."""
    sites = {key: site_of(key) for key in (OURS, TIKS, CLUB)}
    for key, wiring in ((TIKS, MIKROTIK), (CLUB, RADIUS.wiring)):
        sites[key] = replace(sites[key], wiring=replace(wiring, site=key, key=key.encode().ljust(32, b".")))
    return sites


@dataclass
class Call:
    """The edge as a gateway reaches it, without a wire; it notes what was answered."""

    client: Client
    site: str
    answers: list[bytes] = field(default_factory=list)

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        answer = self.client.post(f"/gw/{self.site}/sync", data=body, headers={HEADER: signature})
        assert answer.status_code == 200, answer.text
        self.answers.append(answer.data)
        return answer.data, answer.headers[HEADER]


@dataclass
class Box:
    """Our own gateway of a site, that records and filters nothing; over the same files at each start."""

    directory: Path
    wiring: Wiring
    call: Call
    clock: BoxClock = field(default_factory=BoxClock)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        journal = Journal(self.directory / "state.db")
        borrowed = Borrowed(self.clock, journal)
        installed = SiteKey(self.wiring.site, self.wiring.key)
        self.keys = rekeying.keyring(installed, journal, Marker(lambda: borrowed.now))
        ruling = Ruling(self.wiring.key, self.wiring.site, journal, borrowed, None)
        ledger = Ledger(self.directory / "ledger.json", self.clock)
        self.keeper = Doorkeeper(self.keys, ledger, journal, self.clock, lambda: secrets.token_hex(8), ruling)
        self.keeper.start()
        orders = Orders(lambda: ruling.serial, ruling.take, borrowed.told)
        self.sync = Sync(self.keys, self.call, self.keeper, journal, self.clock, orders)


@dataclass
class Town:
    """The municipality, over a store in a folder, with a clock that stands until it is moved."""

    directory: Path
    engine: Engine
    clock: Clock = field(default_factory=Clock)
    sites: dict[str, PortalSite] = field(default_factory=square)

    def __post_init__(self) -> None:
        self.sessions = StoredSessions(self.engine)
        self.devices = Devices(self.engine)
        keys = {OURS: Keys(self.sites[OURS].wiring.key)}
        edge = create_app(
            keys, self.sessions, self.clock,
            months=lambda key: self.devices.month(HERE, self.sites[key].zone, self.clock()),
        )  # fmt: skip
        self.box = Box(self.directory, self.sites[OURS].wiring, Call(Client(edge), OURS))

    def read(self, key: str, mac: str) -> Arrival:
        """A phone's arrival, as its gateway tells it and as the page holds it until the tap."""
        ways: dict[str, Callable[[], str]] = {
            OURS: lambda: f"a={self.box.keeper.arrival(Phone(mac, '10.99.0.23'))}",
            TIKS: lambda: ARRIVED.format("https%3A%2F%2Fentrada.example.mx%2Flogin").replace(
                "02%3ACA%3AFE%3A5E%3A00%3A01", mac.upper().replace(":", "%3A")
            ),
            CLUB: lambda: RADIUS.query.replace("02-CA-FE-5E-00-01", mac.replace(":", "-")),
        }
        site = self.sites[key]
        arrival = gateway_of(site.wiring, self.clock).read(ways[key]())
        assert mac in repr(arrival.phone and arrival.phone.mac) or key == OURS, "the recording holds its MAC"
        token = seal_arrival(site, arrival, secrets.token_hex(16), self.clock())
        return open_arrival(site, token, self.clock()).arrival

    def tap(self, key: str, mac: str) -> Grant | Refusal:
        site = self.sites[key]
        return self.sessions.open(site, self.read(key, mac), site.plan, self.clock())

    def crowd(self, visits: Sequence[tuple[str, str]]) -> None:
        """Count phones at sites as taps of the same moment are, without opening sessions."""
        with self.engine.begin() as connection:
            many = [noted(self.sites[key], self.read(key, mac), self.clock()) for key, mac in visits]
            assert None not in many
            after = self.devices.add(connection, many)
        after()

    def rows(self) -> dict[tuple[str, str], tuple[bytes, float | None]]:
        """Sketch and final number by term and kind, whoever is held counted."""
        self.sessions.settle()
        return self._rows()

    def _rows(self) -> dict[tuple[str, str], tuple[bytes, float | None]]:
        with self.engine.connect() as connection:
            found = connection.execute(select(device_counts)).all()
        return {(one.term, one.kind): (one.sketch, one.devices) for one in found}

    def counted(self, term: str) -> float:
        """How many devices a term has, both kinds, whoever is held counted."""
        self.sessions.settle()
        return self.stored(term)

    def stored(self, term: str) -> float:
        """How many the store has now."""
        found = [one for (of, _), one in self._rows().items() if of == term]
        return sum(Sketch.read(octets).estimate().names if n is None else n for octets, n in found)

    def keys(self) -> dict[str, str]:
        """Those that are not destroyed, by their terms."""
        self.sessions.settle()
        with self.engine.connect() as connection:
            return {one.term: one.key for one in connection.execute(select(device_keys))}

    def files(self) -> bytes:
        """All octets of the store, its log included."""
        return b"".join(path.read_bytes() for path in sorted(self.directory.glob("store.db*")))


def town_in(directory: Path) -> Town:
    engine = open_engine(f"sqlite:///{directory}/store.db")
    metadata.create_all(engine)
    return Town(directory, engine)


__all__ = ["CLUB", "HERE", "OURS", "PHONES", "TIKS", "GatewayKind", "Town", "town_in"]
