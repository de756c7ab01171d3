"""authmon: what it asks is read as its scripts write it, and nothing that a shell could run is answered."""

import base64
import re
from dataclasses import replace
from hashlib import sha256
from urllib.parse import unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.opennds import OpenNds, return_hash
from captive_portal.gateways.opennds_authmon import Ask, Opening, Poll, Reply, hear, opening, parting, reply
from captive_portal.model import Grant
from tests.kinds.example import GRANT
from tests.kinds.opennds_kind import FASKEY, HID, RECORDED, RHID, SEALED_10, carrying, sealed, wired

WIRING = wired("level-3")
GATEWAY = sha256(b"Chihuahua%20Gratis").hexdigest()
NONE = Poll(Ask.VIEW, GATEWAY, "none")
WAITING = opening(OpenNds(WIRING).read(carrying(sealed(SEALED_10))), GRANT)

DEAUTHED = (
    "method=idle_deauth, clientmac=02:ca:fe:5e:00:01, bytes_incoming=1302079, bytes_outgoing=192924, "
    f"session_start=1634066424, session_end=1634073939, token=816c3cff, custom={GRANT.session}"
)
"""As 9.5.0 beta logged it (openNDS issue 243): token and address exchanged, custom added as in 9.10.0."""


def posted(ask: str, payload: str, gateway: str = GATEWAY) -> str:
    """The body that post-request.php sends."""
    return urlencode(
        {"auth_get": ask, "gatewayhash": gateway, "payload": base64.b64encode(payload.encode()).decode()}
    )


def many(count: int) -> list[Opening]:
    """Openings of one gateway, oldest first."""
    return [replace(WAITING, rhid=sha256(str(number).encode()).hexdigest()) for number in range(count)]


def test_a_poll_is_heard() -> None:
    body = f"auth_get=view&gatewayhash={GATEWAY}&payload=bm9uZQ%3D%3D"

    assert posted("view", "none") == body
    assert hear(WIRING, body) == NONE


def test_a_payload_that_was_not_percent_encoded_is_heard() -> None:
    body = f"auth_get=custom&gatewayhash={GATEWAY}&payload=" + base64.b64encode(b"a~~~~~~").decode()

    assert "+" in body
    assert hear(WIRING, body).text == "a~~~~~~"


@pytest.mark.parametrize("gateway", ["", "../../etc/passwd", GATEWAY.upper(), GATEWAY[1:], f"{GATEWAY}\n"])
def test_a_gatewayhash_that_is_no_hash_is_not_heard(gateway: str) -> None:
    with pytest.raises(ArrivalInvalid, match="gatewayhash"):
        hear(WIRING, posted("view", "none", gateway))


@pytest.mark.parametrize(
    "body",
    [
        posted("reboot", "none"),
        f"gatewayhash={GATEWAY}&payload=bm9uZQ%3D%3D",
        f"auth_get=view&gatewayhash={GATEWAY}&payload=%00",
        f"auth_get=view&gatewayhash={GATEWAY}&payload=gICA",
        posted("view", "none") + "&auth_get=clear",
        posted("view", "x" * 4096),
    ],
)
def test_a_poll_that_no_authmon_sends_is_not_heard(body: str) -> None:
    with pytest.raises(ArrivalInvalid):
        hear(WIRING, body)


def test_an_opening_is_of_the_gateway_that_will_poll_for_it() -> None:
    arrival = OpenNds(wired("level-3", b"1234567890", "10.20.30.40:2050")).read(RECORDED)

    assert opening(arrival, GRANT).gateway == sha256(b"KB%20WiFi%20Node%3a3ccd575265eb%20").hexdigest()


def test_minutes_and_kibibytes_are_rounded_up_and_never_to_its_own_default() -> None:
    arrival = OpenNds(WIRING).read(carrying(sealed(SEALED_10)))
    grants = [Grant(GRANT.session, 0), Grant(GRANT.session, 1, 1), Grant(GRANT.session, 3601, 2049)]

    assert [opening(arrival, grant).minutes for grant in grants] == [1, 1, 61]
    assert [opening(arrival, grant).quota_kib for grant in grants] == [0, 1, 3]


def test_a_gateway_is_told_what_waits_for_it_and_nothing_of_another() -> None:
    other = replace(WAITING, gateway=sha256(b"another").hexdigest())

    assert reply(NONE, [other, WAITING]) == Reply(f"* {RHID}%2060%200%200%200%200%20{GRANT.session}")


def test_a_gateway_is_told_the_rates_of_a_grant_up_and_down() -> None:
    arrival = OpenNds(WIRING).read(carrying(sealed(SEALED_10)))
    limited = opening(arrival, replace(GRANT, down_kbps=4000, up_kbps=1000))

    assert unquote(reply(NONE, [limited]).text) == f"* {RHID} 60 1000 4000 0 0 {GRANT.session}"


def test_a_gateway_for_which_nothing_waits_is_told_so() -> None:
    assert reply(NONE, []) == Reply("*")


def test_an_answer_fits_in_what_authmon_reads_of_it() -> None:
    large = [replace(one, minutes=10**6, quota_kib=10**12, up_kbps=10**7, down_kbps=10**7) for one in many(9)]
    text = reply(NONE, large).text

    assert len(text) <= 1024
    assert [unquote(part).split()[0] for part in text.split()[1:]] == [one.rhid for one in large[:4]]


def test_what_a_gateway_acknowledges_waits_no_longer() -> None:
    first, second, third = many(3)
    other = replace(third, gateway=sha256(b"another").hexdigest())
    poll = hear(WIRING, posted("view", f"* {first.rhid} {third.rhid} {RHID}"))

    assert reply(poll, [first, second, other]) == Reply("ack", (first.rhid,))


