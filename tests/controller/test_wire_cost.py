"""What asking a device costs, as `plaza snmp why` tells it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from controller.cli.snmp_why import costs
from controller.model import Hours, Portal, Site, Uplink, UplinkKind
from controller.wire_cost import WireCost, wire_cost
from drivers.model import PollProfile
from metrics.local.rollup import roll_up
from metrics.local.store import LocalStore
from metrics.sample import Sample
from tests.controller.test_profiles import device

NOON = 1_800_000_000 // 86_400 * 86_400 + 43_200
FAR = device(PollProfile.THIN, "far")
TAGS = {"ap": "far", "mun": "08027", "site": "plaza", "vendor": "x"}


def site(cap_gb: int | None) -> Site:
    hours, uplink = (
        Hours("America/Chihuahua", ((),) * 7),
        Uplink(UplinkKind.SATELLITE, "Sierra", 25, 5, cap_gb),
    )
    portal = Portal(("es",), "free", None, "", "")  # type: ignore[arg-type]
    return Site("plaza", "Plaza", "08027", 26.8, -107.0, date(2026, 1, 15), hours, uplink, portal)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    made = LocalStore.open(tmp_path)
    yield made
    made.close()


def polls(store: LocalStore, since: int, until: int, octets: int = 1000) -> None:
    fields = {"up": 1, "poll_octets": octets}
    store.write("poller", [Sample("wifi_ap", TAGS, fields, at) for at in range(since, until, 300)])


def test_a_day_is_the_sum_of_its_hours_and_of_what_came_since(store: LocalStore) -> None:
    polls(store, NOON - 86_400, NOON)
    roll_up(store, NOON)
    polls(store, NOON, NOON + 900, octets=2000)

    found = wire_cost(store, FAR, site(300), 30, NOON + 900)

    assert found.last_poll == 2000
    assert found.last_day == 23 * 12 * 1000 + 3 * 2000, "an hour that began before the last day is not in it"
    assert found.per_day == round(found.last_day / 279 * 288)
    assert found.cap_share == pytest.approx(found.per_day * 30 / 300e9)


def test_nothing_is_projected_from_nothing(store: LocalStore) -> None:
    assert wire_cost(store, FAR, site(300), 30, NOON) == WireCost(300, 1800)


def test_without_a_cap_there_is_no_share_of_it(store: LocalStore) -> None:
    polls(store, NOON, NOON + 300)
    found = wire_cost(store, FAR, site(None), 30, NOON + 300)
    assert (found.per_day, found.cap_share) == (288_000, None)


def test_the_report_tells_pace_octets_and_share() -> None:
    lines = list(costs(FAR, site(1), WireCost(300, 1800, 2000, 288_000, 576_000, 0.01728)))
    assert lines == [
        "profile thin: asked every 300 s, for everything every 1800 s",
        "the last poll 2,000 octets, the last 24 hours 288,000",
        "at this pace 576,000 octets a day, 1.73% of its site's 1 GB a month",
    ]
    near = replace(FAR, poll_profile=PollProfile.NORMAL)
    assert list(costs(near, site(None), WireCost(30, 30, 2000, 288_000, 576_000))) == [
        "profile normal: asked every 30 s",
        "the last poll 2,000 octets, the last 24 hours 288,000",
        "at this pace 576,000 octets a day; its site has no cap",
    ]
