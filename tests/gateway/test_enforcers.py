"""One contract for both enforcers: the one that filters packets and the one that only records."""

import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.enforcer import Enforcer, Regime, Terms
from captive_portal.gateway.errors import EnforcerFailed, TableGone
from captive_portal.gateway.ledger import NOTICE, Ledger
from captive_portal.gateway.nft import Nft
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.rules import Territory
from tests import need
from tests.gateway import netns
from tests.gateway.conftest import Clock, write_config
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


@contextmanager
def owned_by_another_program(kernel: Gateway) -> Iterator[None]:
    """The table belongs to a program that lives: the kernel refuses our rules, and nothing else does."""
    subprocess.run([*kernel.nft, "flush", "ruleset"], check=True)
    with subprocess.Popen([*kernel.nft, "-i"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as owner:
        assert owner.stdin is not None
        owner.stdin.write(b"table inet plaza { flags owner; chain theirs { }; }\n")
        owner.stdin.flush()
        try:
            wait_for(lambda: "theirs" in rules_of(kernel), "the other program to have the table")
            yield
        finally:
            owner.kill()


def rules_of(kernel: Gateway) -> str:
    command = [*kernel.nft, "list", "ruleset"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_rules_that_the_kernel_refuses_are_told_and_leave_what_was_there(kernel: Gateway) -> None:
    with owned_by_another_program(kernel):
        before = rules_of(kernel)
        with pytest.raises(EnforcerFailed, match="Operation not permitted"):
            kernel.enforcer.start()
        assert rules_of(kernel) == before
    kernel.enforcer.start()
    assert "chain leave" in rules_of(kernel)


def test_rules_that_nft_does_not_understand_leave_the_doors_and_all_else_as_they_were(
    kernel: Gateway,
) -> None:
    kernel.enforcer.admit(phone(kernel.enforcer), Terms("session1", 600), "nonce1")
    before = re.sub(r"expires \w+", "", rules_of(kernel))
    name = kernel.nft[3]
    broken = Nft(replace(TERRITORY, wan='no"name'), KernelClock(), kernel.nft, netns.sockets(name))
    with pytest.raises(EnforcerFailed, match="No symbol type"):
        broken.start()
    assert re.sub(r"expires \w+", "", rules_of(kernel)) == before


def test_a_program_whose_rules_are_refused_says_why_and_never_that_it_is_ready(
    kernel: Gateway, tmp_path: Path
) -> None:
    sides = {"lan": "lan0", "wan": "wan0", "garden": [], "management": []}
    config = write_config(tmp_path, enforcer="nft", **sides)
    subprocess.run(["ip", "-n", kernel.nft[3], "link", "set", "lo", "up"], check=True)
    with owned_by_another_program(kernel):
        command = [*kernel.nft[:4], sys.executable, "-m", "captive_portal.gateway", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "ready" not in done.stdout
    assert "gateway: nft: " in done.stderr
    assert "Operation not permitted" in done.stderr


def test_what_holds_for_everybody_changes_no_session(gateway: Gateway) -> None:
    enforcer = gateway.enforcer
    enforcer.admit(phone(enforcer), Terms("session1", 600), "nonce1")
    for regime in (Regime(ipv6=True), Regime(filtered=True), Regime(True, True), Regime()):
        enforcer.govern(regime)
        enforcer.open_to_all(60)
        enforcer.open_to_all(30)
        enforcer.informed(phone(enforcer))
        enforcer.informed(phone(enforcer))
        enforcer.open_to_all(0)
        enforcer.open_to_all(0)
    assert set(enforcer.survey()) == {"session1"}
    assert set(gateway.again().survey()) == {"session1"}


def test_the_kernel_knows_what_holds_for_everybody_also_after_a_restart(kernel: Gateway) -> None:
    kernel.enforcer.govern(Regime(ipv6=True, filtered=True))
    kernel.enforcer.open_to_all(3600)
    kernel.enforcer.informed(phone(kernel.enforcer))
    for _ in range(2):
        assert elements(kernel, "regime") == ["0x00000001", "0x00000002"]
        assert re.fullmatch(r"0x00000001 timeout 1h expires 59m\w+", elements(kernel, "everybody")[0])
        assert elements(kernel, "informed")[0].startswith(phone(kernel.enforcer).mac)
        kernel.again()
    kernel.enforcer.govern(Regime(filtered=True))
    assert elements(kernel, "regime") == ["0x00000002"]
    kernel.enforcer.open_to_all(0)
    assert elements(kernel, "everybody") == []
    kernel.enforcer.open_to_all(60)
    assert elements(kernel, "informed") == [], "another emergency is news"


def test_what_holds_for_everybody_is_told_when_the_rules_are_gone(kernel: Gateway) -> None:
    subprocess.run([*kernel.nft, "flush", "ruleset"], check=True)
    enforcer = kernel.enforcer
    tries: tuple[Callable[[], None], ...] = (
        partial(enforcer.govern, Regime()),
        partial(enforcer.open_to_all, 60),
        partial(enforcer.informed, phone(enforcer)),
    )
    for one in tries:
        with pytest.raises(TableGone):
            one()


def elements(kernel: Gateway, name: str) -> list[str]:
    """Of a set or a map, as nft prints them."""
    listed = re.search(rf"(?:set|map) {name} {{(.*?)\n\t}}", rules_of(kernel), re.DOTALL)
    assert listed is not None
    held = re.search(r"elements = {(.*?)}", listed[1], re.DOTALL)
    return [one.strip() for one in held[1].split(",")] if held else []


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
