"""Reading distinct devices: the mean of the days, the month with its bounds; what is unknown is not zero."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, update

from captive_portal.model import Arrival, Phone
from captive_portal.monthly_tables import device_counts
from captive_portal.retention import Retention, purge
from captive_portal.sessions import StoredSessions
from controller import devices_counted
from controller.app import App, build
from controller.devices_counted import STATE, DeviceCount
from controller.model import Municipality
from controller.settings import load
from tests import town
from tests.portal.conftest import _for_tests
from tests.portal.places import site_of

GUACHOCHI, OJINAGA = "08027", "08052"
MONTH = "2026-11"
NOW = datetime(2026, 12, 15, 18, tzinfo=UTC)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """Of two municipalities, each with one site; of the second, in another zone, nobody ever came."""
    with town.town(tmp_path, "127.73.2") as place:
        built = build(load(place.environ, tmp_path))
        built.engine.dispose()
        event.listen(built.engine, "connect", _for_tests)
        here = built.inventory.sites["08027-plaza"]
        there = replace(here, key="08052-plaza", municipality=OJINAGA)
        inventory = replace(
            built.inventory,
            municipalities={
                **built.inventory.municipalities,
                OJINAGA: Municipality(OJINAGA, "Ojinaga", "Ojinaga", "America/Ojinaga"),
            },
            sites={**built.inventory.sites, there.key: there},
        )
        yield replace(built, inventory=inventory)
        built.samples.close()
        built.engine.dispose()


def let_in(app: App, day: int, *numbers: int, site: str = "08027-plaza", makers: bool = False) -> None:
    """Phones of these numbers at noon of a day of November."""
    sessions, here = StoredSessions(app.engine), site_of(site)
    for number in numbers:
        phone = Phone(f"{'00' if makers else '02'}:ca:fe:00:00:{number:02x}")
        arrival = Arrival(site, f"d{number}", "b", "", "", phone)
        sessions.open(here, arrival, here.plan, datetime(2026, 11, day, 18, tzinfo=UTC))
    sessions.settle()


def of(rows: list[DeviceCount], municipality: str) -> DeviceCount:
    (found,) = (row for row in rows if row.municipality == municipality)
    return found


def test_the_headline_is_the_mean_of_the_days_with_anybody_beside_the_month_and_how_it_was_known(
    app: App,
) -> None:
    let_in(app, 2, 1, 2, 3)
    let_in(app, 3, 2, 3, 4, 5, 6)
    let_in(app, 3, 7, makers=True)
    found = of(devices_counted.devices(app, MONTH, NOW), GUACHOCHI)
    assert (found.name, found.month, found.days, found.of_days) == ("Guachochi", MONTH, 2, 30)
    assert found.daily == pytest.approx(4.5)
    assert found.monthly is not None
    assert (found.monthly.names, found.monthly.low, found.monthly.high) == pytest.approx((7, 7, 7), abs=0.01)
    assert found.local == pytest.approx(6 / 7)
    assert found.coverage == 1


def test_the_figures_are_the_same_when_the_month_is_over_and_only_numbers_are_left(app: App) -> None:
    let_in(app, 2, 1, 2, 3)
    let_in(app, 3, 2, 9)
    before = devices_counted.devices(app, MONTH, NOW)
    purge(app.engine, Retention(), NOW)
    assert devices_counted.devices(app, MONTH, NOW) == before
    with app.engine.connect() as connection:
        assert {row.sketch for row in connection.execute(device_counts.select())} == {b""}


def test_where_nobody_was_counted_nothing_is_known_and_it_is_no_zero(app: App) -> None:
    let_in(app, 2, 1)
    found = of(devices_counted.devices(app, MONTH, NOW), OJINAGA)
    assert (found.daily, found.monthly, found.local, found.coverage, found.days) == (None,) * 4 + (0,)
    assert of(devices_counted.devices(app, "2026-10", NOW), STATE).daily is None


def test_the_day_that_goes_on_is_not_in_the_mean(app: App) -> None:
    let_in(app, 2, 1, 2)
    let_in(app, 3, 1)
    noon = datetime(2026, 11, 3, 18, tzinfo=UTC)
    found = of(devices_counted.devices(app, MONTH, noon), GUACHOCHI)
    assert (found.daily, found.days, found.of_days) == (pytest.approx(2), 1, 2)
    days = devices_counted.days(app, GUACHOCHI, MONTH)
    assert [(one.day, round(one.devices.names)) for one in days] == [("2026-11-02", 2), ("2026-11-03", 1)]
    assert round(days[0].local.names) == 2


def test_the_state_has_the_sums_and_a_phone_that_was_in_two_municipalities_twice(app: App) -> None:
    let_in(app, 2, 1, 2)
    let_in(app, 3, 1, 2, 3)
    let_in(app, 2, 1, site="08052-plaza")
    rows = devices_counted.devices(app, MONTH, NOW)
    assert [row.municipality for row in rows] == [GUACHOCHI, OJINAGA, STATE]
    state = rows[-1]
    assert state.daily == pytest.approx(2.5 + 1)
    assert state.monthly is not None
    assert state.monthly.names == pytest.approx(4, abs=0.01)
    assert (state.days, state.of_days, state.coverage) == (1, 30, 1)
    assert state.local == pytest.approx(1)


def test_the_coverage_is_the_share_of_grants_whose_device_was_counted(app: App) -> None:
    let_in(app, 2, 1, 2, 3)
    sessions, here = StoredSessions(app.engine), site_of("08027-plaza")
    nameless = Arrival(here.key, "hashed by its gateway", "b", "", "")
    sessions.open(here, nameless, here.plan, datetime(2026, 11, 2, 18, tzinfo=UTC))
    sessions.open(here, nameless, here.plan, datetime(2026, 12, 2, 18, tzinfo=UTC))
    found = of(devices_counted.devices(app, MONTH, NOW), GUACHOCHI)
    assert found.coverage == pytest.approx(0.75)


def test_a_month_is_that_of_the_zone(app: App) -> None:
    """Five hours of UTC's December are November in Guachochi."""
    here, phone = site_of("08027-plaza"), Phone("02:ca:fe:00:00:01")
    late = datetime(2026, 12, 1, 5, 59, tzinfo=UTC)
    sessions = StoredSessions(app.engine)
    for at in (late, late + timedelta(minutes=1)):
        sessions.open(here, Arrival(here.key, f"d{at}", "b", "", "", phone), here.plan, at)
    sessions.settle()
    for month in (MONTH, "2026-12"):
        found = of(devices_counted.devices(app, month, NOW), GUACHOCHI)
        assert found.monthly is not None
        assert (found.monthly.names, found.days, found.coverage) == (pytest.approx(1), 1, 1)


def test_a_damaged_sketch_is_told_and_its_figure_unknown(app: App, caplog: pytest.LogCaptureFixture) -> None:
    let_in(app, 2, 1)
    with app.engine.begin() as connection:
        connection.execute(update(device_counts).values(sketch=b"torn"))
    found = of(devices_counted.devices(app, MONTH, NOW), GUACHOCHI)
    assert (found.daily, found.monthly) == (None, None)
    assert "sketch is damaged: the devices of this term are unknown" in caplog.messages


@pytest.mark.parametrize("month", ["", "2026", "2026-1", "2026-13", "2026-11-02", "noviembre"])
def test_what_is_no_month_is_refused(app: App, month: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the command that asks has its own words
        devices_counted.devices(app, month, NOW)
