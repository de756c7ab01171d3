"""The contract of a poller, over both implementations: real agents and agents that misbehave."""

import asyncio
from dataclasses import replace

import pytest

from drivers.model import SnmpCredentials
from drivers.snmp.ber import Message, Tag, Verb, encode
from drivers.snmp.engine import Engine
from drivers.snmp.pysnmp_backend import PysnmpPoller
from drivers.snmp.seam import PollReply, Reason
from tests.snmp import hostile
from tests.snmp.hostile import IF_DESCR, IF_IN, SYS_DESCR, SYS_NAME, Agent, Mib, Sent, honest, respond
from tests.snmp.polling import MakePoller, ask, poll, poll_one
from tests.snmp.snmpd import COMMUNITY, SHA256_USER, USER, Snmpd

ABSENT = (1, 3, 6, 1, 4, 1, 99999, 1, 0)
ROWS = {(row,): f"eth{row}".encode() for row in range(1, 8)}
COUNTERS = {(row,): (1 << 40) + row for row in range(1, 8)}


def test_scalars_and_columns_of_a_real_agent_arrive(make: MakePoller, agent: Snmpd) -> None:
    reply = poll_one(
        make, ask(agent.port, [SYS_NAME, ABSENT], [IF_DESCR, ABSENT[:-1]], credentials=COMMUNITY)
    )

    assert reply.failure is None
    assert reply.scalars == {SYS_NAME: b"ap-08019-1"}
    assert reply.columns.keys() == {IF_DESCR}
    assert b"lo" in reply.columns[IF_DESCR].values()
    assert reply.elapsed_s > 0


@pytest.mark.parametrize("credentials", [COMMUNITY, USER, SHA256_USER], ids=["v2c", "v3-sha1", "v3-sha256"])
def test_both_engines_and_versions_bring_equal_values(agent: Snmpd, credentials: SnmpCredentials) -> None:
    system = [(1, 3, 6, 1, 2, 1, 1, number, 0) for number in (1, 2, 4, 5, 6)]
    steady = [IF_DESCR, (1, 3, 6, 1, 2, 1, 2, 2, 1, 3), (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)]

    ours = poll_one(Engine, ask(agent.port, system, steady, credentials=COMMUNITY))
    theirs = poll_one(PysnmpPoller, ask(agent.port, system, steady, credentials=credentials))

    assert ours.failure is theirs.failure is None
    assert ours.scalars == theirs.scalars
    assert ours.columns == theirs.columns
    assert len(ours.scalars) == 5


def test_an_agent_that_is_not_there_costs_only_itself(make: MakePoller, nobody: int) -> None:
    with Agent() as agent:
        replies = poll(
            make,
            ask(nobody, [SYS_NAME], device="ap-dead", timeout_s=0.5, retries=0),
            ask(agent.port, [SYS_NAME], device="ap-living"),
        )

    living, dead = sorted(replies, key=lambda reply: reply.device, reverse=True)
    assert living.failure is None
    assert living.scalars == {SYS_NAME: b"ap-1"}
    assert dead.failure is not None
    assert dead.failure.reason in (Reason.REFUSED, Reason.TIMEOUT)
    assert not dead.scalars


def test_an_agent_that_keeps_silent_times_out_after_all_its_tries(make: MakePoller) -> None:
    with Agent(lambda asked, mib: []) as agent:
        reply = poll_one(make, ask(agent.port, [SYS_NAME], timeout_s=0.3, retries=2))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.TIMEOUT
    assert reply.tries == 3
    assert len(agent.requests) == 3
    assert len({asked.request_id for asked in agent.requests}) == 3, "a retry has an id of its own"


def test_a_deadline_ends_a_poll_whatever_tries_are_left(make: MakePoller) -> None:
    with Agent(lambda asked, mib: []) as agent:
        reply = poll_one(make, ask(agent.port, [SYS_NAME], timeout_s=0.3, retries=1000, deadline_s=1))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.TIMEOUT
    assert len(agent.requests) < 20


