"""Who is let on, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.gateways.wiring import password
from captive_portal.model import GatewayKind, Running
from captive_portal.radius.authorise import decide, refused
from captive_portal.radius.model import Accept, Reject, RejectReason, Speaker
from tests.radius.conftest import HERE, radius_site
from tests.radius.told import MAC, NAS, SESSION, STATION

NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
SITE = radius_site(HERE)
HELD = Running(SESSION, NOW + timedelta(minutes=40))
BY_SESSION = Speaker(NAS, SESSION, MAC)
CAP = 6 * 2**32


def accepted(answer: Accept | Reject) -> Accept:
    assert isinstance(answer, Accept)
    return answer


def test_a_session_is_let_on_for_what_remains_with_its_password() -> None:
    found = accepted(decide(SITE, BY_SESSION, HELD, NOW))
    assert found.password == password(SITE.key, SESSION)
    assert found.attributes["Session-Timeout"] == 2400


def test_a_mac_is_let_on_without_a_password_in_any_spelling() -> None:
    for user in (MAC, STATION, "02cafe5e0001"):
        assert accepted(decide(SITE, Speaker(NAS, user, MAC), HELD, NOW)).password is None


@pytest.mark.parametrize("user", ["", "02-CA-FE-5E-00-99", "f" * 32, "admin", SESSION.upper()])
def test_a_name_that_is_neither_the_session_nor_the_phone_is_refused(user: str) -> None:
    assert decide(SITE, Speaker(NAS, user, MAC), HELD, NOW) == Reject(RejectReason.OTHER_PHONE)


def test_a_phone_without_a_session_is_refused() -> None:
    assert decide(SITE, BY_SESSION, None, NOW) == Reject(RejectReason.NO_SESSION)


def test_an_access_point_of_another_site_and_a_packet_of_no_phone_are_refused() -> None:
    assert refused(SITE, BY_SESSION) is None
    for nas in ("ap-9", "", "AP-1"):
        assert refused(SITE, replace(BY_SESSION, nas=nas)) == Reject(RejectReason.UNKNOWN_NAS)
    assert refused(SITE, replace(BY_SESSION, mac="")) == Reject(RejectReason.NO_PHONE)


def test_a_used_up_allowance_is_refused_and_not_given_as_a_last_octet() -> None:
    spent = replace(HELD, octets=CAP, octets_used=CAP)
    assert decide(SITE, BY_SESSION, spent, NOW) == Reject(RejectReason.USED_UP)
    left = accepted(decide(SITE, BY_SESSION, replace(spent, octets_used=CAP - 1), NOW))
    assert left.attributes["Mikrotik-Total-Limit"] == 1


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (GatewayKind.MIKROTIK, "Mikrotik-Total-Limit", "Mikrotik-Total-Limit-Gigawords"),
        (GatewayKind.USPOT, "ChilliSpot-Max-Total-Octets", "ChilliSpot-Max-Total-Gigawords"),
        (GatewayKind.COOVACHILLI, "ChilliSpot-Max-Total-Octets", "ChilliSpot-Max-Total-Gigawords"),
        (
            GatewayKind.CAMBIUM,
            "Cambium-Traffic-Quota-Limit-Total",
            "Cambium-Traffic-Quota-Limit-Total-Gigwords",
        ),
    ],
)
def test_an_allowance_is_written_in_the_words_of_its_vendor(kind: GatewayKind, low: str, high: str) -> None:
    held = replace(HELD, octets=CAP, octets_used=2**32 - 5)
    found = accepted(decide(replace(SITE, kind=kind), BY_SESSION, held, NOW)).attributes
    assert (found[low], found[high]) == (5, 5)


def test_an_allowance_below_four_gibibytes_has_no_upper_half() -> None:
    found = accepted(decide(SITE, BY_SESSION, replace(HELD, octets=500_000_000), NOW)).attributes
    assert found["Mikrotik-Total-Limit"] == 500_000_000
    assert "Mikrotik-Total-Limit-Gigawords" not in found


def test_rates_are_bits_per_second_and_absent_without_a_limit() -> None:
    found = accepted(decide(SITE, BY_SESSION, replace(HELD, down_kbps=4_000), NOW)).attributes
    assert found["WISPr-Bandwidth-Max-Down"] == 4_000_000
    assert "WISPr-Bandwidth-Max-Up" not in found
    vast = accepted(decide(SITE, BY_SESSION, replace(HELD, up_kbps=10**7), NOW)).attributes
    assert vast["WISPr-Bandwidth-Max-Up"] == 2**32 - 1


def test_no_password_mac_or_name_shows_in_a_repr() -> None:
    shown = repr(decide(SITE, BY_SESSION, HELD, NOW)) + repr(Speaker(NAS, MAC, MAC)) + repr(SITE)
    assert password(SITE.key, SESSION) not in shown
    assert MAC not in shown
    assert "key of" not in shown
