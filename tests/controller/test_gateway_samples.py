"""What gateways told of themselves comes into the samples: whole sites, never a device."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from captive_portal.model import BoxEvent, GatewayEvent, Report
from captive_portal.sessions import StoredSessions
from controller.app import App, build
from controller.gateway_samples import Pulses, gateway_samples
from controller.settings import load
from metrics.catalog import check
from metrics.sample import Sample
from metrics.sink import Window
from tests.town import town

SITE, BOX, DEVICE = "08027-plaza", "b0" * 16, "d" * 32
SLOT = 1_767_225_600
TAGS = {"mun": "08027", "site": SITE}
PULSE = GatewayEvent("", "pulse", "", 300)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with town(tmp_path, "127.73.2") as place:
        built = build(load(place.environ, tmp_path))
        yield built
        built.samples.close()
        built.engine.dispose()


def alarm(cause: str, age_s: int) -> GatewayEvent:
    return GatewayEvent("", "alarm", "", age_s, cause=cause, device=DEVICE)


def tell(app: App, *events: BoxEvent, box: str = BOX, second: int = 600) -> None:
    now = datetime.fromtimestamp(SLOT + second, UTC)
    StoredSessions(app.engine).take(SITE, Report(box, events), now)


def samples(app: App, start: int = 600, end: int = 660) -> list[Sample]:
    found = list(gateway_samples(app, SLOT + start, SLOT + end))
    for one in found:
        check(one)
    return found


def test_a_pulse_is_a_sample_of_its_own_moment(app: App) -> None:
    tell(app, BoxEvent(1, PULSE, {"inside": 3, "pool_used": 40, "pool_size": 4000, "load_pct": 180}))
    (one,) = samples(app)
    assert (one.measurement, one.tags, one.time) == ("gateway", TAGS, SLOT + 300)
    assert one.fields == {"inside": 3, "pool_used": 40, "pool_size": 4000, "load_pct": 180}
    assert samples(app, 660, 720) == [], "each is received once"


def test_what_the_catalogue_does_not_know_or_cannot_be_is_left_out(app: App) -> None:
    tell(app, BoxEvent(1, PULSE, {"inside": 3, "steps": 7, "load_pct": 10**9, "alarms_copied": 5}))
    (one,) = samples(app)
    assert one.fields == {"inside": 3}
    tell(app, BoxEvent(2, PULSE, {"steps": 7}), second=660)
    assert samples(app, 660, 720) == []


def test_alarms_are_counted_by_the_minute_and_by_their_cause(app: App) -> None:
    tell(
        app, BoxEvent(1, alarm("copied", 60)), BoxEvent(2, alarm("copied", 59)), BoxEvent(3, alarm("odd", 60))
    )
    (one,) = samples(app)
    assert (one.time, one.fields) == (SLOT + 540, {"alarms_copied": 2, "alarms_other": 1})
    tell(app, BoxEvent(4, alarm("copied", 120 - 1)), second=660)
    (again,) = samples(app, 660, 720)
    assert (again.time, again.fields["alarms_copied"]) == (SLOT + 540, 3), "the whole minute again"
    assert DEVICE not in str(again)


def test_a_box_that_was_replaced_says_nothing_of_its_site(app: App) -> None:
    tell(app)
    tell(app, box="b1" * 16, second=605)
    tell(app, BoxEvent(1, PULSE, {"inside": 3}), second=610)
    assert samples(app) == []


def test_a_worker_writes_what_came_while_none_ran_and_each_thing_once(app: App) -> None:
    clock = datetime.fromtimestamp(SLOT + 1800, UTC)
    tell(app, BoxEvent(1, PULSE, {"inside": 3}))
    pulses = Pulses(app, lambda: clock)
    pulses.turn()
    pulses.turn()
    clock += timedelta(minutes=1)
    tell(app, BoxEvent(2, PULSE, {"inside": 4}), second=1810)
    pulses.turn()
    window = Window(SLOT, SLOT + 3600)
    assert [one.fields["inside"] for one in app.samples.read("gateway", window)] == [3, 4]
