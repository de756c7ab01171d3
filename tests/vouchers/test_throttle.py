"""Who guesses must wait."""

from datetime import UTC, datetime, timedelta

import pytest

from captive_portal.voucher_throttle import PER_ADDRESS, PER_DEVICE, PER_SITE, WINDOW, Throttle

NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("most", "device", "address"),
    [
        (PER_DEVICE, "phone", "a{}"),
        (PER_ADDRESS, "phone{}", "a"),
        (PER_SITE, "phone{}", "a{}"),
        (PER_SITE, "phone{}", ""),
    ],
)
def test_after_so_many_wrong_codes_one_waits_ten_minutes(most: int, device: str, address: str) -> None:
    throttle = Throttle()
    for turn in range(most):
        assert not throttle.wait("s", device.format(turn), address.format(turn), NOW)
        throttle.failed("s", device.format(turn), address.format(turn), NOW)
    last = ("s", device.format(most), address.format(most))
    assert throttle.wait(*last, NOW + WINDOW - timedelta(seconds=1))
    assert not throttle.wait(*last, NOW + WINDOW)


@pytest.mark.parametrize(
    ("most", "device", "address"), [(PER_ADDRESS, "phone{}", "a"), (PER_SITE, "phone{}", "a{}")]
)
def test_the_processes_of_a_portal_together_take_no_more_than_one(
    most: int, device: str, address: str
) -> None:
    processes = [Throttle(processes=2) for _ in range(2)]
    taken = 0
    for turn in range(2 * most):
        guess = ("s", device.format(turn), address.format(turn), NOW)
        for one in processes:
            if not one.wait(*guess):
                one.failed(*guess)
                taken += 1
    assert taken == most


def test_another_phone_and_another_site_do_not_wait() -> None:
    throttle = Throttle()
    for _ in range(PER_DEVICE):
        throttle.failed("s", "phone", "a", NOW)
    assert not throttle.wait("s", "other", "b", NOW)
    assert not throttle.wait("t", "phone", "a", NOW)


def test_memory_is_bounded_and_the_sites_own_count_outlives_its_phones() -> None:
    throttle = Throttle(max_keys=20)
    for turn in range(PER_SITE):
        throttle.failed("s", f"phone{turn}", f"a{turn}", NOW)
    assert len(throttle._failures) == 20
    assert throttle.wait("s", "new", "new", NOW)
