"""The portal knows our probe, by a MAC that only the site's key makes, and counts it with nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from captive_portal import own_probe
from captive_portal.counts import PortalCounts
from captive_portal.gateways.wiring import arrived
from captive_portal.model import GatewayKind, Phone
from captive_portal.radius.model import Status
from captive_portal.tables import portal_counts, sessions
from tests.gateway.town import wait_for
from tests.portal.conftest import GUACHOCHI, JUAREZ, MAC, World, make_world
from tests.portal.places import site_of
from tests.radius.conftest import make_world as make_radius
from tests.radius.test_accounting import account

KEY = b"k" * 32


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.engine.dispose()


@given(st.integers(0, 2**33))
def test_a_mac_is_of_one_phone_made_up_by_itself_and_of_its_ten_seconds(at: int) -> None:
    mac = own_probe.mac_at(KEY, "08027-plaza", at)
    assert int(mac[:2], 16) & 3 == 2
    assert own_probe.mac_at(KEY, "08027-plaza", at - at % 10) == mac
    others = (KEY, "08027-plaza", at + 10), (KEY, "08027-clinic", at), (b"l" * 32, "08027-plaza", at)
    assert mac not in {own_probe.mac_at(*other) for other in others}


def probe_of(world: World, site: str = GUACHOCHI) -> str:
    """The MAC of the probe that visits a site now."""
    return own_probe.mac_at(world.sites[site].wiring.key, site, int(world.clock().timestamp()))


def visit(world: World, mac: str) -> None:
    """Look at the page and press the button."""
    world.phone.get(f"/p/{GUACHOCHI}?a={world.token(mac=mac)}")
    world.phone.post(f"/p/{GUACHOCHI}/enter", data={"v": world.sealed(mac=mac)})


def counted(world: World) -> PortalCounts:
    """What the portal did; a citizen's page comes last, so that what was before is written too."""
    world.phone.get(f"/p/{GUACHOCHI}?a={world.token()}")
    now = int(world.clock().timestamp())

    def told() -> list[PortalCounts]:
        return [one for one in world.sessions.portal_counts(now - 600, now + 60) if one.arrivals]

    (portal,) = wait_for(told, "the minute")
    found: PortalCounts = portal
    return found


def test_a_probe_that_goes_in_is_neither_an_arrival_nor_a_tap_nor_a_session(world: World) -> None:
    visit(world, probe_of(world))
    visit(world, MAC)
    portal = counted(world)
    assert (portal.arrivals, portal.taps, portal.grants, portal.refusals) == (2, 1, 1, 0)


def test_a_probe_that_is_refused_is_no_refusal(world: World) -> None:
    world.closed.add(GUACHOCHI)
    probe, sealed = probe_of(world), world.sealed(mac=probe_of(world))
    assert world.phone.get(f"/p/{GUACHOCHI}?a={world.token(mac=probe)}").status_code == 403
    world.phone.post(f"/p/{GUACHOCHI}/enter", data={"v": sealed})
    world.closed.clear()
    assert counted(world).refusals == 0


def test_it_is_known_for_as_long_as_a_visit_may_take_and_at_its_own_site_only(world: World) -> None:
    probe = world.arrival(mac=probe_of(world)).device
    site = world.sites[GUACHOCHI]
    assert own_probe.is_ours(site, probe, world.clock())
    assert not own_probe.is_ours(site, world.arrival().device, world.clock())
    elsewhere = world.arrival(JUAREZ, probe_of(world)).device
    assert not own_probe.is_ours(world.sites[JUAREZ], elsewhere, world.clock())
    assert own_probe.is_ours(site, probe, world.clock.forward(seconds=119))
    assert not own_probe.is_ours(site, probe, world.clock.forward(seconds=60))


def test_other_makers_gateways_name_it_in_clear(world: World) -> None:
    site = site_of("08027-plaza", kind=GatewayKind.COOVACHILLI)
    mac = own_probe.mac_at(site.wiring.key, site.key, int(world.clock().timestamp()))
    assert own_probe.is_ours(site, arrived(site.wiring, Phone(mac, "10.1.0.9"), {}).device, world.clock())
    assert not own_probe.is_ours(site, arrived(site.wiring, Phone(MAC), {}).device, world.clock())


@pytest.mark.parametrize(("probe", "online"), [(0, 1), (1, 0)])
def test_a_door_that_radius_tells_of_counts_for_citizens(tmp_path: Path, probe: int, online: int) -> None:
    radius = make_radius(tmp_path)
    session = radius.tap()
    with radius.engine.begin() as connection:
        connection.execute(update(sessions).values(probe=probe))
    account(radius, session, Status.START)
    with radius.engine.connect() as connection:
        assert sum(connection.execute(select(portal_counts.c.online)).scalars()) == online
    radius.engine.dispose()
