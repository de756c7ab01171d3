"""Traps and informs from real senders: whom we believe, what we acknowledge, and what a flood costs."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.model import Endpoint, Secret, SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3
from drivers.snmp.allowance import Allowance
from drivers.snmp.engine import Engine
from drivers.snmp.notice import EngineIdentity, Notice, NoticeKind, Unheard, plain_address
from drivers.snmp.notices import MAX_OCTETS, Receiver
from drivers.snmp.pysnmp_notices import Decoder
from tests.snmp import senders
from tests.snmp.hostile import SYS_NAME, Agent
from tests.snmp.polling import ask
from tests.snmp.senders import COLD_START, LINK_DOWN, V1_LINK_DOWN, community, user
from tests.snmp.snmpd import COMMUNITY, SHA256_USER, USER

US = EngineIdentity(bytes.fromhex("80007ed9050123456789abcdef"), boots=3)
ENGINE = "80001f880411223344"
HOST = "127.0.0.1"
PUBLIC = community("2c", COMMUNITY.community.reveal())
IF_INDEX_7 = (1, 3, 6, 1, 2, 1, 2, 2, 1, 1, 7)
SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)
BOTH: Mapping[str, Sequence[SnmpCredentials]] = {HOST: [COMMUNITY, USER]}
PATIENCE_S = 20


@dataclass(slots=True)
class Ears:
    """A receiver, and what it has heard."""

    receiver: Receiver
    state: Path
    heard: list[Notice] = field(default_factory=list)

    async def tell(self, options: Sequence[str], notice: Sequence[str], *, inform: bool = False) -> int:
        """Send with net-snmp; its exit status once we have dealt with it."""
        before = self.dealt()
        status = await asyncio.to_thread(
            senders.send, self.state, self.receiver.endpoint, options, notice, inform=inform
        )
        await until(lambda: self.dealt() > before)
        return status

    def dealt(self) -> int:
        """How many datagrams came to an end so far."""
        counts = self.receiver.counts
        return counts.heard + counts.strangers + counts.disbelieved + counts.surplus

    def counts(self) -> tuple[int, int, int, int]:
        """Heard, strangers, disbelieved, surplus."""
        counts = self.receiver.counts
        return counts.heard, counts.strangers, counts.disbelieved, counts.surplus


async def until(condition: Callable[[], bool]) -> None:
    """Wait for it; fails when it never comes."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(
    state: Path,
    known: Mapping[str, Sequence[SnmpCredentials]] = BOTH,
    host: str = HOST,
    clock: Callable[[], float] = time.monotonic,
    spent: Callable[[], float] = time.thread_time,
) -> AsyncIterator[Ears]:
    """A receiver on a port of its own that knows the engine of USER."""
    heard: list[Notice] = []
    receiver = Receiver(Endpoint(host, 0), known, US, heard.append, clock, spent)
    if HOST in known:
        receiver.knows(HOST, bytes.fromhex(ENGINE), 1, USER)
    try:
        yield Ears(receiver, state / "state", heard)
    finally:
        receiver.close()


def test_a_trap_of_snmp_v1_is_heard_with_the_name_that_v2_gives_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path) as ears:
            await ears.tell(community("1", COMMUNITY.community.reveal()), V1_LINK_DOWN)
        [notice] = ears.heard
        assert (notice.source, notice.kind) == (HOST, NoticeKind.LINK_DOWN)
        assert notice.oid == (1, 3, 6, 1, 6, 3, 1, 1, 5, 3)
        assert notice.values[SYS_UPTIME] == 42

    asyncio.run(run())


def test_a_notice_never_holds_the_community(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path) as ears:
            await ears.tell(community("1", COMMUNITY.community.reveal()), V1_LINK_DOWN)
            await ears.tell(PUBLIC, LINK_DOWN)
        assert COMMUNITY.community.reveal() not in repr([(one, one.values) for one in ears.heard])

    asyncio.run(run())


@pytest.mark.parametrize("inform", [False, True], ids=["trap", "inform"])
def test_notices_of_snmp_v2c_are_heard_and_informs_acknowledged(tmp_path: Path, inform: bool) -> None:
    async def run() -> None:
        async with listening(tmp_path) as ears:
            assert await ears.tell(PUBLIC, LINK_DOWN, inform=inform) == 0
            assert decoded(ears.receiver) == 1
        [notice] = ears.heard
        assert notice.kind is NoticeKind.LINK_DOWN
        assert notice.values[IF_INDEX_7] == 7

    asyncio.run(run())


