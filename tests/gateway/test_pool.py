"""Who holds an address, and whose is given back: the file of leases, and what is decided of it."""

from collections.abc import Mapping
from ipaddress import IPv4Address
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.gateway import pool
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.releasing import ASKS, GRACE_S, Reclaim, Verdict, question, sender

LEASE_S = 600
OURS = IPv4Address("10.99.0.1")
NOBODY: frozenset[Phone] = frozenset()


def phone(number: int) -> Phone:
    return Phone(f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", f"10.99.{number >> 8}.{number & 255}")


def crowd(first: int, last: int, end: str = "1000") -> dict[Phone, str]:
    return {phone(number): end for number in range(first, last + 1)}


def test_leases_are_read_as_dnsmasq_writes_them() -> None:
    text = (
        "1795792077 02:f0:ca:64:83:6d 10.99.3.187 * *\n"
        "duid 00:01:00:01:2e:aa:bb:cc:02:00:00:00:00:01\n"
        "1795792078 123456 2001:db8::7 * 00:01\n"
        "1795792079 06-02:35:7c:3c:8c:3e 10.99.3.9 * *\n"
        "1795792080 02:35:7c"
    )
    assert pool.parse(text) == {Phone("02:f0:ca:64:83:6d", "10.99.3.187"): "1795792077"}


def test_before_anybody_came_the_pool_is_empty(tmp_path: Path) -> None:
    assert pool.leases(tmp_path / "leases") == {}


def test_a_file_that_is_being_written_anew_is_read_whole() -> None:
    looks = iter(["", "one\n", "one\ntwo\n", "one\ntwo\n", "never looked at"])
    assert pool.whole(lambda: next(looks)) == "one\ntwo\n"


def test_of_a_file_that_never_rests_the_most_is_read() -> None:
    looks = cycle(["one\n", "", "one\ntwo\nthree\n", "one\ntwo\n"])
    assert pool.whole(lambda: next(looks)) == "one\ntwo\nthree\n"


def begun(size: int = 100) -> Reclaim:
    """One that found nobody at its first look."""
    reclaim = Reclaim(size)
    assert reclaim.step(0, {}, NOBODY) == Verdict()
    return reclaim


def released(
    reclaim: Reclaim, listed: Mapping[Phone, str], heard: frozenset[Phone], from_s: float = 10.0
) -> set[Phone]:
    """Whom it releases within a minute; who is asked and is among `heard` answers."""
    gone: set[Phone] = set()
    speaking: set[Phone] = set()
    for step in range(20):
        verdict = reclaim.step(from_s + 3 * step, listed, speaking)
        speaking = set(verdict.asked) & heard
        gone |= set(verdict.silent)
    return gone


def test_those_who_never_said_a_word_are_released_when_the_pool_is_nearly_full() -> None:
    listed = crowd(1, 80)
    real = frozenset(list(listed)[:10])
    assert released(begun(), listed, real) == set(listed) - real


def test_nobody_is_asked_or_released_while_there_is_room() -> None:
    assert released(begun(), crowd(1, 79), NOBODY) == set()


def test_a_phone_that_was_heard_once_keeps_its_lease_when_it_has_gone_away() -> None:
    reclaim, listed = begun(), crowd(1, 100)
    gone_away = phone(7)
    reclaim.step(5, listed, {gone_away})
    assert gone_away not in released(reclaim, listed, NOBODY)


def test_a_phone_that_has_just_come_has_time_to_begin() -> None:
    reclaim, listed = begun(), crowd(1, 100)
    for step in range(20):
        now = 10 + step * (GRACE_S - 0.1) / 19
        assert reclaim.step(now, listed, NOBODY) == Verdict()
    assert reclaim.step(10 + GRACE_S, listed, NOBODY).asked == tuple(listed)


def test_a_phone_is_asked_several_times_before_it_is_given_up() -> None:
    reclaim, listed = begun(), crowd(1, 100)
    reclaim.step(10, listed, NOBODY)
    steps = [reclaim.step(30 + 3 * step, listed, NOBODY) for step in range(ASKS + 1)]
    assert [bool(one.silent) for one in steps] == [False] * ASKS + [True]
    assert all(one.asked == tuple(listed) for one in steps[:ASKS])


def test_leases_that_are_there_when_we_start_are_phones_own() -> None:
    reclaim, listed = Reclaim(100), crowd(1, 100)
    assert released(reclaim, listed, NOBODY, 0) == set()


def test_a_mac_that_comes_back_after_its_release_is_judged_anew() -> None:
    reclaim, listed = begun(), crowd(1, 100)
    assert released(reclaim, listed, NOBODY) == set(listed)
    reclaim.step(200, {}, NOBODY)
    assert released(reclaim, listed, frozenset(listed), 300) == set()


def test_one_who_speaks_for_an_address_with_another_mac_proves_nothing() -> None:
    reclaim, listed = begun(), crowd(1, 100)
    other = Phone("02:bb:bb:bb:bb:bb", phone(7).ip)
    reclaim.step(10, listed, {other})
    assert phone(7) in released(reclaim, listed, NOBODY)


def test_leases_move_along_with_a_wall_clock_that_jumps() -> None:
    """From 1970 to today, and a day back: each has as long left as before."""
    for jump in (1_795_000_000, -86_400):
        listed = {phone(1): "1600", phone(2): "1100", phone(3): str(1000 + jump + LEASE_S)}
        after = pool.parse(pool.moved(listed, jump, 1000 + jump, LEASE_S))
        assert {one: int(end) - 1000 - jump for one, end in after.items()} == {
            phone(1): 600,
            phone(2): 100,
            phone(3): LEASE_S,  # given since by the clock as it is now
        }


@given(st.binary(max_size=60))
def test_no_frame_is_too_odd_to_be_read(frame: bytes) -> None:
    sender(frame)


@given(st.binary(min_size=6, max_size=6), st.ip_addresses(v=4))
def test_who_asks_is_heard_as_itself(mac: bytes, ip: IPv4Address) -> None:
    assert sender(question(mac, ip, phone(9))) == Phone(mac.hex(":"), str(ip))


def test_a_phone_is_asked_at_its_mac_alone() -> None:
    """An access point hands that to no radio that is not joined under this MAC."""
    assert question(bytes(6), OURS, phone(9))[:6] == bytes.fromhex("020000000009")


def test_who_says_to_be_another_than_it_sends_as_is_not_heard() -> None:
    frame = bytearray(question(bytes.fromhex("020000000009"), OURS, phone(9)))
    assert sender(bytes(frame)) is not None
    frame[11] ^= 1  # the MAC that the frame comes from
    assert sender(bytes(frame)) is None


@pytest.mark.parametrize("place", [12, 14, 16, 18, 19])
def test_what_is_not_arp_of_ethernet_and_ipv4_is_not_heard(place: int) -> None:
    frame = bytearray(question(bytes.fromhex("020000000009"), OURS, phone(9)))
    frame[place] ^= 2
    assert sender(bytes(frame)) is None


def test_no_phone_is_named_when_what_was_decided_is_shown() -> None:
    shown = repr(Verdict((phone(1),), (phone(2),)))
    assert "02:00" not in shown
    assert "10.99" not in shown
