"""What our own engine promises beyond the contract: whom it believes, what it learns, whose fault is what."""

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from drivers.model import Secret, SnmpV2c
from drivers.snmp.ber import Message, Tag, Verb, encode
from drivers.snmp.engine import Engine
from drivers.snmp.exchange import Exchange
from drivers.snmp.pysnmp_backend import PysnmpPoller
from drivers.snmp.seam import PollReply, PollRequest, Reason
from tests.snmp import hostile
from tests.snmp.hostile import IF_DESCR, IF_IN, SYS_NAME, Agent, Mib, Sent, honest, respond
from tests.snmp.polling import MakePoller, ask, poll, poll_one
from tests.snmp.test_contract import BAD


def rounds(engine: Engine, *requests: Sequence[PollRequest]) -> list[list[PollReply]]:
    """Several polls, one after the other, by one engine."""

    async def run() -> list[list[PollReply]]:
        try:
            return [[reply async for reply in engine.poll(some)] for some in requests]
        finally:
            await engine.close()

    return asyncio.run(run())


def lie(asked: Message, mib: Mib) -> bytes:
    return encode(replace(respond(asked, mib), varbinds=[(SYS_NAME, Tag.OCTETS, b"a lie")]))


@pytest.mark.parametrize(
    "make",
    [
        Engine,
        pytest.param(
            PysnmpPoller,
            marks=pytest.mark.xfail(reason="pysnmp believes an answer from any address", strict=True),
        ),
    ],
)
def test_an_answer_from_another_port_is_not_believed(make: MakePoller) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))

        def spoofed(asked: Message, mib: Mib) -> Sent:
            stranger.sendto(lie(asked, mib), agent.peer)
            return honest(asked, mib)

        with Agent(spoofed) as agent:
            reply = poll_one(make, ask(agent.port, [SYS_NAME]))

    assert reply.scalars == {SYS_NAME: b"ap-1"}
    assert reply.ignored == 1


def test_an_answer_from_another_address_is_not_believed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:

        def spoofed(asked: Message, mib: Mib) -> Sent:
            stranger.bind(("127.0.0.2", agent.port))
            stranger.sendto(lie(asked, mib), agent.peer)
            return honest(asked, mib)

        with Agent(spoofed) as agent:
            reply = poll_one(Engine, ask(agent.port, [SYS_NAME]))

    assert reply.scalars == {SYS_NAME: b"ap-1"}
    assert reply.ignored == 1


@pytest.mark.parametrize("bad", BAD)
def test_every_datagram_not_believed_is_counted(bad: hostile.Behaviour) -> None:
    with Agent(lambda asked, mib: [*bad(asked, mib), *honest(asked, mib)]) as agent:
        reply = poll_one(Engine, ask(agent.port, [SYS_NAME]))
        (asked,) = agent.requests

    assert reply.ignored == len(list(bad(asked, hostile.MIB)))


def test_a_late_answer_to_the_first_try_is_accepted_during_the_second() -> None:
    first: list[bytes] = []

    def late(asked: Message, mib: Mib) -> Sent:
        if not first:
            first.append(encode(respond(asked, mib)))
            return []
        return first

    with Agent(late) as agent:
        reply = poll_one(Engine, ask(agent.port, [SYS_NAME], timeout_s=0.5))

    assert reply.failure is None
    assert reply.scalars == {SYS_NAME: b"ap-1"}
    assert reply.tries == 2
    assert reply.ignored == 0


def test_an_answer_said_twice_is_heard_once() -> None:
    with Agent(lambda asked, mib: [*honest(asked, mib), *honest(asked, mib)]) as agent:
        reply = poll_one(Engine, ask(agent.port, [SYS_NAME], [IF_DESCR]))

    assert reply.failure is None
    assert len(reply.columns[IF_DESCR]) == 7


def test_a_closed_port_is_told_from_silence(nobody: int) -> None:
    replies = poll(
        Engine,
        ask(nobody, [SYS_NAME], device="ipv4", timeout_s=0.3),
        ask(nobody, [SYS_NAME], device="ipv6", host="::1", timeout_s=0.3),
    )

    assert {reply.failure.reason for reply in replies if reply.failure} == {Reason.REFUSED}
    assert {reply.tries for reply in replies} == {2}, "it may have been restarting: every try is made"


def test_an_agent_that_starts_between_two_tries_is_polled() -> None:
    with Agent() as gone:
        port = gone.port
    request = ask(port, [SYS_NAME], timeout_s=0.2, retries=500, deadline_s=100)

    async def run() -> list[PollReply]:
        engine = Engine()
        polling = asyncio.create_task(_all(engine, request))
        await asyncio.sleep(0)
        with Agent(port=port):
            replies = await polling
        await engine.close()
        return replies

    (reply,) = asyncio.run(run())
    assert reply.failure is None
    assert reply.tries > 1