@pytest.mark.parametrize("credentials", [USER, SHA256_USER], ids=["sha1", "sha256"])
def test_traps_of_snmp_v3_are_heard_when_their_engine_is_known(tmp_path: Path, credentials: SnmpV3) -> None:
    async def run() -> None:
        async with listening(tmp_path, {HOST: [credentials]}) as ears:
            ears.receiver.knows(HOST, bytes.fromhex(ENGINE), 1, credentials)
            await ears.tell(["-e", ENGINE, *user(credentials)], COLD_START)
        assert [one.kind for one in ears.heard] == [NoticeKind.COLD_START]

    asyncio.run(run())


@pytest.mark.parametrize("credentials", [USER, SHA256_USER], ids=["sha1", "sha256"])
def test_informs_of_snmp_v3_are_acknowledged_though_nothing_is_known_of_the_sender(
    tmp_path: Path, credentials: SnmpV3
) -> None:
    async def run() -> None:
        async with listening(tmp_path, {HOST: [COMMUNITY, credentials]}) as ears:
            assert await ears.tell(user(credentials), LINK_DOWN, inform=True) == 0
            assert await ears.tell(user(credentials), COLD_START, inform=True) == 0
        assert [one.kind for one in ears.heard] == [NoticeKind.LINK_DOWN, NoticeKind.COLD_START]
        assert ears.counts() == (2, 0, 0, 0)  # the questions for our engineID and time are no distrust

    asyncio.run(run())


def test_two_credentials_may_share_a_user_name(tmp_path: Path) -> None:
    other = replace(
        USER, auth_key=Secret("another-authentication-key"), priv_key=Secret("another-privacy-key")
    )
    known = {HOST: [USER], "127.0.0.2": [other]}

    async def run() -> None:
        async with listening(tmp_path, known, host="0.0.0.0") as ears:
            ears.receiver.knows("127.0.0.2", bytes.fromhex("80001f880455667788"), 1, other)
            to = Endpoint(HOST, ears.receiver.endpoint.port)
            from_other = ["--clientaddr=127.0.0.2", "-e", "80001f880455667788", *user(other)]
            for options in (["-e", ENGINE, *user(USER)], from_other) * 2:
                assert await asyncio.to_thread(senders.send, ears.state, to, options, COLD_START) == 0
            await until(lambda: ears.dealt() == 4)
        assert [one.source for one in ears.heard] == [HOST, "127.0.0.2"] * 2

    asyncio.run(run())


def test_a_stranger_is_counted_and_costs_no_decoding(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path, {"192.0.2.1": [COMMUNITY, USER]}) as ears:
            assert await ears.tell(PUBLIC, LINK_DOWN, inform=True) != 0
            assert decoded(ears.receiver) == 0
        assert ears.heard == []
        assert ears.counts() == (0, 2, 0, 0)  # snmpinform tries twice

    asyncio.run(run())


WRONG_KEY = replace(USER, auth_key=Secret("not-the-authentication-key"))
UNBELIEVABLE = {
    "a wrong community": community("2c", "guessed-in-a-test"),
    "a wrong digest": ["-e", ENGINE, *user(WRONG_KEY)],
    "an unknown user": ["-e", ENGINE, *user(replace(USER, user="stranger"))],
    "an unknown engine": ["-e", "80001f880499999999", *user(USER)],
    "no privacy": ["-e", ENGINE, *user(USER, "authNoPriv")],
    "no authentication": ["-e", ENGINE, *user(USER, "noAuthNoPriv")],
    "a trap in our name": ["-e", US.engine_id.hex(), *user(USER)],
}


@pytest.mark.parametrize("options", UNBELIEVABLE.values(), ids=UNBELIEVABLE)
def test_a_known_address_alone_is_not_believed(tmp_path: Path, options: Sequence[str]) -> None:
    async def run() -> None:
        async with listening(tmp_path) as ears:
            await ears.tell(options, COLD_START)
        assert ears.counts() == (0, 0, 1, 0)

    asyncio.run(run())


@pytest.mark.parametrize("options", [user(WRONG_KEY), user(replace(USER, user="stranger"))])
def test_an_inform_that_is_not_believed_is_not_acknowledged(tmp_path: Path, options: Sequence[str]) -> None:
    async def run() -> None:
        async with listening(tmp_path) as ears:
            assert await ears.tell(options, COLD_START, inform=True) != 0
        assert ears.heard == []

    asyncio.run(run())


