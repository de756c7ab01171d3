"""One contract for every server, and each of their failures by what comes next."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import HealthCheck, given, settings

from metrics.dialects import DIALECTS
from metrics.errors import SinkRefused, SinkUnavailable
from metrics.influx import InfluxSink
from metrics.line_protocol import as_read, encode
from metrics.local.store import LocalStore
from metrics.sink import Sink, Window
from tests.metrics.samples import ap, slot, ssid
from tests.metrics.scripted import Answer, Request, Scripted, serving
from tests.metrics.servers import Server, free_port, until
from tests.metrics.test_line_protocol import text

START = int(datetime.now(UTC).timestamp()) // 60 * 60 - 7200
HOUR = Window(START, START + 3600)


def counts(sink: Sink, window: Window = HOUR) -> dict[str, int]:
    return dict(sink.counts(window))


def test_what_was_written_is_counted_per_measurement(server: Server) -> None:
    with_gaps = [sample for time in range(START, START + 600, 60) for sample in slot(time, 9)]
    server.sink().write(encode(with_gaps))
    points = {
        name: sum(sample.measurement == name for sample in with_gaps) for name in ("wifi_ap", "wifi_radio")
    }
    assert counts(server.sink()) == points


def test_points_that_share_no_field_are_all_counted(server: Server) -> None:
    server.sink().write(encode([ap(START, up=1), ap(START + 60, clients=1), ap(START + 120, poll_ms=1.5)]))
    assert counts(server.sink()) == {"wifi_ap": 3}


def test_a_point_written_again_is_the_same_point(server: Server) -> None:
    sink = server.sink()
    for sample in (ap(START, up=1), ap(START, up=1), ap(START, up=0, clients=3)):
        sink.write(encode([sample]))
    assert counts(sink) == {"wifi_ap": 1}


def test_a_window_has_its_start_and_not_its_end(server: Server) -> None:
    sink = server.sink()
    sink.write(encode([ap(time) for time in (START - 1, START, START + 3599, START + 3600)]))
    assert counts(sink) == {"wifi_ap": 2}
    assert counts(sink, Window(START - 1, START + 3601)) == {"wifi_ap": 4}


def test_a_window_without_points_is_empty(server: Server) -> None:
    assert counts(server.sink()) == {}


def test_a_server_that_was_killed_is_unavailable_until_it_is_back(server: Server) -> None:
    sink = server.sink()
    sink.write(encode([ap(START)]))
    server.kill()
    with pytest.raises(SinkUnavailable, match=server.url):
        sink.write(encode([ap(START + 60)]))
    with pytest.raises(SinkUnavailable):
        sink.counts(HOUR)
    server.start()
    sink.write(encode([ap(START), ap(START + 60)]))
    assert counts(sink) == {"wifi_ap": 2}


def test_a_restart_shows(victoria: Server) -> None:
    sink = victoria.sink()
    found: list[str] = []
    for _ in range(2):
        until(lambda: told(sink, found), "the server tells since when it runs")
        assert sink.started() == found[-1]
        victoria.kill()
        with pytest.raises(SinkUnavailable):
            sink.started()
        victoria.start()
    assert found[0] != found[1]


def told(sink: Sink, found: list[str]) -> bool:
    """Not in the first two seconds, when a second run could still bear the same time."""
    try:
        found.append(sink.started())
    except SinkUnavailable as error:
        assert "just now" in error.reason  # noqa: PT017
        return False
    return True


AWKWARD = (
    "a\\",
    "a ",
    "a\\,b",
    "a,b",
    "a=\\=b",
    "\\\\",
    '"quoted"',
    "#1",
    "%d",
    "é\n\t",
    "\\ ",
    "x" * 32,
    "🛜",
)


def test_every_network_name_a_phone_may_show_arrives_as_a_series_of_its_own(server: Server) -> None:
    sink = server.sink()
    sink.write(encode([ssid(START, name) for name in AWKWARD]))
    assert counts(sink) == {"wifi_ssid": len(AWKWARD)}


def test_no_text_breaks_a_line(victoria: Server, influxd: Server) -> None:
    seen: set[str] = set()

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(text)
    def collect(name: str) -> None:
        seen.add(name)

    collect()
    for server in (victoria, influxd):
        sink = server.sink()
        samples = [ap(START + number, name) for number, name in enumerate(sorted(seen))]
        sink.write(encode(samples))
        assert counts(sink) == {"wifi_ap": len(samples)}


def scripted_sink(server: Scripted, dialect: str = "v2", token: str = "secret-token") -> InfluxSink:
    return InfluxSink("scripted", server.url, token, "org", "plaza/year", dialect, timeout_s=1.0)


def always(answer: Answer) -> Scripted:
    return Scripted(lambda _request: answer)


@pytest.mark.parametrize(
    ("dialect", "path", "authorization"),
    [
        ("v2", "/api/v2/write?org=org&bucket=plaza%2Fyear&precision=s", "Token user:word"),
        ("v3", "/api/v2/write?bucket=plaza%2Fyear&precision=s", "Bearer user:word"),
        ("v1", "/write?db=plaza&rp=year&precision=s", "Basic dXNlcjp3b3Jk"),
        ("victoriametrics", "/api/v2/write?org=org&bucket=plaza%2Fyear&precision=s", "Token user:word"),
    ],
)
def test_each_dialect_asks_in_its_own_words(dialect: str, path: str, authorization: str) -> None:
    with serving(always(Answer())) as server:
        scripted_sink(server, dialect, "user:word").write(b"wifi_ap up=1i 1")
    (request,) = server.requests
    assert (request.path, request.body) == (path, b"wifi_ap up=1i 1")
    assert request.headers["Authorization"] == authorization


STATUSES = (401, 403, 404, 408, 429, 500, 502, 503, 504, 302, 418, 200, 202)
BODIES = ("", "plain words", '{"message": "json words"}', '{"other": 1}', "bad \ufffd")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_does_not_say_204_has_not_got_it(dialect: str) -> None:
    """Nor with a 200: that is the page of somebody in between."""
    answers = [Answer(status, body) for status in STATUSES for body in BODIES]
    with serving(Scripted(lambda _request: answers[-1])) as server:
        sink = scripted_sink(server, dialect)
        while answers:
            with pytest.raises(SinkUnavailable, match=str(answers[-1].status)) as caught:
                sink.write(b"wifi_ap up=1i 1")
            assert answers[-1].body in caught.value.reason
            answers.pop()


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_the_bytes_says_why_in_its_own_words(status: int) -> None:
    with (
        serving(always(Answer(status, '{"message": "field type\n conflict"}'))) as server,
        pytest.raises(SinkRefused, match="field type conflict"),
    ):
        scripted_sink(server).write(b"wifi_ap up=1i 1")


@pytest.mark.parametrize(
    ("asked", "least_s", "most_s"), [("7", 7, 7), ("1.5", 1.5, 1.5), ("a date in 300 s", 200, 300)]
)
def test_how_long_to_wait_is_what_the_server_asks_for(asked: str, least_s: float, most_s: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    value = date if asked.startswith("a date") else asked
    with (
        serving(always(Answer(429, "slow down", {"Retry-After": value}))) as server,
        pytest.raises(SinkUnavailable) as caught,
    ):
        scripted_sink(server).write(b"wifi_ap up=1i 1")
    assert caught.value.retry_after_s is not None
    assert least_s <= caught.value.retry_after_s <= most_s


@pytest.mark.parametrize("asked", ["soon", "nan", "inf", "Fri, 99 Foo"])
def test_a_wait_that_makes_no_sense_is_none(asked: str) -> None:
    with (
        serving(always(Answer(503, "", {"Retry-After": asked}))) as server,
        pytest.raises(SinkUnavailable) as caught,
    ):
        scripted_sink(server).write(b"wifi_ap up=1i 1")
    assert caught.value.retry_after_s is None


def test_a_far_sink_gets_the_same_lines_in_a_quarter_of_the_octets() -> None:
    lines = encode([sample for time in range(START, START + 3600, 60) for sample in slot(time, 20)])
    with serving(always(Answer(204))) as server:
        sink = scripted_sink(server)
        sink.gzip = True
        sink.write(lines)
    (request,) = server.requests
    assert request.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(request.body) == lines
    assert len(request.body) < len(lines) / 4


def test_real_servers_read_what_was_compressed(server: Server) -> None:
    sink = server.sink()
    sink.gzip = True
    sink.write(encode([ap(START), ap(START + 60)]))
    assert counts(sink) == {"wifi_ap": 2}


def test_the_tally_of_a_server_is_the_stores_own(server: Server, store: LocalStore) -> None:
    """By series and minute: two slots of a minute, points without a common field, names that need care."""
    samples = [sample for time in range(START, START + 300, 30) for sample in slot(time, 9)]
    samples += [ap(START + 20, clients=1), *(ssid(START, name) for name in AWKWARD)]
    store.write("poller", samples)
    sink = server.sink()
    sink.write(encode(samples))
    here = {replace(cell, tags=tuple(map(as_read, cell.tags))): n for cell, n in store.tally(HOUR).items()}
    assert max(here.values()) == 3
    assert dict(sink.tally(HOUR)) == here


def test_too_large_is_halved_until_it_fits_and_the_size_is_remembered() -> None:
    lines = [b"wifi_ap,ap=%d up=1i 1" % number for number in range(1000, 1064)]

    def answer(request: Request) -> Answer:
        return Answer(413, "too large") if len(request.body) > 200 else Answer()

    with serving(Scripted(answer)) as server:
        sink = scripted_sink(server)
        sink.write(b"\n".join(lines))
        assert server.stored == lines
        tries = len(server.requests)
        sink.write(b"\n".join(lines))
        assert [r for r in server.requests[tries:] if len(r.body) > 200] == []
        assert server.stored == lines * 2


def test_one_line_that_is_too_large_is_refused() -> None:
    with serving(always(Answer(413))) as server, pytest.raises(SinkRefused, match="413"):
        scripted_sink(server).write(b"wifi_ap up=1i 1")


def test_a_refused_connection_is_unavailable_and_names_the_server_but_no_secret() -> None:
    sink = InfluxSink("gone", f"http://user:password@127.0.0.1:{free_port()}", "secret-token", "o", "b")
    with pytest.raises(SinkUnavailable, match=r"http://127\.0\.0\.1:\d+: connection refused") as caught:
        sink.write(b"wifi_ap up=1i 1")
    assert "password" not in f"{caught.value} {sink!r}"
    assert "secret-token" not in f"{caught.value} {sink!r}"


def test_a_server_that_does_not_tell_its_start_counts_as_restarted_after_each_failure() -> None:
    answers = [Answer(), Answer(503), Answer()]
    with serving(Scripted(lambda _request: answers.pop(0))) as server:
        server.started = ""
        sink = scripted_sink(server, "victoriametrics")
        before = sink.started()
        sink.write(b"wifi_ap up=1i 1")
        assert sink.started() == before
        with pytest.raises(SinkUnavailable):
            sink.write(b"wifi_ap up=1i 1")
        assert sink.started() != before


def test_influxdb_keeps_what_it_acknowledged_and_victoriametrics_takes_a_while() -> None:
    settle_s = {
        dialect: InfluxSink("s", "http://127.0.0.1:1", "", "", "", dialect).settle_s for dialect in DIALECTS
    }
    assert settle_s == {"v3": 0.0, "v2": 0.0, "v1": 0.0, "victoriametrics": 30.0}


def test_an_unknown_database_is_unavailable_and_named(influxd: Server) -> None:
    sink = InfluxSink("influx", influxd.url, "", "", "nowhere", "v1")
    for attempt in (lambda: sink.write(b"wifi_ap up=1i 1"), lambda: sink.counts(HOUR)):
        with pytest.raises(SinkUnavailable, match=r'nowhere.*; make it there: CREATE DATABASE "nowhere"'):
            attempt()