async def _all(engine: Engine, request: PollRequest) -> list[PollReply]:
    return [reply async for reply in engine.poll([request])]


def test_request_ids_have_31_bits_and_fill_their_octets() -> None:
    with Agent() as agent:
        poll(Engine, *(ask(agent.port, [SYS_NAME], [IF_DESCR], device=f"ap-{n}") for n in range(50)))

    ids = [asked.request_id for asked in agent.requests]
    assert len(set(ids)) == len(ids) >= 100
    assert all(1 << 24 <= request_id < 1 << 31 for request_id in ids)
    assert len({request_id >> 24 for request_id in ids}) > 10, "nobody can guess the next one"


def test_an_agent_that_refuses_bulk_is_not_asked_again() -> None:
    def no_bulk(asked: Message, mib: Mib) -> Sent:
        return [encode(hostile.error(asked, 5))] if asked.verb == Verb.BULK else honest(asked, mib)

    with Agent(no_bulk) as agent:
        request = ask(agent.port, [], [IF_DESCR])
        rounds(Engine(), [request], [request])

    assert [asked.verb for asked in agent.requests].count(Verb.BULK) == 1


def test_what_was_too_big_is_remembered() -> None:
    def small(asked: Message, mib: Mib) -> Sent:
        answer = respond(asked, mib)
        return [encode(hostile.error(asked, 1) if len(answer.varbinds) > 4 else answer)]

    scalars = [(1, 3, 6, 1, 4, 1, 5, number, 0) for number in range(16)]
    with Agent(small) as agent:
        request = ask(agent.port, scalars, [IF_DESCR, IF_IN])
        once = rounds(Engine(), [request])
        first = len(agent.requests)
        twice = rounds(Engine(), [request], [request])
        second = len(agent.requests) - 2 * first

    assert [reply.failure for replies in (*once, *twice) for reply in replies] == [None] * 3
    assert second < first


def test_a_table_is_asked_for_the_rows_it_had() -> None:
    with Agent() as agent:
        request = ask(agent.port, [], [IF_DESCR])
        rounds(Engine(), [request], [request])

    assert [asked.index for asked in agent.requests] == [20, 8]


def test_two_devices_behind_one_address_are_not_mixed() -> None:
    with Agent() as one, Agent(mib={SYS_NAME: (Tag.OCTETS, b"ap-2")}) as two:
        requests = [ask((one, two)[n % 2].port, [SYS_NAME], device=f"ap-{n % 2 + 1}/{n}") for n in range(40)]
        replies = poll(Engine, *requests)

    assert all(reply.scalars[SYS_NAME].decode() == reply.device.partition("/")[0] for reply in replies)


def stalled_poll(engine: Engine, requests: Sequence[PollRequest], stall_s: float) -> list[PollReply]:
    """Poll while this process cannot run for `stall_s`, right after the first requests went out."""

    async def run() -> list[PollReply]:
        replies: list[PollReply] = []

        async def consume() -> None:
            async for reply in engine.poll(requests):
                replies.append(reply)

        task = asyncio.create_task(consume())
        await asyncio.sleep(0)
        time.sleep(stall_s)  # the whole loop stands still: this is what is tested
        await task
        await engine.close()
        return replies

    return asyncio.run(run())


def test_a_healthy_agent_is_not_dead_because_we_could_not_run() -> None:
    with Agent() as agent:
        requests = [
            ask(agent.port, [SYS_NAME], [IF_DESCR], device=f"ap-{n}", timeout_s=0.5, retries=0, deadline_s=1)
            for n in range(100)
        ]
        replies = stalled_poll(Engine(), requests, stall_s=2)

    assert [reply.failure for reply in replies] == [None] * 100


def test_answers_our_buffer_lost_are_asked_for_again_and_never_counted_against_an_agent() -> None:
    def long(asked: Message, mib: Mib) -> Sent:
        answer = respond(asked, mib)
        return [encode(replace(answer, varbinds=[*answer.varbinds, (IF_IN, Tag.OCTETS, b"x" * 1200)]))]

    dropped = []

    class Watched(Engine):
        async def close(self) -> None:
            dropped.append(self.wire.dropped)
            await super().close()

    with Agent(long) as agent:
        requests = [
            ask(agent.port, [SYS_NAME], device=f"ap-{n}", timeout_s=3, retries=0, deadline_s=60)
            for n in range(60)
        ]
        replies = stalled_poll(Watched(receive_octets=8192), requests, stall_s=1)

    assert dropped[0] > 0, "the small buffer lost nothing: this test proves nothing"
    assert [reply.failure for reply in replies] == [None] * 60