def test_the_credentials_of_another_device_are_not_believed(tmp_path: Path) -> None:
    known = {HOST: [SnmpV2c(Secret("its-own"))], "192.0.2.1": [COMMUNITY]}

    async def run() -> None:
        async with listening(tmp_path, known) as ears:
            assert await ears.tell(PUBLIC, LINK_DOWN, inform=True) != 0
            assert await ears.tell(community("2c", "its-own"), LINK_DOWN, inform=True) == 0
        assert len(ears.heard) == 1

    asyncio.run(run())


def test_a_community_is_believed_in_the_older_version_too(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path, {HOST: [SnmpV1(COMMUNITY.community), COMMUNITY]}) as ears:
            await ears.tell(community("1", COMMUNITY.community.reveal()), V1_LINK_DOWN)
            await ears.tell(PUBLIC, LINK_DOWN)
        assert len(ears.heard) == 2

    asyncio.run(run())


def test_a_trap_that_was_recorded_is_not_believed_again_after_a_restart_or_150_s(tmp_path: Path) -> None:
    boots_and_times = ["2,1000", "2,1001", "2,800", "1,5000", "3,1", "2,9000"]

    async def run() -> None:
        async with listening(tmp_path) as ears:
            for clock in boots_and_times:
                await ears.tell(["-e", ENGINE, "-Z", clock, *user(USER)], COLD_START)
        assert ears.counts() == (3, 0, 3, 0)

    asyncio.run(run())


def test_a_device_that_lost_count_of_its_boots_is_believed_once_the_poller_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path) as ears:
            await ears.tell(["-e", ENGINE, "-Z", "9,1000", *user(USER)], COLD_START)
            await ears.tell(["-e", ENGINE, "-Z", "2,10", *user(USER)], COLD_START)
            ears.receiver.knows(HOST, bytes.fromhex(ENGINE), 2, USER)
            await ears.tell(["-e", ENGINE, "-Z", "2,11", *user(USER)], COLD_START)
        assert ears.counts() == (2, 0, 1, 0)

    asyncio.run(run())


def test_over_ipv6_as_well_and_an_ipv4_source_is_itself(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path, {"::1": [COMMUNITY, USER], HOST: [COMMUNITY]}, host="::") as ears:
            port = ears.receiver.endpoint.port
            for to, options in ((f"udp6:[::1]:{port}", user(USER)), (f"{HOST}:{port}", PUBLIC)):
                status = await asyncio.to_thread(
                    senders.send, ears.state, to, options, LINK_DOWN, inform=True
                )
                assert status == 0
        assert [one.source for one in ears.heard] == ["::1", HOST]

    asyncio.run(run())


def test_one_address_has_one_spelling() -> None:
    assert plain_address("::ffff:192.0.2.7") == "192.0.2.7"
    assert plain_address("2001:DB8:0::1") == "2001:db8::1"
    assert plain_address("192.0.2.7") == "192.0.2.7"


def test_an_allowance_is_spent_and_comes_back_with_time() -> None:
    allowance = Allowance(share=0.1, burst_s=0.5)
    assert allowance.is_left(100.0)
    allowance.spend(0.6)
    assert not allowance.is_left(100.0)
    assert not allowance.is_left(100.9)
    assert allowance.is_left(101.1)
    allowance.spend(0.4)
    assert allowance.is_left(1e6)
    assert allowance.left_s == 0.5


@dataclass(slots=True)
class Ticking:
    """A clock that is 10 ms further whenever it is looked at: that is what a decoding takes by it."""

    now_s: float = 0.0

    def __call__(self) -> float:
        self.now_s += 0.01
        return self.now_s


def test_a_device_that_floods_uses_up_its_own_time_and_not_that_of_the_others(tmp_path: Path) -> None:
    known = {HOST: [COMMUNITY], "127.0.0.2": [COMMUNITY]}

    async def run() -> None:
        ticking = Ticking()
        async with listening(tmp_path, known, "0.0.0.0", ticking, ticking) as ears:
            to = Endpoint(HOST, ears.receiver.endpoint.port)
            with sender() as send:
                for _ in range(50):
                    send(b"x", to)
            await until(lambda: ears.dealt() == 50)
            assert (
                await asyncio.to_thread(
                    senders.send, ears.state, to, ["--clientaddr=127.0.0.2", *PUBLIC], LINK_DOWN, inform=True
                )
                == 0
            )
        heard, _, disbelieved, surplus = ears.counts()
        assert heard == 1
        assert 3 <= disbelieved <= 15  # 0.1 s of a clock on which each takes 10 ms and more
        assert surplus == 50 - disbelieved

    asyncio.run(run())


