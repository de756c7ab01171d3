"""openNDS: what its levels say is read as its source writes it, and believed as far as it can be."""

import base64
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.opennds import LEVELS, OpenNds
from captive_portal.model import Admitted, Arrival, Pending, Redirect
from tests.kinds.example import GRANT, PHONE, Example
from tests.kinds.opennds_kind import (
    CLEAR,
    HASHED_9,
    HID,
    HOST,
    IV,
    OPENNDS,
    RECORDED,
    RHID,
    SEALED_10,
    carrying,
    hashed,
    sealed,
    wired,
)

LAB_QUERIES = [pytest.param(CLEAR, id="0"), pytest.param(hashed(HASHED_9), id="1 or 4")]


def read(text: str) -> Arrival:
    """The arrival that a gateway at level 2 sealed."""
    return OpenNds(wired()).read(carrying(sealed(text)))


@pytest.mark.parametrize("query", LAB_QUERIES)
@pytest.mark.parametrize("variant", ["", "level-2", "level-3"])
def test_what_a_phone_can_read_or_guess_is_not_believed_in_service(variant: str, query: str) -> None:
    with pytest.raises(ArrivalInvalid, match="FAS level, which sends fas and iv"):
        OpenNds(wired(variant)).read(query)


@pytest.mark.parametrize("example", OPENNDS, ids=[example.name for example in OPENNDS])
@pytest.mark.parametrize("variant", LEVELS)
def test_a_query_of_another_form_than_the_sites_level_is_not_believed(variant: str, example: Example) -> None:
    if LEVELS[variant].form is LEVELS[example.wiring.variant or "level-2"].form:
        return

    with pytest.raises(ArrivalInvalid, match="fas_secure_enabled"):
        OpenNds(wired(variant)).read(example.query)


def test_a_level_that_is_none_is_no_wiring() -> None:
    with pytest.raises(ValueError, match="'level-5' is no FAS level, write one of level-0"):
        OpenNds(wired("level-5"))


def test_a_site_without_a_faskey_is_no_wiring() -> None:
    with pytest.raises(ValueError, match="needs its faskey"):
        OpenNds(wired(faskey=b""))


def test_a_plus_that_was_not_percent_encoded_is_read() -> None:
    query = hashed(HASHED_9)

    assert "+" in query
    assert OpenNds(wired("level-1")).read(query).phone == PHONE


def test_base64_without_its_padding_is_read() -> None:
    query = hashed(HASHED_9 + " " * (-len(HASHED_9) % 3 + 1))

    assert query.endswith("=")
    assert OpenNds(wired("level-1")).read(query.rstrip("=")).phone == PHONE


def test_a_long_faskey_is_cut_for_the_cipher_and_whole_in_the_token() -> None:
    faskey = b"0123456789" * 4
    arrival = OpenNds(wired(faskey=faskey)).read(carrying(sealed(SEALED_10, faskey)))

    assert arrival.carried["tok"] == sha256(HID.encode() + faskey).hexdigest()


def test_a_fas_of_another_faskey_is_not_believed() -> None:
    with pytest.raises(ArrivalInvalid, match="fas cannot be believed"):
        OpenNds(wired()).read(RECORDED)


@pytest.mark.parametrize("iv", ["", "0123456789abcde", IV + "0", "ñ" * 16])
def test_an_iv_of_another_length_is_not_believed(iv: str) -> None:
    with pytest.raises(ArrivalInvalid, match="fas cannot be believed"):
        OpenNds(wired()).read(carrying(sealed(SEALED_10), iv))


@pytest.mark.parametrize(
    ("own", "forged"),
    [
        (f"gatewayaddress={HOST}", "gatewayaddress=evil.example"),
        (f"gatewayaddress={HOST}", f"gatewayaddress={HOST}@evil.example"),
        (f"gatewayaddress={HOST}", f"gatewayaddress={HOST}/evil"),
        (f"gatewayaddress={HOST}", "gatewayaddress="),
        ("authdir=opennds_auth", "authdir=../opennds_deny"),
        ("authdir=opennds_auth", "authdir=@evil.example"),
        ("authdir=opennds_auth", "authdir="),
        ("authdir=opennds_auth", "authdir=a?tok=b"),
        (f"hid={HID}", "hid=816c3cff"),
        (f"hid={HID}", f"hid={HID.upper()}"),
        (f"hid={HID}", f"hid={HID}0"),
        (f"hid={HID}, ", ""),
        ("clientip=10.99.0.23", "clientip=10.99.0.23.4"),
        ("clientip=10.99.0.23, ", ""),
        ("clientmac=02:ca:fe:5e:00:01", "clientmac=everybody"),
        ("clientmac=02:ca:fe:5e:00:01, ", ""),
        ("gatewayname=Chihuahua%20Gratis, ", ""),
        ("sitio=", f"gatewayaddress={HOST}, sitio="),
        ("sitio=", f"hid={'0' * 64}, sitio="),
        ("sitio=", "sitio=\x1b[2J"),
        ("sitio=", "sitio=\r\n"),
        ("sitio=", "sitio=\udcff"),
    ],
)  # fmt: skip
def test_what_comes_out_of_the_cipher_is_checked_like_a_strangers(own: str, forged: str) -> None:
    assert own in SEALED_10

    with pytest.raises(ArrivalInvalid):
        read(SEALED_10.replace(own, forged))


