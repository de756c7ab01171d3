"""Both enforcers, told the same, say the same: the kernel against a few lines of Python."""

import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.enforcer import Ceiling, Enforcer, Terms
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.shaping import Rate
from tests.gateway.test_enforcers import Gateway, kernel_gateway, phone

pytestmark = pytest.mark.root

NONCES = st.sampled_from(["nonce1", "nonce2", "nonce3", "nonce4", "nonce5", "nonce6"])
PHONES = st.integers(51, 54)
TERMS = st.builds(
    lambda seconds, octets, down, up: partial(
        Terms, seconds=seconds, ceiling=Ceiling(octets, octets), rate=Rate(down, up)
    ),
    st.integers(100, 2_000_000),
    st.sampled_from([0, 1, 10**9, 2**62]),
    st.sampled_from([0, 1, 2000]),
    st.sampled_from([0, 1000]),
)


@dataclass(frozen=True)
class Step:
    """One thing that the doorkeeper may ask for; session N is that of phone N."""

    what: str
    nonce: str
    last: int
    terms: partial[Terms]

    def on(self, enforcer: Enforcer) -> bool | None:
        session = f"session{self.last}"
        if self.what == "close":
            return enforcer.close(session)
        if self.what == "spend":
            return enforcer.spend(self.nonce)
        open_door = enforcer.admit if self.what == "admit" else enforcer.prolong
        return open_door(phone(enforcer, self.last), self.terms(session), self.nonce)


STEPS = st.builds(
    Step, st.sampled_from(["admit", "admit", "prolong", "close", "spend"]), NONCES, PHONES, TERMS
)


@pytest.fixture(name="kernel", scope="module")
def the_enforcer_that_filters() -> Iterator[Gateway]:
    with kernel_gateway() as made:
        yield made


def told(enforcer: Enforcer) -> dict[str, object]:
    """What can be compared of a survey; time is told within 100 s."""
    return {
        session: (one.phone, one.ceiling, one.seconds_left is not None)
        for session, one in enforcer.survey().items()
    }


def left(enforcer: Enforcer) -> dict[str, int]:
    return {session: one.seconds_left or 0 for session, one in enforcer.survey().items()}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12), restart=st.integers(0, 12))
def test_both_enforcers_say_the_same(
    kernel: Gateway, tmp_path: Path, steps: list[Step], restart: int
) -> None:
    subprocess.run([*kernel.nft, "flush", "ruleset"], check=True)
    ledger = Ledger(tmp_path / secrets.token_hex(8), KernelClock())
    ledger.start()
    kernel.again()
    for place, step in enumerate(steps):
        if place == restart:
            kernel.again()
        assert step.on(kernel.enforcer) == step.on(ledger), step
        assert told(kernel.enforcer) == told(ledger)
        assert kernel.enforcer.spent(step.nonce) == ledger.spent(step.nonce)
        for session, seconds in left(ledger).items():
            assert abs(left(kernel.enforcer)[session] - seconds) < 60
