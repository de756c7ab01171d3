"""One contract for both enforcers: the one that filters packets and the one that only records."""

import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.enforcer import Enforcer, Terms
from captive_portal.gateway.errors import EnforcerFailed, TableGone
from captive_portal.gateway.ledger import NOTICE, Ledger
from captive_portal.gateway.nft import Nft
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.rules import Territory
from tests import need
from tests.gateway import netns
from tests.gateway.conftest import Clock
from tests.gateway.town import wait_for

TERRITORY = Territory(
    "lan0", "wan0", ("10.99.0.1", 2060), (2060,), (("203.0.113.10", 443),), ("10.8.0.0/16",)
)


@dataclass
class Gateway:
    """An enforcer, and how to make another one that stands at the same door."""

    restart: Callable[[], Enforcer]
    nft: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.again()

    def again(self) -> Enforcer:
        self.enforcer = self.restart()
        self.enforcer.start()
        return self.enforcer


@contextmanager
def kernel_gateway() -> Iterator[Gateway]:
    """The enforcer that filters, in a network namespace of its own."""
    need.root()
    nft, ip = need.program("nft", "nftables"), need.program("ip", "iproute2")
    name = f"plz-nft-{secrets.token_hex(3)}"
    subprocess.run([ip, "netns", "add", name], check=True)
    try:
        command = (ip, "netns", "exec", name, nft)
        yield Gateway(lambda: Nft(TERRITORY, KernelClock(), command, netns.sockets(name)), command)
    finally:
        subprocess.run([ip, "netns", "delete", name], check=True)


@pytest.fixture
def kernel() -> Iterator[Gateway]:
    with kernel_gateway() as made:
        yield made


@pytest.fixture(params=["ledger", "nft"])
def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    if request.param == "ledger":
        yield Gateway(lambda: Ledger(tmp_path / "ledger.json", KernelClock()))
    else:
        with kernel_gateway() as made:
            yield made


@pytest.fixture
def enforcer(gateway: Gateway) -> Enforcer:
    return gateway.enforcer


def phone(enforcer: Enforcer, last: int = 51) -> Phone:
    """A phone that both enforcers would name alike."""
    ip = f"10.99.0.{last}"
    return Phone(f"02:00:0a:63:00:{last:02x}", ip)


def test_an_admitted_phone_stands_in_the_survey(enforcer: Enforcer) -> None:
    assert enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce1")
    standing = enforcer.survey()["session1"]
    assert standing.phone == phone(enforcer)
    assert standing.seconds_left is not None
    assert 590 <= standing.seconds_left <= 600


def test_the_door_shuts_by_itself(enforcer: Enforcer) -> None:
    assert enforcer.admit(phone(enforcer), Terms("session1", 1), "nonce1")
    assert enforcer.survey()["session1"].seconds_left is not None
    wait_for(lambda: enforcer.survey()["session1"].seconds_left is None, "the door to shut")


def test_a_nonce_opens_one_door(enforcer: Enforcer) -> None:
    assert enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce1")
    assert enforcer.spent("nonce1")
    assert not enforcer.admit(phone(enforcer, 52), Terms("session2", 600), "nonce1")
    assert "session2" not in enforcer.survey(), "nothing was half done"


def test_spent_names_and_open_doors_outlive_the_process(gateway: Gateway) -> None:
    gateway.enforcer.admit(phone(gateway.enforcer), Terms("session1", 600), "nonce1")
    gateway.enforcer.spend("session x")
    since = gateway.enforcer.since
    after = gateway.again()
    assert after.survey()["session1"].seconds_left is not None
    assert after.spent("nonce1")
    assert after.spent("session x")
    assert not after.admit(phone(after), Terms("session1", 600), "nonce1")
    assert abs(after.since.seconds - since.seconds) < 0.01, "the memory is as complete as before"


def test_a_name_that_another_process_spent_is_spent(kernel: Gateway) -> None:
    enforcer = kernel.enforcer
    assert kernel.again().spend("nonce1")
    assert not enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce1"), (
        "the kernel has the last word"
    )


def test_a_name_is_spent_once(enforcer: Enforcer) -> None:
    assert not enforcer.spent("nonce1")
    assert enforcer.spend("nonce1")
    assert not enforcer.spend("nonce1")


def test_a_closed_session_leaves_no_trace(enforcer: Enforcer) -> None:
    enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce1")
    enforcer.admit(phone(enforcer, 52), Terms("session2", 600), "nonce2")
    enforcer.close("session1")
    assert set(enforcer.survey()) == {"session2"}
    enforcer.close("session1")
    assert enforcer.spent("nonce1"), "its nonce stays spent"


def test_a_later_admission_sets_a_new_time(enforcer: Enforcer) -> None:
    enforcer.admit(phone(enforcer), Terms("session1", 30), "nonce1")
    enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce2")
    left = enforcer.survey()["session1"].seconds_left
    assert left is not None
    assert left > 500


def test_only_the_ledger_says_that_it_filters_nothing(enforcer: Enforcer) -> None:
    assert enforcer.notice == (NOTICE if isinstance(enforcer, Ledger) else "")


def test_octets_are_unknown_where_nobody_counts_and_zero_where_nothing_passed(enforcer: Enforcer) -> None:
    enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce1")
    standing = enforcer.survey()["session1"]
    expected = None if isinstance(enforcer, Ledger) else 0
    assert (standing.octets_up, standing.octets_down) == (expected, expected)


def test_a_flushed_table_is_told_and_made_again(kernel: Gateway) -> None:
    enforcer = kernel.enforcer
    before = enforcer.since
    subprocess.run([*kernel.nft, "flush", "ruleset"], check=True)
    with pytest.raises(TableGone):
        enforcer.survey()
    with pytest.raises(TableGone):
        enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce1")
    enforcer.start()
    assert enforcer.since.seconds > before.seconds, "what was spent before is not remembered, and it says so"


def test_a_failure_names_no_phone(kernel: Gateway) -> None:
    with pytest.raises(EnforcerFailed) as failed:
        kernel.enforcer.admit(Phone("02:ca:fe:5e:00:01", "not an address"), Terms("session1", 600), "nonce1")
    assert "02:ca:fe" not in str(failed.value)


def test_the_ledger_of_an_earlier_boot_is_forgotten(tmp_path: Path, clock: Clock) -> None:
    ledger = Ledger(tmp_path / "ledger.json", clock)
    ledger.start()
    ledger.admit(Phone("02:00:7f:00:00:01", "127.0.0.1"), Terms("session1", 600), "nonce1")
    clock.reboot()
    after = Ledger(tmp_path / "ledger.json", clock)
    after.start()
    assert after.survey() == {}
    assert after.since == clock.now()
