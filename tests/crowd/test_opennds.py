"""A real openNDS 9.10.0 at FAS levels 2 and 3, phones, and the real portal over HTTP and HTTPS."""

import json
from collections.abc import Iterator

import pytest

from captive_portal.accounting import OVERDUE
from tests.crowd.opennds import DOOR, LEVEL_2, LEVEL_3, Square, mac_of, square
from tests.gateway.town import wait_for
from tests.probes import FREE, PROBES

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def level_3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Square]:
    with square(tmp_path_factory.mktemp("level-3"), LEVEL_3) as made:
        yield made


@pytest.fixture(scope="module")
def level_2(tmp_path_factory: pytest.TempPathFactory, level_3: Square) -> Iterator[Square]:
    # after the other, whose authmon sleeps at first
    with square(tmp_path_factory.mktemp("level-2"), LEVEL_2) as made:
        yield made


def probed(place: Square, phone: str) -> dict[str, object]:
    """What each system sees: where it is sent, or the answer of the Internet."""
    return {
        probe.system: (seen.location.partition("?")[0] or (seen.status, seen.body.encode()))
        for probe in PROBES
        for seen in [place.get(phone, probe.url)]
    }


def captive(place: Square) -> dict[str, object]:
    return {probe.system: place.page for probe in PROBES}


def test_level_2_opens_at_the_tap_for_one_phone_and_every_system_notices(level_2: Square) -> None:
    assert probed(level_2, "phone1") == captive(level_2)
    granted = level_2.enter("phone1")
    status = level_2.carry("phone1", granted)
    assert "Te quedan 20 minutos." in status.body
    assert probed(level_2, "phone1") == FREE
    assert probed(level_2, "phone2") == captive(level_2)
    (row,) = level_2.town.rows()
    assert row["acctstarttime"] is not None

    left = level_2.leave("phone1", status)
    assert left.location == f"http://{DOOR}/opennds_deny/"
    assert level_2.is_online("phone1"), "the portal's word alone shuts no door here"
    level_2.get("phone1", left.location)
    wait_for(lambda: not level_2.is_online("phone1"), "the phone to be outside")
    level_2.get("phone1", granted.location)
    assert not level_2.is_online("phone1"), "what opened once opens no more"


def test_level_2_shuts_when_its_own_time_is_over_and_nobody_knows_how_long_it_was(level_2: Square) -> None:
    level_2.carry("phone2", level_2.enter("phone2"))
    assert level_2.is_online("phone2")
    level_2.forward(20 * 60 + 1)
    wait_for(lambda: not level_2.is_online("phone2"), "the end of its time")
    level_2.forward(int(OVERDUE.total_seconds()))
    level_2.town.sessions.end_overdue(level_2.now())
    assert {row["acctterminatecause"] for row in level_2.town.rows()} == {"unreported"}
    first = min(row["granted_at"] for row in level_2.town.rows()) // 60 * 60
    (point,) = level_2.town.sessions.slot_counts(first, first + 7200)
    assert (point.opened, point.ended) == (2, 2)
    assert (point.seconds, point.octets) == (None, None)


def test_level_3_opens_at_the_next_poll_and_no_page_says_so_before(level_3: Square) -> None:
    assert probed(level_3, "phone1") == captive(level_3)
    wait = level_3.enter("phone1")
    assert "Ya casi" in wait.body
    wait_for(lambda: level_3.is_online("phone1"), "authmon to open the door")
    wait_for(lambda: level_3.is_told("phone1", wait), "the portal to hear of it")
    assert "Te quedan 20 minutos." in level_3.onward("phone1", wait).body
    held = json.loads(level_3.ndsctl("json", mac_of(1)))
    rates = held["download_rate_limit_threshold"], held["upload_rate_limit_threshold"]
    assert rates == ("4000", "1000"), "kbit/s, as it was told"
    assert probed(level_3, "phone1") == FREE
    assert probed(level_3, "phone2") == captive(level_3)


def test_level_3_tells_how_long_and_how_much_when_its_operator_ends_a_session(level_3: Square) -> None:
    level_3.forward(600)
    level_3.ndsctl("deauth", mac_of(1))
    row = wait_for(lambda: ended(level_3, 0), "the report of openNDS")
    assert row["acctterminatecause"] == "Admin-Reset"
    assert 600 <= row["acctsessiontime"] < 660
    assert row["acctoutputoctets"] > 0
    wait_for(lambda: not level_3.is_online("phone1"), "the phone to be outside")


def ended(place: Square, number: int) -> dict[str, object]:
    rows = sorted(place.town.rows(), key=lambda one: one["granted_at"])
    return rows[number] if len(rows) > number and rows[number]["acctstoptime"] else {}


def test_level_3_is_not_told_of_a_dismissal_but_shuts_when_the_time_of_the_grant_is_over(
    level_3: Square,
) -> None:
    level_3.enter("phone2")
    wait_for(lambda: level_3.is_online("phone2"), "authmon to open the door")
    row = max(level_3.town.rows(), key=lambda one: one["granted_at"])
    assert level_3.town.sessions.dismiss(row["acctuniqueid"], level_3.now())
    assert level_3.is_online("phone2")
    level_3.forward(20 * 60 + 1)
    over = wait_for(lambda: ended(level_3, 1), "the report of openNDS")
    assert over["acctterminatecause"] == "Session-Timeout"
    wait_for(lambda: not level_3.is_online("phone2"), "the phone to be outside")


def test_level_3_lets_a_citizen_out_at_once_and_tells_how_long_it_was(level_3: Square) -> None:
    wait = level_3.enter("phone1")
    wait_for(lambda: level_3.is_told("phone1", wait), "the door to open")
    level_3.forward(300)
    left = level_3.leave("phone1", level_3.onward("phone1", wait))
    level_3.get("phone1", left.location)
    wait_for(lambda: not level_3.is_online("phone1"), "the phone to be outside")
    row = wait_for(lambda: ended(level_3, 2), "the report of openNDS")
    assert row["acctterminatecause"] == "User-Request"
    assert 300 <= row["acctsessiontime"] < 360
