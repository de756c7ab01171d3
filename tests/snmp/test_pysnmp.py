"""pysnmp behind the seam: SNMPv3, and what it cannot do.

What the contract requires, pysnmp keeps: test_contract.py runs over it. What it cannot: it believes an answer
from any address (test_engine.py), does not count what it ignores, cannot tell a closed port from silence, and
is kept at a few polls at a time because it falls behind with more.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.model import Secret
from drivers.snmp.backends import open_poller
from drivers.snmp.pysnmp_backend import PysnmpPoller
from drivers.snmp.seam import PollReply, Reason
from tests.snmp.hostile import IF_DESCR, SYS_NAME, Agent, Message, Mib, Sent, honest
from tests.snmp.polling import ask, poll, poll_one
from tests.snmp.snmpd import COMMUNITY, USER, Snmpd, free_port, snmpd


def test_a_wrong_key_is_told_from_a_dead_agent(agent: Snmpd) -> None:
    wrong = replace(USER, auth_key=Secret("another-key-altogether"))

    reply = poll_one(PysnmpPoller, ask(agent.port, [SYS_NAME], credentials=wrong))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.AUTH
    assert "another-key" not in repr(reply)


def test_an_unknown_user_is_told_from_a_dead_agent(agent: Snmpd) -> None:
    reply = poll_one(PysnmpPoller, ask(agent.port, [SYS_NAME], credentials=replace(USER, user="nobody")))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.AUTH


def test_a_protocol_nobody_knows_is_unsupported(nobody: int) -> None:
    odd = replace(USER, priv_protocol="rot13")

    reply = poll_one(PysnmpPoller, ask(nobody, [SYS_NAME], credentials=odd))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.UNSUPPORTED
    assert "rot13" in reply.failure.detail


def test_a_replaced_device_is_heard_again_within_the_same_poll(tmp_path: Path) -> None:
    port = free_port()
    request = ask(port, [SYS_NAME], credentials=USER, timeout_s=4, retries=0)

    async def once(poller: PysnmpPoller, engine_id: str, where: Path) -> PollReply:
        with snmpd(where, port=port, engine_id=engine_id):
            async for reply in poller.poll([request]):
                return reply
        raise AssertionError("no reply")

    async def run() -> list[PollReply]:
        poller = PysnmpPoller()
        try:
            first = await once(poller, "0x80000000010203040501", tmp_path / "first")
            second = await once(poller, "0x80000000010203040502", tmp_path / "second")
        finally:
            await poller.close()
        return [first, second]

    assert [reply.failure for reply in asyncio.run(run())] == [None, None]


def test_a_dead_v3_device_costs_one_new_engine_and_no_more(tmp_path: Path) -> None:
    port = free_port()
    alive = ask(port, [SYS_NAME], credentials=USER, timeout_s=9, retries=0)
    dead = replace(alive, timeout_s=0.5)

    async def run() -> list[int]:
        poller = PysnmpPoller()
        tries = []
        try:
            with snmpd(tmp_path, port=port):
                async for reply in poller.poll([alive]):
                    assert reply.failure is None
            for _ in range(2):
                async for reply in poller.poll([dead]):
                    tries.append(reply.tries)
        finally:
            await poller.close()
        return tries

    assert asyncio.run(run()) == [2, 1]


def test_only_so_many_polls_are_in_the_air() -> None:
    def slow(asked: Message, mib: Mib) -> Sent:
        return honest(asked, mib) if len(agent.requests) >= 3 else []

    with Agent(slow) as agent:
        requests = [ask(agent.port, [SYS_NAME], device=f"ap-{n}", timeout_s=0.5, retries=9) for n in range(8)]
        replies = poll(lambda: PysnmpPoller(at_once=1), *requests)

    assert [reply.failure for reply in replies] == [None] * 8
    assert replies[0].tries == 3, "alone in the air, it must have asked three times itself"


def test_each_version_goes_to_its_engine_and_replies_come_as_they_complete(agent: Snmpd) -> None:
    with Agent(lambda asked, mib: []) as dead:
        replies = poll(
            open_poller,
            ask(dead.port, [SYS_NAME], device="dead", timeout_s=3, retries=0),
            ask(agent.port, [SYS_NAME], [IF_DESCR], device="v2c", credentials=COMMUNITY),
            ask(agent.port, [SYS_NAME], [IF_DESCR], device="v3", credentials=USER),
        )

    assert {reply.device for reply in replies[:2]} == {"v2c", "v3"}
    assert replies[0].scalars == replies[1].scalars == {SYS_NAME: b"ap-08019-1"}
    assert replies[2].device == "dead"


@pytest.mark.parametrize("credentials", [COMMUNITY, USER], ids=["v2c", "v3"])
def test_no_credential_shows_in_a_reply_or_a_request(agent: Snmpd, credentials: object) -> None:
    request = ask(agent.port, [SYS_NAME], credentials=credentials)  # type: ignore[arg-type]
    shown = repr(request) + repr(poll_one(open_poller, request))

    assert "plaza-in-a-test" not in shown
    assert "authentication-key" not in shown
