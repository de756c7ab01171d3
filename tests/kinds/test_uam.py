"""CoovaChilli and uspot: what is signed is believed, and what RADIUS checks is right."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.uspot import as_written
from captive_portal.gateways.wiring import password
from captive_portal.model import Admitted, Arrival, Redirect
from tests.kinds import chap_peer
from tests.kinds.coovachilli_kind import COOVACHILLI
from tests.kinds.example import GRANT, LANDING, Example
from tests.kinds.uspot_kind import USPOT

BOTH = pytest.mark.parametrize("example", [COOVACHILLI, USPOT], ids=["coovachilli", "uspot"])


def signed(example: Example, unsigned: str) -> str:
    """The query as this gateway would send it: `md` made here, not by what is tested."""
    url = f"{example.wiring.portal_url}?{unsigned}".encode()
    return f"{unsigned}&md={hashlib.md5(url + example.wiring.secret).hexdigest().upper()}"


def arriving(example: Example, unsigned: str) -> Arrival:
    """What a query is read as that the gateway signed."""
    return example.make(example.wiring).read(signed(example, unsigned))


def unsigned(example: Example) -> str:
    """The example's query without `md`, as the gateway wrote it."""
    return as_written(example.query).partition("&md=")[0]


def field(answer: object, name: str) -> str:
    """One field of the address that a phone is sent to."""
    assert isinstance(answer, Redirect)
    (value,) = parse_qs(urlsplit(answer.url).query)[name]
    return value


@BOTH
def test_a_query_with_one_octet_changed_anywhere_is_not_believed(example: Example) -> None:
    gateway = example.make(example.wiring)
    for at, octet in enumerate(example.query):
        for other in {"0", "1", octet.swapcase()} - {octet}:
            with pytest.raises(ArrivalInvalid):
                gateway.read(example.query[:at] + other + example.query[at + 1 :])


@BOTH
@pytest.mark.parametrize("after", ["&lang=en", "&", "%20", "\n", "&md=" + "0" * 32])
def test_nothing_may_follow_the_signature(example: Example, after: str) -> None:
    with pytest.raises(ArrivalInvalid):
        example.make(example.wiring).read(example.query + after)


@BOTH
def test_a_query_for_another_portal_or_by_another_secret_is_not_believed(example: Example) -> None:
    for other in (
        replace(example.wiring, portal_url="https://portal.example.mx/p/08037-plaza"),
        replace(example.wiring, secret=b"another"),
    ):
        with pytest.raises(ArrivalInvalid):
            example.make(other).read(example.query)


@BOTH
def test_a_site_without_a_secret_believes_nobody_though_the_signature_be_right(example: Example) -> None:
    bare = replace(example, wiring=replace(example.wiring, secret=b""))

    with pytest.raises(ArrivalInvalid):
        arriving(bare, unsigned(bare))


@pytest.mark.parametrize(
    ("example", "ours", "strange"),
    [
        (COOVACHILLI, "uamip=192.168.3.1", "uamip=192.168.3.2"),
        (COOVACHILLI, "uamport=3990", "uamport=80"),
        (USPOT, "F%2Fcaptive.example.org", "F%2Fevil.example"),
        (USPOT, "org%3A3991", "org%3A443"),
        (USPOT, "ssl=https%3A%2F%2Fcaptive.example.org%3A3991", "ssl=http%3A%2F%2F10.0.0.1%3A3990"),
    ],
)
def test_a_signed_query_that_names_the_gateway_of_another_site_is_not_believed(
    example: Example, ours: str, strange: str
) -> None:
    query = unsigned(example)
    assert ours in query

    with pytest.raises(ArrivalInvalid, match=r"address"):
        arriving(example, query.replace(ours, strange))


def test_no_field_of_uspot_can_be_hidden_in_another_by_encoding_it_once_more() -> None:
    hidden = USPOT.query.replace("&ssl=https%3A%2F%2F", "%26ssl%3Dhttps%253A%252F%252F")
    hidden = hidden.replace("org%3A3991%2F", "org%253A3991%252F")

    with pytest.raises(ArrivalInvalid, match=r"did not sign"):
        USPOT.make(USPOT.wiring).read(hidden)


def test_uspot_without_an_https_address_is_answered_in_clear() -> None:
    arrival = arriving(USPOT, unsigned(USPOT).replace("&ssl=", "&was="))

    answer = USPOT.make(USPOT.wiring).admit(arrival, GRANT)

    assert isinstance(answer, Redirect)
    assert answer.url.startswith("http://10.0.0.1:3990/logon?")


