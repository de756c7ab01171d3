"""Hours from samples: unknown is not zero, a reset is a gap and never a spike, and late samples count."""

from pathlib import Path

import pytest

from metrics.errors import CatalogError
from metrics.local.rollup import Figure, Hour, hours, roll_up
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window

HOUR = 1_795_388_400 // 3600 * 3600
ALL = Window(0, 2**33)


def counted(time: int, rx_octets: int, uptime_s: int | None = None, name: str = "ap-1") -> Sample:
    tags = {"ap": name, "mun": "08019", "site": "plaza", "vendor": "openwrt"}
    fields = {"up": 1, "rx_octets": rx_octets, "tx_octets": 0}
    return Sample("wifi_ap", tags, fields if uptime_s is None else {**fields, "uptime_s": uptime_s}, time)


def down(time: int, name: str = "ap-1") -> Sample:
    return Sample("wifi_ap", counted(time, 0, name=name).tags, {"up": 0, "poll_ms": 3.0}, time)


def only(store: LocalStore, start: int = HOUR, measurement: str = "wifi_ap") -> Hour:
    (found,) = hours(store, measurement, Window(start, start + 3600))
    return found


def grown(store: LocalStore, start: int = HOUR) -> Figure | None:
    return only(store, start).figures.get("rx_octets")


def test_an_hour_is_derived_when_it_is_closed_and_not_before(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 1)])
    assert roll_up(store, HOUR + 3599) == 0
    assert hours(store, "wifi_ap", ALL) == []
    assert roll_up(store, HOUR + 3600) == 1
    assert only(store).start == HOUR


def test_an_hour_carries_how_many_samples_it_expected_and_got(store: LocalStore) -> None:
    store.write(
        "poller", [down(HOUR + 60), *(counted(HOUR + 120 * number, number) for number in range(1, 20))]
    )
    roll_up(store, HOUR + 3600, expected_per_hour=30)
    hour = only(store)
    assert (hour.expected, hour.got) == (30, 20)
    assert hour.figures["up"] == Figure(20, 19, 1)
    assert hour.figures["up"].mean == pytest.approx(0.95)


def test_a_figure_nobody_measured_is_absent_and_not_zero(store: LocalStore) -> None:
    store.write("poller", [down(HOUR), down(HOUR + 60)])
    roll_up(store, HOUR + 3600)
    assert only(store).figures.keys() == {"up", "poll_ms"}


def test_gauges_have_sum_number_and_largest_of_what_is_known(store: LocalStore) -> None:
    tags = counted(0, 0).tags
    known = [Sample("wifi_ap", tags, {"up": 1, "clients": n, "cpu_pct": n / 2}, HOUR + n) for n in (1, 4, 7)]
    store.write("poller", [*known, down(HOUR + 60)])
    roll_up(store, HOUR + 3600)
    assert only(store).figures["clients"] == Figure(3, 12, 7)
    assert only(store).figures["cpu_pct"] == Figure(3, 6, 3.5)
    assert only(store).got == 4


def test_a_counter_gives_its_growth_and_over_how_many_intervals(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR + 60 * n, 1000 + 10 * n, 5000 + 60 * n) for n in range(10)])
    roll_up(store, HOUR + 3600)
    assert grown(store) == Figure(9, 90)


def test_growth_over_missed_polls_is_kept(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 100, 5000), down(HOUR + 60), counted(HOUR + 1200, 160, 6200)])
    roll_up(store, HOUR + 3600)
    assert grown(store) == Figure(1, 60)


@pytest.mark.parametrize(
    ("second", "why"),
    [
        (counted(HOUR + 60, 7, 20), "the uptime fell"),
        (counted(HOUR + 1800, 999_999, 1700), "the uptime is larger, but the device was off in between"),
        (counted(HOUR + 60, 7), "the counter fell and nobody knows the uptime"),
        (counted(HOUR + 60, 999_999, 5), "the new count overtook the old one"),
    ],
)
def test_a_reset_is_a_gap_and_never_a_spike(store: LocalStore, second: Sample, why: str) -> None:
    store.write("poller", [counted(HOUR, 500, 1000), second])
    later = second.fields.get("uptime_s", 0) + 60
    after = counted(second.time + 60, int(second.fields["rx_octets"]) + 40, int(later))
    store.write("poller", [after])
    roll_up(store, HOUR + 3600)
    assert grown(store) == Figure(1, 40), why