def test_a_deadline_is_kept_though_a_try_would_wait_longer(make: MakePoller) -> None:
    with Agent(lambda asked, mib: []) as agent:
        reply = poll_one(make, ask(agent.port, [SYS_NAME], timeout_s=120, retries=0, deadline_s=0.5))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.TIMEOUT
    assert reply.elapsed_s < 60


def test_the_living_are_answered_before_the_dead_are_given_up(make: MakePoller) -> None:
    with Agent() as living, Agent(lambda asked, mib: []) as dead:
        requests = [
            ask(
                dead.port if number % 5 == 0 else living.port,
                [SYS_NAME],
                device=f"ap-{number}",
                timeout_s=2,
                retries=0,
            )
            for number in range(50)
        ]
        replies = poll(make if make is Engine else lambda: PysnmpPoller(at_once=20), *requests)

    outcomes = [reply.failure is None for reply in replies]
    assert outcomes == [True] * 40 + [False] * 10
    assert {reply.device for reply in replies} == {f"ap-{number}" for number in range(50)}


def truncated(asked: Message, mib: Mib) -> Sent:
    whole = encode(respond(asked, mib))
    return [whole[: len(whole) // 2], whole[:-1], whole[:1]]


def garbage(asked: Message, mib: Mib) -> Sent:
    return [
        b"\x00",
        b"\x30\x84\x7f\xff\xff\xff" + b"\x30" * 5000,
        bytes(range(256)),
        b"GET / HTTP/1.1\r\n\r\n",
    ]


def wrong_id(asked: Message, mib: Mib) -> Sent:
    return [encode(replace(respond(asked, mib), request_id=asked.request_id ^ 0x55))]


def wrong_community(asked: Message, mib: Mib) -> Sent:
    return [encode(replace(respond(asked, mib), community=b"private"))]


def a_request_back(asked: Message, mib: Mib) -> Sent:
    return [encode(replace(respond(asked, mib), verb=Verb.GET))]


BAD = [truncated, garbage, wrong_id, wrong_community, a_request_back]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_datagram_is_not_believed(make: MakePoller, bad: hostile.Behaviour) -> None:
    with Agent(bad) as agent:
        reply = poll_one(make, ask(agent.port, [SYS_NAME], timeout_s=0.3, retries=0))

    assert reply.failure is not None
    assert reply.failure.reason in (Reason.TIMEOUT, Reason.DISBELIEVED)
    assert not reply.scalars


@pytest.mark.parametrize("bad", BAD)
def test_the_right_answer_counts_after_bad_ones(make: MakePoller, bad: hostile.Behaviour) -> None:
    with Agent(lambda asked, mib: [*bad(asked, mib), *honest(asked, mib)]) as agent:
        reply = poll_one(make, ask(agent.port, [SYS_NAME], [IF_DESCR]))

    assert reply.failure is None
    assert reply.scalars == {SYS_NAME: b"ap-1"}
    assert reply.columns == {IF_DESCR: ROWS}


def test_an_answer_to_an_earlier_request_does_not_pass_for_this_one(make: MakePoller) -> None:
    before: list[bytes] = []

    def stale_then_right(asked: Message, mib: Mib) -> Sent:
        right = encode(respond(asked, mib))
        sent = [*before, right]
        before.append(encode(replace(respond(asked, mib), varbinds=[(SYS_NAME, Tag.OCTETS, b"a lie")])))
        return sent

    with Agent(stale_then_right) as agent:
        replies = [reply for _ in range(3) for reply in poll(make, ask(agent.port, [SYS_NAME]))]

    assert [reply.scalars for reply in replies] == [{SYS_NAME: b"ap-1"}] * 3


def test_every_poll_survives_a_link_that_loses_a_third(make: MakePoller) -> None:
    dice = iter(f"{number * number % 97}" for number in range(10**6))

    def lossy(asked: Message, mib: Mib) -> Sent:
        return [] if int(next(dice)) < 29 else honest(asked, mib)

    with Agent(lossy) as agent:
        requests = [
            ask(agent.port, [SYS_NAME], [IF_DESCR], device=f"ap-{number}", timeout_s=0.3, retries=20)
            for number in range(30)
        ]
        replies = poll(make, *requests)

    assert [reply.failure for reply in replies] == [None] * 30
    assert all(reply.columns == {IF_DESCR: ROWS} for reply in replies)
    assert max(reply.tries for reply in replies) > 1


def too_big_beyond(most: int) -> hostile.Behaviour:
    def behave(asked: Message, mib: Mib) -> Sent:
        answer = respond(asked, mib)
        return [encode(hostile.error(asked, 1) if len(answer.varbinds) > most else answer)]

    return behave


def test_a_get_that_is_too_big_is_asked_in_halves(make: MakePoller) -> None:
    scalars = [*((1, 3, 6, 1, 4, 1, 5, number, 0) for number in range(30)), SYS_NAME, SYS_DESCR]
    with Agent(too_big_beyond(3)) as agent:
        reply = poll_one(make, ask(agent.port, scalars))

    assert reply.failure is None
    assert reply.scalars == {SYS_NAME: b"ap-1", SYS_DESCR: b"an agent in a test"}
    assert max(len(asked.varbinds) for asked in agent.requests) <= 20


def test_a_bulk_that_is_too_big_is_asked_for_less(make: MakePoller) -> None:
    with Agent(too_big_beyond(3)) as agent:
        reply = poll_one(make, ask(agent.port, [], [IF_DESCR, IF_IN]))

    assert reply.failure is None
    assert reply.columns == {IF_DESCR: ROWS, IF_IN: COUNTERS}


def test_one_object_in_error_costs_only_itself(make: MakePoller) -> None:
    def broken_name(asked: Message, mib: Mib) -> Sent:
        names = [name for name, _, _ in asked.varbinds]
        if SYS_NAME in names:
            return [encode(hostile.error(asked, 5, names.index(SYS_NAME) + 1))]
        return honest(asked, mib)

    with Agent(broken_name) as agent:
        reply = poll_one(make, ask(agent.port, [SYS_DESCR, SYS_NAME], [IF_DESCR]))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.ERROR
    assert "1.3.6.1.2.1.1.5.0" in reply.failure.detail
    assert reply.scalars == {SYS_DESCR: b"an agent in a test"}
    assert reply.columns == {IF_DESCR: ROWS}


def test_a_walk_goes_on_by_getnext_where_bulk_is_refused(make: MakePoller) -> None:
    def no_bulk(asked: Message, mib: Mib) -> Sent:
        return [encode(hostile.error(asked, 5))] if asked.verb == Verb.BULK else honest(asked, mib)

    with Agent(no_bulk) as agent:
        reply = poll_one(make, ask(agent.port, [], [IF_DESCR, IF_IN]))

    assert reply.failure is None
    assert reply.columns == {IF_DESCR: ROWS, IF_IN: COUNTERS}
    assert Verb.NEXT in {asked.verb for asked in agent.requests}


def test_a_walk_goes_on_where_an_answer_was_cut_short(make: MakePoller) -> None:
    def short(asked: Message, mib: Mib) -> Sent:
        answer = respond(asked, mib)
        return [encode(replace(answer, varbinds=answer.varbinds[:3]))]

    with Agent(short) as agent:
        reply = poll_one(make, ask(agent.port, [], [IF_DESCR, IF_IN]))

    assert reply.failure is None
    assert reply.columns == {IF_DESCR: ROWS, IF_IN: COUNTERS}


def test_a_walk_that_never_ends_is_ended(make: MakePoller) -> None:
    def endless(asked: Message, mib: Mib) -> Sent:
        rows = max(1, asked.index)
        last = asked.varbinds[0][0]
        row = last[-1] if len(last) > len(IF_DESCR) else 0
        found = [((*IF_DESCR, row + step), Tag.OCTETS, b"x") for step in range(1, rows + 1)]
        return [encode(replace(asked, verb=Verb.RESPONSE, status=0, index=0, varbinds=found))]

    with Agent(endless) as agent:
        reply = poll_one(make, ask(agent.port, [], [IF_DESCR], max_rows=100))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.ERROR
    assert "more than 100 rows" in reply.failure.detail
    assert len(reply.columns[IF_DESCR]) == 100


@pytest.mark.parametrize("loop", ["same", "back"])
def test_a_walk_that_goes_in_circles_is_ended(make: MakePoller, loop: str) -> None:
    def circular(asked: Message, mib: Mib) -> Sent:
        last = asked.varbinds[0][0]
        after = (*IF_DESCR, 5) if len(last) == len(IF_DESCR) else last if loop == "same" else (*IF_DESCR, 2)
        return [
            encode(
                replace(asked, verb=Verb.RESPONSE, status=0, index=0, varbinds=[(after, Tag.OCTETS, b"x")])
            )
        ]

    with Agent(circular) as agent:
        reply = poll_one(make, ask(agent.port, [], [IF_DESCR]))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.ERROR
    assert reply.columns[IF_DESCR] == {(5,): b"x"}
    assert len(agent.requests) < 10


def test_what_came_before_a_failure_is_kept(make: MakePoller) -> None:
    def falls_silent(asked: Message, mib: Mib) -> Sent:
        return honest(asked, mib) if asked.verb == Verb.GET else []

    with Agent(falls_silent) as agent:
        reply = poll_one(make, ask(agent.port, [SYS_NAME], [IF_DESCR], timeout_s=0.3, retries=0))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.TIMEOUT
    assert reply.scalars == {SYS_NAME: b"ap-1"}


def test_closing_ends_polls_in_flight(make: MakePoller) -> None:
    async def run(port: int) -> list[PollReply]:
        poller = make()
        replies: list[PollReply] = []

        async def consume() -> None:
            requests = [
                ask(port, [SYS_NAME], device=f"ap-{n}", timeout_s=60, deadline_s=60) for n in range(3)
            ]
            async for reply in poller.poll(requests):
                replies.append(reply)

        task = asyncio.create_task(consume())
        while not agent.requests:
            await asyncio.sleep(0.01)
        await poller.close()
        await task
        return replies

    with Agent(lambda asked, mib: []) as agent:
        replies = asyncio.run(run(agent.port))

    assert {reply.device for reply in replies} == {"ap-0", "ap-1", "ap-2"}
    assert {reply.failure.reason for reply in replies if reply.failure} == {Reason.TIMEOUT}


def test_a_poller_may_be_left_in_the_middle(make: MakePoller, nobody: int) -> None:
    async def run(port: int) -> PollReply:
        poller = make()
        try:
            dead = [ask(nobody, [SYS_NAME], device=f"ap-{n}", timeout_s=60, deadline_s=60) for n in range(3)]
            async for _ in poller.poll([*dead, ask(port, [SYS_NAME], device="ap-living")]):
                break
            async for reply in poller.poll([ask(port, [SYS_NAME])]):
                again = reply
            return again
        finally:
            await poller.close()

    with Agent() as agent:
        assert asyncio.run(run(agent.port)).scalars == {SYS_NAME: b"ap-1"}


def test_names_and_ipv6_addresses_are_polled_too(make: MakePoller) -> None:
    with Agent() as four, Agent(host="::1") as six:
        replies = poll(
            make,
            ask(four.port, [SYS_NAME], host="localhost", device="by-name"),
            ask(six.port, [SYS_NAME], host="::1", device="by-ipv6"),
            ask(four.port, [SYS_NAME], host="no-such-host.invalid", device="nowhere", timeout_s=1, retries=0),
        )

    failures = {reply.device: reply.failure for reply in replies}
    assert failures.pop("nowhere") is not None
    assert failures == {"by-name": None, "by-ipv6": None}
