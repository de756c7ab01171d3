"""Rollups by columns are what reckoning row by row gives, to the last digit."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metrics.catalog import MEASUREMENTS, Kind
from metrics.local import blocks as packed
from metrics.local.blocks import STRIPE, Block
from metrics.local.buckets import buckets
from metrics.local.counters import SLACK_S, gaps, growth
from metrics.local.deriving import measured, measured_of
from metrics.local.exact import summed
from metrics.local.figures import FINE, Cell, Cells, merge, packing
from metrics.local.frames import Frame, of_blocks, of_samples, stacked
from metrics.local.growing import Begun
from metrics.local.levels import LADDERS, Level, Span
from metrics.local.numbering import Numbering
from metrics.local.packing import pack, unpack
from metrics.local.restarts import Restarts, restarts
from metrics.local.rollup import roll_up
from metrics.local.rollup_tables import Sum
from metrics.local.rollup_volume import opened
from metrics.local.roster import Roster
from metrics.local.schema import Tags, tags_of
from metrics.local.store import LocalStore
from metrics.local.summing import Summing
from metrics.local.sums import Sums, by_tags, joined
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics import samples

DAY = 1_795_305_600
HOUR = DAY + 7_200
LARGEST = 2**63 - 1
ALL = Window(0, 2**33)
AP, SITE, MUN = LADDERS["wifi_ap"]

Plain = dict[Tags, tuple[int, int, Cells]]
"""By the tags of a level: how many samples, of how many series, and their figures."""


# Row by row


def gauge(values: Sequence[Any], kind: Kind) -> Cell:
    if kind is Kind.INTEGER:
        return len(values), sum(values), min(values), max(values)
    least, most = round(min(values) * FINE), round(max(values) * FINE)
    total = min(max(round(sum(values) * FINE), len(values) * least), len(values) * most)
    return len(values), total, least, most


def plainly(
    level: Level, rows: Sequence[Sample], before: Mapping[Tags, Sample], begun: Mapping[str, list[int]]
) -> Plain:
    known = MEASUREMENTS[level.measurement].fields
    tags = tags_of(level.measurement)
    groups: dict[Tags, list[Sample]] = {}
    series: dict[Tags, list[Sample]] = {}
    for sample in sorted(rows, key=lambda one: one.time):
        series.setdefault(tags(sample), []).append(sample)
    found: Plain = {}
    for of in series.values():
        by = tuple(of[0].tags[tag] for tag in level.by)
        groups.setdefault(by, []).extend(of)
    for by, several in groups.items():
        cells: Cells = {}
        for name, field in known.items():
            values = [one.fields[name] for one in several if name in one.fields]
            if values and not field.counter:
                cells[name] = gauge(values, field.kind)
        found[by] = (len(several), len({tags(one) for one in several}), cells)
    for one, of in series.items():
        cells = found[tuple(of[0].tags[tag] for tag in level.by)][2]
        for name, (intervals, grown) in growths(of, before.get(one), begun).items():
            earlier = cells.get(name, (0, 0, None, None))
            cells[name] = (earlier[0] + intervals, earlier[1] + grown, None, None)
    return found


def growths(
    of: Sequence[Sample], before: Sample | None, begun: Mapping[str, list[int]]
) -> dict[str, tuple[int, int]]:
    known = MEASUREMENTS[of[0].measurement].fields
    names = [name for name, field in known.items() if field.counter]
    rows = [*([before] if before else []), *(one for one in of if set(names) & one.fields.keys())]
    unknown = gaps(
        [one.time for one in rows],
        [one.fields.get("uptime_s") for one in rows],
        begun.get(of[0].tags.get("ap", ""), ()),
    )
    found = {name: growth([one.fields.get(name) for one in rows], unknown) for name in names}
    return {name: one for name, one in found.items() if one[0]}


# Many at once

WHOLE = st.integers(0, 40) | st.integers(-LARGEST, LARGEST) | st.sampled_from((LARGEST, -LARGEST))
REAL = st.integers(-4000, 4000).map(lambda n: n / 40) | st.floats(-9e18, 9e18)
UPTIME = st.sampled_from((0, 30, 500, 2**32 // 100, LARGEST)) | st.integers(0, 9000)
COUNTER = st.integers(0, 9) | WHOLE


def fields_of(**kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=kinds).filter(bool)


AP_FIELDS = fields_of(
    up=st.integers(0, 1), clients=WHOLE, cpu_pct=REAL, rx_octets=COUNTER, tx_octets=COUNTER, uptime_s=UPTIME
)
RADIO_FIELDS = fields_of(clients=WHOLE, rssi_dbm=REAL, rx_octets=COUNTER, errors=COUNTER)
MINUTES = st.integers(0, 130)
BIRTHS = st.sampled_from((-500, 1, 50, 100, 3_000, 3_070, LARGEST))


@st.composite
def measured_samples(draw: st.DrawFn, name: str, fields: st.SearchStrategy[dict[str, Any]]) -> list[Sample]:
    """Of a few series of two sites, in any order."""
    made = []
    for number in draw(st.lists(st.integers(0, 5), unique=True, min_size=1)):
        tags = {"ap": f"ap-{number}", "mun": "08019", "site": f"site-{number % 2}", "vendor": "x"}
        if name == "wifi_radio":
            tags = {**tags, "ap": f"ap-{number // 2}", "band": "5g", "radio": str(number % 2)}
        for minute in draw(st.lists(MINUTES, unique=True, max_size=9)):
            made.append(Sample(name, tags, draw(fields), HOUR - 3600 + 60 * minute))
    return draw(st.permutations(made))


def split(rows: Iterable[Sample]) -> tuple[list[Sample], dict[Tags, Sample]]:
    """Those of the hour, and of each series the newest one of the hour before with a counter."""
    inside: list[Sample] = []
    before: dict[Tags, Sample] = {}
    for one in sorted(rows, key=lambda one: one.time):
        if one.time >= HOUR:
            inside.append(one)
        elif any(MEASUREMENTS[one.measurement].fields[name].counter for name in one.fields):
            before[tuple(one.tags.values())] = one
    return inside, before


def framed(rows: Iterable[Sample], numbering: Numbering, name: str) -> Frame:
    tags = tags_of(name)
    wanted = tuple(MEASUREMENTS[name].fields)
    return of_samples(name, rows, lambda sample: numbering.number(tags(sample)), wanted)


def at_once(level: Level, rows: Sequence[Sample], before: Iterable[Sample], begun: Restarts | None) -> Plain:
    name, numbering = level.measurement, Numbering()
    frame, last = framed(rows, numbering, name), framed(before, numbering, name)
    of = None if begun is None else Begun(begun, begun.of(name, numbering))
    summing = Summing(name, MEASUREMENTS[name].fields)
    return plain(summing.sums(frame, numbering.groups(level.places), last, of))


def plain(sums: Sums) -> Plain:
    return {
        tags: (int(sums.got[row]), int(sums.seen[row]), sums.cells(row)) for row, tags in enumerate(sums.tags)
    }


@settings(max_examples=70)
@given(measured_samples("wifi_ap", AP_FIELDS), st.sampled_from((AP, SITE, MUN)))
def test_samples_of_access_points_are_summed_up_as_one_by_one(rows: list[Sample], level: Level) -> None:
    inside, before = split(rows)
    if inside:
        expected = plainly(level, inside, before, {})
        assert at_once(level, inside, before.values(), None) == expected


@settings(max_examples=70)
@given(
    measured_samples("wifi_radio", RADIO_FIELDS),
    st.dictionaries(st.sampled_from(("ap-0", "ap-1", "ap-9")), st.lists(MINUTES, min_size=1, max_size=3)),
)
def test_counters_of_radios_have_a_gap_where_their_device_began_anew(
    rows: list[Sample], begun: dict[str, list[int]]
) -> None:
    inside, before = split(rows)
    if not inside:
        return
    moments = {name: sorted(HOUR - 3600 + 60 * one for one in several) for name, several in begun.items()}
    devices = {name: number for number, name in enumerate(moments)}
    numbers = [devices[name] << 40 | one for name, several in moments.items() for one in several]
    level = LADDERS["wifi_radio"][0]
    found = at_once(level, inside, before.values(), Restarts(devices, np.array(numbers, np.int64)))
    assert found == plainly(level, inside, before, moments)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("08019", "08037")), MINUTES, BIRTHS)))
@example(told=[("a", "08019", 5, 50), ("a", "08037", 6, 100), ("a", "08019", 90, 3_000)])
def test_restarts_are_found_where_an_uptime_tells_of_a_later_birth(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, str, int, int]]
) -> None:
    window = Window(HOUR - 3600, HOUR + 7200)
    points = {(ap, mun, window.start + 60 * minute): 60 * minute - birth for ap, mun, minute, birth in told}
    store = LocalStore.open(tmp_path_factory.mktemp("store"))
    for (ap, mun, time), uptime in points.items():
        store.write("poller", [samples.ap(time, ap, mun=mun, uptime_s=uptime)])
    births: dict[str, int] = {}
    expected: list[tuple[str, int]] = []
    for time, ap, uptime in sorted((time, ap, uptime) for (ap, _, time), uptime in points.items()):
        if time - uptime > window.start:
            if time - uptime - births.get(ap, 0) > SLACK_S:
                expected.append((ap, time))
            births[ap] = time - uptime
    found = restarts(store, window)
    names = {number: name for name, number in found.devices.items()}
    moments = [(names[one >> 40], one & 2**40 - 1) for one in found.moments.tolist()]
    assert sorted(moments) == sorted(expected)
    store.close()


@st.composite
def blocks_of(draw: st.DrawFn) -> tuple[list[Block], dict[tuple[int, int], dict[str, Any]]]:
    """Blocks of any shapes, and the rows that are in them by series and time."""
    made: list[Block] = []
    rows: dict[tuple[int, int], dict[str, Any]] = {}
    kinds = {"up": WHOLE, "clients": WHOLE, "cpu_pct": REAL, "rx_octets": COUNTER}
    for key in draw(st.lists(st.tuples(st.sampled_from((0, 1, 700)), st.integers(0, 70_000)), unique=True)):
        stripe, time = key
        of = sorted(draw(st.sets(st.integers(0, STRIPE - 1), min_size=1, max_size=6)))
        names = tuple(name for name in kinds if draw(st.booleans())) or ("up",)
        values = [tuple(draw(kinds[name]) for name in names) for _ in of]
        bounds = [(min(column), max(column)) for column in zip(*values, strict=True)]
        codes = packed.codes_of("wifi_ap", names, bounds)
        members = sum(1 << place for place in of)
        made.append(Block(stripe, time, 1, members, packed.pack(names, codes, values)))
        for place, row in zip(of, values, strict=True):
            rows[stripe * STRIPE + place, time] = dict(zip(names, row, strict=True))
    return made, rows


def rows_of(frame: Frame) -> list[tuple[tuple[int, int], dict[str, Any]]]:
    keys = list(zip(frame.series.tolist(), frame.times.tolist(), strict=True))
    found: list[tuple[tuple[int, int], dict[str, Any]]] = [(key, {}) for key in keys]
    for name, (values, rows) in frame.columns.items():
        places = range(len(keys)) if rows is None else rows.tolist()
        for row, value in zip(places, values.tolist(), strict=True):
            found[row][1][name] = value
    return found


@given(blocks_of())
def test_the_rows_of_blocks_become_columns_by_series_and_time(
    given: tuple[list[Block], dict[tuple[int, int], dict[str, Any]]],
) -> None:
    several, rows = given
    frame = of_blocks("wifi_ap", several, ("up", "clients", "cpu_pct", "rx_octets"))
    assert rows_of(frame) == sorted(rows.items())
    wanted = {
        key: {name: value for name, value in row.items() if name == "clients"} for key, row in rows.items()
    }
    assert rows_of(of_blocks("wifi_ap", several, ("clients",))) == sorted(wanted.items())
    every_other = np.arange(0, len(rows), 2)
    assert rows_of(frame.taken(every_other)) == sorted(rows.items())[::2]
    others = frame.taken(np.arange(1, len(rows), 2))
    assert rows_of(stacked([others, frame.taken(every_other)])) == sorted(rows.items())


def test_a_block_that_is_not_as_it_was_is_refused() -> None:
    data = bytearray(packed.pack(("up", "clients"), "BB", [(1, 7)]))
    of_blocks("wifi_ap", [Block(0, HOUR, 1, 1, bytes(data))], ("up",))
    with pytest.raises(ValueError, match="rows than members"):
        of_blocks("wifi_ap", [Block(0, HOUR, 1, 3, bytes(data))], ("up",))
    data[-1] ^= 1
    with pytest.raises(ValueError, match="checksum"):
        of_blocks("wifi_ap", [Block(0, HOUR, 1, 1, bytes(data))], ("up",))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**70), 2**70) | WHOLE)))
def test_whole_numbers_are_added_up_exactly(values: list[tuple[int, int]]) -> None:
    numbers = [value for _, value in values]
    column = np.array(numbers, np.int64 if all(abs(one) <= LARGEST for one in numbers) else object)
    found = summed(np.array([at for at, _ in values], np.intp), column, 4)
    assert found.tolist() == [sum(value for at, value in values if at == place) for place in range(4)]


# Packed

HUGE = (
    st.sampled_from((2**80, 2**70, -(2**80)))
    | st.integers(-(2**55), 2**55)
    | st.integers(-900, 900)
    | st.integers(-9, 9).map(lambda n: n * FINE)
)
NAMES = (*MEASUREMENTS["wifi_radio"].fields, "seen")


@st.composite
def rows_of_figures(draw: st.DrawFn) -> dict[Tags, Sum]:
    found: dict[Tags, Sum] = {}
    for number in range(draw(st.integers(0, 5))):
        cells: Cells = {}
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5)):
            known, most = draw(st.integers(1, 3000)), draw(HUGE)
            least = most - draw(st.integers(0, 500) | HUGE.map(abs))
            field = MEASUREMENTS["wifi_radio"].fields.get(name)
            if field is not None and field.counter:
                cells[name] = (known, abs(most), None, None)
            else:
                lowest, highest = known * least, known * most
                total = draw(st.sampled_from((lowest, highest)) | st.integers(lowest, highest))
                cells[name] = (known, total, draw(st.sampled_from((least, None))), most)
        found[(str(number),)] = Sum(draw(st.integers(0, 60)), draw(st.integers(0, 3000)), 0, cells)
    return found


@settings(max_examples=80)
@given(rows_of_figures())
@example({("small numbers, a large total",): Sum(0, 0, 0, {"clients": (3000, 3000 * 2**53, 1, 2**53)})})
def test_many_rows_are_packed_and_unpacked_as_each_by_itself(rows: dict[Tags, Sum]) -> None:
    sums = Sums.of("wifi_radio", rows)
    data = pack("wifi_radio", sums)
    assert data == [packing("wifi_radio").pack(one.cells, one.got) for one in rows.values()]
    found = unpack("wifi_radio", sums, data)
    assert [found.cells(row) for row in range(len(rows))] == [one.cells for one in rows.values()]


@given(rows_of_figures(), st.integers(1, 3))
def test_rows_of_the_same_tags_are_summed_up_as_one_by_one(rows: dict[Tags, Sum], groups: int) -> None:
    def key(tags: Tags) -> Tags:
        return (str(int(tags[0]) % groups),)

    expected: dict[Tags, tuple[int, Cells]] = {}
    for tags, one in rows.items():
        got, cells = expected.get(key(tags), (0, {}))
        merge(cells, one.cells)
        expected[key(tags)] = (got + one.got, cells)
    halves = [dict(list(rows.items())[at::2]) for at in (0, 1)]
    found = by_tags(joined([Sums.of("wifi_radio", half) for half in halves]), key)
    assert {tags: (int(found.got[row]), found.cells(row)) for row, tags in enumerate(found.tags)} == expected


# Out of a store


def crowd(time: int, number: int) -> list[Sample]:
    """So many access points of seven sites, of which every third has counters now and then."""
    return [
        samples.ap(
            time,
            f"ap-{one:05}",
            mun=f"0800{one % 7}",
            clients=one % 50 + time % 7,
            cpu_pct=one / 8,
            **({"rx_octets": time % 86_400 * one, "uptime_s": time - DAY + 9_000} if one % 3 == 0 else {}),
        )
        for one in range(number)
    ]


def derived(store: LocalStore, level: Level, start: int) -> Plain:
    volume = opened(store)
    with volume.writing():
        return plain(measured(store, volume, level, Window(start, start + 3_600), Roster()))


@pytest.mark.parametrize("start", [DAY, DAY + 3_600])
def test_a_network_of_many_stripes_is_summed_up_as_one_by_one(store: LocalStore, start: int) -> None:
    """Also over midnight, where the day before numbers its series in another order."""
    number = 1_300
    earlier = list(reversed(crowd(start - 60, number)))
    rows = [*crowd(start, number), *crowd(start + 120, number)]
    for batch in (earlier, rows):
        store.write("poller", batch)
    before = {tuple(one.tags.values()): one for one in earlier if "rx_octets" in one.fields}
    for level in (AP, MUN):
        found = {by: (got, cells) for by, (got, _, cells) in derived(store, level, start).items()}
        for _, cells in found.values():
            cells.pop("seen", None)
        expected = plainly(level, rows, before, {})
        assert found == {by: (got, cells) for by, (got, _, cells) in expected.items()}


def test_the_newest_counters_before_the_hour_are_found_wherever_they_lie(store: LocalStore) -> None:
    silent = [samples.ap(HOUR + 60 * minute, "b", up=0) for minute in range(-30, 0)]
    store.write(
        "poller",
        [
            samples.ap(HOUR - 60, "a", rx_octets=100),
            samples.ap(HOUR - 31 * 60, "b", rx_octets=50),
            samples.ap(HOUR - 3_599, "c", rx_octets=7),
            samples.ap(HOUR - 3_601, "d", rx_octets=7),
            *silent,
        ],
    )
    store.write("poller", [samples.ap(HOUR, name, rx_octets=110) for name in "abcd"])
    found = {by[0]: cells.get("rx_octets") for by, (_, _, cells) in derived(store, AP, HOUR).items()}
    grown = {"a": (1, 10, None, None), "b": (1, 60, None, None), "c": (1, 103, None, None), "d": None}
    assert found == grown


def test_the_newest_counters_may_lie_on_both_sides_of_midnight(store: LocalStore) -> None:
    told = ((-120, "b", 40), (-60, "a", 10), (60, "a", 70), (300, "a", 100), (300, "b", 100))
    for time, name, octets in told:
        store.write("poller", [samples.ap(DAY + time, name, rx_octets=octets)])
    volume, window = opened(store), Window(DAY + 300, DAY + 600)
    with volume.writing():
        found = plain(measured_of(("rx_octets",), store, volume, AP, window, Roster()))
    grown = {by[0]: cells["rx_octets"] for by, (_, _, cells) in found.items()}
    assert grown == {"a": (1, 30, None, None), "b": (1, 60, None, None)}


@pytest.mark.parametrize("members", [6, 8, 1])
def test_a_damaged_block_sets_its_day_aside_and_the_rollups_go_on(store: LocalStore, members: int) -> None:
    """As many members as rows or not, a series that there is or not."""
    store.write("poller", [samples.ap(HOUR + 60 * n) for n in range(3)])
    store.write("poller", [samples.ap(HOUR - 86_400 + 60 * n) for n in range(3)])
    day = store.day(store.days()[-1])
    with day.writing():
        day.execute("UPDATE wifi_ap SET members = ? WHERE time = ?", (members, HOUR + 60))
    roll_up(store, HOUR + 3_600)
    assert [path.name[:14] for path in Path(store.shelf.place).glob("*.broken-*")] == ["raw-2026-11-22"]
    assert [hour.got for hour in buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])] == [3]


# Who was asked


def asked(hourly: int, *names: str) -> Roster:
    return Roster({"wifi_ap": {(name, "08019", "08019-plaza", "openwrt"): hourly for name in names}})


def test_a_roster_that_is_again_as_it_was_forgets_nothing_in_between(store: LocalStore) -> None:
    """What is remembered of it is of one change, not of one content."""
    store.write("poller", [samples.ap(HOUR, "a")])
    for time, name in ((0, "a"), (600, "a"), (1_200, "b"), (2_400, "a"), (3_600, "a")):
        roll_up(store, HOUR + time, asked(60, name))
    hours = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    assert {hour.tags["ap"]: hour.expected for hour in hours} == {"a": 40, "b": 20}


def test_who_gives_the_first_sample_later_in_the_day_is_known_to_the_roster(store: LocalStore) -> None:
    roster = asked(60, "a", "b")
    roll_up(store, HOUR, roster)
    for time, names in ((0, "a"), (300, "ab"), (600, "abc")):
        store.write("poller", [samples.ap(HOUR + time, name) for name in names])
        roll_up(store, HOUR + time + 300, roster)
    slots = buckets(store, "wifi_ap", Span.SLOT, ALL, ["mun"])
    assert [(slot.got, slot.expected) for slot in slots] == [(1, 10), (2, 10), (3, 10)]


def test_who_has_no_turn_is_told_apart_on_every_day(store: LocalStore) -> None:
    """Each day numbers its series anew."""
    roster = Roster(asked(30, "a").asked, lambda *_: 60)
    roll_up(store, HOUR, roster)
    for day, names in ((0, "ab"), (86_400, "ba")):
        for name in names:
            store.write("poller", [samples.ap(HOUR + day, name)])
    roll_up(store, HOUR + 86_400 + 3_600, roster)
    hours = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    told = [(hour.tags["ap"], hour.expected) for hour in hours if hour.got]
    assert sorted(told) == [("a", 30), ("a", 30), ("b", 60), ("b", 60)]


def test_a_roster_that_another_process_told_counts_at_once(store: LocalStore) -> None:
    other = LocalStore.open(Path(store.shelf.place))
    roll_up(store, HOUR, asked(60, "a"))
    roll_up(other, HOUR + 1_800, asked(60, "b"))
    roll_up(store, HOUR + 3_600)
    roll_up(store, HOUR + 3_600, asked(60, "a"))
    roll_up(other, HOUR + 7_200)
    hours = buckets(store, "wifi_ap", Span.HOUR, ALL, ["ap"])
    assert [(hour.start - HOUR, hour.tags["ap"], hour.expected) for hour in hours] == [
        (0, "a", 30),
        (0, "b", 30),
        (3_600, "a", 60),
    ]
    other.close()
