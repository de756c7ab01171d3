"""Whether a server would take points is seen without a write, in bounded time, and no secret is shown."""

import json
import re
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.dialects import DIALECTS
from metrics.errors import SinkUnavailable
from metrics.exchange import without
from metrics.influx import InfluxSink
from metrics.looking import Found, Looked
from tests.metrics import raw
from tests.metrics.scripted import Answer, Request, Scripted, serving
from tests.metrics.servers import Influxd, Server, VictoriaMetrics, free_port, until

SECRET: Final = "a-secret-of-nobody"
ADMIN: Final = "admin:a-word-of-the-admin"


def sink(url: str, dialect: str, bucket: str = "plaza", token: str = "", org: str = "") -> InfluxSink:
    return InfluxSink("far", url, token, org, bucket, dialect, timeout_s=5.0)


def look(url: str, dialect: str, bucket: str = "plaza", token: str = "", org: str = "") -> Looked:
    one = sink(url, dialect, bucket, token, org)
    looked = one.look()
    one.close()
    assert SECRET not in f"{looked} {one!r}"
    return looked


class Guarded(Influxd):
    """An InfluxDB 1 that lets nobody in without a password."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        conf = directory / "influxd.conf"
        conf.write_text(conf.read_text().replace("[http]", "[http]\n  auth-enabled = true"))

    def _has_database(self) -> bool:
        self.say("CREATE USER \"admin\" WITH PASSWORD 'a-word-of-the-admin' WITH ALL PRIVILEGES")
        return b"error" not in self.say("CREATE DATABASE plaza", ADMIN)

    def say(self, query: str, login: str = "") -> bytes:
        user, _, password = login.partition(":")
        url = f"{self.url}/query?{urllib.parse.urlencode({'u': user, 'p': password} if user else {})}"
        try:
            with urllib.request.urlopen(url, urllib.parse.urlencode({"q": query}).encode(), 60) as answer:
                said: bytes = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read()
        return said


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    server = Guarded(tmp_path_factory.mktemp("guarded"))
    server.start()
    server.say("CREATE USER \"blind\" WITH PASSWORD 'blind-word'", ADMIN)
    server.say('CREATE RETENTION POLICY "year" ON "plaza" DURATION 52w REPLICATION 1', ADMIN)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = VictoriaMetrics(tmp_path_factory.mktemp("victoria"))
    server.start()
    yield server
    server.kill()


@pytest.mark.parametrize(
    ("token", "bucket", "found", "told"),
    [
        (ADMIN, "plaza", Found.READY, ""),
        (ADMIN, "plaza/year", Found.READY, ""),
        (ADMIN, "plaza/decade", Found.POLICYLESS, ""),
        (ADMIN, "nowhere", Found.PLACELESS, "database not found: nowhere"),
        (ADMIN, 'a"b\\', Found.PLACELESS, "database not found"),
        (f"admin:{SECRET}", "plaza", Found.REFUSED, "401 Unauthorized: .*authorization failed"),
        ("", "plaza", Found.REFUSED, "401 Unauthorized: .*unable to parse authentication"),
        ("blind:blind-word", "plaza", Found.REFUSED, "403 Forbidden: .*not authorized"),
    ],
)
def test_influxdb_1_tells_of_the_password_the_database_and_the_policy(
    guarded: Guarded, token: str, bucket: str, found: Found, told: str
) -> None:
    looked = look(guarded.url, "v1", bucket, token)
    assert looked.found is found
    assert re.match(told, looked.told)


def test_to_look_writes_nothing(guarded: Guarded) -> None:
    look(guarded.url, "v1", "plaza", ADMIN)
    look(guarded.url, "v1", "nowhere", ADMIN)
    assert json.loads(guarded.say("SHOW SERIES ON plaza", ADMIN)) == {"results": [{"statement_id": 0}]}
    assert b"nowhere" not in guarded.say("SHOW DATABASES", ADMIN)


def test_victoriametrics_needs_no_bucket_and_is_not_written_to(victoria: Server) -> None:
    assert look(victoria.url, "victoriametrics") == Looked(Found.READY)
    with urllib.request.urlopen(f"{victoria.url}/api/v1/series/count") as answer:
        assert json.load(answer)["data"] == [0]


def test_victoriametrics_says_when_it_refuses_the_login(tmp_path: Path) -> None:
    server = VictoriaMetrics(tmp_path)
    server.add("-httpAuth.username=plaza", f"-httpAuth.password={SECRET}")
    server.start()
    try:
        assert look(server.url, "victoriametrics", token="another").found is Found.REFUSED
    finally:
        server.kill()


def test_a_server_of_another_kind_is_told_apart(victoria: Server, guarded: Guarded) -> None:
    for dialect in DIALECTS.keys() - {"victoriametrics"}:
        assert look(victoria.url, dialect).found is Found.STRANGER
    for dialect in ("v2", "victoriametrics"):
        assert look(guarded.url, dialect, token=ADMIN).found is Found.STRANGER


JSON: Final = {"Content-Type": "application/json"}


def v2(request: Request) -> Answer:
    """InfluxDB 2 as its documents and its source say: one bucket of one organisation, one token."""
    url = urllib.parse.urlsplit(request.path)
    query = dict(urllib.parse.parse_qsl(url.query))
    if request.headers.get("Authorization") != f"Token {SECRET}":
        return Answer(401, '{"code":"unauthorized","message":"unauthorized access"}', JSON)
    if url.path != "/api/v2/buckets":
        return Answer(404, '{"code":"not found","message":"path not found"}', JSON)
    if query["org"] != "state":
        return Answer(404, '{"code":"not found","message":"organization name \\"x\\" not found"}', JSON)
    buckets = [{"id": "1", "name": "plaza"}] if query["name"] == "plaza" else []
    return Answer(200, json.dumps({"links": {}, "buckets": buckets}), JSON)


def v3(request: Request) -> Answer:
    """InfluxDB 3 as its documents say."""
    url = urllib.parse.urlsplit(request.path)
    query = dict(urllib.parse.parse_qsl(url.query))
    if request.headers.get("Authorization") != f"Bearer {SECRET}":
        return Answer(401, '{"error": "the request was not authenticated"}', JSON)
    if url.path != "/query":
        return Answer(404)
    if query["db"] == "barred":
        return Answer(403, '{"error": "forbidden"}', JSON)
    if query["db"] == "untold":
        return Answer(404, '{"error":"database not found: untold"}', JSON)
    told = {"error": "database not found"} if query["db"] != "plaza" else {"statement_id": 0}
    return Answer(200, json.dumps({"results": [told]}), JSON)


@pytest.mark.parametrize(
    ("dialect", "bucket", "token", "org", "found"),
    [
        ("v2", "plaza", SECRET, "state", Found.READY),
        ("v2", "other", SECRET, "state", Found.PLACELESS),
        ("v2", "plaza", SECRET, "x", Found.PLACELESS),
        ("v2", "plaza", "another", "state", Found.REFUSED),
        ("v3", "plaza", SECRET, "", Found.READY),
        ("v3", "other", SECRET, "", Found.COMING),
        ("v3", "untold", SECRET, "", Found.COMING),
        ("v3", "barred", SECRET, "", Found.HIDDEN),
        ("v3", "plaza", "another", "", Found.REFUSED),
    ],
)
def test_influxdb_2_and_3_tell_of_the_token_and_the_bucket_as_they_are_documented(
    dialect: str, bucket: str, token: str, org: str, found: Found
) -> None:
    answers = {"v2": v2, "v3": v3}[dialect]
    with serving(Scripted(lambda _request: Answer(500), answers)) as server:
        assert look(server.url, dialect, bucket, token, org).found is found
        assert server.requests == []


def test_an_unknown_path_of_influxdb_2_is_no_missing_bucket() -> None:
    answer = Answer(404, '{"code":"not found","message":"path not found"}', JSON)
    with serving(Scripted(lambda _request: answer, lambda _request: answer)) as server:
        assert look(server.url, "v2").found is Found.STRANGER


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [302, 408, 429, 500, 503])
def test_a_server_that_cannot_now_is_unavailable(dialect: str, status: int) -> None:
    with (
        serving(Scripted(lambda _request: Answer(), lambda _request: Answer(status, "later"))) as server,
        pytest.raises(SinkUnavailable, match=f"{status} .*later"),
    ):
        look(server.url, dialect)


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(SinkUnavailable, match=r"http://127\.0\.0\.1:\d+: connection refused"):
        look(f"http://127.0.0.1:{free_port()}", "v1")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_server_that_drips_is_left_at_the_deadline_of_one_request(dialect: str, first: bytes) -> None:
    gone = threading.Event()
    with raw.serving(raw.dripping(first, b"\n" if first else b"H", gone)) as url:
        one = InfluxSink("far", url, "", "", "plaza", dialect, timeout_s=0.1)
        with pytest.raises(SinkUnavailable, match=r"no whole answer within 0\.1 s"):
            one.look()
    until(gone.is_set, "the connection is closed")


def test_a_flood_is_no_answer_and_is_not_kept() -> None:
    with raw.serving(raw.flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000 + b"\n")) as url:
        assert look(url, "v1").found is Found.STRANGER


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NAMES = st.sampled_from(["results", "error", "series", "columns", "buckets", "name", "values", "metric"])
TREES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(NAMES, one, max_size=3), max_leaves=8
)


def test_no_answer_however_wrong_is_a_crash() -> None:
    told = [""]
    with serving(Scripted(lambda _request: Answer(), lambda _request: Answer(200, told[0]))) as server:
        sinks = [sink(server.url, dialect) for dialect in DIALECTS]

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(TREES.map(json.dumps) | st.text(max_size=20) | st.just("[" * 50_000))
        def answer(body: str) -> None:
            told[0] = body
            for one in sinks:
                one.look()

        answer()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_server_that_repeats_what_it_was_sent_shows_no_secret(dialect: str) -> None:
    token = f"user:{SECRET}"

    def echo(request: Request) -> Answer:
        return Answer(400, f"bad: {request.headers['Authorization']} {SECRET}")

    with serving(Scripted(echo, echo)) as server:
        one = sink(server.url, dialect, token=token)
        told = one.look().told
        with pytest.raises(Exception, match="bad: ") as caught:
            one.write(b"wifi_ap up=1i 1")
    for words in (told, str(caught.value)):
        assert SECRET not in words
        assert "dXNlcjph" not in words  # base64 of user:a
        assert "400" in words


def test_words_without_the_secret_are_left_as_they_are() -> None:
    assert without("", "400 Bad Request: x") == "400 Bad Request: x"
    assert without("ab", "a table") == "a table"
