"""Other makers' gateways are asked and told, and an address lives no longer than its session."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select

from captive_portal.enforced import TOLD_BY_ADDRESS
from captive_portal.enforcement import Keeper
from captive_portal.errors import GatewayFailed
from captive_portal.local import LegalRetention, Local
from captive_portal.model import Admitted, Answer, Arrival, Done, GatewayKind, Grant, Phone, Usage
from captive_portal.sessions import StoredSessions
from captive_portal.tables import enforcements, legal_records, sessions
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of

HERE, THERE = "08027-omada", "08037-omada"
MAC = "02:ca:fe:12:34:56"


@dataclass
class Controller:
    """A maker's controller as the protocol Gateway shows it: what it knows, and whether it answers."""

    used: dict[str, Usage] = field(default_factory=dict)
    is_away: bool = False
    let_go: list[Admitted] = field(default_factory=list)
    asked: int = 0

    def read(self, query: str) -> Arrival:
        raise NotImplementedError(query)

    def admit(self, arrival: Arrival, grant: Grant, language: str = "es") -> Answer:
        return Done()

    def dismiss(self, admitted: Admitted) -> bool:
        self._answer()
        self.let_go.append(admitted)
        return True

    def account(self, admitted: Sequence[Admitted]) -> Sequence[Usage]:
        self._answer()
        return [self.used[one.session] for one in admitted if one.session in self.used]

    def _answer(self) -> None:
        self.asked += 1
        if self.is_away:
            raise GatewayFailed("site", "away")


@dataclass
class Ground:
    """Two sites of one maker over a real SQLite file."""

    engine: Engine
    clock: Clock = field(default_factory=Clock)
    controllers: dict[str, Controller] = field(
        default_factory=lambda: {HERE: Controller(), THERE: Controller()}
    )

    def __post_init__(self) -> None:
        self.sessions = StoredSessions(self.engine)
        self.sites = {key: site_of(key, kind=GatewayKind.OMADA) for key in (HERE, THERE)}
        self.keeper = Keeper(
            self.engine, lambda: self.sites, lambda wiring: self.controllers[wiring.site], self.clock
        )

    def tap(self, site: str = HERE, octets: int = 0) -> str:
        arrival = Arrival(site, f"device at {site}", "b", "", "", Phone(MAC, "10.0.0.9"))
        plan = replace(LIBRE, octets=octets)
        granted = self.sessions.open(self.sites[site], arrival, plan, self.clock())
        assert isinstance(granted, Grant)
        return granted.session

    def row(self, session: str) -> dict[str, object]:
        with self.engine.connect() as connection:
            wanted = select(sessions).where(sessions.c.acctuniqueid == session)
            return dict(connection.execute(wanted).mappings().one())

    def addresses(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(enforcements.c.sealed)).scalars())


@pytest.fixture
def ground(store: Engine) -> Ground:
    return Ground(store)


def test_what_a_controller_tells_is_applied_and_opens_the_door_in_our_books(ground: Ground) -> None:
    session = ground.tap()
    ground.clock.forward(minutes=5)
    ground.controllers[HERE].used[session] = Usage(session, 240, 9_000, 1_000)
    ground.keeper.account()
    row = ground.row(session)
    assert (row["acctoutputoctets"], row["acctinputoctets"], row["acctsessiontime"]) == (9_000, 1_000, 240)
    assert row["acctstarttime"] == int(ground.clock().timestamp()) - 240
    assert row["active_at"] == int(ground.clock().timestamp())


def test_an_address_is_sealed_and_gone_with_its_session(ground: Ground) -> None:
    session = ground.tap()
    (sealed,) = ground.addresses()
    assert MAC not in sealed
    ground.sessions.ended(session, "Lost-Carrier", ground.clock())
    assert ground.addresses() == []


def test_an_overdue_session_and_its_address_end_though_nobody_tells(ground: Ground) -> None:
    session = ground.tap()
    assert ground.sessions.end_overdue(ground.clock.forward(minutes=74)) == 0
    assert ground.sessions.end_overdue(ground.clock.forward(minutes=2)) == 1
    assert ground.row(session)["acctterminatecause"] == "unreported"
    assert ground.addresses() == []


