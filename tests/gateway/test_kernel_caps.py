"""Octet caps, which the kernel keeps though the program be dead."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from captive_portal.gateway.enforcer import Ceiling, Terms
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.marks import FIRST, LAST, Marks
from captive_portal.gateway.phone import Phone
from tests.gateway.streets import WEB
from tests.gateway.test_enforcers import Gateway, kernel_gateway, phone
from tests.gateway.town import Town, wait_for

CAP = 150_000
HOUR_S = 3600


@pytest.fixture(name="kernel")
def the_enforcer_that_filters() -> Iterator[Gateway]:
    with kernel_gateway() as made:
        yield made


def listed(made: Gateway, kind: str) -> list[dict[str, Any]]:
    """All sets, maps or quotas, as nft shows them."""
    command = [*made.nft, "-j", "list", "table", "inet", "plaza"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [one[kind] for one in json.loads(text)["nftables"] if kind in one]


def number(made: Gateway) -> int:
    """Of the only session."""
    (purse,) = next(one["elem"] for one in listed(made, "map") if one["name"] == "purse")
    return int(purse[0])


def quota(made: Gateway) -> tuple[int, int]:
    """Octets and used of the only session's."""
    (found,) = listed(made, "quota")
    assert found["inv"] is True, "it matches what is over"
    return found["bytes"], found["used"]


def passed(made: Gateway, octets: int) -> None:
    """As if so many octets had come down."""
    mark = number(made)
    counted = f'{mark} counter packets 3 bytes {octets} timeout 1h comment "session1"'
    text = f"delete element inet plaza down {{ {mark} }}\nadd element inet plaza down {{ {counted} }}\n"
    subprocess.run([*made.nft, "-f", "-"], input=text, text=True, check=True)


@pytest.mark.root
def test_a_cap_cuts_a_download_and_a_stream_though_the_program_is_dead_and_is_told_when_it_lives(
    square: Town,
) -> None:
    square.enter("phone2")
    square.set_plan(600, octets=CAP)
    square.enter("phone1")
    square.stop_gateway(signal.SIGKILL)
    command = (sys.executable, "-m", "tests.gateway.talk")
    stream = square.spawn("phone1", *command, "stream", WEB)
    taken = int(square.inside("phone1", *command, "download", WEB))
    assert CAP / 3 < taken < CAP, "what is beyond it was refused"
    assert int(stream.communicate(timeout=60)[0]) > 0, "the stream was heard, and fell silent"
    assert not square.online("phone1")
    assert square.online("phone2"), "who has no cap, or another, is not cut"
    square.start_gateway()
    row = wait_for(lambda: next((r for r in square.rows() if r["acctstoptime"]), None), "the end")
    assert row["acctterminatecause"] == "Octet-Limit"
    assert taken < row["acctoutputoctets"] + row["acctinputoctets"] <= CAP, "refused octets are not told"
    assert square.inside("gateway", "nft", "list", "quotas", "table", "inet", "plaza").count("quota") == 0


@pytest.mark.root
def test_a_cap_is_raised_and_what_has_passed_counts_on(kernel: Gateway) -> None:
    enforcer, here = kernel.enforcer, phone(kernel.enforcer)
    assert enforcer.admit(here, Terms("session1", 600, Ceiling(1000, 1000)), "nonce1")
    assert quota(kernel) == (1000, 0)
    passed(kernel, 900)
    assert enforcer.prolong(here, Terms("session1", 600, Ceiling(2500, 2500)), "nonce2")
    assert quota(kernel) == (2500, 900)
    assert not enforcer.survey()["session1"].used_up
    assert not enforcer.prolong(here, Terms("session1", 600, Ceiling(9000, 9000)), "nonce2")
    assert quota(kernel) == (2500, 900), "a spent nonce raises nothing"
    after = kernel.again()
    assert quota(kernel) == (2500, 900), "nor does a restart lose it"
    passed(kernel, 3000)
    assert after.prolong(here, Terms("session1", 600, Ceiling(2600, 2600)), "nonce3")
    assert quota(kernel) == (2600, 2600)
    assert after.survey()["session1"].used_up
    assert after.prolong(here, Terms("session1", 600), "nonce4")
    assert listed(kernel, "quota") == [], "a ticket without a cap has none"
    assert not after.survey()["session1"].used_up


@pytest.mark.root
def test_a_cap_stays_while_the_door_is_shut_and_goes_with_its_session(kernel: Gateway) -> None:
    enforcer, here = kernel.enforcer, phone(kernel.enforcer)
    assert enforcer.admit(here, Terms("session1", 1, Ceiling(1000, 1000)), "nonce1")
    wait_for(lambda: enforcer.survey()["session1"].seconds_left is None, "the door to shut")
    assert quota(kernel) == (1000, 0)
    enforcer.close("session1")
    assert listed(kernel, "quota") == []
    assert not any(
        one.get("elem") for one in [*listed(kernel, "set"), *listed(kernel, "map")] if one["name"] in SESSIONS
    )


SESSIONS = ("door", "open", "up", "down", "purse", "slow_up", "slow_down")


@pytest.mark.root
def test_a_phone_that_comes_with_another_session_has_the_new_one_alone(kernel: Gateway) -> None:
    enforcer, here = kernel.enforcer, phone(kernel.enforcer)
    assert enforcer.admit(here, Terms("session1", 600, Ceiling(1000, 1000)), "nonce1")
    before = number(kernel)
    assert enforcer.admit(here, Terms("session2", 600, Ceiling(2000, 2000)), "nonce2")
    assert number(kernel) != before
    assert quota(kernel) == (2000, 0)
    assert set(enforcer.survey()) == {"session2"}


@pytest.mark.root
def test_no_two_sessions_have_one_number_also_after_a_restart(kernel: Gateway) -> None:
    for last in range(51, 61):
        session = Terms(f"session{last}", 600, Ceiling(1000, 1000))
        assert kernel.again().admit(phone(kernel.enforcer, last), session, f"nonce{last}")
    assert len(listed(kernel, "quota")) == 10
    assert len(kernel.enforcer.survey()) == 10


@pytest.mark.root
def test_an_address_that_is_none_opens_nothing(kernel: Gateway) -> None:
    with pytest.raises(EnforcerFailed):
        kernel.enforcer.admit(Phone("02:ca:fe:5e:00:01", "::1"), Terms("session1", 600), "nonce1")
    assert not kernel.enforcer.spent("nonce1")


def test_a_number_that_was_given_comes_back_after_an_hour_whoever_gave_it() -> None:
    marks, given = Marks(), {}
    for tenth in range(10 * HOUR_S):
        one = (Marks() if tenth % 9999 == 0 else marks).free(500 + tenth / 10, ())
        assert FIRST <= one <= LAST
        assert one not in given
        given[one] = tenth
    again = Marks().free(500 + 2 * HOUR_S, ())
    assert FIRST <= again <= LAST


def test_a_number_that_somebody_has_is_not_given_and_none_is_left_when_all_are_taken() -> None:
    marks, taken = Marks(), set(range(FIRST, LAST + 1)) - {LAST}
    assert marks.free(1000.0, taken) == LAST
    with pytest.raises(EnforcerFailed):
        marks.free(1000.0, taken | {LAST})
