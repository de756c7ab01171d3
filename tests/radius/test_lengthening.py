"""More time at gateways that are asked for it: CoovaChilli and uspot, which a real FreeRADIUS plays."""

import logging
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from werkzeug.test import Client, TestResponse

from captive_portal.carried import seal_session
from captive_portal.enforcement import Keeper
from captive_portal.errors import GatewayFailed
from captive_portal.extending import by_request
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateways.kinds import gateway_of
from captive_portal.gateways.lengthening import TAKEN, lengthen
from captive_portal.guest import create_app
from captive_portal.lengthening import Lengthening
from captive_portal.model import Admitted, Arrival, GatewayKind, Grant, Phone, Plan, PortalSite
from captive_portal.portal import Portal
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.ledger import Ledger
from captive_portal.radius.model import RadiusSite, Status
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller.store.engine import open_engine
from tests.portal.clocks import Clock
from tests.portal.places import site_of
from tests.radius.conftest import HERE, SECRETS, SHIPPED, freeradius
from tests.radius.told import MAC, NAS, report
from tests.town import free_port

KINDS = (GatewayKind.COOVACHILLI, GatewayKind.USPOT)
EACH = pytest.mark.parametrize("kind", KINDS)
STRANGER = "f" * 32
HOUR = Plan("hora", timedelta(hours=1))
BUTTON = ">Seguir conectado</button>"
ASKED, REFUSED = "Pedimos más tiempo para ti.", "No pudimos darte más tiempo."


@dataclass(frozen=True)
class Gateways:
    """Where each kind takes requests, and what they have been told."""

    ports: dict[GatewayKind, int]
    told_in: Path

    def told(self) -> list[str]:
        """Each request as it was understood, the last one last."""
        return self.told_in.read_text().splitlines() if self.told_in.exists() else []


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    directory = tmp_path_factory.mktemp("gateways")
    ports = {kind: free_port(socket.SOCK_DGRAM) for kind in KINDS}
    text = (Path(__file__).parent / "gateways.conf").read_text()
    values = {"DIRECTORY": directory, "SECRET": SECRETS[HERE], "STRANGER": STRANGER}
    for name, value in {**values, **{kind.name: port for kind, port in ports.items()}}.items():
        text = text.replace(f"@{name}@", str(value))
    (directory / "radiusd.conf").write_text(text)
    (directory / "dictionary").write_bytes((SHIPPED / "dictionary").read_bytes())
    with freeradius(directory, directory / "log"):
        yield Gateways(ports, directory / "told")


@dataclass
class Place:
    """A site of one kind: its portal, its accounting, and the worker that asks its gateway."""

    site: PortalSite
    engine: Engine
    gateways: Gateways
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.sessions = StoredSessions(self.engine)
        self.ledger = Ledger(self.engine, StoredHolders(self.engine))
        self.sites = {HERE: self.site}
        keeper = Keeper(
            self.engine, lambda: self.sites, lambda wiring: gateway_of(wiring, self.clock), self.clock
        )
        self.worker = Lengthening(keeper)
        self.phone = Client(create_app(Portal.over(self.engine, self.sites, self.clock)), use_cookies=False)

    def enter(self, session: str = "", plan: Plan = HOUR) -> str:
        """The session of a phone that taps, and whose gateway tells of it five seconds later."""
        self.site = self.sites[HERE] = replace(self.site, plan=plan)
        device = pseudonym(self.site.wiring.key, MAC)
        arrival = Arrival(HERE, device, "b", "", "", Phone(MAC))
        granted = self.sessions.open(self.site, arrival, plan, self.clock(), session=session)
        assert isinstance(granted, Grant)
        self.clock.forward(seconds=5)
        self.account(granted.session, Status.START)
        return granted.session

    def account(self, session: str, status: Status, association: str = "a-1", **said: int) -> None:
        wiring = self.site.wiring
        site = RadiusSite(HERE, wiring.key, wiring.kind, self.site.plan, frozenset({NAS}))
        told = report(status, labels=(session,), association=association, **said)
        self.ledger.account(site, told, self.clock())

    def page(self, session: str) -> TestResponse:
        return self.phone.get(f"/p/{HERE}/online?s={seal_session(self.site, session)}")

    def ask(self, session: str) -> TestResponse:
        """The button is tapped."""
        token = seal_session(self.site, session)
        return self.phone.post(f"/p/{HERE}/extend", data={"s": token, "lang": "es"})

    def seconds_left(self, session: str) -> int:
        wanted = select(sessions.c.expires_at).where(sessions.c.acctuniqueid == session)
        with self.engine.connect() as connection:
            return int(connection.execute(wanted).scalar_one() - self.clock().timestamp())

    def at_nobody(self) -> None:
        """From now on there is no gateway to be asked."""
        wiring = replace(self.site.wiring, api_url="radius://gateway.invalid:3799")
        self.site = self.sites[HERE] = replace(self.site, wiring=wiring)


