"""Over agents that break every rule: each is answered within one retry, or the right reason is told."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drivers.model import Secret, SnmpCredentials, SnmpV1, SnmpV2c, SnmpV3
from drivers.snmp.engine import Engine
from drivers.snmp.seam import Oid, PollReply, PollRequest, Reason
from simulator.ap import VirtualAp
from simulator.model import Fault
from tests.simulator.lab import Simulator, ap_spec, frozen
from tests.snmp.polling import ask, poll_one

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
SCALARS = [(*SYSTEM, number, 0) for number in (1, 2, 3, 5, 6, 7)]
WIDE = [*SCALARS, (1, 3, 6, 1, 2, 1, 2, 1, 0), *((1, 3, 6, 1, 4, 1, 2021, 4, n, 0) for n in (5, 6, 14, 15))]
LOCATION = (*SYSTEM, 6, 0)
IF_NAME: Oid = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
IF_IN: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1, 10)
USER = {
    "user": "plaza",
    "auth_protocol": "sha1",
    "auth_key": "authentic-phrase",
    "priv_protocol": "aes128",
    "priv_key": "private-phrase",
}
SPECS: Mapping[str, dict[str, Any]] = {"v1": {"version": "1"}, "v2c": {}, "v3": USER}
CREDENTIALS: Mapping[str, SnmpCredentials] = {
    "v1": SnmpV1(Secret("plaza")),
    "v2c": SnmpV2c(Secret("plaza")),
    "v3": SnmpV3("plaza", "sha1", Secret("authentic-phrase"), "aes128", Secret("private-phrase")),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a poll of a broken agent must come to; `reason` None means that everything was answered."""

    reason: Reason | None = None
    words: str = ""
    missing: tuple[Oid, ...] = ()


ANSWERED = Outcome()
OUTCOMES = {
    Fault.DEAD: Outcome(Reason.TIMEOUT, "no answer"),
    Fault.CLOSED_PORT: Outcome(Reason.REFUSED, "nothing listens there"),
    Fault.TRUNCATED: Outcome(Reason.DISBELIEVED, "cannot be read"),
    Fault.GARBAGE: Outcome(Reason.DISBELIEVED, "cannot be read"),
    Fault.WRONG_ID: Outcome(Reason.DISBELIEVED, "belongs to another request"),
    Fault.WRONG_VERSION: Outcome(Reason.DISBELIEVED, ""),
    Fault.OTHER_SOURCE: Outcome(Reason.DISBELIEVED, "comes from 127."),
    Fault.STALE_ID: ANSWERED,
    Fault.SLOW_DRIP: ANSWERED,
    Fault.TOO_BIG: ANSWERED,
    Fault.ONE_VARBIND: ANSWERED,
    Fault.EMPTY_ANSWER: Outcome(Reason.ERROR, "other objects than asked"),
    Fault.SICK_OBJECT: Outcome(Reason.ERROR, "1.3.6.1.2.1.1.6.0", (LOCATION,)),
    Fault.NOT_INCREASING: Outcome(Reason.ERROR, "do not increase"),
    Fault.ENDLESS_WALK: Outcome(Reason.ERROR, "more than 100 rows"),
}
OF_BULK = {Fault.SHORT_BULK: ANSWERED, Fault.NO_BULK: ANSWERED, Fault.BULK_REFUSED: ANSWERED}
CASES = [
    *((fault, version, outcome) for fault, outcome in OUTCOMES.items() for version in SPECS),
    *((fault, version, outcome) for fault, outcome in OF_BULK.items() for version in ("v2c", "v3")),
    (Fault.WRONG_COMMUNITY_ANSWER, "v1", Outcome(Reason.DISBELIEVED, "another community")),
    (Fault.WRONG_COMMUNITY_ANSWER, "v2c", Outcome(Reason.DISBELIEVED, "another community")),
    (Fault.WRONG_COMMUNITY_ANSWER, "v3", Outcome(Reason.DISBELIEVED, "another engine or user")),
    (Fault.WRONG_COMMUNITY, "v2c", Outcome(Reason.TIMEOUT, "is the community right?")),
    (Fault.WRONG_COMMUNITY, "v3", Outcome(Reason.AUTH, "does not know the user")),
    (Fault.V3_WRONG_DIGEST, "v3", Outcome(Reason.DISBELIEVED, "wrong digest")),
    (Fault.V3_SHARED_ENGINE_ID, "v3", ANSWERED),
]


def request(ap: VirtualAp, version: str, scalars: list[Oid], *, retries: int = 1) -> PollRequest:
    return ask(
        ap.spec.snmp.port,
        scalars,
        [IF_NAME, IF_IN],
        host=ap.spec.snmp.host,
        credentials=CREDENTIALS[version],
        timeout_s=1.0 if ap.fault is Fault.SLOW_DRIP else 0.5,
        retries=retries,
        deadline_s=60,
        max_rows=100,
    )


@pytest.mark.parametrize(
    ("fault", "version", "outcome"), CASES, ids=[f"{fault} {version}" for fault, version, _ in CASES]
)
def test_it_is_answered_within_one_retry_or_the_reason_is_told(
    fault: Fault, version: str, outcome: Outcome
) -> None:
    with frozen(ap_spec(**SPECS[version]), fault=fault) as ap:
        reply = poll_one(Engine, request(ap, version, WIDE))

    if outcome.reason is None:
        assert reply.failure is None
        assert set(reply.scalars) == set(WIDE) - set(outcome.missing)
        assert len(reply.columns[IF_NAME]) == len(reply.columns[IF_IN]) > 3
        assert reply.tries <= 2
    else:
        assert reply.failure is not None
        assert reply.failure.reason is outcome.reason
        assert outcome.words in reply.failure.detail
        assert set(reply.scalars) in (set(), set(WIDE) - set(outcome.missing))


