"""A poll tells what it cost on the wire."""

import pytest

from drivers.model import SnmpCredentials
from drivers.snmp.ber import Message
from drivers.snmp.engine import Engine
from tests.snmp.hostile import IF_DESCR, IF_IN, SYS_NAME, Agent, Mib, Sent, honest
from tests.snmp.link import Link, steady
from tests.snmp.polling import MakePoller, ask, poll_one
from tests.snmp.snmpd import COMMUNITY, USER, Snmpd

IP_AND_UDP = 28


@pytest.mark.parametrize("credentials", [COMMUNITY, USER], ids=["v2c", "v3"])
def test_what_a_poll_counts_is_what_went_over_the_wire(
    make: MakePoller, agent: Snmpd, credentials: SnmpCredentials
) -> None:
    with Link(agent.port, steady(0.0)) as link:
        reply = poll_one(make, ask(link.port, [SYS_NAME], [IF_DESCR, IF_IN], credentials=credentials))

    assert reply.failure is None
    assert reply.sent_octets + reply.received_octets == link.octets + IP_AND_UDP * link.datagrams


def test_tries_again_and_bad_answers_are_counted_too() -> None:
    def muttering(asked: Message, mib: Mib) -> Sent:
        return [b"?" * 100] if len(agent.requests) < 3 else honest(asked, mib)

    with Agent(muttering) as agent, Link(agent.port, steady(0.0)) as link:
        reply = poll_one(Engine, ask(link.port, [SYS_NAME], timeout_s=0.3, retries=2))

    assert reply.tries == 3
    assert reply.sent_octets + reply.received_octets == link.octets + IP_AND_UDP * 6


def test_a_question_to_nobody_costs_what_was_sent(nobody: int) -> None:
    once = poll_one(Engine, ask(nobody, [SYS_NAME], timeout_s=0.2, retries=0))
    twice = poll_one(Engine, ask(nobody, [SYS_NAME], timeout_s=0.2))

    assert once.sent_octets > IP_AND_UDP
    assert twice.sent_octets == 2 * once.sent_octets
    assert once.received_octets == twice.received_octets == 0


def test_headers_are_longer_over_ipv6() -> None:
    with Agent() as four, Agent(host="::1") as six:
        short = poll_one(Engine, ask(four.port, [SYS_NAME]))
        long = poll_one(Engine, ask(six.port, [SYS_NAME], host="::1"))

    assert long.sent_octets == short.sent_octets + 20
    assert long.received_octets == short.received_octets + 20
