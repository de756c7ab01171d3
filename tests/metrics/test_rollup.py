"""Hours from samples: unknown is not zero, a reset is a gap and never a spike, and late samples count."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalog import MEASUREMENTS
from metrics.errors import CatalogError
from metrics.local import retention
from metrics.local.buckets import Bucket, availability, buckets
from metrics.local.figures import Cells, Figure, Figures, packing
from metrics.local.levels import Span
from metrics.local.rollup import SLOT_DAYS, roll_up, trim
from metrics.local.roster import Roster
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics import samples

HOUR = 1_795_388_400 // 3600 * 3600
ALL = Window(0, 2**33)


def counted(time: int, rx_octets: int, uptime_s: int | None = None, name: str = "ap-1") -> Sample:
    tags = {"ap": name, "mun": "08019", "site": "plaza", "vendor": "openwrt"}
    fields = {"up": 1, "rx_octets": rx_octets, "tx_octets": 0}
    return Sample("wifi_ap", tags, fields if uptime_s is None else {**fields, "uptime_s": uptime_s}, time)


def down(time: int, name: str = "ap-1") -> Sample:
    return Sample("wifi_ap", counted(time, 0, name=name).tags, {"up": 0, "poll_ms": 3.0}, time)


def hours(
    store: LocalStore, by: str = "ap", where: Mapping[str, str] | None = None, name: str = "wifi_ap"
) -> list[Bucket]:
    return buckets(store, name, Span.HOUR, ALL, by.split(), where)


def only(store: LocalStore, start: int = HOUR, by: str = "ap", name: str = "wifi_ap") -> Bucket:
    (found,) = buckets(store, name, Span.HOUR, Window(start, start + 3600), by.split())
    return found


def grown(store: LocalStore, start: int = HOUR) -> Figure | None:
    return only(store, start).figures.get("rx_octets")


def test_an_hour_is_derived_when_it_is_closed_and_not_before(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 1)])
    assert roll_up(store, HOUR + 3599) == 0
    assert hours(store) == []
    assert roll_up(store, HOUR + 3600) == 1
    assert only(store).start == HOUR


def test_an_hour_carries_how_many_samples_it_expected_and_got(store: LocalStore) -> None:
    store.write(
        "poller", [down(HOUR + 60), *(counted(HOUR + 120 * number, number) for number in range(1, 20))]
    )
    roll_up(store, HOUR + 3600, Roster(otherwise=lambda *_: 30))
    hour = only(store)
    assert (hour.expected, hour.got) == (30, 20)
    assert hour.figures["up"] == Figure(20, 19, 1, 0)
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
    assert only(store).figures["clients"] == Figure(3, 12, 7, 1)
    assert only(store).figures["cpu_pct"] == Figure(3, 6, 3.5, 0.5)
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
    roll_up(store, HOUR + 3600, Roster(otherwise=lambda *_: 5))
    found = only(store, by="mun")
    assert found.tags == {"mun": "08019"}
    assert (found.expected, found.got) == (10, 10)
    assert found.figures["rx_octets"] == Figure(8, 80)
    assert found.figures["up"] == Figure(10, 10, 1, 1)


def test_deriving_again_changes_nothing(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR + 60 * n, n * n, 1000 + 60 * n) for n in range(100)])
    assert roll_up(store, HOUR + 7200) == 2
    before = [list(map(plain, hours(store, by))) for by in ("ap", "mun", "site")]
    assert roll_up(store, HOUR + 7200) == 0
    store.close()
    for path in Path(store.shelf.place).glob("rollup.db*"):
        path.unlink()
    again = LocalStore.open(Path(store.shelf.place))
    assert roll_up(again, HOUR + 7200) == 2
    assert [list(map(plain, hours(again, by))) for by in ("ap", "mun", "site")] == before
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
    store.write("remote", [counted(HOUR + 600, 5, 1600, "ap-2")])
    roll_up(store, HOUR + 7200)
    assert only(store, by="mun").got == 31, "what is left of the one, and the other"


def test_a_day_whose_hours_are_gone_keeps_its_better_figures(store: LocalStore) -> None:
    store.write("poller", [samples.ap(HOUR + 60 * n) for n in range(30)])
    now = HOUR + 3 * 86_400
    roll_up(store, now)
    trim(store, now, 1)
    store.drop(store.days()[0])
    store.write("remote", [samples.ap(HOUR + 60)])
    roll_up(store, now)
    (day,) = buckets(store, "wifi_ap", Span.DAY, ALL, ["ap"])
    assert day.got == 30


def plain(bucket: Bucket) -> tuple[object, ...]:
    return bucket.tags, bucket.start, bucket.end, bucket.expected, bucket.got, dict(bucket.figures)


def test_hours_are_found_by_their_tags(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR, 1, name=name) for name in ("a", "b")])
    roll_up(store, HOUR + 3600)
    assert [hour.tags for hour in hours(store, "ap vendor", {"ap": "b"})] == [
        {"ap": "b", "vendor": "openwrt"}
    ]
    assert hours(store, "ap", {"ap": "c"}) == []
    assert [hour.got for hour in hours(store, "", {"mun": "08019"})] == [2], "of no tag: all of them"
    with pytest.raises(CatalogError, match="uplink"):
        hours(store, name="uplink")
    with pytest.raises(CatalogError, match="band"):
        hours(store, "band")
    with pytest.raises(CatalogError, match="5m"):
        buckets(store, "wifi_ap", "5m", ALL, ["ap"])


def test_the_radios_of_a_site_are_summed_up_by_band_and_counted(store: LocalStore) -> None:
    tags = counted(0, 0).tags
    store.write(
        "poller",
        [
            Sample(
                "wifi_radio", {**tags, "ap": ap, "band": band, "radio": radio}, {"clients": 2}, HOUR + 60 * n
            )
            for ap, band, radio in (("a", "5g", "0"), ("a", "5g", "1"), ("b", "5g", "0"), ("b", "2g4", "1"))
            for n in range(3)
        ],
    )
    roll_up(store, HOUR + 3600)
    found = {hour.tags["band"]: hour for hour in hours(store, "mun band", name="wifi_radio")}
    assert (found["5g"].got, found["5g"].figures["clients"]) == (9, Figure(9, 18, 2, 2))
    assert found["5g"].figures["seen"].total == 3
    assert found["2g4"].figures["seen"].total == 1


def test_the_counters_of_a_radio_begin_anew_with_their_device(store: LocalStore) -> None:
    """They have no uptime of their own, and may have overtaken what they were."""
    tags = {**counted(0, 0).tags, "band": "5g", "radio": "0"}
    for second, uptime, octets in ((0, 90_000, 100), (60, 90_060, 150), (1800, 900, 7000), (1860, 960, 7050)):
        radio = Sample("wifi_radio", tags, {"rx_octets": octets}, HOUR + second)
        store.write("poller", [counted(HOUR + second, octets, uptime), radio])
    roll_up(store, HOUR + 3600)
    assert only(store, by="site band", name="wifi_radio").figures["rx_octets"] == Figure(2, 100)


def test_before_the_first_sample_of_all_nobody_was_asked(store: LocalStore) -> None:
    store.write("poller", [samples.ap(HOUR + 60 * n, "a") for n in range(30, 60)])
    store.write("poller", [samples.ap(HOUR + 60 * n, "b") for n in range(40, 60)])
    roll_up(store, HOUR + 3600, Roster(otherwise=lambda *_: 60))
    (whole,) = hours(store, "mun")
    assert (whole.expected, whole.got) == (60, 50)
    store.write("late", [samples.ap(HOUR - 60, "a")])
    roll_up(store, HOUR + 3600, Roster(otherwise=lambda *_: 60))
    assert [(one.expected, one.got) for one in hours(store, "mun")] == [(1, 1), (120, 50)]


def test_five_minutes_of_a_municipality_tell_how_it_is_now(store: LocalStore) -> None:
    store.write("poller", [samples.ap(HOUR + 60 * n, "a", clients=n) for n in range(12)])
    roll_up(store, HOUR + 700, Roster(otherwise=lambda *_: 60))
    found = buckets(store, "wifi_ap", "5m", ALL, ["mun"], {"mun": "08019"})
    assert [(b.start - HOUR, b.end - b.start, b.expected, b.got) for b in found] == [
        (0, 300, 5, 5),
        (300, 300, 5, 5),
    ]
    assert [b.figures["clients"].total for b in found] == [10, 35]
    (running,) = hours(store, "mun")
    assert (running.start, running.expected, running.got) == (HOUR, 10, 10)
    assert running.figures["clients"] == Figure(10, 45, 9, 0)
    assert hours(store, "site") == [], "of a site it is not over"
    roll_up(store, HOUR + 3600, Roster(otherwise=lambda *_: 60))
    (whole,) = hours(store, "mun")
    assert (whole.expected, whole.got) == (60, 12)


@given(
    st.integers(1, 3000),
    st.dictionaries(
        st.sampled_from(sorted(MEASUREMENTS["wifi_radio"].fields)),
        st.tuples(st.integers(1, 3000), st.lists(st.integers(-(2**70), 2**70), min_size=1), st.booleans()),
    ),
)
def test_figures_are_packed_and_unpacked_again(
    got: int, told: Mapping[str, tuple[int, list[int], bool]]
) -> None:
    packs = packing("wifi_radio")
    cells: Cells = {}
    for name, (known, values, bounded) in told.items():
        if MEASUREMENTS["wifi_radio"].fields[name].counter:
            cells[name] = (known, abs(values[0]), None, None)
        else:
            least = min(values) if bounded else None
            cells[name] = (len(values), sum(values), least, max(values))
    data = packs.pack(cells, got)
    assert packs.unpack(data, got) == cells
    assert {name: packs.one(data, got, name) for name in packs.known(data)} == cells
    figures = Figures(packs, data, got)
    assert dict(figures) == dict(Figures.of(packs, cells))
    assert len(figures) == len(cells)


def test_a_sample_that_comes_late_mends_its_five_minutes(store: LocalStore) -> None:
    store.write("poller", [samples.ap(HOUR, "a", clients=1)])
    roll_up(store, HOUR + 300)
    store.write("remote", [samples.ap(HOUR + 60, "a", clients=5)])
    roll_up(store, HOUR + 301)
    (found,) = buckets(store, "wifi_ap", "5m", ALL, ["mun"])
    assert found.figures["clients"] == Figure(2, 6, 5, 1)


def test_how_many_clients_a_municipality_has_at_one_time_is_of_its_own_samples(store: LocalStore) -> None:
    for slot, clients in ((0, 30), (300, 50)):
        fields = {"aps": 3, "aps_up": 2, "clients": clients}
        store.write("worker", [Sample("hotspot_mun", {"mun": "08019"}, fields, HOUR + slot)])
    roll_up(store, HOUR + 3600)
    assert only(store, by="mun", name="hotspot_mun").figures["clients"] == Figure(2, 80, 50, 30)


def test_availability_is_what_a_citizen_met_and_unknown_without_a_probe(store: LocalStore) -> None:
    place = {"mun": "08019", "site": "plaza"}
    store.write("prober", [Sample("service", place, {"works": n % 2}, HOUR + 900 * n) for n in range(4)])
    store.write("poller", [samples.ap(HOUR)])
    roll_up(store, HOUR + 3600)
    assert availability(only(store, by="site", name="service")) == 0.5
    assert availability(only(store)) is None


def test_samples_of_the_future_close_no_hour_and_break_nothing(store: LocalStore) -> None:
    month = 30 * 86_400
    store.write("poller", [counted(HOUR + 60, 5), counted(HOUR + month, 9), counted(HOUR - 3600 + 60, 1)])
    assert roll_up(store, HOUR + 3600) == 2
    assert [hour.start for hour in hours(store)] == [HOUR - 3600, HOUR]
    assert roll_up(store, HOUR + month + 3600) > 0
    assert hours(store)[-1].start == HOUR + month


def test_an_hour_after_the_clock_was_an_hour_ahead_is_derived_when_it_is_over(store: LocalStore) -> None:
    roster = Roster({"wifi_ap": {("a", "08019", "08019-plaza", "openwrt"): 60}})
    roll_up(store, HOUR, roster)
    roll_up(store, HOUR + 7200, roster)
    store.write("poller", [samples.ap(HOUR + 60 * n, "a") for n in range(60)])
    roll_up(store, HOUR + 3600, roster)
    assert [(hour.got, hour.expected) for hour in hours(store)] == [(60, 60), (0, 60)]


def test_a_poison_of_huge_numbers_is_summed_up_all_the_same(store: LocalStore) -> None:
    huge = 2**63 - 1
    store.write(
        "poller", [samples.ap(HOUR + n, clients=huge, cpu_pct=1e15, rx_octets=huge) for n in range(9)]
    )
    roll_up(store, HOUR + 3600)
    assert only(store).figures["clients"] == Figure(9, 9 * huge, huge, huge)
    assert only(store, by="mun").figures["cpu_pct"].mean == 1e15


def test_hours_go_after_their_time_and_days_stay(store: LocalStore) -> None:
    ages = (0, 2, SLOT_DAYS + 3)
    now = HOUR + 60 * 86_400
    store.write("poller", [samples.ap(now - age * 86_400 - 7200) for age in ages])
    roll_up(store, now)
    trim(store, now, 400)
    assert len(hours(store)) == 3
    assert len(buckets(store, "wifi_ap", Span.SLOT, ALL, ["mun"])) == 2
    trim(store, now, 1)
    assert len(hours(store)) == 1
    assert len(buckets(store, "wifi_ap", Span.DAY, ALL, ["ap"])) == 2, "and today still runs"


def test_an_hour_stays_until_its_day_is_derived(store: LocalStore) -> None:
    store.write("poller", [samples.ap(HOUR - 7200)])
    roll_up(store, HOUR)
    trim(store, HOUR + 9 * 86_400, 1)
    assert len(hours(store)) == 1


def test_a_clock_that_leaps_ahead_makes_no_hour_old(store: LocalStore) -> None:
    store.write("poller", [samples.ap(HOUR - 7200)])
    roll_up(store, HOUR + 86_400)
    trim(store, HOUR + 86_400, 30)
    trim(store, HOUR + 60 * 86_400, 30)
    assert len(hours(store)) == 1


def test_a_late_sample_of_a_day_in_chunks_is_added_to_what_the_chunks_hold(store: LocalStore) -> None:
    store.write("poller", [counted(HOUR + 60 * n, 10 * n, 1000 + 60 * n) for n in range(30) if n != 7])
    roll_up(store, HOUR + 7200)
    later = HOUR + 3 * 86_400
    retention.cool(store, store.days()[0], later, [], lambda *_: True)
    retention.retain(store, later, retention.Terms(48, 30), [], lambda *_: True)
    assert store.days() == []
    store.write("remote", [counted(HOUR + 60 * 7, 70, 1420)])
    assert roll_up(store, later) == 2
    assert (only(store).got, grown(store)) == (30, Figure(29, 290))