def test_the_wrap_of_sysuptime_after_497_days_is_not_a_reset(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 500, 42_949_672 - 20), counted(HOUR + 60, 540, 40)])
    roll_up(store, HOUR + 3600)
    assert grown(store) == Figure(1, 40)


def test_growth_across_the_hour_and_across_midnight_counts_where_it_ends(store: LocalStore) -> None:
    midnight = HOUR // 86_400 * 86_400
    store.write(
        "poller",
        [counted(midnight - 60, 100, 1000), counted(midnight, 130, 1060), counted(midnight + 60, 135, 1120)],
    )
    roll_up(store, midnight + 3600)
    assert grown(store, midnight - 3600) is None
    assert grown(store, midnight) == Figure(2, 35)


def test_growth_over_a_long_silence_belongs_to_no_hour(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 100, 1000), counted(HOUR + 7000, 10_000, 8000)])
    roll_up(store, HOUR + 7200)
    assert grown(store, HOUR + 3600) is None


def test_a_municipality_adds_up_its_access_points(store: LocalStore) -> None:
    for name in ("a", "b"):
        store.write("poller", [counted(HOUR + 60 * n, 10 * n, 1000 + 60 * n, name) for n in range(5)])
    roll_up(store, HOUR + 3600, expected_per_hour=5)
    found = only(store, measurement="hotspot_mun")
    assert found.tags == {"mun": "08019"}
    assert (found.expected, found.got) == (10, 10)
    assert found.figures["rx_octets"] == Figure(8, 80)
    assert found.figures["up"] == Figure(10, 10, 1)


def test_deriving_again_changes_nothing(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR + 60 * n, n * n, 1000 + 60 * n) for n in range(100)])
    assert roll_up(store, HOUR + 7200) == 2
    before = [hours(store, name, ALL) for name in ("wifi_ap", "hotspot_mun")]
    assert roll_up(store, HOUR + 7200) == 0
    store.close()
    for path in Path(store.shelf.place).glob("rollup.db*"):
        path.unlink()
    again = LocalStore.open(Path(store.shelf.place))
    assert roll_up(again, HOUR + 7200) == 2
    assert [hours(again, name, ALL) for name in ("wifi_ap", "hotspot_mun")] == before
    again.close()


def test_a_late_sample_has_its_hour_and_the_next_derived_again(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 0, 1000), counted(HOUR + 4000, 100, 5000)])
    roll_up(store, HOUR + 7200)
    assert grown(store, HOUR + 3600) is None
    store.write("remote", [counted(HOUR + 3000, 70, 4000)])
    assert roll_up(store, HOUR + 7200) == 2
    assert grown(store) == Figure(1, 70)
    assert grown(store, HOUR + 3600) == Figure(1, 30)


def test_an_hour_whose_raw_samples_were_dropped_keeps_its_better_figures(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR + 60 * n, n, 1000 + 60 * n) for n in range(30)])
    assert roll_up(store, HOUR + 7200) == 2
    store.drop(store.days()[0])
    store.write("remote", [counted(HOUR + 600, 5, 1600)])
    assert roll_up(store, HOUR + 7200) == 2
    assert only(store).got == 30


def test_hours_are_found_by_their_tags(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 1, name=name) for name in ("a", "b")])
    roll_up(store, HOUR + 3600)
    assert [hour.tags["ap"] for hour in hours(store, "wifi_ap", ALL, {"ap": "b"})] == ["b"]
    with pytest.raises(CatalogError, match="wifi_radio"):
        hours(store, "wifi_radio", ALL)
    with pytest.raises(CatalogError, match="band"):
        hours(store, "wifi_ap", ALL, {"band": "5g"})