def test_a_gateway_that_opened_nothing_makes_nothing_forgotten() -> None:
    assert reply(hear(WIRING, posted("view", "*")), many(2)) == Reply("ack")


def test_a_list_is_given_once_and_what_did_not_fit_waits_on() -> None:
    waiting = many(6)
    answer = reply(Poll(Ask.LIST, GATEWAY, "none"), waiting)

    assert answer.done == tuple(one.rhid for one in waiting[:4])
    assert answer.text == reply(NONE, waiting).text


def test_a_gateway_that_starts_anew_has_nothing_waiting() -> None:
    other = replace(WAITING, gateway=sha256(b"another").hexdigest())

    assert reply(hear(WIRING, posted("clear", "none")), [WAITING, other]) == Reply("", (RHID,))


@pytest.mark.parametrize("ask", ["deauthed", "custom"])
def test_a_report_is_acknowledged_and_opens_nothing(ask: str) -> None:
    assert reply(hear(WIRING, posted(ask, "anything")), [WAITING]) == Reply("ack")


@pytest.mark.parametrize(
    "harm",
    [
        {"session": "$(reboot)"}, {"session": "a;reboot"}, {"session": ""}, {"session": f"{GRANT.session}\n"},
        {"rhid": f"{RHID} 0"}, {"rhid": "`reboot`"}, {"minutes": -1}, {"quota_kib": -1},
        {"up_kbps": -1}, {"down_kbps": -1},
    ],
)  # fmt: skip
def test_an_opening_that_a_shell_could_run_is_never_told(harm: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match="more than digits"):
        reply(NONE, [replace(WAITING, **harm)])  # type: ignore[arg-type]


@given(st.builds(Opening, st.just(GATEWAY), st.text(), st.text(), st.integers(), st.integers()))
def test_whatever_waits_only_digits_are_told(waiting: Opening) -> None:
    try:
        text = reply(NONE, [waiting]).text
    except ValueError:
        return

    assert re.fullmatch(r"\* [0-9a-f% ]+", text, re.ASCII)


@given(st.text(max_size=200))
def test_any_text_at_all_is_heard_or_not_believed(body: str) -> None:
    try:
        hear(WIRING, body)
    except ArrivalInvalid:
        return


def test_a_phone_that_its_gateway_let_go_is_told_with_what_it_used() -> None:
    told = parting(WIRING, hear(WIRING, posted("deauthed", DEAUTHED)))

    assert (told.session, told.cause, told.seconds) == (GRANT.session, "Idle-Timeout", 7515)
    assert (told.octets_down, told.octets_up) == (1302079, 192924)


def test_a_token_and_the_hash_that_were_logged_for_it_are_of_one_phone() -> None:
    """The pair is of a log that somebody showed in openNDS issue 315."""
    assert parting(WIRING, Poll(Ask.DEAUTHED, GATEWAY, "token=816c3cff")).rhid == return_hash(HID, FASKEY)


def test_a_version_that_does_not_give_custom_back_names_no_session() -> None:
    told = parting(WIRING, Poll(Ask.DEAUTHED, GATEWAY, DEAUTHED.replace(GRANT.session, "ZW1wdHk%3d")))

    assert (told.session, told.rhid) == ("", RHID)


def test_the_same_report_twice_is_known_by_its_id() -> None:
    one, same = (parting(WIRING, Poll(Ask.DEAUTHED, GATEWAY, DEAUTHED)) for _ in range(2))
    later = parting(WIRING, Poll(Ask.DEAUTHED, GATEWAY, DEAUTHED.replace("1634073939", "1634073940")))

    assert one.id == same.id != later.id


@pytest.mark.parametrize(
    ("method", "cause"),
    [
        ("timeout_deauth", "Session-Timeout"), ("client_deauth", "User-Request"),
        ("downquota_deauth", "Octet-Limit"), ("upload_quota_deauth", "Octet-Limit"),
        ("ndsctl_deauth", "Admin-Reset"), ("shutdown_deauth", "NAS-Reboot"), ("new_deauth", "NAS-Request"),
    ],
)  # fmt: skip
def test_a_reason_is_told_in_the_words_of_our_own_gateway(method: str, cause: str) -> None:
    text = DEAUTHED.replace("idle_deauth", method)

    assert parting(WIRING, Poll(Ask.DEAUTHED, GATEWAY, text)).cause == cause


def test_numbers_that_are_none_and_clocks_that_were_set_are_unknown() -> None:
    text = DEAUTHED.replace("1634073939", "1634066423").replace("1302079", "-1").replace("192924", "9" * 19)
    told = parting(WIRING, Poll(Ask.DEAUTHED, GATEWAY, text))

    assert (told.seconds, told.octets_down, told.octets_up) == (None, None, None)


@pytest.mark.parametrize("text", ["", "nothing", DEAUTHED.replace("token=816c3cff", "token=816c")])
def test_a_report_of_no_phone_is_not_believed(text: str) -> None:
    with pytest.raises(ArrivalInvalid, match="no token"):
        parting(WIRING, Poll(Ask.DEAUTHED, GATEWAY, text))


def test_a_phones_address_and_what_opens_its_door_show_in_no_repr() -> None:
    poll = hear(WIRING, posted("deauthed", DEAUTHED))
    shown = repr([poll, parting(WIRING, poll), WAITING, reply(NONE, [WAITING])])

    assert "02:ca:fe" not in shown
    assert RHID not in shown
