"""Gateways to which a phone POSTs: what leaves it is safe, of this session and in the vendor's words."""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.mikrotik import MikrotikGateway
from captive_portal.gateways.posting import Posting, Setback
from captive_portal.gateways.safe_way import SafeWay
from captive_portal.gateways.wiring import password
from captive_portal.model import Admitted, Arrival, PostForm, Redirect
from drivers.configurers.routeros.portal import login_page
from tests.kinds import chap_peer
from tests.kinds.aruba_instant_kind import ARUBA_INSTANT, ARUBA_INSTANT_ON
from tests.kinds.cambium_kind import CAMBIUM, CAMBIUM_OLD, OLD_QV
from tests.kinds.cisco_wlc_kind import CISCO_WLC
from tests.kinds.example import GRANT, KEY, Example
from tests.kinds.examples import POSTING
from tests.kinds.mikrotik_kind import (
    ARRIVED,
    CHALLENGE,
    CHALLENGED,
    CHAP_ID,
    DIGEST,
    MIKROTIK_CHAP,
    MIKROTIK_HTTPS,
)
from tests.kinds.ruckus_zd_kind import RUCKUS_ZD, UNLEASHED

EACH = pytest.mark.parametrize("example", POSTING, ids=[example.name for example in POSTING])
HTTP_LOGIN = "http%3A%2F%2F10.5.50.1%2Flogin"
HEX_CHALLENGED = "&chap-id=f9&chap-challenge=EF0DD80B119C65A5C3AB62A65B7DFDCE"


def arrival_of(example: Example, query: str = "") -> Arrival:
    return example.make(example.wiring).read(query or example.query)


def answer_of(example: Example, query: str = "") -> PostForm | Redirect:
    answer = example.make(example.wiring).admit(arrival_of(example, query), GRANT)
    assert isinstance(answer, PostForm | Redirect)
    return answer


@EACH
def test_a_plain_password_leaves_the_phone_only_over_https(example: Example) -> None:
    answer = answer_of(example)
    told = answer.fields.values() if isinstance(answer, PostForm) else [answer.url]

    assert answer.url.startswith("https://") or not any(password(KEY, GRANT.session) in text for text in told)


@EACH
def test_a_form_never_leads_from_our_https_page_to_http(example: Example) -> None:
    answer = answer_of(example)

    assert not isinstance(answer, PostForm) or answer.url.startswith("https://")


@EACH
def test_every_kind_states_its_safe_way(example: Example) -> None:
    gateway = example.make(example.wiring)

    assert isinstance(gateway, Posting)
    assert gateway.safe_way is (SafeWay.GET if example.make is MikrotikGateway else SafeWay.HTTPS)


@pytest.mark.parametrize(
    ("example", "query"),
    [
        (MIKROTIK_CHAP, ARRIVED.format(HTTP_LOGIN)),
        (MIKROTIK_CHAP, ARRIVED.format(HTTP_LOGIN) + "&chap-id=&chap-challenge="),
        (CISCO_WLC, CISCO_WLC.query.replace("https://wlanauth.noc.titech.ac.jp/", "http://192.0.2.1/")),
    ],
    ids=["mikrotik", "mikrotik-without-challenge", "cisco_wlc"],
)
def test_a_gateway_on_plain_http_is_refused_with_what_to_do(example: Example, query: str) -> None:
    with pytest.raises(ArrivalInvalid, match="give the gateway a certificate, or use the kind radius"):
        arrival_of(example, query)


def test_a_gateway_on_https_is_given_a_digest_too_when_it_challenges() -> None:
    answer = answer_of(MIKROTIK_HTTPS, MIKROTIK_HTTPS.query + CHALLENGED)

    assert isinstance(answer, PostForm)
    assert answer.fields["password"] == DIGEST


def test_a_challenge_in_hexadecimal_is_the_same_challenge() -> None:
    assert answer_of(MIKROTIK_CHAP, ARRIVED.format(HTTP_LOGIN) + HEX_CHALLENGED) == MIKROTIK_CHAP.answer


