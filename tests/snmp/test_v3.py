"""SNMPv3 of our engine: every protocol with net-snmp's agent, keys as pysnmp's, and whom it believes."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.type import univ
from pysnmp.proto.secmod.eso.priv import aesbase
from pysnmp.proto.secmod.rfc3414 import localkey

from drivers.model import Secret, SnmpV3
from drivers.snmp import ber
from drivers.snmp.ber import BerError, Verb
from drivers.snmp.engine import Engine
from drivers.snmp.envelope import Disbelieved, Refusal
from drivers.snmp.questions import question
from drivers.snmp.seam import Learned, PollReply, Reason
from drivers.snmp.session import UserEnvelope, parse
from drivers.snmp.usm import AUTH_OCTETS, Aes, UnusableUser, check, localized
from simulator.ap import VirtualAp
from simulator.snmp.agent import agent as virtual_agent
from tests.simulator.lab import NOON_S, ap_spec, frozen
from tests.snmp.hostile import IF_DESCR, SYS_NAME
from tests.snmp.polling import ask, poll, poll_one
from tests.snmp.snmpd import USER, Snmpd, snmpd

AUTH, PRIV = "authentic-phrase", "private-phrase"
NET_SNMP_AUTH = {"md5": "MD5", "sha1": "SHA", **{f"sha{n}": f"SHA-{n}" for n in (224, 256, 384, 512)}}
NET_SNMP_PRIV = {"none": "", "des": "DES", "aes128": "AES", "aes192": "AES-192", "aes256": "AES-256"}
NET_SNMP_PRIV |= {"aes192c": "AES-192-C", "aes256c": "AES-256-C"}
HASH_OCTETS = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
ENGINE_ID = b"\x80\x00\x1f\x88\x80plaza"


def user(auth: str = "sha1", priv: str = "aes128") -> SnmpV3:
    auth_key = None if auth == "none" else Secret(AUTH)
    priv_key = None if priv == "none" else Secret(PRIV)
    return SnmpV3(f"{auth}-{priv}", auth, auth_key, priv, priv_key)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    """A real snmpd with a user for every pair of protocols."""
    lines = ["createUser none-none", "rouser none-none noauth"]
    for auth, auth_name in NET_SNMP_AUTH.items():
        for priv, priv_name in NET_SNMP_PRIV.items():
            secret = f" {priv_name} {PRIV}" if priv_name else ""
            lines.append(f"createUser {auth}-{priv} {auth_name} {AUTH}{secret}")
            lines.append(f"rouser {auth}-{priv} {'authpriv' if priv_name else 'auth'}")
    with snmpd(tmp_path_factory.mktemp("snmpd"), name="ap-1", extra="\n".join(lines)) as running:
        yield running


def test_every_pair_of_protocols_is_understood_by_net_snmp(agent: Snmpd) -> None:
    users = [user(auth, priv) for auth in NET_SNMP_AUTH for priv in NET_SNMP_PRIV]
    users.append(user("none", "none"))
    requests = [ask(agent.port, [SYS_NAME], [IF_DESCR], device=u.user, credentials=u) for u in users]

    replies = {reply.device: reply for reply in poll(Engine, *requests)}

    assert {name: reply.failure for name, reply in replies.items() if reply.failure} == {}
    assert all(reply.scalars == {SYS_NAME: b"ap-1"} for reply in replies.values())
    assert all(b"lo" in reply.columns[IF_DESCR].values() for reply in replies.values())
    assert len(replies) == 43


@pytest.mark.parametrize("auth", AUTH_OCTETS)
@settings(max_examples=5, deadline=None)
@given(
    passphrase=st.text("abcdefghé€", min_size=8, max_size=40), engine_id=st.binary(min_size=5, max_size=32)
)
def test_keys_are_derived_as_pysnmp_derives_them(auth: str, passphrase: str, engine_id: bytes) -> None:
    theirs = getattr(hashlib, auth)
    expected = localkey.localize_key(
        localkey.hash_passphrase(passphrase.encode(), theirs), univ.OctetString(engine_id), theirs
    )

    ours = localized(SnmpV3("plaza", auth, Secret(passphrase), "none"), engine_id)

    assert ours.auth_key == bytes(expected)


@pytest.mark.parametrize("priv", ["aes192", "aes256", "aes192c", "aes256c"])
@pytest.mark.parametrize("auth", ["md5", "sha1", "sha256", "sha512"])
def test_long_keys_are_extended_as_pysnmp_extends_them(auth: str, priv: str) -> None:
    size = int(priv[3:6]) // 8
    kind = aesbase.AbstractAesReeder if priv.endswith("c") else aesbase.AbstractAesBlumenthal
    theirs = type("Theirs", (kind,), {"SERVICE_ID": (0,), "KEY_SIZE": size})()
    protocol = {
        "md5": (1, 3, 6, 1, 6, 3, 10, 1, 1, 2),
        "sha1": (1, 3, 6, 1, 6, 3, 10, 1, 1, 3),
        "sha256": (1, 3, 6, 1, 6, 3, 10, 1, 1, 5),
        "sha512": (1, 3, 6, 1, 6, 3, 10, 1, 1, 7),
    }[auth]
    key = bytes(
        theirs.localize_key(
            protocol, theirs.hash_passphrase(protocol, PRIV.encode()), univ.OctetString(ENGINE_ID)
        )
    )[:size]
    secret, salt = Aes(key).encrypt(b"a plaza", bytes(8), 7)

    ours = localized(user(auth, priv), ENGINE_ID).cipherer

    assert ours is not None
    assert ours.decrypt(secret, bytes(8), salt) == b"a plaza"


def test_a_wrong_key_is_told_at_once_and_not_tried_again(agent: Snmpd) -> None:
    wrong = replace(user(), auth_key=Secret("another-key-altogether"))
    reply = poll_one(Engine, ask(agent.port, [SYS_NAME], credentials=wrong, retries=5))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.AUTH
    assert "authentication key" in reply.failure.detail
    assert "another-key" not in repr(reply)
    assert reply.tries == 1


def test_a_wrong_privacy_key_is_told(agent: Snmpd) -> None:
    wrong = replace(user("sha1", "des"), priv_key=Secret("another-key-altogether"))
    reply = poll_one(Engine, ask(agent.port, [SYS_NAME], credentials=wrong, timeout_s=0.5))

    assert reply.failure is not None
    assert reply.failure.reason in (Reason.AUTH, Reason.TIMEOUT), "snmpd may keep silent to rubbish"


@pytest.mark.parametrize("level", [("none", "none"), ("sha1", "none")])
def test_a_level_the_agent_does_not_allow_is_told(agent: Snmpd, level: tuple[str, str]) -> None:
    weak = replace(user(*level), user=USER.user, auth_key=USER.auth_key if level[0] != "none" else None)
    reply = poll_one(Engine, ask(agent.port, [SYS_NAME], credentials=weak))

    assert reply.failure is not None
    assert reply.failure.reason in (Reason.AUTH, Reason.ERROR)
    assert not reply.scalars


def test_an_unknown_user_is_told_from_a_dead_agent(agent: Snmpd) -> None:
    reply = poll_one(Engine, ask(agent.port, [SYS_NAME], credentials=replace(user(), user="nobody")))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.AUTH
    assert "does not know the user" in reply.failure.detail


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (replace(user(), priv_protocol="rot13"), "rot13"),
        (replace(user(), auth_protocol="crc32"), "crc32"),
        (replace(user(), auth_key=Secret("short")), "fewer than 8 octets"),
        (replace(user(), priv_key=None), "fewer than 8 octets"),
        (replace(user("none", "none"), priv_protocol="des", priv_key=Secret(PRIV)), "needs authentication"),
    ],
)
def test_a_user_that_cannot_be_used_is_told_and_costs_only_itself(
    agent: Snmpd, odd: SnmpV3, words: str
) -> None:
    replies = poll(
        Engine,
        ask(agent.port, [SYS_NAME], device="odd", credentials=odd),
        ask(agent.port, [SYS_NAME], device="right", credentials=user()),
    )

    by_name = {reply.device: reply for reply in replies}
    failure = by_name["odd"].failure
    assert failure is not None
    assert failure.reason is Reason.UNSUPPORTED
    assert words in failure.detail
    assert by_name["right"].failure is None
    with pytest.raises(UnusableUser):
        check(odd)


def spec_of(credentials: SnmpV3, context: str = "") -> dict[str, str]:
    spec = {"user": credentials.user, "auth_protocol": credentials.auth_protocol, "auth_key": AUTH}
    if credentials.priv_protocol != "none":
        spec |= {"priv_protocol": credentials.priv_protocol, "priv_key": PRIV}
    return spec | ({"context": context} if context else {})


def test_the_context_of_a_credential_is_asked_for() -> None:
    with frozen(ap_spec(**spec_of(user(), "air"))) as ap:
        where = (ap.spec.snmp.port, [SYS_NAME])
        right, wrong = (
            poll_one(Engine, ask(*where, host=ap.spec.snmp.host, credentials=replace(user(), context=name)))
            for name in ("air", "sea")
        )

    assert right.failure is None
    assert right.scalars
    assert wrong.failure is not None
    assert "no context 'sea'" in wrong.failure.detail


def test_what_was_known_of_the_engine_before_a_restart_is_held_against_it(agent: Snmpd) -> None:
    request = ask(agent.port, [SYS_NAME], credentials=user())
    first = poll_one(Engine, request)
    assert first.learned is not None
    same = poll_one(lambda: Engine({"ap-1": first.learned or Learned()}), request)
    ahead = replace(first.learned, boots=first.learned.boots + 5)
    lower = poll_one(lambda: Engine({"ap-1": ahead}), request)
    other = poll_one(lambda: Engine({"ap-1": replace(ahead, engine_id=b"\x80another")}), request)

    assert (same.failure, same.events) == (None, ())
    assert lower.failure is other.failure is None
    assert "went back" in lower.events[0]
    assert "engineID changed" in other.events[0]


class Duel:
    """Our side of one agent of the simulator, datagram by datagram."""

    def __init__(self, credentials: SnmpV3) -> None:
        self.ap = VirtualAp(7, ap_spec(**spec_of(credentials)), Path("unused"), NOON_S - 60)
        self.answer = virtual_agent(self.ap, 3).answer
        self.now_s = 0.0
        self.envelope = UserEnvelope(credentials, lambda: self.now_s)
        self.question = question(Verb.GET, (SYS_NAME,))
        self.turns = 0

    def id(self) -> bytes:
        self.turns += 1
        return (0x01000000 + self.turns).to_bytes(4, "big")

    def greet(self) -> None:
        request_id = self.id()
        found = self.answer(self.envelope.seal(self.question, request_id), NOON_S)
        assert self.envelope.open(found or b"", request_id) is None

    def asked(self) -> tuple[bytes, bytes]:
        """An id and the authentic answer to it."""
        request_id = self.id()
        found = self.answer(self.envelope.seal(self.question, request_id), NOON_S)
        assert found is not None
        return request_id, found


def test_an_answer_is_believed_once_it_is_authentic_and_not_before() -> None:
    duel = Duel(user())
    duel.greet()
    request_id, answer = duel.asked()
    assert duel.envelope.open(answer, request_id) is not None
    for at in range(len(answer)):
        damaged = answer[:at] + bytes((answer[at] ^ 0x01,)) + answer[at + 1 :]
        with pytest.raises((Disbelieved, Refusal, BerError, IndexError)):
            duel.envelope.open(damaged, request_id)


def test_an_answer_recorded_before_the_restart_is_not_believed_after_it() -> None:
    duel = Duel(user())
    duel.greet()
    request_id, old = duel.asked()
    assert duel.envelope.open(old, request_id) is not None
    duel.answer = virtual_agent(duel.ap, 4).answer
    late_id, late = duel.asked()
    assert duel.envelope.open(late, late_id) is None
    new_id, new = duel.asked()
    assert duel.envelope.open(new, new_id) is not None

    with pytest.raises(Disbelieved, match="older"):
        duel.envelope.open(old, request_id)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_datagram_gets_anything_else_out_of_a_session(data: st.DataObject) -> None:
    duel = Duel(user("sha256", data.draw(st.sampled_from(["none", "des", "aes128", "aes256c"]))))
    request_id = duel.id()
    octets = bytearray(duel.answer(duel.envelope.seal(duel.question, request_id), NOON_S) or b"")
    if data.draw(st.booleans()):
        assert duel.envelope.open(bytes(octets), request_id) is None
        request_id, answer = duel.asked()
        octets = bytearray(answer)
    for _ in range(data.draw(st.integers(1, 5))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(octets)))
    for datagram in (bytes(octets), bytes(octets[:cut]), data.draw(st.binary(max_size=80))):
        try:
            duel.envelope.open(datagram, request_id)
        except (Disbelieved, Refusal, IndexError):
            continue


def test_an_agent_that_never_agrees_about_its_engine_is_given_up(agent: Snmpd) -> None:
    """A relay that names another engine in each report must not keep us asking until the deadline."""

    async def run() -> PollReply:
        engine, numbers = Engine(), iter(range(1, 1000))

        class Relay(asyncio.DatagramProtocol):
            asked = 0

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
                Relay.asked += 1
                spec = ap_spec(name=f"relay-{next(numbers)}", **spec_of(user()))
                liar = virtual_agent(VirtualAp(7, spec, Path("unused"), NOON_S - 60), 3)
                self.transport.sendto(liar.answer(data, NOON_S) or b"", address)  # type: ignore[attr-defined]

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Relay, local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        try:
            async for reply in engine.poll([ask(port, [SYS_NAME], credentials=user(), timeout_s=0.3)]):
                assert Relay.asked < 20
                return reply
            raise AssertionError("no reply")
        finally:
            transport.close()
            await engine.close()

    reply = asyncio.run(run())
    assert reply.failure is not None
    assert reply.failure.reason in (Reason.DISBELIEVED, Reason.TIMEOUT)


def test_boots_that_went_back_lead_to_a_search_before_they_are_believed() -> None:
    duel = Duel(user())
    duel.answer = virtual_agent(duel.ap, 7).answer
    duel.greet()
    before_id, before = duel.asked()
    assert duel.envelope.open(before, before_id) is not None
    duel.answer = virtual_agent(duel.ap, 2).answer

    late_id, late = duel.asked()
    assert parse(late).boots == 2
    assert duel.envelope.open(late, late_id) is None
    assert (duel.envelope.known_boots, duel.envelope.events) == (7, [])
    search_id = duel.id()
    search = duel.envelope.seal(duel.question, search_id)
    assert parse(search).engine_id == b"", "it asks who the engine is"
    assert duel.envelope.open(duel.answer(search, NOON_S) or b"", search_id) is None
    new_id, new = duel.asked()
    assert duel.envelope.open(new, new_id) is not None
    assert "went back" in duel.envelope.events[0]


def test_boots_that_go_back_again_within_one_poll_are_not_searched_for_again() -> None:
    duel = Duel(user())
    duel.answer = virtual_agent(duel.ap, 7).answer
    duel.greet()
    duel.answer = virtual_agent(duel.ap, 2).answer
    late_id, late = duel.asked()
    assert duel.envelope.open(late, late_id) is None
    duel.greet()
    duel.answer = virtual_agent(duel.ap, 1).answer
    again_id, again = duel.asked()
    assert duel.envelope.open(again, again_id) is None

    assert parse(duel.envelope.seal(duel.question, duel.id())).engine_id != b""


def test_a_report_that_nobody_signed_moves_no_clock() -> None:
    duel = Duel(user())
    duel.greet()
    request_id, answer = duel.asked()
    assert duel.envelope.open(answer, request_id) is not None
    name = ber.encode_oid((1, 3, 6, 1, 6, 3, 15, 1, 1, 2, 0))
    binding = ber.tlv(0x30, name + ber.integer(1, 0x41))
    pdu = ber.tlv(0xA8, b"\x02\x04" + request_id + b"\x02\x01\x00\x02\x01\x00" + ber.tlv(0x30, binding))
    engine = ber.tlv(4, parse(answer).engine_id)
    stamp = engine + ber.integer(99) + ber.integer(1) + b"\x04\x00\x04\x00\x04\x00"
    head = b"\x02\x04" + request_id + b"\x02\x02\x05\xdc\x04\x01\x00\x02\x01\x03"
    forged = b"\x02\x01\x03" + ber.tlv(0x30, head) + ber.tlv(4, ber.tlv(0x30, stamp))
    forged = ber.tlv(0x30, forged + ber.tlv(0x30, engine + b"\x04\x00" + pdu))

    with pytest.raises(Disbelieved, match="nobody signed"):
        duel.envelope.open(forged, request_id)
    next_id, following = duel.asked()
    assert duel.envelope.open(following, next_id) is not None


def test_an_answer_of_more_than_150_s_ago_is_not_believed() -> None:
    duel = Duel(user())
    duel.greet()
    request_id, old = duel.asked()
    assert duel.envelope.open(old, request_id) is not None
    duel.now_s = 149.0
    assert duel.envelope.open(old, request_id) is not None
    duel.now_s = 400.0

    with pytest.raises(Disbelieved, match="older"):
        duel.envelope.open(old, request_id)


def test_an_authentic_answer_to_another_request_is_not_believed() -> None:
    duel = Duel(user("sha1", "none"))
    duel.greet()
    request_id, other = duel.id(), duel.id()
    keys = localized(user("sha1", "none"), parse(duel.asked()[1]).engine_id)
    answer = duel.answer(duel.envelope.seal(duel.question, request_id), NOON_S) or b""
    at = answer.rindex(request_id)
    parts = parse(answer)
    blank = bytes(keys.digest_octets)
    swapped = answer[:at] + other + answer[at + 4 :]
    unsigned = swapped[: parts.digest_at] + blank + swapped[parts.digest_at + keys.digest_octets :]
    signed = unsigned[: parts.digest_at] + keys.digest(unsigned) + unsigned[parts.digest_at + len(blank) :]

    with pytest.raises(Disbelieved, match="belongs to another request"):
        duel.envelope.open(signed, request_id)


@settings(max_examples=100, deadline=None)
@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
def test_whatever_a_greeting_says_of_the_clock_the_next_question_can_be_asked(
    boots: int, time_s: int
) -> None:
    duel = Duel(user())
    request_id = duel.id()
    greeting = duel.answer(duel.envelope.seal(duel.question, request_id), NOON_S) or b""
    parts = parse(greeting)
    clock = ber.integer(parts.boots) + ber.integer(parts.time_s)
    odd = ber.integer(boots) + ber.integer(time_s)
    _, at, end = ber.header(greeting, 0, len(greeting))
    body = greeting[at:end]
    head_end = ber.header(body, 3, len(body))[2]
    security_end = ber.header(body, head_end, len(body))[2]
    security = ber.header(body, head_end, len(body))
    inner = body[security[1] : security[2]]
    _, start, stop = ber.header(inner, 0, len(inner))
    changed = ber.tlv(0x30, inner[start:stop].replace(clock, odd, 1))
    datagram = ber.tlv(0x30, body[:head_end] + ber.tlv(4, changed) + body[security_end:])
    try:
        assert duel.envelope.open(datagram, request_id) is None
    except Disbelieved:
        assert min(boots, time_s) < 0
    duel.envelope.seal(duel.question, duel.id())


def test_an_engine_is_sought_anew_once_a_poll_and_no_more() -> None:
    duel = Duel(user())
    duel.greet()
    for name in ("another", "a-third"):
        other = VirtualAp(7, ap_spec(name=name, **spec_of(user())), Path("unused"), NOON_S - 60)
        duel.answer = virtual_agent(other, 3).answer
        request_id, report = duel.asked()
        if name == "another":
            assert duel.envelope.open(report, request_id) is None
            duel.greet()
    with pytest.raises(Disbelieved, match="again and again"):
        duel.envelope.open(report, request_id)

    duel.envelope.begin()
    assert duel.envelope.open(report, request_id) is None, "the next poll may seek once more"


def test_an_agent_whose_clock_is_always_another_is_given_up() -> None:
    ap = VirtualAp(7, ap_spec(**spec_of(user())), Path("unused"), NOON_S - 60)

    async def run() -> tuple[PollReply, int]:
        engine, asked = Engine(), iter(range(1, 100_000))
        boots = 0

        class Restless(asyncio.DatagramProtocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
                nonlocal boots
                boots = next(asked)
                answer = virtual_agent(ap, boots).answer(data, NOON_S) or b""
                self.transport.sendto(answer, address)  # type: ignore[attr-defined]

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Restless, local_addr=("127.0.0.1", 0)
        )
        port = transport.get_extra_info("sockname")[1]
        request = ask(port, [SYS_NAME], credentials=user(), timeout_s=0.3, deadline_s=3)
        (reply,) = [reply async for reply in engine.poll([request])]
        transport.close()
        await engine.close()
        return reply, boots

    reply, datagrams = asyncio.run(run())

    assert reply.failure is not None
    assert reply.failure.reason is Reason.DISBELIEVED
    assert "again and again" in reply.failure.detail
    assert datagrams <= 10