def made(kind: GatewayKind, gateways: Gateways, directory: Path) -> Place:
    site = site_of(HERE, HOUR, kind)
    url = f"radius://127.0.0.1:{gateways.ports[kind]}"
    wiring = replace(site.wiring, api_url=url, secret=SECRETS[HERE].encode())
    engine = open_engine(f"sqlite:///{directory}/store.db")
    metadata.create_all(engine)
    return Place(replace(site, wiring=wiring), engine, gateways)


@pytest.fixture
def place(kind: GatewayKind, gateways: Gateways, tmp_path: Path) -> Iterator[Place]:
    found = made(kind, gateways, tmp_path)
    yield found
    found.engine.dispose()


@pytest.fixture
def coova(gateways: Gateways, tmp_path: Path) -> Iterator[Place]:
    found = made(GatewayKind.COOVACHILLI, gateways, tmp_path)
    yield found
    found.engine.dispose()


@EACH
def test_a_tap_in_the_last_quarter_makes_a_session_longer_once_its_gateway_agreed(place: Place) -> None:
    session = place.enter()
    place.clock.forward(minutes=40)
    assert BUTTON not in place.page(session).text
    place.clock.forward(minutes=10)
    assert BUTTON in place.page(session).text

    answer = place.ask(session)
    assert answer.status_code == 303
    waits = place.phone.get(answer.headers["Location"]).text
    assert ASKED in waits
    assert BUTTON not in waits
    assert place.seconds_left(session) == 595, "nobody has agreed yet"

    place.worker.turn()
    page = place.page(session).text
    assert "Te quedan 60 minutos." in page
    assert (ASKED in page, REFUSED in page, BUTTON in page) == (False, False, False)
    assert place.seconds_left(session) == 3600
    told = place.gateways.told()[-1].split()
    assert told[:3] == ["CoA-Request", session, str(3000 + 3600)], "counted since the gateway opened its door"
    place.worker.turn()
    assert place.gateways.told()[-1].split()[1:3] == told[1:3]
    assert len([line for line in place.gateways.told() if session in line]) == 1


@EACH
def test_each_kind_is_told_what_it_takes_and_nothing_else(place: Place) -> None:
    session = place.enter(plan=replace(HOUR, down_kbps=2_000, up_kbps=1_000))
    place.clock.forward(minutes=50)
    place.ask(session)
    place.worker.turn()
    bounds = place.gateways.told()[-1].split()[2:]
    more = ["600", "2000000"] if place.site.wiring.kind is GatewayKind.COOVACHILLI else ["-", "-"]
    assert bounds == ["6600", *more, "-", "-"]
    assert place.seconds_left(session) == 3600


def test_time_and_octets_are_counted_from_the_start_of_the_association_that_goes_on(coova: Place) -> None:
    session = coova.enter(plan=replace(HOUR, octets=5_000_000_000))
    coova.clock.forward(minutes=10)
    coova.account(session, Status.STOP, seconds=600, octets_up=100, octets_down=900)
    coova.clock.forward(minutes=5)
    coova.account(session, Status.START, "a-2")
    coova.clock.forward(minutes=20)
    coova.account(session, Status.INTERIM, "a-2", seconds=1200, octets_up=1_000, octets_down=3_000)
    coova.clock.forward(minutes=15)
    coova.ask(session)
    coova.worker.turn()

    used, here = 5_000, 35 * 60
    total = used + 5_000_000_000 - 1_000
    told = coova.gateways.told()[-1].split()
    assert told[2] == str(here + 3600)
    assert (int(told[5]) << 32) + int(told[6]) == total
    assert "Te quedan 5000 MB." in coova.page(session).text


@EACH
def test_a_refusal_leaves_the_session_as_it_was_and_is_said(place: Place) -> None:
    place.enter(STRANGER)
    place.clock.forward(minutes=50)
    place.ask(STRANGER)
    place.worker.turn()
    page = place.page(STRANGER).text
    assert (REFUSED in page, BUTTON in page, ASKED in page) == (True, False, False)
    assert "Te quedan 10 minutos." in page
    assert place.seconds_left(STRANGER) == 595
    many = len(place.gateways.told())
    place.worker.turn()
    assert len(place.gateways.told()) == many, "a no is not asked again"
    place.clock.forward(minutes=1)
    assert BUTTON in place.page(STRANGER).text