def test_the_receive_buffer_is_raised_and_sizes_what_is_in_the_air() -> None:
    async def run() -> tuple[int, int]:
        engine = Engine()
        largest = engine.wire.live.largest
        octets = engine.wire.receive_octets
        await engine.close()
        return octets, largest

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        default = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    octets, largest = asyncio.run(run())

    assert octets >= default
    assert largest * 4096 <= octets


def test_devices_found_dead_hold_no_place_of_the_living() -> None:
    with Agent() as living, Agent(lambda asked, mib: []) as dead:
        gone = [ask(dead.port, [SYS_NAME], device=f"dead-{n}", timeout_s=1, retries=0) for n in range(20)]
        alive = ask(living.port, [SYS_NAME], device="living", timeout_s=5)
        _, second = rounds(Engine(receive_octets=8192), gone, [*gone, alive])

    assert second[0].device == "living"


def test_a_device_that_misses_its_first_try_gives_up_its_place() -> None:
    with Agent() as living, Agent(lambda asked, mib: []) as dead:
        gone = [ask(dead.port, [SYS_NAME], device=f"dead-{n}", timeout_s=1, retries=3) for n in range(16)]
        alive = ask(living.port, [SYS_NAME], device="living", timeout_s=5)
        (replies,) = rounds(Engine(receive_octets=8192), [*gone, alive])

    assert replies[0].device == "living"


def test_a_device_that_comes_back_is_found_and_is_alive_again() -> None:
    deaf = [True]

    def wakes(asked: Message, mib: Mib) -> Sent:
        return [] if deaf[0] else honest(asked, mib)

    async def run(port: int) -> list[PollReply]:
        engine = Engine()
        request = ask(port, [SYS_NAME], timeout_s=0.3, retries=0)
        found = []
        for _ in range(3):
            found += [reply async for reply in engine.poll([request])]
            deaf[0] = False
        await engine.close()
        return found

    with Agent(wakes) as agent:
        replies = asyncio.run(run(agent.port))

    assert [reply.failure is None for reply in replies] == [False, True, True]


def test_after_a_stall_fewer_polls_are_in_the_air() -> None:
    sizes: list[tuple[int, int]] = []

    class Watched(Engine):
        async def close(self) -> None:
            sizes.append((self.wire.live.size, self.wire.live.largest))
            await super().close()

    with Agent() as agent:
        requests = [ask(agent.port, [SYS_NAME], device=f"ap-{n}", timeout_s=0.5) for n in range(10)]
        stalled_poll(Watched(), requests, stall_s=1)

    ((size, largest),) = sizes
    assert size < largest


def test_an_answer_that_came_twice_is_no_reason_for_a_later_silence() -> None:
    """Both tries are answered late, as on slow links; then the agent falls silent."""
    held: list[bytes] = []

    def slow(asked: Message, mib: Mib) -> Sent:
        if asked.verb != Verb.GET:
            return []
        held.append(encode(respond(asked, mib)))
        return held if len(held) == 2 else []

    with Agent(slow) as agent:
        reply = poll_one(Engine, ask(agent.port, [SYS_NAME], [IF_DESCR], timeout_s=0.3))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.TIMEOUT
    assert "stopped answering half-way" in reply.failure.detail
    assert reply.ignored == 1


def test_a_long_community_is_no_obstacle() -> None:
    with Agent() as agent:
        long = SnmpV2c(Secret("c" * 200))
        reply = poll_one(Engine, ask(agent.port, [SYS_NAME], credentials=long))

    assert reply.failure is None


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "."])
def test_a_name_without_an_address_costs_only_its_own_poll(host: str) -> None:
    with Agent() as agent:
        replies = poll(
            Engine,
            ask(1, [SYS_NAME], device="nowhere", host=host, deadline_s=10),
            ask(agent.port, [SYS_NAME], device="somewhere"),
        )

    failures = {reply.device: reply.failure for reply in replies}
    assert failures["somewhere"] is None
    assert failures["nowhere"] is not None


def test_an_icmp_error_about_another_datagram_is_nothing_to_us() -> None:
    exchange = Exchange.__new__(Exchange)
    exchange.ids = [b"\x01\x02\x03\x04"]

    assert exchange.quoted_in(b"\x30\x20\x02\x04\x01\x02\x03\x04\x02\x01\x00")
    assert not exchange.quoted_in(b"\x30\x20\x02\x04\x01\x02\x03\x05\x02\x01\x00")
    assert exchange.quoted_in(b""), "a router may quote nothing of it"