@pytest.mark.parametrize("version", SPECS)
def test_an_honest_agent_of_each_version_is_polled(version: str) -> None:
    with frozen(ap_spec(**SPECS[version])) as ap:
        reply = poll_one(Engine, request(ap, version, WIDE))

    assert reply.failure is None
    assert set(reply.scalars) == set(WIDE)
    assert len(reply.columns[IF_NAME]) == len(reply.columns[IF_IN]) > 3
    assert reply.tries == 1


@pytest.mark.parametrize("version", SPECS)
def test_objects_that_are_not_there_are_absent_and_never_zero(version: str) -> None:
    with frozen(ap_spec(**SPECS[version]), fault=Fault.NO_SUCH_OBJECT) as ap:
        reply = poll_one(Engine, request(ap, version, WIDE))

    assert reply.failure is None
    assert reply.scalars == {}
    assert reply.columns == {}


@pytest.mark.parametrize("version", SPECS)
def test_where_the_view_ends_early_what_came_before_is_kept(version: str) -> None:
    with frozen(ap_spec(**SPECS[version]), fault=Fault.END_OF_VIEW) as ap:
        reply = poll_one(Engine, request(ap, version, WIDE))

    assert reply.failure is None
    assert len(reply.columns[IF_NAME]) == 1


@pytest.mark.parametrize("version", SPECS)
def test_an_agent_in_error_at_every_get_still_gives_its_tables(version: str) -> None:
    with frozen(ap_spec(**SPECS[version]), fault=Fault.GEN_ERROR) as ap:
        reply = poll_one(Engine, request(ap, version, SCALARS))

    assert reply.failure is not None
    assert reply.failure.reason is Reason.ERROR
    assert "error-status 5" in reply.failure.detail
    assert len(reply.columns[IF_NAME]) > 3


@pytest.mark.parametrize("version", SPECS)
def test_of_an_agent_behind_a_link_that_loses_a_third_everything_arrives_with_tries_enough(
    version: str,
) -> None:
    with frozen(ap_spec(**SPECS[version]), fault=Fault.LOSSY) as ap:
        reply = poll_one(Engine, request(ap, version, WIDE, retries=10))

    assert reply.failure is None
    assert set(reply.scalars) == set(WIDE)


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """A simulator process, whose agents can be broken while they run."""
    simulator = Simulator(tmp_path, "ssh-ed25519 AAAA")
    yield simulator
    simulator.stop()


def polls(
    simulator: Simulator, names: list[str], orders: list[list[dict[str, str]]]
) -> list[list[PollReply]]:
    """A round of polls of these agents by one engine after each list of orders."""
    version = {"version": "3", **USER}
    aps = [simulator.ap(name, snmp=version) for name in names]
    simulator.start()
    requests = [
        ask(
            ap["snmp"]["port"],
            SCALARS,
            [IF_NAME],
            device=ap["name"],
            host=ap["snmp"]["host"],
            credentials=CREDENTIALS["v3"],
        )
        for ap in aps
    ]

    async def run() -> list[list[PollReply]]:
        engine, rounds = Engine(), []
        for some in orders:
            for order in some:
                assert simulator.order(**order)["ok"]
            found = [reply async for reply in engine.poll(requests)]
            rounds.append(sorted(found, key=lambda reply: reply.device))
        await engine.close()
        return rounds

    return asyncio.run(run())


def brk(name: str, fault: Fault) -> dict[str, str]:
    return {"op": "break", "ap": name, "how": str(fault)}


def test_an_agent_that_restarted_is_heard_within_the_same_poll(simulator: Simulator) -> None:
    (before,), (after,) = polls(simulator, ["ap-1"], [[], [brk("ap-1", Fault.V3_REBOOT)]])

    assert before.failure is after.failure is None
    assert before.learned is not None
    assert after.learned is not None
    assert after.learned.boots == before.learned.boots + 1
    assert after.events == ()
    assert after.tries == 1


def test_boots_that_went_back_are_believed_of_an_engine_sought_anew_and_audited(simulator: Simulator) -> None:
    twice = [brk("ap-1", Fault.V3_REBOOT)] * 3
    _, (before,), (after,) = polls(simulator, ["ap-1"], [[], twice, [brk("ap-1", Fault.V3_BOOTS_RESET)]])

    assert before.learned is not None
    assert before.learned.boots > 3
    assert after.failure is None
    assert after.learned is not None
    assert after.learned.boots == 1
    assert [event for event in after.events if "engineBoots went back" in event]


def test_an_engine_that_has_become_another_is_found_and_audited(simulator: Simulator) -> None:
    (before,), (after,) = polls(simulator, ["ap-1"], [[], [brk("ap-1", Fault.V3_ENGINE_ID_CHANGED)]])

    assert after.failure is None
    assert before.learned is not None
    assert after.learned is not None
    assert after.learned.engine_id != before.learned.engine_id
    assert [event for event in after.events if "engineID changed" in event]
    assert before.events == (), "the first engineID is no change"


def test_agents_that_share_an_engine_id_keep_each_its_own_clock(simulator: Simulator) -> None:
    share = [brk(name, Fault.V3_SHARED_ENGINE_ID) for name in ("ap-1", "ap-2")]
    reboot = [brk("ap-1", Fault.V3_REBOOT)] * 2
    _, shared, again = polls(simulator, ["ap-1", "ap-2"], [[], share, [*reboot, share[0]]])

    assert [reply.failure for reply in (*shared, *again)] == [None] * 4
    assert len({reply.learned.engine_id for reply in shared if reply.learned}) == 1
    assert all(reply.scalars for reply in again)