def test_a_gateway_that_says_nothing_leaves_it_as_it_was_and_delays_no_other_wish(
    coova: Place, caplog: pytest.LogCaptureFixture
) -> None:
    session = coova.enter()
    coova.clock.forward(minutes=50)
    coova.at_nobody()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            coova.ask(session)
            coova.worker.turn()
            assert REFUSED in coova.page(session).text
    assert coova.seconds_left(session) == 595
    assert [record.message for record in caplog.records] == ["gateway failed"]
    assert session not in caplog.text


@EACH
def test_a_worker_that_died_after_the_gateway_agreed_asks_again_for_the_same_end(place: Place) -> None:
    session = place.enter()
    place.clock.forward(minutes=50)
    place.ask(session)
    assert lengthen(place.site.wiring, Grant(session, 3000 + 3600))
    place.clock.forward(seconds=20)
    assert "Te quedan 10 minutos." in place.page(session).text
    place.worker.turn()
    first, second = [line for line in place.gateways.told() if session in line]
    assert first == second
    assert place.seconds_left(session) == 3580


def test_a_wish_that_no_worker_saw_for_a_minute_is_over_and_can_be_repeated(coova: Place) -> None:
    session = coova.enter()
    coova.clock.forward(minutes=50)
    coova.ask(session)
    coova.clock.forward(minutes=1)
    coova.worker.turn()
    assert not [line for line in coova.gateways.told() if session in line]
    assert BUTTON in coova.page(session).text
    coova.ask(session)
    coova.worker.turn()
    assert coova.seconds_left(session) == 3600


def test_who_left_while_it_waited_stays_out(coova: Place) -> None:
    session = coova.enter()
    coova.clock.forward(minutes=50)
    coova.ask(session)
    coova.sessions.leave(HERE, session, coova.clock())
    coova.worker.turn()
    assert coova.seconds_left(session) == 595


def test_days_measure_hours_and_a_token_of_another_site_bound_a_wish_too(coova: Place) -> None:
    session = coova.enter(plan=replace(HOUR, daily=timedelta(minutes=80)))
    assert coova.phone.post(f"/p/{HERE}/extend", data={"s": "x"}).status_code == 403
    coova.ask(session)
    coova.worker.turn()
    assert not [line for line in coova.gateways.told() if session in line], "too early"
    coova.clock.forward(minutes=50)
    coova.ask(session)
    coova.worker.turn()
    assert coova.seconds_left(session) == 30 * 60 - 5
    coova.clock.forward(minutes=25)
    page = coova.page(session).text
    assert BUTTON not in page
    assert "Después ya no hay más tiempo hoy." in page


def test_there_is_no_button_where_nobody_can_be_asked(coova: Place) -> None:
    session, kept = coova.enter(), coova.site
    coova.clock.forward(minutes=50)
    assert BUTTON in coova.page(session).text
    for less in (replace(kept, vouchers=True), replace(kept, wiring=replace(kept.wiring, api_url=""))):
        coova.sites[HERE] = less
        assert BUTTON not in coova.page(session).text
        coova.ask(session)
        coova.worker.turn()
        assert coova.seconds_left(session) == 595
    coova.sites[HERE] = kept
    coova.account(session, Status.STOP, seconds=3000)
    assert BUTTON not in coova.page(session).text
    assert by_request(kept)
    assert not by_request(replace(kept, vouchers=True))
    assert not by_request(replace(kept, wiring=replace(kept.wiring, api_url="")))
    capped = replace(kept, plan=replace(HOUR, octets=1))
    assert by_request(capped)
    assert not by_request(replace(capped, wiring=replace(kept.wiring, kind=GatewayKind.USPOT)))
    able = {kind for kind in GatewayKind if by_request(replace(kept, wiring=replace(kept.wiring, kind=kind)))}
    assert able == set(TAKEN) == set(KINDS)


@EACH
def test_a_phone_is_let_go_by_each_kind_as_it_wants_to_be_asked(place: Place) -> None:
    gateway = gateway_of(place.site.wiring, place.clock)
    assert gateway.dismiss(Admitted("a" * 32, Phone(MAC)))
    assert place.gateways.told()[-1].split()[:2] == ["Disconnect-Request", "a" * 32]
    with pytest.raises(GatewayFailed):
        gateway.dismiss(Admitted(STRANGER, Phone(MAC)))
