"""A portal of three sites over a real SQLite file, with a clock that stands until it is moved."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import Engine, event
from werkzeug.test import Client, TestResponse

from captive_portal.carried import seal_arrival
from captive_portal.gateway.ticket import Fields, pseudonym, seal, unseal
from captive_portal.gateways.kinds import gateway_of
from captive_portal.guest import Door, create_app
from captive_portal.model import NEVER, Arrival, GatewayKind, Plan, PortalSite, Wiring
from captive_portal.portal import Portal
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata
from controller.store.engine import open_engine

GUACHOCHI = "08027-plaza"
JUAREZ = "08037-plaza"
CAPPED = "08052-plaza"
MAC = "02:ca:fe:12:34:56"
IP = "10.77.0.23"


@dataclass
class Clock:
    """A clock that a test moves."""

    now: datetime = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **units: float) -> datetime:
        self.now += timedelta(**units)
        return self.now


def portal_site(key: str, gateway_url: str = "http://10.77.0.1:2060", octets: int = 0) -> PortalSite:
    names = {GUACHOCHI: "Guachochi", JUAREZ: "Juárez", CAPPED: "Ojinaga"}
    return PortalSite(
        key=key,
        name="Plaza de Armas",
        municipality=key[:5],
        municipality_name=names[key],
        zone="America/Chihuahua",
        languages=("es", "en"),
        plan=Plan("libre", timedelta(hours=1), octets),
        gateway_url=gateway_url,
        wiring=Wiring(
            key,
            GatewayKind.PLAZA,
            f"key of {key}".encode().ljust(32, b"."),
            landing=f"http://portal.test/p/{key}/online",
            api_url=gateway_url,
        ),
    )


@dataclass
class World:
    """The portal and everything around it."""

    app: Door
    sites: dict[str, PortalSite]
    sessions: StoredSessions
    engine: Engine
    clock: Clock
    closed: set[str] = field(default_factory=set)
    closes: dict[str, datetime] = field(default_factory=dict)

    @property
    def phone(self) -> Client:
        return Client(self.app, use_cookies=False)

    def token(self, site: str = GUACHOCHI, mac: str = MAC, ip: str = IP, **changed: str) -> str:
        """What the gateway of a site puts in `a=` for a phone."""
        key = self.sites[site].wiring.key
        fields: Fields = {
            "site": site,
            "device": pseudonym(key, "device", mac),
            "binding": pseudonym(key, "binding", mac, ip),
            "stamp": "5f0c:812.4",
            "nonce": "n" * 22,
        }
        return seal(key, "arrival", fields | changed)

    def arrival(self, site: str = GUACHOCHI, mac: str = MAC) -> Arrival:
        key = self.sites[site].wiring.key
        return Arrival(
            site, pseudonym(key, "device", mac), pseudonym(key, "binding", mac, IP), "5f0c:812.4", "n"
        )

    def sealed(self, site: str = GUACHOCHI, mac: str = MAC) -> str:
        """What the page of a phone holds of its arrival."""
        query = urlencode({"a": self.token(site, mac)})
        arrival = gateway_of(self.sites[site].wiring, self.clock).read(query)
        return seal_arrival(self.sites[site], arrival, secrets.token_hex(16), self.clock())

    def tap(self, site: str = GUACHOCHI, **form: str) -> TestResponse:
        return self.phone.post(f"/p/{site}/enter", data={"v": self.sealed(site)} | form)

    def told(self, answer: TestResponse) -> TestResponse:
        """The page that a tap leads to when it opens no door."""
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/p/")
        return self.phone.get(answer.headers["Location"])

    def ticket(self, answer: TestResponse, site: str = GUACHOCHI) -> Fields:
        """The ticket in the Location of an answer."""
        token = parse_qs(urlsplit(answer.headers["Location"]).query)["g"][0]
        return unseal(self.sites[site].wiring.key, "ticket", token)


def _for_tests(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # nothing crashes here
    connection.execute("PRAGMA secure_delete=OFF")  # some builds of SQLite overwrite by themselves


def make_world(directory: Path) -> World:
    engine = open_engine(f"sqlite:///{directory}/store.db")
    event.listen(engine, "connect", _for_tests)
    metadata.create_all(engine)
    return world_over(engine)


def world_over(engine: Engine) -> World:
    """A portal over a store that has every table."""
    sessions, clock = StoredSessions(engine), Clock()
    sites = {key: portal_site(key) for key in (GUACHOCHI, JUAREZ)}
    sites[CAPPED] = portal_site(CAPPED, octets=500_000_000)
    closed: set[str] = set()
    closes: dict[str, datetime] = {}

    def open_until(site: str, _moment: datetime) -> datetime | None:
        return None if site in closed else closes.get(site, NEVER)

    app = create_app(Portal.over(engine, sites, clock, open_until))
    return World(app, sites, sessions, engine, clock, closed, closes)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that only throw things at the portal."""
    made = make_world(tmp_path_factory.mktemp("portal"))
    yield made
    made.engine.dispose()
