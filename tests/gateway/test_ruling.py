"""Which policy holds: signed, for this site, the newest, and still there after whatever."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from captive_portal.gateway import policy
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.policy import Emergency, Policy, Signed
from captive_portal.gateway.ruling import KEPT, Ruling
from tests.gateway.conftest import KEY, OTHER, PHONE, SITE, Clock
from tests.gateway.ruled import NOW, blocking, ruling, sealed


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state.db")


def again(tmp_path: Path, clock: Clock, first: Signed | None = None) -> Ruling:
    """After a restart."""
    return ruling(Journal(tmp_path / "state.db"), clock, first)


def test_without_a_policy_nothing_is_open_and_nobody_is_blocked(journal: Journal, clock: Clock) -> None:
    made = ruling(journal, clock)
    assert (made.serial, made.policy) == (0, Policy(SITE, 0, 0))
    assert (made.blocked(PHONE.device(KEY)), made.emergency, made.emergency_left) == (None, None, 0)


def test_a_later_policy_holds_at_once_and_after_a_power_cut(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    made, heard = ruling(journal, clock, sealed(1)), list[int]()
    made.on_change.append(lambda now: heard.append(now.serial))
    assert made.take(sealed(5, ipv6=True), NOW)
    assert (made.serial, made.policy.ipv6, heard) == (5, True, [5])
    clock.reboot()
    assert again(tmp_path, clock, sealed(1)).policy.ipv6


def test_an_earlier_one_or_the_same_is_never_taken_again(journal: Journal, clock: Clock) -> None:
    made = ruling(journal, clock, sealed(5, ipv6=True))
    for serial in (1, 4, 5):
        assert not made.take(sealed(serial), NOW)
    assert made.policy.ipv6


def forged() -> list[Signed]:
    genuine = sealed(9, ipv6=True)
    other_site = policy.seal(KEY, Policy("08037-plaza", 9, NOW))
    return [
        sealed(9, key=bytes(32)),
        replace(genuine, text=genuine.text.replace('"serial":9', '"serial":8')),
        replace(genuine, signature=""),
        replace(genuine, signature="ñ"),
        replace(genuine, text="[]"),
        other_site,
    ]


@pytest.mark.parametrize("told", forged(), ids=range(len(forged())))
def test_what_is_not_signed_for_this_site_is_refused(journal: Journal, clock: Clock, told: Signed) -> None:
    made = ruling(journal, clock, sealed(1))
    assert not made.take(told, NOW)
    assert (made.serial, journal.fact(KEPT)) == (1, "")


@pytest.mark.parametrize("kept", ["{", "[]", "null", '{"text": 5}', json.dumps(forged()[0].told())])
def test_when_what_was_kept_is_damaged_the_first_one_holds(
    journal: Journal, clock: Clock, tmp_path: Path, kept: str
) -> None:
    assert ruling(journal, clock).take(sealed(7), NOW)
    journal.keep(KEPT, kept)
    made = again(tmp_path, clock, sealed(3, ipv6=True))
    assert (made.serial, made.policy.ipv6) == (3, True)
    assert made.take(sealed(7), NOW), "and a later one is taken"


def test_the_newer_of_the_kept_and_the_installed_holds(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    ruling(journal, clock).take(sealed(7), NOW)
    assert again(tmp_path, clock, sealed(9)).serial == 9
    assert again(tmp_path, clock, sealed(3)).serial == 7


def test_a_block_ends_by_the_controllers_time_and_one_without_end_does_not(
    journal: Journal, clock: Clock
) -> None:
    made = ruling(journal, clock, sealed(1, blocked=(blocking(PHONE, NOW + 3600), blocking(OTHER))))
    assert made.blocks == 2
    clock.seconds += 3599
    assert made.blocked(PHONE.device(KEY)) is not None
    clock.seconds += 1
    assert made.blocked(PHONE.device(KEY)) is None
    clock.seconds += 10**9
    assert made.blocked(OTHER.device(KEY)) is not None


def test_after_a_power_cut_a_block_lasts_longer_by_that_and_never_less(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    made = ruling(journal, clock)
    made.take(sealed(1, blocked=(blocking(PHONE, NOW + 3600),)), NOW)
    clock.reboot()
    after = again(tmp_path, clock)
    assert after.left_s(NOW + 3600) == 3600
    assert after.blocked(PHONE.device(KEY)) is not None


def test_an_emergency_ends_by_itself_once_and_no_power_cut_brings_it_back(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    made, heard = ruling(journal, clock), list[int]()
    made.take(sealed(1, emergency=Emergency(NOW + 600, "Salgan.")), NOW)
    made.on_change.append(lambda _: heard.append(made.emergency_left))
    clock.seconds += 599
    made.step()
    assert (made.emergency_left, heard) == (1, [])
    clock.seconds += 1
    for _ in range(3):
        made.step()
    assert (made.emergency, heard) == (None, [0])
    clock.reboot()
    assert again(tmp_path, clock).emergency_left == 0


def test_the_controllers_time_goes_on_counting_towards_the_end_over_power_cuts(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    made = ruling(journal, clock)
    made.take(sealed(1, emergency=Emergency(NOW + 600, "Salgan.")), NOW)
    clock.reboot()
    after = again(tmp_path, clock)
    assert after.emergency_left == 600
    clock.seconds += 600
    after.step()
    assert after.emergency is None


def test_what_could_not_be_carried_out_is_tried_again(journal: Journal, clock: Clock) -> None:
    made, tries = ruling(journal, clock), list[int]()

    def obey(_: Policy) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise EnforcerFailed("nft did not run")

    made.on_change.append(obey)
    assert made.take(sealed(1), NOW)
    for _ in range(5):
        made.step()
    assert len(tries) == 3


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_kill_while_a_policy_is_kept_leaves_the_former_or_the_new_whole(
    clock: Clock, tmp_path: Path, at: str
) -> None:
    first = ruling(Journal(tmp_path / "state.db"), clock)
    assert first.take(sealed(1, ipv6=True), NOW)
    pid = os.fork()
    if not pid:
        _take_and_die(tmp_path, clock, at)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    made = again(tmp_path, clock)
    assert (made.serial, made.policy.ipv6) == ((1, True) if at == "before" else (2, False))
    assert made.take(sealed(3), NOW)


def _take_and_die(directory: Path, clock: Clock, at: str) -> None:
    class Dies(Journal):
        def keep(self, name: str, value: str) -> None:
            if name == KEPT and at == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            super().keep(name, value)
            if name == KEPT and at == "after":
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        ruling(Dies(directory / "state.db"), clock).take(sealed(2), NOW)
    finally:
        os._exit(1)