def test_what_is_longer_than_any_notice_is_not_decoded(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path) as ears:
            with sender() as send:
                send(b"\x30" * (MAX_OCTETS + 1), ears.receiver.endpoint)
            await until(lambda: ears.dealt() == 1)
            assert decoded(ears.receiver) == 0
        assert ears.counts() == (0, 0, 0, 1)

    asyncio.run(run())


def test_a_flood_of_20000_from_a_stranger_loses_no_poll_and_is_never_decoded(tmp_path: Path) -> None:
    async def run() -> None:
        async with listening(tmp_path, host="0.0.0.0") as ears:
            flood = asyncio.create_task(asyncio.to_thread(pour, 20_000, ears.receiver.endpoint.port))
            polls = 0
            with Agent() as agent:
                engine = Engine()
                while not flood.done() or polls < 20:
                    [reply] = [one async for one in engine.poll([ask(agent.port, [SYS_NAME])])]
                    assert (reply.failure, reply.tries) == (None, 1)
                    polls += 1
                await engine.close()
            assert decoded(ears.receiver) == 0
            assert await ears.tell(PUBLIC, LINK_DOWN, inform=True) == 0
        assert ears.counts()[0] == 1
        assert 0 < ears.receiver.counts.strangers <= 20_000

    asyncio.run(run())


def pour(datagrams: int, port: int) -> None:
    """Send from an address no device has."""
    with sender("127.0.0.99") as send:
        for _ in range(datagrams):
            send(b"\x30\x82\x01\x00 not a notice", Endpoint(HOST, port))


@contextmanager
def sender(address: str = HOST) -> Iterator[Callable[[bytes, Endpoint], None]]:
    """Sends datagrams of any kind."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((address, 0))

        def send(datagram: bytes, to: Endpoint) -> None:
            made.sendto(datagram, (to.host, to.port))

        yield send


def decoded(receiver: Receiver) -> int:
    """How many datagrams pysnmp has seen, by its own count (snmpInPkts)."""
    builder = receiver._decoder._engine.get_mib_builder()
    [packets] = builder.import_symbols("__SNMPv2-MIB", "snmpInPkts")
    return int(packets.syntax)


def test_octets_from_a_known_source_never_raise(recorded: Sequence[bytes]) -> None:
    """Random ones, and notices of every version with some octets changed, cut out or put in."""

    async def run() -> None:
        decoder = Decoder(US, {HOST: [COMMUNITY, USER]}, lambda datagram, address: None)
        decoder.knows(HOST, bytes.fromhex(ENGINE), 1, USER)

        @settings(max_examples=600, deadline=None)
        @given(st.one_of(st.binary(max_size=300), damaged(recorded)))
        def hold(datagram: bytes) -> None:
            assert isinstance(decoder.decode(datagram, HOST, (HOST, 162)), Notice | Unheard)

        hold()
        heard = [decoder.decode(one, HOST, (HOST, 162)) for one in recorded]
        assert [isinstance(one, Notice) for one in heard] == [True] * 3
        decoder.close()

    asyncio.run(run())


@st.composite
def damaged(draw: st.DrawFn, recorded: Sequence[bytes]) -> bytes:
    """A real notice, a little of which is replaced."""
    whole = draw(st.sampled_from(recorded))
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 6)))
    return whole[:start] + draw(st.binary(max_size=6)) + whole[end:]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Sequence[bytes]:
    """One trap of each version, as net-snmp sends it."""
    state = tmp_path_factory.mktemp("recorded")
    notices = [
        (community("1", COMMUNITY.community.reveal()), V1_LINK_DOWN),
        (PUBLIC, LINK_DOWN),
        (["-e", ENGINE, *user(USER)], LINK_DOWN),
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((HOST, 0))
        ear.settimeout(PATIENCE_S)
        for options, notice in notices:
            assert senders.send(state, Endpoint(HOST, ear.getsockname()[1]), options, notice) == 0
        return [ear.recv(MAX_OCTETS) for _ in notices]
