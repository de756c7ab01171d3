"""Requests to an access point, which a real FreeRADIUS plays, over a line that loses, repeats and forges."""

import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.packet import CoAPacket, DisconnectRequest

from captive_portal.errors import GatewayFailed
from captive_portal.radius import coa
from captive_portal.radius.coa import Acknowledged, Nas, Refused, Target
from tests.radius.conftest import HERE, SECRETS, freeradius
from tests.radius.told import MAC, SESSION
from tests.town import free_port

SECRET = SECRETS[HERE].encode()
PHONE = Target(user=SESSION)
PATIENT_S = 5.0
SHORT_S = 0.4
Change = Callable[[bytes, bytes], list[bytes]]
"""Request and answer → what arrives of the answer."""


@pytest.fixture(scope="module")
def nas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nas]:
    directory, port = tmp_path_factory.mktemp("nas"), free_port(socket.SOCK_DGRAM)
    text = (Path(__file__).parent / "nas.conf").read_text()
    written = text.replace("@DIRECTORY@", str(directory)).replace("@PORT@", str(port))
    (directory / "radiusd.conf").write_text(written)
    with freeradius(directory, directory / "nas.log"):
        yield Nas(HERE, "127.0.0.1", SECRET, port, "ap-1")


@dataclass
class Line:
    """What went over a line: the requests, in order."""

    nas: Nas
    requests: list[bytes] = field(default_factory=list)


@contextmanager
def line(nas: Nas, lost: int = 0, change: Change = lambda _, answer: [answer]) -> Iterator[Line]:
    """A way to the access point that loses the first requests and changes each answer."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as behind,
    ):
        door.bind(("127.0.0.1", 0))
        door.settimeout(0.1)
        behind.settimeout(30)
        behind.connect((nas.host, nas.port))
        made, over = Line(replace(nas, port=door.getsockname()[1])), threading.Event()

        def carry() -> None:
            while not over.is_set():
                try:
                    request, sender = door.recvfrom(4096)
                except TimeoutError:
                    continue
                made.requests.append(request)
                if len(made.requests) > lost:
                    behind.send(request)
                    for answer in change(request, behind.recv(4096)):
                        door.sendto(answer, sender)

        carrier = threading.Thread(target=carry)
        carrier.start()
        try:
            yield made
        finally:
            over.set()
            carrier.join(60)


def test_a_session_is_ended(nas: Nas) -> None:
    assert coa.disconnect(nas, PHONE, PATIENT_S) == Acknowledged()


def test_a_session_that_is_not_there_has_ended_and_one_that_stays_is_told(nas: Nas) -> None:
    assert coa.disconnect(nas, Target(user="f" * 32), PATIENT_S) == Acknowledged()
    assert coa.disconnect(nas, Target(user="stuck"), PATIENT_S) == Refused(504)


def test_a_phone_is_named_by_its_mac_and_given_another_end(nas: Nas) -> None:
    assert coa.change(nas, Target(mac=MAC), {"Session-Timeout": 900}, PATIENT_S) == Acknowledged()
    assert coa.change(nas, Target(mac=MAC), {"Session-Timeout": 901}, PATIENT_S) == Refused(503)


def test_another_access_points_name_is_refused(nas: Nas) -> None:
    assert coa.disconnect(replace(nas, identifier="ap-2"), PHONE, PATIENT_S) == Refused(403)


def test_a_lost_request_is_repeated_as_it_was_and_signed(nas: Nas) -> None:
    with line(nas, lost=2) as over:
        assert coa.disconnect(over.nas, PHONE, 2.0) == Acknowledged()
    assert len(over.requests) == 3
    assert len(set(over.requests)) == 1
    packet = CoAPacket(packet=over.requests[0], secret=SECRET)
    assert packet.VerifyCoARequest()
    assert packet.message_authenticator
    assert packet.verify_message_authenticator()


def flipped(at: int) -> Change:
    return lambda _, answer: [answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1 :]]


@pytest.mark.parametrize("at", [0, 1, 4, 19, -1])
def test_a_forged_answer_is_no_answer(nas: Nas, at: int) -> None:
    with (
        line(nas, change=lambda _, answer: flipped(at % len(answer))(_, answer)) as over,
        pytest.raises(GatewayFailed),
    ):
        coa.disconnect(over.nas, PHONE, SHORT_S)
    assert len(set(over.requests)) == 1


def test_a_forged_answer_before_the_true_one_does_no_harm(nas: Nas) -> None:
    def both(request: bytes, answer: bytes) -> list[bytes]:
        return [b"", b"\x29", answer[:12], *flipped(8)(request, answer), answer]

    with line(nas, change=both) as over:
        assert coa.disconnect(over.nas, PHONE, PATIENT_S) == Acknowledged()
    assert len(over.requests) == 1


def signed(request: bytes, code: int, covered: bytes) -> bytes:
    """An answer by one who has the secret; its Message-Authenticator covers the 16 octets of `covered`."""
    head = bytes([code, request[1]]) + (38).to_bytes(2, "big")
    inner = b"\x50\x12" + hmac.new(SECRET, head + covered + b"\x50\x12" + bytes(16), "md5").digest()
    return head + hashlib.md5(head + request[4:20] + inner + SECRET).digest() + inner


def test_an_answer_with_a_right_message_authenticator_is_believed(nas: Nas) -> None:
    with line(nas, change=lambda request, _: [signed(request, 41, request[4:20])]) as over:
        assert coa.disconnect(over.nas, PHONE, PATIENT_S) == Acknowledged()


def test_a_wrong_message_authenticator_is_not_believed(nas: Nas) -> None:
    with (
        line(nas, change=lambda request, _: [signed(request, 41, bytes(16))]) as over,
        pytest.raises(GatewayFailed, match="believed"),
    ):
        coa.disconnect(over.nas, PHONE, SHORT_S)


def test_the_answer_to_another_question_is_no_answer(nas: Nas) -> None:
    with (
        line(nas, change=lambda request, _: [signed(request, 44, request[4:20])]) as over,
        pytest.raises(GatewayFailed, match="something else"),
    ):
        coa.disconnect(over.nas, PHONE, SHORT_S)


def test_nobody_there_is_a_failure_that_names_no_phone() -> None:
    absent = Nas(HERE, "127.0.0.1", SECRET, free_port(socket.SOCK_DGRAM))
    with pytest.raises(GatewayFailed) as caught:
        coa.disconnect(absent, Target(SESSION, MAC), 0.05)
    assert str(caught.value).startswith(HERE)
    for hidden in (SESSION, MAC, MAC.upper().replace(":", "-"), SECRET.decode()):
        assert hidden not in str(caught.value) + repr(absent) + repr(Target(SESSION, MAC, "a-1"))


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=80) | st.binary(min_size=20, max_size=80).map(lambda some: b"\x29\x07\x00" + some[2:])
)
def test_any_datagram_at_all_is_no_answer_and_no_crash(received: bytes) -> None:
    packet = CoAPacket(code=DisconnectRequest, id=7, secret=SECRET, message_authenticator=True)
    packet.RequestPacket()
    assert coa._believed(packet, received) is None
