"""The forwarder: in order, for ever, nothing skipped, the bad lines set aside with the server's words."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from metrics.errors import SinkUnavailable
from metrics.forward import Forwarder, back_off_s, progress
from metrics.influx import InfluxSink
from metrics.line_protocol import encode
from metrics.local.cursors import Cursors
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests import need
from tests.metrics.samples import ap, slot, ssid
from tests.metrics.scripted import Answer, Request, Scripted, serving
from tests.metrics.servers import Influxd, until

DAY = 86_400
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass
class Behaviour:
    """What the scripted server does; `bad` are parts of lines it refuses."""

    answer: Answer = field(default_factory=Answer)
    bad: tuple[bytes, ...] = ()

    def __call__(self, request: Request) -> Answer:
        if any(part in request.body for part in self.bad):
            return Answer(400, "partial write: unable to parse")
        return self.answer


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def server(behaviour: Behaviour) -> Iterator[Scripted]:
    with serving(Scripted(behaviour)) as scripted:
        yield scripted


def forwarder(store: LocalStore, server: Scripted, name: str = "sink") -> Forwarder:
    return Forwarder(store, InfluxSink(name, server.url, "t", "o", "b", timeout_s=2.0), lambda: NOW)


def drain(feed: Forwarder) -> None:
    while feed.step().lag_batches:
        pass


def lines(*samples: Sample) -> list[bytes]:
    return encode(samples).split(b"\n")


def test_batches_arrive_in_each_writers_order_day_after_day(store: LocalStore, server: Scripted) -> None:
    written = [ap(time, writer) for time in (60, 120, DAY + 60, 2 * DAY) for writer in ("a", "b")]
    for sample in written:
        store.write(sample.tags["ap"], [sample])
    drain(forwarder(store, server))
    assert sorted(server.stored) == sorted(lines(*written))
    for writer in (b"ap=a", b"ap=b"):
        mine = [int(line.split(b" ")[-1]) for line in server.stored if writer in line]
        assert mine == sorted(mine)


def test_a_step_sends_what_came_since_and_nothing_twice(store: LocalStore, server: Scripted) -> None:
    feed = forwarder(store, server)
    store.write("poller", [ap(60), ap(60, "b")])
    assert feed.step().sent_points == 2
    store.write("poller", [ap(120)])
    found = feed.step()
    assert (found.sent_points, found.lag_batches, found.dead_letters) == (3, 0, 0)
    feed.step()
    assert server.stored == lines(ap(60), ap(60, "b"), ap(120))


def test_a_new_forwarder_goes_on_where_the_last_one_was(store: LocalStore, server: Scripted) -> None:
    store.write("poller", [ap(60)])
    drain(forwarder(store, server))
    store.write("poller", [ap(120)])
    drain(forwarder(store, server))
    assert server.stored == lines(ap(60), ap(120))


def test_a_late_sample_of_a_day_long_sent_is_sent_too(store: LocalStore, server: Scripted) -> None:
    feed = forwarder(store, server)
    store.write("poller", [ap(60), ap(DAY)])
    drain(feed)
    store.write("remote", [ap(120)])
    store.write("poller", [ap(180)])
    drain(feed)
    assert server.stored == lines(ap(60), ap(DAY), ap(180), ap(120))


def test_a_late_sample_of_a_day_that_was_dropped_is_sent_too(store: LocalStore, server: Scripted) -> None:
    feed = forwarder(store, server)
    store.write("poller", [ap(60)])
    store.write("poller", [ap(120)])
    drain(feed)
    store.drop("1970-01-01")
    store.write("poller", [ap(180)])
    drain(feed)
    assert server.stored == lines(ap(60), ap(120), ap(180))


def test_a_new_sink_starts_at_the_oldest_kept_day_and_has_its_own_cursor(
    store: LocalStore, server: Scripted
) -> None:
    store.write("poller", [ap(60), ap(DAY)])
    drain(forwarder(store, server, "first"))
    drain(forwarder(store, server, "second"))
    assert server.stored == lines(ap(60), ap(DAY)) * 2


def test_a_reset_fills_a_server_again_even_under_a_running_forwarder(
    store: LocalStore, server: Scripted
) -> None:
    feed = forwarder(store, server)
    store.write("poller", [ap(60)])
    drain(feed)
    Cursors(store, "sink").reset()
    assert progress(store, "sink").lag_batches == 1
    drain(feed)
    assert server.stored == lines(ap(60)) * 2


def test_the_lag_and_the_sent_points_show_in_any_process(store: LocalStore, server: Scripted) -> None:
    for time in (60, 120, DAY):
        store.write("poller", [ap(time)])
    assert progress(store, "sink").lag_batches == 3
    drain(forwarder(store, server))
    other = LocalStore.open(Path(store.shelf.place))
    assert progress(other, "sink") == progress(store, "sink")
    assert (progress(other, "sink").sent_points, progress(other, "sink").lag_batches) == (3, 0)
    other.close()


def test_a_server_away_costs_nothing(store: LocalStore, server: Scripted, behaviour: Behaviour) -> None:
    feed = forwarder(store, server)
    store.write("poller", [ap(60)])
    behaviour.answer = Answer(503)
    for _ in range(5):
        with pytest.raises(SinkUnavailable):
            feed.step()
    assert progress(store, "sink").lag_batches == 1
    behaviour.answer = Answer()
    drain(feed)
    assert server.stored == lines(ap(60))


def test_bad_lines_are_set_aside_with_the_servers_words_and_the_good_arrive(
    store: LocalStore, server: Scripted, behaviour: Behaviour
) -> None:
    behaviour.bad = (b"ap=ap-5,", b"ap=ap-11,")
    good = [sample for sample in slot(60, 20) if sample.tags["ap"] not in {"ap-5", "ap-11"}]
    bad = [sample for sample in slot(60, 20) if sample.tags["ap"] in {"ap-5", "ap-11"}]
    store.write("poller", slot(60, 20))
    drain(forwarder(store, server))
    assert sorted(server.stored) == sorted(lines(*good))
    letters = Cursors(store, "sink").dead_letters()
    assert sorted(letter.line.encode() for letter in letters) == sorted(lines(*bad))
    assert {(letter.reason, letter.refused_at) for letter in letters} == {
        ("400 Bad Request: partial write: unable to parse", NOW)
    }
    assert progress(store, "sink").dead_letters == len(bad)


def test_bad_lines_of_a_batch_are_one_line_of_the_log(
    store: LocalStore, server: Scripted, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    behaviour.bad = (b"ap=ap-1,", b"ap=ap-5,")
    store.write("poller", slot(60, 20))
    drain(forwarder(store, server))
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert (record.message, record.points, record.sink) == ("sink refused points", 4, "sink")  # type: ignore[attr-defined]
    assert record.reason == "400 Bad Request: partial write: unable to parse"  # type: ignore[attr-defined]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    need.root()
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_on_a_full_disk_the_sink_is_fed_all_the_same_and_the_cursor_follows_when_there_is_room(
    small_disk: Path, server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    store = LocalStore.open(small_disk)
    sink = InfluxSink("sink", server.url, "t", "o", "b", timeout_s=5.0)
    feed = Forwarder(store, sink, lambda: NOW, back_off=lambda _failures, _asked: 0.01)
    store.write("poller", [ap(60)])
    feed.step()
    store.write("poller", [ap(120)])
    filler = small_disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    stop = threading.Event()
    thread = threading.Thread(target=feed.run, args=(stop,))
    thread.start()
    until(lambda: len(server.stored) == 2, "it is sent")
    until(lambda: bool(caplog.records), "it is told")
    assert progress(store, "sink").lag_batches == 1
    filler.unlink()
    until(lambda: progress(store, "sink").lag_batches == 0, "the cursor is kept")
    stop.set()
    thread.join()
    store.close()
    assert [one.message for one in caplog.records if one.levelname == "WARNING"] == [
        "cursor of a sink not kept"
    ]
    assert server.stored == lines(ap(60), ap(120))


def test_the_same_bad_line_twice_is_one_dead_letter(
    store: LocalStore, server: Scripted, behaviour: Behaviour
) -> None:
    behaviour.bad = (b"ap=ap-1,",)
    store.write("poller", [ap(60)])
    drain(forwarder(store, server))
    Cursors(store, "sink").reset()
    drain(forwarder(store, server))
    assert progress(store, "sink").dead_letters == 1


def test_more_points_than_one_request_should_hold_go_in_several(store: LocalStore, server: Scripted) -> None:
    batch = [ap(60, f"ap-{number}") for number in range(12_000)]
    store.write("poller", batch)
    assert forwarder(store, server).step().lag_batches == 0
    assert [request.body.count(b"\n") + 1 for request in server.requests] == [5000, 5000, 2000]
    assert len(server.stored) == 12_000


def test_a_running_forwarder_outlives_every_failure_and_stops_when_told(
    store: LocalStore, server: Scripted, behaviour: Behaviour
) -> None:
    behaviour.answer = Answer(429, headers={"Retry-After": "0.05"})
    stop = threading.Event()
    thread = threading.Thread(target=forwarder(store, server).run, args=(stop,))
    thread.start()
    store.write("poller", [ap(60)])
    until(lambda: len(server.requests) > 5, "it keeps trying")
    behaviour.answer = Answer()
    until(lambda: server.stored == lines(ap(60)), "it arrives")
    store.write("poller", [ap(120)])
    until(lambda: server.stored == lines(ap(60), ap(120)), "the next arrives")
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_the_wait_grows_to_a_limit_and_the_server_may_ask_for_more() -> None:
    assert [back_off_s(failures, None) for failures in (1, 2, 3, 50)] == [0.5, 1.0, 2.0, 60.0]
    assert back_off_s(1, 120.0) == 120.0
    assert back_off_s(1, 86_400.0) == 900.0
    assert back_off_s(9, -5.0) == 0.0


class Hands:
    """A monotonic clock moved by hand."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def settling(store: LocalStore, server: Scripted, hands: Hands) -> Forwarder:
    sink = InfluxSink("sink", server.url, "", "", "b", "victoriametrics", timeout_s=2.0, settle_s=20.0)
    return Forwarder(store, sink, lambda: NOW, monotonic_s=hands)


