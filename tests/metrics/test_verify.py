"""What is missing in a sink is named, exactly; and when nothing is named, nothing is missing."""

import urllib.parse
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.errors import SinkUnavailable
from metrics.forward import Forwarder
from metrics.influx import InfluxSink
from metrics.line_protocol import encode
from metrics.local.cursors import Cursors
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Cell, Window
from metrics.verify import Found, Gap, Verification, gaps, lacks
from tests.metrics.samples import ap, slot, ssid
from tests.metrics.servers import Influxd, Server, VictoriaMetrics

START = int(datetime.now(UTC).timestamp()) // 86_400 * 86_400 - 86_400 + 36_000  # 10:00 of yesterday
WINDOW = Window(START, START + 7200)
TAGS = tuple(ap(0).tags.values())
OTHER = tuple(ap(0, "ap-2").tags.values())


def minute(number: int) -> int:
    return START + 60 * number


class Told:
    """A sink that tells what it is given to tell, window by window."""

    name, settle_s = "told", 0.0

    def __init__(self, held: Mapping[Cell, int]) -> None:
        self.held = held
        self.asked: list[Window] = []

    def started(self) -> str:
        raise SinkUnavailable(self.name, "it is only asked what it holds")

    def write(self, lines: bytes) -> None:
        raise SinkUnavailable(self.name, "it is only asked what it holds")

    def counts(self, window: Window) -> Mapping[str, int]:
        raise SinkUnavailable(self.name, "it is only asked what it holds")

    def tally(self, window: Window) -> Mapping[Cell, int]:
        self.asked.append(window)
        return {cell: n for cell, n in self.held.items() if window.start <= cell.minute < window.end}


cells = st.builds(
    Cell,
    st.sampled_from(["wifi_ap"]),
    st.sampled_from([TAGS, OTHER]),
    st.integers(0, 90).map(lambda number: number * 60),
)
tallies = st.dictionaries(cells, st.integers(1, 2), max_size=40)


@given(tallies, tallies)
def test_the_gaps_hold_every_missing_point_once_and_no_minute_in_vain(
    here: Mapping[Cell, int], there: Mapping[Cell, int]
) -> None:
    lacking = lacks(here, there)
    found = gaps(lacking)
    minutes = {Cell(gap.measurement, gap.tags, at) for gap in found for at in range(gap.start, gap.end, 60)}
    assert minutes == {cell for cell, points in here.items() if points > there.get(cell, 0)}
    assert sum(gap.missing for gap in found) == sum(
        max(0, points - there.get(cell, 0)) for cell, points in here.items()
    )
    for gap, after in pairwise(found):
        assert (gap.tags, gap.end) != (after.tags, after.start), "two gaps that are one"


