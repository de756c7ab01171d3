"""Both enforcers, told the same, say the same: the kernel against a few lines of Python."""

import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.enforcer import Ceiling, Enforcer, Regime, Terms
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import Rate
from tests.gateway.test_enforcers import Gateway, elements, kernel_gateway, phone

pytestmark = pytest.mark.root

NONCES = st.sampled_from(["nonce1", "nonce2", "nonce3", "nonce4", "nonce5", "nonce6"])
PHONES = st.sampled_from([51, 52, 53, 53, 54, 54])
TERMS = st.builds(
    lambda seconds, octets, down, up: partial(
        Terms, seconds=seconds, ceiling=Ceiling(octets, octets), rate=Rate(down, up)
    ),
    st.integers(100, 2_000_000),
    st.sampled_from([0, 1, 10**9, 2**62]),
    st.sampled_from([0, 1, 2000]),
    st.sampled_from([0, 1000]),
)


def here(enforcer: Enforcer, last: int) -> Phone:
    """A phone; the last of them is the one before with another address."""
    found = phone(enforcer, last)
    return replace(found, mac=phone(enforcer, 53).mac) if last == 54 else found


@dataclass(frozen=True)
class Step:
    """One thing that the doorkeeper may ask for; session N is that of phone N."""

    what: str
    nonce: str
    last: int
    terms: partial[Terms]

    def on(self, enforcer: Enforcer) -> bool | None:
        session = f"session{self.last}"
        told: dict[str, Callable[[], None]] = {
            "close": partial(enforcer.close, session),
            "govern": partial(enforcer.govern, Regime(self.last % 2 == 0, self.last > 52)),
            "everybody": partial(enforcer.open_to_all, (self.last - 51) * 1000),
            "informed": partial(enforcer.informed, here(enforcer, self.last)),
        }
        if self.what in told:
            told[self.what]()
            return None
        if self.what == "spend":
            return enforcer.spend(self.nonce)
        open_door = enforcer.admit if self.what == "admit" else enforcer.prolong
        return open_door(here(enforcer, self.last), self.terms(session), self.nonce)

    def six(self, had: dict[str, str], enforcer: Enforcer, done: bool | None) -> dict[str, str]:
        """Whose session has the IPv6 of a MAC after this: the one that opened its door last."""
        session = f"session{self.last}"
        if self.what == "close":
            return {mac: one for mac, one in had.items() if one != session}
        return had | {here(enforcer, self.last).mac: session} if done and self.what in OPENING else had


OPENING = ("admit", "prolong")
STEPS = st.builds(
    Step,
    st.sampled_from([*OPENING, "admit", "close", "spend", "govern", "everybody", "informed"]),
    NONCES,
    PHONES,
    TERMS,
)


ONE_MAC = [
    Step(what, f"nonce{number}", last, partial(Terms, seconds=600))
    for number, (what, last) in enumerate(
        [
            ("admit", 53),
            ("admit", 54),
            ("prolong", 53),
            ("close", 54),
            ("admit", 54),
            ("close", 53),
            ("close", 54),
        ]
    )
]
"""Two sessions of one MAC, each of which has its IPv6 in turn."""


@pytest.fixture(name="kernel", scope="module")
def the_enforcer_that_filters() -> Iterator[Gateway]:
    with kernel_gateway() as made:
        yield made


def told(enforcer: Enforcer) -> dict[str, object]:
    """What can be compared of a survey; time is told within 100 s."""
    return {
        session: (one.phone and one.phone.ip, one.ceiling, one.seconds_left is not None)
        for session, one in enforcer.survey().items()
    }


def sixes(kernel: Gateway) -> dict[str, str]:
    """Whose session has the IPv6 of a MAC in the kernel: whose number that is."""
    numbers = {}
    for one in elements(kernel, "door"):
        number, session = one.split(" : ")[1], one.split('"')[1].split()[0]
        numbers[number] = session
    assert len(numbers) == len(elements(kernel, "open")), "each door has a number of its own"
    return {one.split()[0]: numbers[one.split(" : ")[1]] for one in elements(kernel, "door6")}


def left(enforcer: Enforcer) -> dict[str, int]:
    return {session: one.seconds_left or 0 for session, one in enforcer.survey().items()}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(steps=ONE_MAC, restart=99)
@example(steps=ONE_MAC, restart=3)
@given(steps=st.lists(STEPS, max_size=12), restart=st.integers(0, 12))
def test_both_enforcers_say_the_same(
    kernel: Gateway, tmp_path: Path, steps: list[Step], restart: int
) -> None:
    subprocess.run([*kernel.nft, "flush", "ruleset"], check=True)
    ledger = Ledger(tmp_path / secrets.token_hex(8), KernelClock())
    ledger.start()
    kernel.again()
    expected: dict[str, str] = {}
    for place, step in enumerate(steps):
        if place == restart:
            kernel.again()
        done = step.on(ledger)
        assert step.on(kernel.enforcer) == done, step
        expected = step.six(expected, ledger, done)
        assert sixes(kernel) == expected
        assert told(kernel.enforcer) == told(ledger)
        assert kernel.enforcer.spent(step.nonce) == ledger.spent(step.nonce)
        for session, seconds in left(ledger).items():
            assert abs(left(kernel.enforcer)[session] - seconds) < 60