def test_a_real_freeradius_accepts_what_the_hotspot_passes_on_and_nothing_else(tmp_path: Path) -> None:
    answer = answer_of(MIKROTIK_CHAP)
    digest = bytes.fromhex(parse_qs(urlsplit(answer.url).query)["password"][0])
    chap_id, challenge = bytes.fromhex("f9"), bytes.fromhex("ef0dd80b119c65a5c3ab62a65b7dfdce")

    with chap_peer.knowing(tmp_path, GRANT.session, password(KEY, GRANT.session)) as port:
        assert "Access-Accept" in chap_peer.asked(port, GRANT.session, chap_id, challenge, digest)
        assert "Access-Reject" in chap_peer.asked(port, GRANT.session, b"\xf8", challenge, digest)
        assert "Access-Reject" in chap_peer.asked(port, GRANT.session, chap_id, challenge[::-1], digest)


@pytest.mark.parametrize(
    "challenge",
    [
        "&chap-id=%5C371",
        "&chap-challenge=%5C357%5C015",
        "&chap-id=%5C371%5C371&chap-challenge=%5C357",
        "&chap-id=%5C471&chap-challenge=%5C357",
        "&chap-id=%5C371&chap-challenge=%5C35",
        "&chap-id=f9&chap-challenge=xyz",
        "&chap-id=f9&chap-challenge=" + "00" * 65,
        "&chap-id=%D9%A1%D9%A1&chap-challenge=00",
    ],
)
def test_a_damaged_challenge_is_not_answered(challenge: str) -> None:
    with pytest.raises(ArrivalInvalid, match="chap-"):
        answer_of(MIKROTIK_CHAP, ARRIVED.format(HTTP_LOGIN) + challenge)


def test_the_hotspot_page_that_we_configure_forwards_what_is_read() -> None:
    values = {
        "mac": "02%3ACA%3AFE%3A5E%3A00%3A01",
        "ip": "10.5.50.2",
        "link-login-only": "https%3A%2F%2Fentrada.example.mx%2Flogin",
        "chap-id": CHAP_ID.replace("\\", "%5C"),
        "chap-challenge": CHALLENGE.replace("\\", "%5C"),
    }
    page = login_page("https://portal.example.mx/p/08019-plaza").replace("&amp;", "&")
    target = re.search(r'url=https://portal.example.mx/p/08019-plaza\?([^"]*)"', page)
    assert target is not None
    query = re.sub(r"\$\(([a-z-]+)\)", lambda name: values.get(name[1].removesuffix("-esc"), ""), target[1])

    arrival = arrival_of(MIKROTIK_HTTPS, query)

    assert arrival.phone == MIKROTIK_HTTPS.phone
    assert arrival.carried["link-login-only"] == "https://entrada.example.mx/login"
    assert arrival.carried["chap-id"] == "f9"


@pytest.mark.parametrize(
    ("example", "order"),
    [
        (MIKROTIK_HTTPS, "username password dst"),
        (CISCO_WLC, "buttonClicked redirect_url err_flag username password"),
        (ARUBA_INSTANT, "cmd user password url"),
        (RUCKUS_ZD, "ip username password"),
        (CAMBIUM, "ga_user ga_pass"),
    ],
    ids=lambda value: value.name if isinstance(value, Example) else "",
)
def test_the_fields_come_in_the_vendors_order(example: Example, order: str) -> None:
    answer = answer_of(example)

    assert isinstance(answer, PostForm)
    assert list(answer.fields) == order.split()


@pytest.mark.parametrize("opaque", [OLD_QV, "a%2Bb%2b+c", "%25252F", "x=.."])
def test_what_cambium_sealed_goes_back_letter_for_letter(opaque: str) -> None:
    answer = answer_of(CAMBIUM_OLD, CAMBIUM_OLD.query.replace(OLD_QV, opaque))

    assert answer.url.endswith(f"?ga_Qv={opaque}")


@pytest.mark.parametrize("opaque", ["", "%", "%zz", "a#b", "a b", "ñ", '"><script>', "a\r\nb"])
def test_what_cambium_would_not_have_sealed_is_not_believed(opaque: str) -> None:
    with pytest.raises(ArrivalInvalid, match="ga_Qv"):
        arrival_of(CAMBIUM_OLD, CAMBIUM_OLD.query.replace(OLD_QV, opaque))


