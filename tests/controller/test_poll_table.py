"""`plaza poll --once`: what its table says, and the arithmetic of its traffic."""

import re
from collections.abc import Iterator

import pytest

from controller.cli.poll import _rate, _traffic_bps
from metrics.sample import Sample
from tests.town import Town, town, wait_for

TAGS = {"mun": "08027", "site": "08027-plaza", "ap": "ap-kiosk"}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town that runs, and whose school no longer answers."""
    with town(tmp_path_factory.mktemp("town"), "127.74.1") as made:
        made.start()
        assert made.plaza("demo", "break", "ap-school").returncode == 0
        yield made


def table(place: Town) -> list[str]:
    """The lines of `plaza poll --once`."""
    said = place.plaza("poll", "--once")
    assert (said.returncode, said.stderr) == (0, "")
    return [line.rstrip() for line in said.stdout.splitlines()]


def test_the_table_has_a_line_for_each_and_the_reason_of_one_that_is_down(broken: Town) -> None:
    title, kiosk, school, summary = table(broken)
    assert title.split() == ["NAME", "WAY", "STATE", "CLIENTS", "TRAFFIC", "POLL", "REASON"]
    assert re.fullmatch(r"ap-kiosk +snmp +up +\d+ +(–|[\d.]+ [kMG]?bit/s) +[\d,]+ B", kiosk)
    assert re.fullmatch(r"ap-school +snmp +down +– +– +[\d,]+ B +no answer.*", school)
    assert summary == "1 up, 0 degraded, 1 down, 0 unknown"


def test_the_traffic_is_a_rate_as_soon_as_there_are_two_samples(broken: Town) -> None:
    assert broken.plaza("demo", "mend", "ap-school").returncode == 0
    wait_for(lambda: re.search(r"ap-kiosk .*\d [kMG]?bit/s", "\n".join(table(broken))), "a rate")


def sample(**fields: int) -> Sample:
    return Sample("wifi_ap", TAGS, fields, 0)


BEFORE = sample(uptime_s=100, rx_octets=1_000, tx_octets=2_000)


def test_traffic_is_the_bits_of_both_directions_over_the_seconds_the_device_counted() -> None:
    assert _traffic_bps(BEFORE, sample(uptime_s=110, rx_octets=2_000, tx_octets=2_250)) == 1_000


@pytest.mark.parametrize(
    "now",
    [
        sample(uptime_s=5, rx_octets=2_000, tx_octets=3_000),
        sample(uptime_s=110, rx_octets=10, tx_octets=3_000),
        sample(uptime_s=110, rx_octets=2_000, tx_octets=10),
        sample(uptime_s=100, rx_octets=1_000, tx_octets=2_000),
        sample(uptime_s=110, rx_octets=2_000),
        sample(up=0),
        None,
    ],
    ids=["restarted", "rx was reset", "tx was reset", "no time passed", "no tx", "down", "nothing measured"],
)
def test_over_a_reset_or_without_two_measurements_there_is_no_traffic(now: Sample | None) -> None:
    assert _traffic_bps(BEFORE, now) is None


@pytest.mark.parametrize("before", [None, sample(up=0), sample(uptime_s=100, rx_octets=1_000)])
def test_after_a_gap_there_is_no_traffic(before: Sample | None) -> None:
    assert _traffic_bps(before, sample(uptime_s=110, rx_octets=2_000, tx_octets=3_000)) is None


@pytest.mark.parametrize(
    ("bps", "shown"),
    [
        (None, "–"),
        (0, "0 bit/s"),
        (999, "999 bit/s"),
        (1_000, "1.0 kbit/s"),
        (1_250_000, "1.2 Mbit/s"),
        (3_000_000_000, "3.0 Gbit/s"),
    ],
)
def test_a_rate_is_shown_in_the_unit_that_fits(bps: int | None, shown: str) -> None:
    assert _rate(bps) == shown
