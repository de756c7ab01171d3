"""Meraki's two ways: only its own cloud is answered, and nobody is led where a stranger wanted."""

from dataclasses import replace
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.meraki import MerakiGateway
from captive_portal.gateways.wiring import password
from captive_portal.model import Admitted, PostForm, Redirect
from tests.kinds.example import GRANT, LANDING, Example
from tests.kinds.meraki_kind import MERAKI_CLICK_THROUGH, MERAKI_SIGN_ON

BOTH = pytest.mark.parametrize(
    "example", [MERAKI_CLICK_THROUGH, MERAKI_SIGN_ON], ids=["click-through", "sign-on"]
)
CLOUD = "n143.network-auth.com"


@BOTH
@pytest.mark.parametrize(
    "host",
    [
        "n144.network-auth.com",
        "network-auth.com",
        "n143.network-auth.com.evil.example",
        "evil.n143.network-auth.com",
        "n143.network-auth.com:8443",
        "xn143.network-auth.com",
    ],
)
def test_a_cloud_that_is_not_this_organizations_is_not_answered(example: Example, host: str) -> None:
    with pytest.raises(ArrivalInvalid):
        example.make(example.wiring).read(example.query.replace(CLOUD, quote(host, safe="")))


@BOTH
def test_a_cloud_is_not_answered_in_clear(example: Example) -> None:
    with pytest.raises(ArrivalInvalid):
        example.make(example.wiring).read(example.query.replace("https%3A%2F%2Fn143", "http%3A%2F%2Fn143"))


def test_an_address_to_grant_at_that_brings_its_own_landing_is_not_answered() -> None:
    query = MERAKI_CLICK_THROUGH.query.replace(
        "splash%2Fgrant", "splash%2Fgrant%3Fcontinue_url%3Dhttps%253A%252F%252Fevil.example"
    )

    with pytest.raises(ArrivalInvalid):
        MERAKI_CLICK_THROUGH.make(MERAKI_CLICK_THROUGH.wiring).read(query)


def test_the_longer_address_of_a_newer_cloud_is_answered() -> None:
    gateway = MerakiGateway(replace(MERAKI_CLICK_THROUGH.wiring, hosts=frozenset({"na.network-auth.com"})))
    query = MERAKI_CLICK_THROUGH.query.replace(
        f"{CLOUD}%2Fsplash%2Fgrant", "na.network-auth.com%2Fsplash%2FAbCdEfGh.0.1234%2Fgrant"
    )

    answer = gateway.admit(gateway.read(query), GRANT)

    assert isinstance(answer, Redirect)
    assert answer.url.startswith("https://na.network-auth.com/splash/AbCdEfGh.0.1234/grant?continue_url=")


def test_the_manuals_own_mac_of_five_octets_is_not_believed() -> None:
    query = MERAKI_CLICK_THROUGH.query.replace("f4:5c:89:9b:17:67", "ff:ff:96:d5:d5")

    with pytest.raises(ArrivalInvalid):
        MERAKI_CLICK_THROUGH.make(MERAKI_CLICK_THROUGH.wiring).read(query)


def test_a_click_through_lasts_as_many_seconds_as_the_grant() -> None:
    gateway = MERAKI_CLICK_THROUGH.make(MERAKI_CLICK_THROUGH.wiring)

    answer = gateway.admit(gateway.read(MERAKI_CLICK_THROUGH.query), replace(GRANT, seconds=5400))

    assert isinstance(answer, Redirect)
    assert parse_qs(urlsplit(answer.url).query) == {"continue_url": [LANDING], "duration": ["5400"]}


def test_a_sign_on_keeps_nothing_of_its_address_but_what_meraki_signed() -> None:
    gateway = MERAKI_SIGN_ON.make(MERAKI_SIGN_ON.wiring)
    query = MERAKI_SIGN_ON.query.replace(
        "%26continue_url%3D", "%26success_url%3Dhttps%253A%252F%252Fevil.example%26continue_url%3D"
    )

    answer = gateway.admit(gateway.read(query), GRANT)

    assert answer == MERAKI_SIGN_ON.answer
    assert isinstance(answer, PostForm)
    assert "www.ask.com" not in answer.url


def test_a_sign_on_without_merakis_own_token_is_not_believed() -> None:
    gateway = MERAKI_SIGN_ON.make(MERAKI_SIGN_ON.wiring)
    for broken in ("%3Fmauth%3D", "%3Fmauth%3D%26was%3D"):
        with pytest.raises(ArrivalInvalid):
            gateway.read(MERAKI_SIGN_ON.query.replace("%3Fmauth%3D", broken.replace("mauth%3D", "m%3D", 1)))


def test_a_sign_on_that_was_refused_comes_back_and_may_try_anew() -> None:
    gateway = MERAKI_SIGN_ON.make(MERAKI_SIGN_ON.wiring)

    again = gateway.read(f"{MERAKI_SIGN_ON.query}&error_message=Access+denied")

    assert gateway.admit(again, GRANT) == MERAKI_SIGN_ON.answer


def test_a_sign_ons_password_shows_in_no_repr_and_is_of_one_session() -> None:
    gateway = MERAKI_SIGN_ON.make(MERAKI_SIGN_ON.wiring)
    arrival = gateway.read(MERAKI_SIGN_ON.query)
    first = gateway.admit(arrival, GRANT)
    second = gateway.admit(arrival, replace(GRANT, session="f" * 32))

    assert isinstance(first, PostForm)
    assert isinstance(second, PostForm)
    assert first.fields["password"] != second.fields["password"]
    assert password(MERAKI_SIGN_ON.wiring.key, GRANT.session) not in repr(first)


def test_a_variant_that_meraki_has_not_is_refused_with_the_site_and_the_two_it_has() -> None:
    with pytest.raises(ValueError, match=r"08019-plaza: .*click-through, sign-on"):
        MerakiGateway(replace(MERAKI_SIGN_ON.wiring, variant="splash"))


@BOTH
def test_ending_and_counting_are_left_to_meraki_and_radius(example: Example) -> None:
    gateway = example.make(example.wiring)
    assert example.phone is not None
    admitted = Admitted(GRANT.session, example.phone)

    assert gateway.dismiss(admitted) is False
    assert gateway.account([admitted]) is None
