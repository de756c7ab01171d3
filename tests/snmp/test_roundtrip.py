"""Timeouts follow the measured round trip: the estimator, and polls over links that are slow and lossy."""

import asyncio
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.snmp.engine import Engine
from drivers.snmp.roundtrip import CEILING_S, FLOOR_S, RoundTrip
from drivers.snmp.seam import PollReply, PollRequest
from tests.snmp.hostile import IF_DESCR, IF_IN, SYS_NAME, Agent
from tests.snmp.link import Link, satellite, steady
from tests.snmp.polling import ask

TRIPS = st.lists(st.floats(0.0, 60.0), min_size=1, max_size=50)


def after(trips: Sequence[float]) -> RoundTrip:
    trip = RoundTrip()
    for trip_s in trips:
        trip.measured(trip_s)
    return trip


def waits(trip: RoundTrip, guess_s: float, retries: int) -> list[float]:
    """What every try waits until all is given up."""
    found: list[float] = []
    while len(found) <= retries or sum(found) < guess_s * (retries + 1) - 1e-6:
        found.append(trip.timeout_s(guess_s, retries, len(found) + 1, sum(found)))
    return found


@given(st.floats(0.1, 10), st.integers(0, 5))
def test_an_agent_never_measured_is_waited_for_as_the_request_says(guess_s: float, retries: int) -> None:
    assert waits(RoundTrip(), guess_s, retries) == [guess_s] * (retries + 1)


@given(TRIPS, st.integers(1, 10))
def test_a_timeout_is_never_below_the_floor_nor_above_the_ceiling(trips: list[float], tries: int) -> None:
    assert FLOOR_S <= after(trips).timeout_s(2.0, 10, tries, 0.0) <= CEILING_S


@given(TRIPS, st.integers(1, 4))
def test_every_try_waits_at_least_as_long_as_the_one_before(trips: list[float], retries: int) -> None:
    found = waits(after(trips), 2.0, retries)
    assert found == sorted(found)


@given(TRIPS, st.floats(0.1, 5), st.integers(0, 4))
def test_all_tries_together_wait_no_shorter_than_without_measuring(
    trips: list[float], guess_s: float, retries: int
) -> None:
    assert sum(waits(after(trips), guess_s, retries)) >= guess_s * (retries + 1) - 1e-6


@given(st.lists(st.floats(0.0, 0.1), min_size=1, max_size=50), st.integers(0, 4))
def test_on_a_local_network_a_dead_agent_is_found_as_soon_as_without_measuring(
    trips: list[float], retries: int
) -> None:
    assert sum(waits(after(trips), 2.0, retries)) <= 2.0 * (retries + 1) + 1e-6
    assert len(waits(after(trips), 2.0, retries)) <= retries + 2


@given(st.floats(0.001, 1.9))
def test_on_a_steady_link_the_timeout_comes_down_to_the_round_trip(trip_s: float) -> None:
    assert after([trip_s] * 60).timeout_s(2.0, 1, 1, 0.0) <= max(FLOOR_S, trip_s * 1.05 + 0.25)


@given(st.floats(0.3, 1.0), st.floats(1.0, 2.5))
def test_when_a_link_becomes_slower_its_answer_still_comes_before_all_is_given_up(
    before_s: float, times: float
) -> None:
    assert sum(waits(after([before_s] * 30), 2.0, 1)) > before_s * times


def polls(request: PollRequest, number: int) -> list[PollReply]:
    """So many polls, one after the other, by one engine."""

    async def run() -> list[PollReply]:
        engine = Engine()
        try:
            return [reply for _ in range(number) async for reply in engine.poll([request])]
        finally:
            await engine.close()

    return asyncio.run(run())


def test_a_lost_datagram_costs_a_near_agent_half_a_second_and_not_the_first_guess() -> None:
    with Agent() as agent, Link(agent.port, steady(0.0)) as link:
        lost = iter([False] * 4 + [True])
        link.fate = lambda _: None if next(lost, False) else 0.0
        _, second, third = polls(ask(link.port, [SYS_NAME], timeout_s=5.0), 3)

    assert second.failure is third.failure is None
    assert third.tries == 2
    assert third.elapsed_s == pytest.approx(FLOOR_S, abs=0.2)


def test_an_agent_that_becomes_slower_is_never_called_dead() -> None:
    """From 600 to 1,500 ms: its answer comes during the second try, belongs to the first and is a measure."""
    with Agent() as agent, Link(agent.port, lambda age_s: 0.3 if age_s < 4 else 0.75) as link:
        replies = polls(ask(link.port, [SYS_NAME], timeout_s=2.0), 10)

    assert [reply.failure for reply in replies] == [None] * 10
    assert max(reply.tries for reply in replies) == 2
    assert replies[-1].tries == 1, "it has been measured meanwhile"


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in (2, 3))])
def test_over_a_satellite_with_jitter_and_bursts_of_loss_no_poll_fails(seed: int) -> None:
    outages = ((2.0, 3.2), (7.0, 8.5), (12.0, 13.0))
    with Agent() as agent, Link(agent.port, satellite(seed, 0.6, 1.5, outages)) as link:
        request = ask(link.port, [SYS_NAME], [IF_DESCR, IF_IN], timeout_s=3.0, retries=3, deadline_s=45.0)
        replies = polls(request, 6)

    assert [reply.failure for reply in replies] == [None] * 6
    assert all(len(reply.columns[IF_DESCR]) == 7 for reply in replies)


def test_an_agent_that_dies_on_a_local_network_is_found_within_the_time_of_its_tries() -> None:
    with Agent() as agent, Link(agent.port, steady(0.0)) as link:
        link.fate = lambda age_s: 0.0 if age_s < 1 else None
        request = ask(link.port, [SYS_NAME], timeout_s=1.0)

        async def run() -> float:
            engine = Engine()
            try:
                while True:
                    started_s = time.monotonic()
                    (reply,) = [reply async for reply in engine.poll([request])]
                    if reply.failure is not None:
                        return time.monotonic() - started_s
                    await asyncio.sleep(0.1)
            finally:
                await engine.close()

        found_s = asyncio.run(run())

    assert found_s == pytest.approx(2.0, abs=0.5)