def test_a_gap_over_the_hour_is_one_gap_and_a_pause_ends_it(store: LocalStore) -> None:
    store.write("poller", [ap(minute(number)) for number in range(120)])
    held = store.tally(WINDOW)
    lost = {*range(10, 13), *range(55, 65), 119}
    told = Told({cell: n for cell, n in held.items() if (cell.minute - START) // 60 not in lost})
    verification = Verification(store, told, WINDOW)
    assert list(verification) == [
        Gap("wifi_ap", TAGS, minute(10), minute(13), 3),
        Gap("wifi_ap", TAGS, minute(55), minute(65), 10),
        Gap("wifi_ap", TAGS, minute(119), minute(120), 1),
    ]
    assert verification.found == {"wifi_ap": Found(120, 14)}


def test_what_only_the_sink_has_is_no_gap(store: LocalStore) -> None:
    store.write("poller", [ap(minute(0))])
    held = {Cell("wifi_ap", TAGS, minute(0)): 2, Cell("wifi_ap", OTHER, minute(0)): 1}
    verification = Verification(store, Told(held), WINDOW)
    assert list(verification) == []
    assert verification.missing == 0


def test_neither_side_holds_more_than_a_part_of_a_busy_hour(store: LocalStore) -> None:
    store.write("poller", [sample for number in range(60) for sample in slot(minute(number), 5)])
    told = Told(store.tally(WINDOW))
    assert list(Verification(store, told, WINDOW, points_at_once=40)) == []
    busiest = max(sum(store.counts(window).values()) for window in told.asked)
    assert busiest <= 40
    assert told.asked[0].start == WINDOW.start
    assert [window.end for window in told.asked[:-1]] == [window.start for window in told.asked[1:]]


def full(store: LocalStore) -> list[Sample]:
    """Two measurements, two samples a minute of one series, and names that no line can hold as they are."""
    written = [sample for number in range(0, 120, 3) for sample in slot(minute(number), 4)]
    written += [ap(minute(number) + 30, "ap-1") for number in range(0, 120, 3)]
    written += [ssid(minute(number), name) for number in (0, 3) for name in ("a\\", "b\nc", "d, e=f")]
    store.write("poller", written)
    return written


def names(store: LocalStore, sink: InfluxSink) -> set[tuple[str, str, int, int, int]]:
    found = Verification(store, sink, WINDOW)
    return {
        (gap.measurement, gap.tags[0], (gap.start - START) // 60, (gap.end - START) // 60, gap.missing)
        for gap in found
    }


def replay(store: LocalStore, sink: InfluxSink) -> None:
    Cursors(store, sink.name).reset([datetime.fromtimestamp(START, UTC).date().isoformat()])
    send(store, sink)


def send(store: LocalStore, sink: InfluxSink) -> None:
    sink.settle_s = 0.0
    feed = Forwarder(store, sink, lambda: datetime.now(UTC))
    while feed.step().lag_batches:
        pass


def test_real_servers_that_lack_some_minutes_of_a_series_are_found_out_and_mended(
    server: Server, store: LocalStore
) -> None:
    written, sink = full(store), server.sink()
    lost = [sample for sample in written if sample.tags["ap"] == "ap-1" and sample.time == minute(6) + 30]
    lost += [
        s for s in written if s.measurement == "wifi_radio" and s.tags["ap"] == "ap-2" and s.time > minute(90)
    ]
    lost += [sample for sample in written if sample.tags.get("ssid") == "b\nc" and sample.time == minute(3)]
    sink.write(encode(sample for sample in written if sample not in lost))
    silent = {("wifi_radio", "ap-2", number, number + 1, 1) for number in range(93, 120, 3)}
    assert names(store, sink) == {("wifi_ap", "ap-1", 6, 7, 1), ("wifi_ssid", "ap-1", 3, 4, 1), *silent}
    replay(store, sink)
    assert names(store, sink) == set()


def test_what_was_deleted_in_influxdb_is_named_and_sent_again(influxd: Influxd, store: LocalStore) -> None:
    sink = influxd.sink()
    full(store)
    send(store, sink)
    assert names(store, sink) == set()
    span = f"time >= {minute(30)}s AND time < {minute(40)}s"
    query = {"db": "plaza", "q": f"DELETE FROM wifi_ap WHERE ap = 'ap-1' AND {span}"}
    with urllib.request.urlopen(f"{influxd.url}/query", urllib.parse.urlencode(query).encode()) as answer:
        assert b"error" not in answer.read()
    assert names(store, sink) == {("wifi_ap", "ap-1", at, at + 1, 2) for at in (30, 33, 36, 39)}
    replay(store, sink)
    assert names(store, sink) == set()


def test_what_was_deleted_in_victoriametrics_is_named_and_sent_again(
    victoria: VictoriaMetrics, store: LocalStore
) -> None:
    """It deletes whole series only."""
    sink = victoria.sink()
    full(store)
    send(store, sink)
    assert names(store, sink) == set()
    query = urllib.parse.urlencode({"match[]": '{ap="ap-2",__name__=~"wifi_radio_.*"}'})
    with urllib.request.urlopen(f"{victoria.url}/api/v1/admin/tsdb/delete_series?{query}", b""):
        pass
    gone = {("wifi_radio", "ap-2", number, number + 1, 1) for number in range(0, 120, 3)}
    assert names(store, sink) == gone
    replay(store, sink)
    assert names(store, sink) == set()


def test_of_nothing_nothing_is_missing_but_only_if_the_server_can_be_asked(store: LocalStore) -> None:
    sink = Told({})
    assert (list(Verification(store, sink, WINDOW)), sink.asked) == (
        [],
        [Window(WINDOW.end - 60, WINDOW.end)],
    )

    class Away(Told):
        def tally(self, window: Window) -> Mapping[Cell, int]:
            raise SinkUnavailable(self.name, "away")

    with pytest.raises(SinkUnavailable, match="away"):
        list(Verification(store, Away({}), WINDOW))