def test_a_tail_that_only_deciphers_tells_nothing_of_its_padding() -> None:
    octets = sealed(SEALED_10)
    deciphered = _xor(
        SEALED_10.encode()[:16], IV.encode()
    )  # what AES makes of the first block, before the XOR
    probe = _xor(
        deciphered, b"A" * 15 + b"\x01"
    )  # its padding is good: a phone would try all 256 last octets

    with pytest.raises(ArrivalInvalid, match="fas cannot be believed"):
        OpenNds(wired()).read(carrying(octets + probe + octets[:16]))


def test_an_iv_that_was_bent_gives_no_other_field() -> None:
    bent = chr(ord(IV[0]) ^ ord("h") ^ ord("x")) + IV[1:]

    with pytest.raises(ArrivalInvalid, match="hid is missing"):
        OpenNds(wired()).read(carrying(sealed(SEALED_10), bent))


def test_fields_in_another_order_and_custom_parameters_of_any_kind_are_passed_over() -> None:
    first, *others = SEALED_10.split(", ")
    text = ", ".join([*reversed(others), "sitio=a", "sitio=b", "=", first])

    assert read(text).carried == read(SEALED_10).carried


def test_another_authdir_is_the_one_that_the_phone_is_sent_to() -> None:
    gateway = OpenNds(wired())
    arrival = read(SEALED_10.replace("authdir=opennds_auth", "authdir=entrar"))
    answer = gateway.admit(arrival, GRANT)

    assert isinstance(answer, Redirect)
    assert answer.url.startswith(f"http://{HOST}/entrar/?tok={RHID}&redir=")


def test_where_the_citizen_wanted_to_go_is_nowhere_in_the_answer() -> None:
    text = SEALED_10.replace("originurl=http%3a%2f%2fstatus.client", "originurl=http%3a%2f%2fevil.example")

    assert text != SEALED_10
    assert "evil.example" not in repr(OpenNds(wired()).admit(read(text), GRANT))


def test_the_language_comes_back_with_the_phone_and_is_not_left_beside_its_mac() -> None:
    answer = OpenNds(wired()).admit(read(SEALED_10), GRANT, "tar")
    assert isinstance(answer, Redirect)
    told = parse_qs(urlsplit(answer.url).query)
    custom = base64.b64decode(told["custom"][0]).decode()

    assert told["redir"] == ["https://portal.example.mx/p/08019-plaza/online?lang=tar"]
    assert custom == f"session={GRANT.session}, session_length=3600"


def test_at_level_0_each_address_is_a_device_of_its_own() -> None:
    gateway = OpenNds(wired("level-0"))
    one, other = gateway.read(CLEAR), gateway.read(CLEAR.replace("10.99.0.23", "10.99.0.24"))

    assert one.device != other.device


@pytest.mark.parametrize(
    ("own", "forged"),
    [
        ("?clientip=10.99.0.23", "?clientip=everybody"),
        ("?clientip=10.99.0.23", ""),
        ("tok=816c3cff", "tok=816c3cf"),
        ("tok=816c3cff", "tok=816c3cff%26redir"),
        ("/opennds_auth/", "/opennds_auth/../opennds_deny/"),
        ("/opennds_auth/", "/"),
        ("authaction=http:", "authaction=https:"),
    ],
)
def test_a_damaged_query_of_level_0_is_not_believed(own: str, forged: str) -> None:
    with pytest.raises(ArrivalInvalid):
        OpenNds(wired("level-0")).read(CLEAR.replace(own, forged))


@pytest.mark.parametrize("variant", ["level-3", "level-4"])
def test_a_gateway_that_polls_leaves_the_phone_waiting(variant: str) -> None:
    query = hashed(SEALED_10) if variant == "level-4" else carrying(sealed(SEALED_10))
    gateway = OpenNds(wired(variant))

    assert gateway.admit(gateway.read(query), GRANT) == Pending()


def test_a_session_is_neither_ended_nor_counted_from_here() -> None:
    gateway = OpenNds(wired())
    admitted = Admitted(GRANT.session, PHONE)

    assert not gateway.dismiss(admitted)
    assert gateway.account([admitted]) is None  # type: ignore[func-returns-value]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