@pytest.mark.parametrize("ssid", ["Plaza Libre", "Niños", "100% libre", 'a"b', "100%25"])
def test_an_ssid_that_the_browser_had_to_encode_is_believed(ssid: str) -> None:
    encoded = {" ": "%20", "ñ": "%C3%B1", '"': "%22"}
    written = unsigned(USPOT).replace("Plaza Libre", ssid)
    sent = "".join(encoded.get(letter, letter) for letter in signed(USPOT, written))

    assert USPOT.make(USPOT.wiring).read(sent).phone == USPOT.phone


def test_what_uspot_encoded_itself_stays_so_beside_an_ssid_that_the_browser_encoded() -> None:
    written = unsigned(USPOT).replace("neverssl.com%2F", "neverssl.com%2Fa%20b")

    sent = signed(USPOT, written).replace("Plaza Libre", "Plaza%20Libre")

    assert USPOT.make(USPOT.wiring).read(sent).phone == USPOT.phone


@BOTH
@pytest.mark.parametrize("res", ["success", "already"])
def test_a_phone_that_is_online_is_sent_to_the_landing_and_not_back_to_log_on(
    example: Example, res: str
) -> None:
    query = unsigned(example).replace("res=notyet", f"res={res}").replace("&challenge=", "&was=")
    arrival = arriving(example, query)

    assert arrival.carried == {"res": res}
    assert arrival.phone == example.phone
    assert example.make(example.wiring).admit(arrival, GRANT) == Redirect(LANDING)


@BOTH
@pytest.mark.parametrize("res", ["failed&reason=reject", "failed", "reject", "logoff"])
def test_a_phone_that_failed_or_left_may_try_anew(example: Example, res: str) -> None:
    arrival = arriving(example, unsigned(example).replace("res=notyet", f"res={res}"))

    assert arrival.carried["res"] == res.partition("&")[0]
    assert example.make(example.wiring).admit(arrival, GRANT) == example.answer


@BOTH
def test_a_standing_that_no_gateway_tells_and_a_broken_challenge_are_not_believed(example: Example) -> None:
    query = unsigned(example)
    start = query.index("&challenge=") + len("&challenge=")
    for broken in (
        query.replace("res=notyet", "res=root"),
        query.replace("&challenge=", "&was="),
        query[:start] + "zz" + query[start + 2 :],
        query[:start] + query[start + 2 :],
    ):
        with pytest.raises(ArrivalInvalid):
            arriving(example, broken)


@BOTH
def test_the_response_is_that_of_rfc_1994_to_the_challenge_that_radius_is_shown(example: Example) -> None:
    gateway = example.make(example.wiring)
    arrival = gateway.read(example.query)
    challenge = bytes.fromhex(parse_qs(example.query)["challenge"][0])
    shown = hashlib.md5(challenge + example.wiring.secret).digest()
    secret = password(example.wiring.key, GRANT.session).encode()

    said = field(gateway.admit(arrival, GRANT), "response")

    assert said == hashlib.md5(bytes([0]) + secret + shown).hexdigest()
    assert field(gateway.admit(arrival, GRANT), "username") == GRANT.session


def test_every_session_has_a_response_of_its_own_though_uspots_challenge_stays() -> None:
    gateway = USPOT.make(USPOT.wiring)
    arrival = gateway.read(USPOT.query)
    other = replace(GRANT, session="f" * 32)

    assert field(gateway.admit(arrival, GRANT), "response") != field(
        gateway.admit(arrival, other), "response"
    )


@BOTH
def test_ending_and_counting_are_left_to_radius(example: Example) -> None:
    gateway = example.make(example.wiring)
    assert example.phone is not None
    admitted = Admitted(GRANT.session, example.phone)

    assert gateway.dismiss(admitted) is False
    assert gateway.account([admitted]) is None


@pytest.fixture(scope="module")
def freeradius(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real FreeRADIUS that knows the one-time password of GRANT."""
    known = password(COOVACHILLI.wiring.key, GRANT.session)
    with chap_peer.knowing(tmp_path_factory.mktemp("raddb"), GRANT.session, known) as port:
        yield port


def asked(port: int, challenge: bytes, response: str) -> str:
    """What FreeRADIUS says when a gateway asks it as CoovaChilli does: identifier 0, then the response."""
    return chap_peer.asked(port, GRANT.session, b"\0", challenge, bytes.fromhex(response))


@BOTH
def test_a_real_freeradius_accepts_the_response_and_no_other(example: Example, freeradius: int) -> None:
    gateway = example.make(example.wiring)
    response = field(gateway.admit(gateway.read(example.query), GRANT), "response")
    challenge = bytes.fromhex(parse_qs(example.query)["challenge"][0])
    shown = hashlib.md5(challenge + example.wiring.secret).digest()
    wrong = ("0" if response[0] != "0" else "1") + response[1:]

    assert "Access-Accept" in asked(freeradius, shown, response)
    assert "Access-Reject" in asked(freeradius, shown, wrong)
    assert "Access-Reject" in asked(freeradius, os.urandom(16), response)
