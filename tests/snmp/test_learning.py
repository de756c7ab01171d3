"""What an agent has taught is remembered, told to whoever keeps it, and costs next to nothing."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from drivers.model import Endpoint, Secret, SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3
from drivers.snmp.ber import Message, Tag, Verb, Version, encode
from drivers.snmp.engine import Engine
from drivers.snmp.habits import Habits
from drivers.snmp.pysnmp_backend import PysnmpPoller
from drivers.snmp.questions import question
from drivers.snmp.seam import Learned, PollReply, PollRequest
from tests.snmp import hostile
from tests.snmp.farm import farm
from tests.snmp.hostile import IF_DESCR, SYS_DESCR, SYS_NAME, Agent, Mib, Sent, honest, respond
from tests.snmp.polling import ask, poll_one

ABSENT = [(1, 3, 6, 1, 4, 1, 99, number, 0) for number in range(3)]
V1 = SnmpV1(Secret("public"))


def old(asked: Message, mib: Mib) -> Sent:
    """An SNMPv1 agent: one object it does not have fails the whole PDU, and there is no GETBULK."""
    assert asked.version == Version.V1
    assert asked.verb in (Verb.GET, Verb.NEXT)
    answer = respond(asked, mib)
    absent = [at for at, (_, tag, _) in enumerate(answer.varbinds, 1) if tag >= Tag.NO_SUCH_OBJECT]
    return [encode(hostile.error(asked, 2, absent[0]) if absent else answer)]


def rounds(engine: Engine, requests: Sequence[PollRequest], times: int) -> list[PollReply]:
    async def run() -> list[PollReply]:
        try:
            return [reply for _ in range(times) for reply in [r async for r in engine.poll(requests)]]
        finally:
            await engine.close()

    return asyncio.run(run())


def test_an_object_that_a_v1_agent_lacks_is_dropped_once_and_never_asked_for_again() -> None:
    with Agent(old) as agent:
        request = ask(agent.port, [SYS_DESCR, *ABSENT, SYS_NAME], [IF_DESCR], credentials=V1)
        first, second = rounds(Engine(), [request], 2)
        gets = [asked for asked in agent.requests if asked.verb == Verb.GET]

    assert first.failure is second.failure is None
    assert set(first.scalars) == set(second.scalars) == {SYS_DESCR, SYS_NAME}
    assert len(first.columns[IF_DESCR]) == len(second.columns[IF_DESCR]) == 7
    assert first.learned is not None
    assert set(first.learned.missing) == set(ABSENT)
    assert len(gets) == len(ABSENT) + 1 + 1


def test_what_was_learned_before_a_restart_is_not_learned_again() -> None:
    def no_bulk(asked: Message, mib: Mib) -> Sent:
        return [encode(hostile.error(asked, 5))] if asked.verb == Verb.BULK else honest(asked, mib)

    with Agent(no_bulk) as agent:
        request = ask(agent.port, [SYS_NAME], [IF_DESCR])
        first = poll_one(Engine, request)
        assert first.learned is not None
        known = {request.device: first.learned}
        asked_before = len(agent.requests)
        ours = poll_one(lambda: Engine(known), request)
        theirs = poll_one(lambda: PysnmpPoller(known), request)
        verbs = {asked.verb for asked in agent.requests[asked_before:]}

    assert ours.failure is theirs.failure is None
    assert Verb.BULK not in verbs
    assert ours.learned is None, "nothing new, nothing to keep"


def test_an_agent_that_keeps_silent_to_bulk_is_walked_otherwise_and_in_the_end_not_asked_again() -> None:
    def mute(asked: Message, mib: Mib) -> Sent:
        return [] if asked.verb == Verb.BULK else honest(asked, mib)

    with Agent(mute) as agent:
        request = ask(agent.port, [SYS_NAME], [IF_DESCR], timeout_s=0.2)
        replies = rounds(Engine(), [request], 4)
        bulks = [asked.verb for asked in agent.requests].count(Verb.BULK)

    assert [reply.failure for reply in replies] == [None] * 4
    assert all(len(reply.columns[IF_DESCR]) == 7 for reply in replies)
    assert bulks == 3
    assert replies[2].learned is not None
    assert not replies[2].learned.bulk


def test_a_bulk_heard_late_is_no_reason_to_stop_asking_for_bulk() -> None:
    held: list[bytes] = []

    def late(asked: Message, mib: Mib) -> Sent:
        if asked.verb == Verb.BULK:
            held.append(encode(respond(asked, mib)))
            return []
        return [held.pop()] if asked.verb == Verb.NEXT and held else honest(asked, mib)

    with Agent(late) as agent:
        replies = rounds(Engine(), [ask(agent.port, [SYS_NAME], [IF_DESCR], timeout_s=0.2)], 5)

    assert all(reply.failure is None and len(reply.columns[IF_DESCR]) == 7 for reply in replies)
    assert all(reply.learned is None or reply.learned.bulk for reply in replies)


@pytest.mark.parametrize("version", ["2c", "3"])
def test_a_device_costs_less_than_three_kilobytes_between_polls(version: str) -> None:
    keys = ("authentic-phrase", "private-phrase")
    credentials: SnmpCredentials = SnmpV2c(Secret("public"))
    if version == "3":
        credentials = SnmpV3("plaza", "sha1", Secret(keys[0]), "aes128", Secret(keys[1]))
    with farm(version, 300) as port:
        requests = [
            PollRequest(
                f"ap-{number}",
                Endpoint(f"127.64.{number >> 8}.{number & 255}", port),
                credentials,
                (SYS_DESCR, SYS_NAME),
                ((1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6), (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10)),
                timeout_s=10,
                deadline_s=60,
            )
            for number in range(1, 301)
        ]
        per_device = asyncio.run(_growth(requests, 100, 300))

    assert per_device < 3000


async def _growth(requests: Sequence[PollRequest], few: int, many: int) -> float:
    engine = Engine()
    tracemalloc.start()
    try:
        sizes = []
        for some in (requests[:few], requests[:many]):
            for _ in range(3):
                async for reply in engine.poll(some):
                    assert reply.failure is None
            del reply
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
        return (sizes[1] - sizes[0]) / (many - few)
    finally:
        tracemalloc.stop()
        await engine.close()


def test_a_poll_that_leaves_tables_out_does_not_shorten_what_is_known_of_them() -> None:
    short = (1, 3, 6, 1, 2, 1, 99, 1)
    rows = {(*IF_DESCR, row): (Tag.OCTETS, b"port") for row in range(1, 61)}

    async def run(*requests: PollRequest) -> list[PollReply]:
        engine = Engine()
        try:
            return [reply for one in requests async for reply in engine.poll([one])]
        finally:
            await engine.close()

    with Agent(mib={**rows, (*short, 1): (Tag.INTEGER, 1)}) as agent:
        whole, less = ask(agent.port, [], [IF_DESCR, short]), ask(agent.port, [], [short])
        first, *others = asyncio.run(run(whole, less, whole))

    assert first.learned is not None
    assert first.learned.rows == 60
    assert [reply.learned for reply in others] == [None, None]


def too_big_beyond(most: int) -> Callable[[Message, Mib], Sent]:
    def behave(asked: Message, mib: Mib) -> Sent:
        answer = respond(asked, mib)
        return [encode(hostile.error(asked, 1) if len(answer.varbinds) > most else answer)]

    return behave


def test_of_a_get_that_was_too_big_the_half_is_remembered() -> None:
    scalars = [(1, 3, 6, 1, 4, 1, 5, number, 0) for number in range(16)]
    with Agent(too_big_beyond(4)) as agent:
        first, second = rounds(Engine(), [ask(agent.port, scalars)], 2)
        asked = [len(one.varbinds) for one in agent.requests]

    assert first.failure is second.failure is None
    assert first.learned is not None
    assert first.learned.varbinds == 4
    assert asked[-4:] == [4, 4, 4, 4], "the second poll never asks for more again"
    assert len(asked) == 2 + 4 + 4


def test_of_a_table_that_was_too_big_the_half_is_remembered() -> None:
    with Agent(too_big_beyond(4)) as agent:
        first, second = rounds(Engine(), [ask(agent.port, [], [IF_DESCR])], 2)
        verbs = [(one.verb, one.index) for one in agent.requests]

    assert first.failure is second.failure is None
    assert first.columns == second.columns
    assert first.learned is not None
    assert first.learned.repetitions <= 4
    assert all(repetitions <= 4 for _, repetitions in verbs[-2:])


def test_limits_are_tried_afresh_now_and_then_and_who_it_is_stays_known() -> None:
    known = Learned(varbinds=2, columns=1, repetitions=3, bulk=False, rows=7, engine_id=b"\x80plaza", boots=3)
    habits = Habits(known)
    request = ask(1, [SYS_NAME], [IF_DESCR])
    for _ in range(1000):
        habits.begin(request, bulk=True)

    assert habits.learned == Learned(rows=7, engine_id=b"\x80plaza", boots=3)
    assert habits.changed


def test_now_and_then_a_lost_bulk_is_no_reason_to_stop_asking_for_bulk() -> None:
    bulks = iter(range(1000))

    def sometimes(asked: Message, mib: Mib) -> Sent:
        return [] if asked.verb == Verb.BULK and next(bulks) % 4 == 3 else honest(asked, mib)

    with Agent(sometimes) as agent:
        replies = rounds(Engine(), [ask(agent.port, [SYS_NAME], [IF_DESCR], timeout_s=0.2)], 14)

    assert all(reply.failure is None for reply in replies)
    assert all(reply.learned is None or reply.learned.bulk for reply in replies)


def test_one_odd_object_of_a_table_costs_only_itself() -> None:
    mib = {**hostile.MIB, (*IF_DESCR, 3): (Tag.NULL, None), (*IF_DESCR, 5): (0x48, None)}
    with Agent(mib=mib) as agent:  # type: ignore[arg-type]
        first, second = rounds(Engine(), [ask(agent.port, [], [IF_DESCR])], 2)

    assert set(first.columns[IF_DESCR]) == {(1,), (2,), (4,), (6,), (7,)}
    assert first.columns == second.columns
    assert first.failure is None


def test_a_get_answered_in_part_is_asked_for_the_rest() -> None:
    def half(asked: Message, mib: Mib) -> Sent:
        answer = respond(asked, mib)
        return [encode(replace(answer, varbinds=answer.varbinds[: max(1, len(answer.varbinds) // 2)]))]

    with Agent(half) as agent:
        reply = poll_one(Engine, ask(agent.port, [SYS_DESCR, SYS_NAME]))

    assert reply.failure is None
    assert set(reply.scalars) == {SYS_DESCR, SYS_NAME}


def test_what_another_poll_has_seen_of_a_table_lifts_no_limit_of_this_one() -> None:
    with Agent() as agent:
        whole = poll_one(Engine, ask(agent.port, [], [IF_DESCR]))
        few = poll_one(Engine, ask(agent.port, [], [IF_DESCR], max_rows=3))

    assert len(whole.columns[IF_DESCR]) == 7
    assert len(few.columns[IF_DESCR]) == 3
    assert few.failure is not None
    assert "more than 3 rows" in few.failure.detail


def test_many_shapes_of_a_table_never_fill_the_memory_of_them() -> None:
    asked = question(Verb.BULK, (IF_DESCR,), 20)
    for number in range(200):
        suffix = (number,)
        found = asked.forecast([((*IF_DESCR, number), int(Tag.INTEGER), 1)], {IF_DESCR: {suffix: 1}})
        assert found.oids == ((*IF_DESCR, number),)
    assert asked.latest is found