@pytest.mark.parametrize(
    ("example", "told", "setback"),
    [
        (CISCO_WLC, "statusCode=1", Setback.ALREADY_ONLINE),
        (CISCO_WLC, "statusCode=2", Setback.UNNAMED),
        (CISCO_WLC, "statusCode=3", Setback.BUSY),
        (CISCO_WLC, "statusCode=4", Setback.EXCLUDED),
        (CISCO_WLC, "statusCode=5", Setback.REFUSED),
        (ARUBA_INSTANT, "errmsg=Authentication%20failed", Setback.REFUSED),
        (ARUBA_INSTANT_ON, "errmsg=Access+denied", Setback.EXCLUDED),
        (RUCKUS_ZD, "auth=failed", Setback.REFUSED),
        (CAMBIUM, "ga_error_code=reject", Setback.REFUSED),
        (CAMBIUM, "ga_error_code=timeout", Setback.UNANSWERED),
        (CAMBIUM, "ga_error_code=not-found", Setback.UNANSWERED),
    ],
)
def test_an_arrival_after_an_error_is_one_that_names_it(
    example: Example, told: str, setback: Setback
) -> None:
    assert arrival_of(example, f"{example.query}&{told}").carried["error"] == setback
    assert "error" not in arrival_of(example).carried
    assert answer_of(example, f"{example.query}&{told}") == example.answer


@pytest.mark.parametrize(
    ("words", "setback"),
    [
        ("invalid+username+or+password", Setback.REFUSED),
        ("already+authorizing%2C+retry+later", Setback.BUSY),
        ("RADIUS+server+is+not+responding", Setback.UNANSWERED),
        ("Llama+al+614+000+0000+y+da+tu+NIP", Setback.UNNAMED),
    ],
)
def test_what_a_hotspot_says_is_told_in_names_of_ours(words: str, setback: Setback) -> None:
    arrival = arrival_of(MIKROTIK_CHAP, MIKROTIK_CHAP.query.replace("error=", f"error={words}"))

    assert arrival.carried["error"] == setback
    assert "614" not in "".join(arrival.carried.values())


@pytest.mark.parametrize(
    ("example", "query"),
    [
        (MIKROTIK_CHAP, MIKROTIK_CHAP.query.replace("%2Flogin", "%2Flogout")),
        (MIKROTIK_CHAP, MIKROTIK_CHAP.query.replace("%2Flogin", "%2Flogin%3Fx=1")),
        (CISCO_WLC, CISCO_WLC.query.replace("/login.html", "/logout.html")),
    ],
    ids=["another-page", "a-query", "cisco_wlc"],
)
def test_an_address_that_is_not_the_login_page_is_not_believed(example: Example, query: str) -> None:
    with pytest.raises(ArrivalInvalid, match="login page"):
        arrival_of(example, query)


@pytest.mark.parametrize("url", ["ftp://10.5.50.1/login", "//10.5.50.1/login", "http://[10.5.50.1/login"])
def test_a_login_page_is_reached_over_http_or_https_alone(url: str) -> None:
    with pytest.raises(ArrivalInvalid, match="address cannot be"):
        arrival_of(MIKROTIK_CHAP, ARRIVED.format(quote(url, safe="")) + CHALLENGED)


def test_a_login_page_is_addressed_in_one_spelling() -> None:
    shouted = ARRIVED.format("HTTPS%3A%2F%2FEntrada.Example.MX%2Flogin%3F%23")

    assert answer_of(MIKROTIK_HTTPS, shouted) == MIKROTIK_HTTPS.answer


def test_a_port_of_the_phones_choice_is_not_believed() -> None:
    with pytest.raises(ArrivalInvalid):
        arrival_of(CAMBIUM, CAMBIUM.query.replace("192.168.0.70", "192.168.0.70:444"))


@pytest.mark.parametrize("address", ["10.0.0.300", "here", "%22%3E%3Cscript%3E", "::1"])
def test_an_address_of_a_phone_that_is_none_is_not_believed(address: str) -> None:
    with pytest.raises(ArrivalInvalid, match="no IPv4 address"):
        arrival_of(RUCKUS_ZD, RUCKUS_ZD.query.replace("192.168.1.106", address))


def test_a_zonedirector_without_a_name_is_addressed_as_it_is() -> None:
    nameless = replace(UNLEASHED, wiring=replace(UNLEASHED.wiring, variant=""))

    assert answer_of(nameless).url == "https://192.168.0.253:9998/login"


@EACH
def test_radius_ends_and_accounts_these_sessions(example: Example) -> None:
    gateway = example.make(example.wiring)
    phone = arrival_of(example).phone
    assert phone is not None

    assert gateway.dismiss(Admitted(GRANT.session, phone)) is False
    assert gateway.account([Admitted(GRANT.session, phone)]) is None