def test_a_cursor_waits_until_the_server_can_no_longer_lose_the_points(
    store: LocalStore, server: Scripted
) -> None:
    hands = Hands()
    feed = settling(store, server, hands)
    store.write("poller", [ap(60)])
    assert feed.step().lag_batches == 1
    hands.now_s += 19
    assert feed.step().lag_batches == 1
    hands.now_s += 2
    assert feed.step().lag_batches == 0
    assert server.stored == lines(ap(60))


def test_after_a_restart_nobody_noticed_the_unsettled_points_are_sent_again(
    store: LocalStore, server: Scripted
) -> None:
    hands = Hands()
    feed = settling(store, server, hands)
    store.write("poller", [ap(60)])
    feed.step()
    hands.now_s += 21
    feed.step()
    store.write("poller", [ap(120)])
    feed.step()
    server.started = "process_start_time_seconds 2"
    store.write("poller", [ap(180)])
    feed.step()
    hands.now_s += 21
    while feed.step().lag_batches:
        hands.now_s += 21
    assert server.stored == lines(ap(60), ap(120), ap(180), ap(120), ap(180))


def test_after_a_failure_the_server_is_asked_at_once_whether_it_was_restarted(
    store: LocalStore, server: Scripted, behaviour: Behaviour
) -> None:
    feed = settling(store, server, Hands())
    store.write("poller", [ap(60)])
    feed.step()
    store.write("poller", [ap(120)])
    behaviour.answer = Answer(503)
    with pytest.raises(SinkUnavailable):
        feed.step()
    behaviour.answer = Answer()
    server.started = "process_start_time_seconds 2"
    feed.step()
    assert server.stored == lines(ap(60), ap(60), ap(120))


def test_a_killed_forwarder_sends_the_unsettled_points_again(store: LocalStore, server: Scripted) -> None:
    store.write("poller", [ap(60)])
    settling(store, server, Hands()).step()
    settling(store, server, Hands()).step()
    assert server.stored == lines(ap(60)) * 2


def test_a_real_server_that_refuses_a_field_type_keeps_the_rest(store: LocalStore, influxd: Influxd) -> None:
    sink = influxd.sink()
    sink.write(b"wifi_ssid,ap=ap-1,mun=x,site=x,vendor=x,band=x,ssid=x clients=1.5 30")
    store.write(
        "poller", [*(ap(60, f"ap-{n}") for n in range(20)), ssid(60, "conflict"), ssid(120, "conflict")]
    )
    drain(Forwarder(store, sink, lambda: NOW))
    assert dict(sink.counts(Window(60, 3600))) == {"wifi_ap": 20}
    letters = Cursors(store, "v1").dead_letters()
    assert len(letters) == 2
    assert all("field type conflict" in letter.reason for letter in letters)