def test_a_citizen_who_leaves_is_let_go_by_address_and_the_cause_is_his(ground: Ground) -> None:
    session = ground.tap()
    assert ground.sessions.leave(HERE, session, ground.clock())
    ground.keeper.dismiss()
    assert ground.controllers[HERE].let_go == [Admitted(session, Phone(MAC, "10.0.0.9"))]
    assert ground.row(session)["acctterminatecause"] == "User-Request"
    ground.keeper.dismiss()
    assert len(ground.controllers[HERE].let_go) == 1


def test_staff_time_and_octets_end_a_session_each_with_its_cause(ground: Ground) -> None:
    first = ground.tap()
    ground.sessions.dismiss(first, ground.clock())
    ground.keeper.dismiss()
    second = ground.tap(octets=1_000)
    ground.sessions.account([Usage(second, 10, 900, 100)], ground.clock())
    ground.keeper.dismiss()
    third = ground.tap()
    ground.clock.forward(hours=1)
    ground.keeper.dismiss()
    causes = [ground.row(one)["acctterminatecause"] for one in (first, second, third)]
    assert causes == ["Admin-Reset", "Octets-Limit", "Session-Timeout"]


def test_a_gateway_that_is_told_by_radius_ends_by_time_alone(ground: Ground) -> None:
    wiring = replace(ground.sites[HERE].wiring, kind=GatewayKind.RADIUS)
    ground.sites[HERE] = replace(ground.sites[HERE], wiring=wiring)
    ground.tap()
    ground.clock.forward(hours=1)
    ground.keeper.dismiss()
    assert ground.controllers[HERE].asked == 0


def test_a_gateway_that_is_away_costs_no_other_site_and_is_asked_again_later(ground: Ground) -> None:
    lost, well = ground.tap(HERE), ground.tap(THERE)
    for one in (lost, well):
        ground.sessions.dismiss(one, ground.clock())
    away = ground.controllers[HERE]
    away.is_away = True
    ground.keeper.dismiss()
    assert ground.row(well)["acctstoptime"] is not None
    ground.keeper.dismiss()
    assert away.asked == 1
    away.is_away = False
    ground.clock.forward(minutes=1)
    ground.keeper.dismiss()
    assert ground.row(lost)["acctstoptime"] is not None


def test_a_failing_gateway_is_logged_once(ground: Ground, caplog: pytest.LogCaptureFixture) -> None:
    ground.sessions.dismiss(ground.tap(), ground.clock())
    ground.controllers[HERE].is_away = True
    for _ in range(4):
        ground.keeper.dismiss()
        ground.clock.forward(minutes=5)
    assert [record.message for record in caplog.records] == ["gateway failed"]
    assert MAC not in caplog.text


def test_a_kind_that_needs_no_address_has_none_kept(ground: Ground) -> None:
    assert GatewayKind.PLAZA not in TOLD_BY_ADDRESS
    ground.sites[HERE] = site_of(HERE, kind=GatewayKind.MIKROTIK)
    ground.tap()
    assert ground.addresses() == []


def test_the_law_has_addresses_kept_only_where_somebody_signed(ground: Ground) -> None:
    ground.tap(THERE)
    legal = LegalRetention("Ana", date(2026, 1, 1), "art. 1", days=30)
    ground.sites[HERE] = replace(ground.sites[HERE], local=Local(legal=legal))
    session = ground.tap()
    with ground.engine.connect() as connection:
        (kept,) = connection.execute(select(legal_records)).all()
    assert (kept.acctuniqueid, MAC in kept.sealed) == (session, False)
    assert kept.delete_at == int((ground.clock() + timedelta(days=30)).timestamp())


def test_an_address_of_another_key_ends_nothing_and_stops_nobody(ground: Ground) -> None:
    session = ground.tap()
    ground.sites[HERE] = replace(
        ground.sites[HERE], wiring=replace(ground.sites[HERE].wiring, key=b"other key".ljust(32, b"."))
    )
    ground.sessions.dismiss(session, ground.clock())
    ground.keeper.dismiss()
    assert ground.controllers[HERE].let_go == []
