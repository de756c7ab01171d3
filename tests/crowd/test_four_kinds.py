"""The same virtual crowd through four kinds of gateways gives the same numbers, as far as each can know."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations
from math import ceil

import pytest
from sqlalchemy import func, select

from captive_portal.tables import portal_counts
from controller.app import portal_sites
from metrics.sample import Sample
from metrics.sink import Window
from tests.crowd import script
from tests.crowd.municipality import (
    OMADA,
    OPENNDS,
    PLAZA,
    RADIUS,
    SECRETS,
    SITES,
    Municipality,
    app_of,
    municipality,
)
from tests.crowd.nas import nas
from tests.crowd.opennds import LEVEL_3, Square, square
from tests.crowd.places import (
    HOTSPOT,
    HOTSPOT_SITE,
    AtOmada,
    AtOpenNds,
    Hotspot,
    Place,
    plaza_gateway,
    radius_ap,
)
from tests.gateway.town import wait_for
from tests.kinds.controllers import standing
from tests.town import free_port

pytestmark = pytest.mark.root
VISITS = script.crowd()
GRANTED = [one for one in VISITS if one.is_granted]
COUNTED = ("arrivals", "taps", "grants", "refusals", "failures", "online", "refused_day_used_up")


@dataclass
class Told:
    """What the worker wrote of the walk, by site."""

    sessions: dict[str, list[Sample]]
    portal: dict[str, list[Sample]]

    def hours(self, site: str) -> float:
        return sum(one.fields.get("seconds", 0) for one in self.sessions[site]) / 3600

    def octets(self, site: str) -> float:
        return sum(one.fields.get("octets", 0) for one in self.sessions[site])

    def counts(self, site: str) -> dict[str, float]:
        return {name: sum(one.fields.get(name, 0) for one in self.portal[site]) for name in COUNTED}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    directory = tmp_path_factory.mktemp("crowd")
    with ExitStack() as stack:
        there = stack.enter_context(nas(SECRETS["shared"].encode()))
        hotspot = Hotspot()
        controller = stack.enter_context(standing(directory, hotspot))
        app = app_of(
            directory,
            gateway_port=free_port(),
            nas=there.url,
            omada=controller.url,
            omada_id=HOTSPOT,
            omada_site=HOTSPOT_SITE,
            fingerprint=controller.fingerprint,
        )
        stack.callback(app.engine.dispose)
        stack.callback(app.samples.close)
        own = LEVEL_3.wiring
        wiring = replace(portal_sites(app)[OPENNDS].wiring, landing=own.landing, portal_url=own.portal_url)
        street = stack.enter_context(square(directory, LEVEL_3, script.PHONES, wiring))
        hotspot.clock = street.now
        town = stack.enter_context(municipality(app, street.now))
        places: dict[str, Place] = {
            OPENNDS: AtOpenNds(street),
            PLAZA: stack.enter_context(plaza_gateway(directory, town, os.environ | street.clock)),
            RADIUS: stack.enter_context(radius_ap(directory, town, there)),
            OMADA: AtOmada(town, hotspot),
        }
        yield walk(town, street, places)


def walk(town: Municipality, street: Square, places: dict[str, Place]) -> Told:
    """The whole crowd through every place, the worker beside it, from six in the evening, UTC, on."""
    now = street.now()
    begin = now.replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=1)
    for at_s in range(0, script.LENGTH_S + 1, script.STEP_S):
        street.forward(max(0, ceil((begin + timedelta(seconds=at_s) - street.now()).total_seconds())))
        come = [one for one in VISITS if one.at_s == at_s]
        gone = [one for one in GRANTED if one.until_s == at_s and one.stay_s is not None]
        for place in places.values():
            for visit in gone:
                place.leave(visit.phone)
            for visit in come:
                place.tap(visit.phone)
        for place in places.values():
            place.settle()
        if come:
            seen = sum(one.at_s <= at_s for one in GRANTED) * len(places)
            wait_for(lambda seen=seen: pages(town) == seen, "each first page to be counted")
        town.work()
    window = Window(int(begin.timestamp()), int(street.now().timestamp()))
    return Told(*(by_site(town, name, window) for name in ("wifi_session", "wifi_portal")))


def pages(town: Municipality) -> int:
    with town.app.engine.connect() as connection:
        return connection.execute(select(func.sum(portal_counts.c.pages))).scalar() or 0


def by_site(town: Municipality, measurement: str, window: Window) -> dict[str, list[Sample]]:
    samples = list(town.app.samples.read(measurement, window))
    return {site: [one for one in samples if one.tags["site"] == site] for site in SITES}


def test_session_hours_are_those_of_the_crowd_within_five_percent(told: Told) -> None:
    hours = {site: told.hours(site) for site in SITES}
    assert hours == pytest.approx(dict.fromkeys(SITES, script.session_hours(VISITS)), rel=0.05)
    for one, other in combinations(SITES, 2):
        assert hours[one] == pytest.approx(hours[other], rel=0.05)


@pytest.mark.parametrize("site", SITES)
def test_what_the_portal_counts_is_what_the_crowd_did(told: Told, site: str) -> None:
    refused = len(VISITS) - len(GRANTED)
    assert told.counts(site) == {
        "arrivals": len(GRANTED),
        "taps": len(GRANTED),
        "grants": len(GRANTED),
        "refusals": refused,
        "failures": 0,
        "online": len(GRANTED),
        "refused_day_used_up": refused,
    }
    assert any("online_s" in one.fields for one in told.portal[site])


@pytest.mark.parametrize("site", SITES)
def test_everybody_who_was_let_in_is_admitted_until_it_ends(told: Told, site: str) -> None:
    points = told.sessions[site]
    assert max(one.fields["admitted"] for one in points) == script.PHONES
    assert sum(one.fields["opened"] for one in points) == len(GRANTED)
    assert sum(one.fields["ended"] for one in points) == len(GRANTED)


def test_octets_and_activity_are_there_where_a_gateway_tells_them_and_absent_elsewhere(told: Told) -> None:
    used = script.session_hours(VISITS) * 3600 * 1100
    for site in (RADIUS, OMADA):
        assert told.octets(site) == pytest.approx(used, rel=0.05)
        assert max(one.fields.get("active", 0) for one in told.sessions[site]) == script.PHONES
    assert told.octets(OPENNDS) > 0
    for site in (OPENNDS, PLAZA):
        assert not [one for one in told.sessions[site] if one.fields["admitted"] and "active" in one.fields]
    assert not [one for one in told.sessions[PLAZA] if one.fields["ended"] and "octets" in one.fields]
