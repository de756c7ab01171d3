"""A session that staff ends, or whose time is over, ends at its gateway: each kind by its own way."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select

from captive_portal.enforcement import Keeper
from captive_portal.gateways.ending import Ending, ending
from captive_portal.gateways.kinds import gateway_of
from captive_portal.model import Arrival, GatewayKind, Grant, PortalSite, Wiring
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller import settings
from controller.app import build, utc_now
from controller.cli.main import plaza
from controller.store.engine import open_engine
from tests.crowd.nas import nas
from tests.kinds.called import MAKERS, Site, site
from tests.kinds.example import PHONE, Example
from tests.kinds.examples import EXAMPLES
from tests.kinds.ruckus_smartzone_kind import RUCKUS_SMARTZONE
from tests.kinds.unifi_kind import UNIFI
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of
from tests.town import town

HYPHENS = PHONE.mac.upper().replace(":", "-")
TOLD = [one for one in EXAMPLES if ending(one.wiring.kind, "radius://ap:3799") is Ending.TOLD]
BY_RADIUS = [one for one in TOLD if one.name not in MAKERS and not one.wiring.api_url.startswith("https:")]
NOT_TOLD = [one for one in EXAMPLES if one not in TOLD]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path}/store.db")
    metadata.create_all(made)
    yield made
    made.dispose()


class Place:
    """A site of a kind, where one phone is in, and the worker that looks after it."""

    def __init__(self, engine: Engine, example: Example, wiring: Wiring) -> None:
        self.clock, self.engine, self.sessions = Clock(), engine, StoredSessions(engine)
        self.site: PortalSite = replace(
            site_of(wiring.site, LIBRE, wiring.kind), key=wiring.site, wiring=wiring
        )
        gateway = gateway_of(wiring, self.clock)
        arrival = gateway.read(example.query)
        granted = self.sessions.open(self.site, arrival, LIBRE, self.clock())
        assert isinstance(granted, Grant)
        self.session = granted.session
        if example.answer is None:
            gateway.admit(arrival, granted)
        sites = {self.site.key: self.site}
        self.keeper = Keeper(engine, lambda: sites, lambda one: gateway_of(one, self.clock), self.clock)

    def cause(self) -> Any:
        """Why its session is over; None while it is not."""
        wanted = select(sessions.c.acctterminatecause).where(sessions.c.acctstoptime.is_not(None))
        with self.engine.connect() as connection:
            return connection.execute(wanted).scalar()


@pytest.mark.parametrize("name", MAKERS)
def test_a_controller_lets_the_phone_go_at_a_word_of_staff(engine: Engine, tmp_path: Path, name: str) -> None:
    with site(tmp_path, name) as made:
        place = Place(engine, made.example, wired(made))
        assert made.controller.let_through() == {PHONE.mac}
        assert place.sessions.dismiss(place.session, place.clock())
        place.keeper.dismiss()
        assert made.controller.let_through() == set()
    assert place.cause() == "Admin-Reset"


@pytest.mark.parametrize("name", [name for name in MAKERS if name != RUCKUS_SMARTZONE.name])
def test_a_controller_lets_the_phone_go_when_its_time_is_over(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    with site(tmp_path, name) as made:
        place = Place(engine, made.example, wired(made))
        place.clock.forward(hours=1)
        place.keeper.dismiss()
        assert made.controller.let_through() == set()
    assert place.cause() == "Session-Timeout"


def test_what_was_used_since_the_last_question_is_asked_when_the_phone_is_gone(
    engine: Engine, tmp_path: Path
) -> None:
    with site(tmp_path, UNIFI.name) as made:
        place = Place(engine, made.example, wired(made))
        assert place.sessions.dismiss(place.session, place.clock())
        used = {"mac": PHONE.mac, "start": 1, "duration": 90, "tx_bytes": 4_505, "rx_bytes": 201}
        made.controller.counted = [used]
        place.keeper.dismiss()
    row = sessions.c
    with engine.connect() as connection:
        (found,) = connection.execute(select(row.acctsessiontime, row.acctoutputoctets, row.acctinputoctets))
    assert tuple(found) == (90, 4_505, 201)


def wired(made: Site) -> Wiring:
    """The example's wiring, to the controller that runs."""
    path = urlsplit(made.example.wiring.api_url).path
    url, fingerprint = made.there.url + path, made.there.fingerprint
    return replace(made.example.wiring, api_url=url, fingerprint=fingerprint)


@pytest.mark.parametrize("example", BY_RADIUS, ids=lambda one: one.name)
def test_an_access_point_is_sent_a_disconnect_request_for_this_session(
    engine: Engine, example: Example
) -> None:
    with nas(example.wiring.secret or b"secreto-de-prueba") as there:
        wiring = replace(example.wiring, api_url=there.url, secret=there.secret)
        place = Place(engine, example, wiring)
        there.let_go.clear()
        assert place.sessions.dismiss(place.session, place.clock())
        place.keeper.dismiss()
        assert there.let_go in ([place.session], [HYPHENS])
    assert place.cause() == "Admin-Reset"


@pytest.mark.parametrize(
    ("example", "way"),
    [(one, Ending.SYNC if one.wiring.kind is GatewayKind.PLAZA else Ending.TIME) for one in NOT_TOLD],
    ids=lambda one: getattr(one, "name", ""),
)
def test_a_kind_that_nobody_can_tell_is_not_asked(engine: Engine, example: Example, way: Ending) -> None:
    wiring = replace(example.wiring, api_url="radius://127.0.0.1:9")
    place = Place(engine, example, wiring)
    assert place.sessions.dismiss(place.session, place.clock())
    place.keeper.gateway_of = fail_to_be_asked
    place.keeper.dismiss()
    assert place.cause() is None
    assert ending(wiring.kind, wiring.api_url) is way


def fail_to_be_asked(wiring: Wiring) -> Any:
    raise AssertionError(f"{wiring.kind} was asked")


MIKROTIK = "kind: mikrotik, hosts: [10.9.0.1], credentials: faskey, "
SAID = [
    ("", "shuts the door at its next sync"),
    (
        "kind: opennds, hosts: ['10.9.0.1:2050'], credentials: faskey, ",
        "its gateway (opennds) cannot be told; the door stays open until 20",
    ),
    (f"{MIKROTIK} controller: {{url: 'radius://10.9.0.1:3799'}}, ", "its gateway (mikrotik) within 15 s"),
    (MIKROTIK, "its gateway (mikrotik) cannot be told"),
]


@pytest.mark.parametrize(("portal", "said"), SAID)
def test_staff_is_told_what_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portal: str, said: str
) -> None:
    with town(tmp_path, "127.73.9") as made:
        file = made.directory / "inventory.yaml"
        faskey = "credentials:\n  faskey: {kind: portal, secret: ref+file:faskey}\n"
        text = file.read_text().replace("credentials:\n", faskey, 1)
        file.write_text(text.replace("portal: {gateway_url", f"portal: {{{portal}gateway_url"))
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        app = build(settings.load())
        arrival = Arrival("08027-plaza", "device", "binding", "", "")
        granted = StoredSessions(app.engine).open(site_of(arrival.site), arrival, LIBRE, utc_now())
        assert isinstance(granted, Grant)
        answer = CliRunner().invoke(plaza, ["session", "dismiss", granted.session])
        assert answer.exit_code == 0
        assert answer.output.startswith(f"{granted.session}: ")
        assert said in answer.output
        app.samples.close()
        app.engine.dispose()
