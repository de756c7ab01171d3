"""`plaza doctor` on sinks and jobs: tried without a write, a line says how each is, another what mends it."""

import json
import os
import shlex
import socket
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from controller import settings
from controller.cli.main import plaza
from controller.doctor_jobs import jobs_looked_at
from controller.doctor_sinks import sinks_looked_at
from controller.finding import Finding
from controller.job_runs import JobRuns
from controller.processes import only_one
from controller.scheduler import Job
from controller.secrets import FileSecrets
from controller.settings import Settings
from controller.sinks import open_sink
from metrics.forward import Forwarder
from metrics.local.cursors import Cursors, DeadLetter
from metrics.local.store import LocalStore
from tests.controller.test_sink_cli import influxd
from tests.metrics import raw
from tests.metrics.samples import ap
from tests.metrics.scripted import Answer, Request, Scripted, serving
from tests.metrics.servers import Influxd, free_port
from tests.metrics.test_looking import v2, v3

__all__ = ["influxd"]

NOW = datetime.now(UTC)
AT = int(NOW.timestamp())
SECRET = "a-secret-of-nobody"

Write = Callable[..., Settings]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Settings with one sink for each given table, over the file of a token."""
    (tmp_path / "var/secrets").mkdir(parents=True)
    (tmp_path / "var/secrets/token").write_text(SECRET)
    (tmp_path / "var/secrets/token").chmod(0o600)

    def made(*tables: str) -> Settings:
        text = "".join(f"[[sinks]]\n{table}\n" for table in tables)
        (tmp_path / "plaza.toml").write_text(text)
        return settings.load({}, tmp_path)

    return made


def v1(url: str, bucket: str = "plaza") -> str:
    return f'name = "state"\nurl = "{url}"\ndialect = "v1"\nbucket = "{bucket}"'


def looked_at(wanted: Settings, try_s: float = 5.0) -> dict[str, Finding]:
    found = {one.what: one for one in sinks_looked_at(wanted, NOW, try_s)}
    assert SECRET not in repr(found)
    assert not [one for one in found.values() if "\n" in one.found + one.mend]
    return found


def measured(wanted: Settings, *times: int) -> LocalStore:
    store = LocalStore.open(wanted.samples_place)
    for time in times:
        store.write("poller", [ap(time)])
    return store


def worked(wanted: Settings, *, ago_s: int = 0, work: Callable[[], None] | None = None) -> None:
    """A worker whose job ended so long ago."""
    job = Job("sweep", 20, work or (lambda: None))
    runs = JobRuns(wanted.data_dir, [job], lambda: NOW - timedelta(seconds=ago_s))
    with suppress(OSError):
        runs.noting(job).work()
    runs.write()


def files(directory: Path) -> set[Path]:
    return set(directory.rglob("*"))


def test_without_sinks_it_says_so(write: Write) -> None:
    assert looked_at(write()) == {
        "sinks": Finding("sinks", "none, nothing is streamed to a time-series server")
    }


def test_a_sink_that_is_well_is_two_lines_and_needs_nothing(write: Write, influxd: Influxd) -> None:
    wanted = write(v1(influxd.url))
    worked(wanted)
    store = measured(wanted, AT - 90, AT - 30)
    forwarder = Forwarder(store, open_sink(FileSecrets({}, wanted.secrets_dir), wanted.sinks[0]), lambda: NOW)
    while forwarder.step().lag_batches:
        pass
    assert looked_at(wanted) == {
        "sink state": Finding(
            "sink state",
            f"{influxd.url} answers and takes requests without a token; database plaza is there",
        ),
        "feed of sink state": Finding("feed of sink state", "2 points safe there, nothing waits"),
    }
    store.close()


def test_a_database_that_is_not_there_is_made_by_the_command_that_is_told(
    write: Write, influxd: Influxd
) -> None:
    wanted = write(v1(influxd.url, "o'hara b"))
    found = looked_at(wanted)["sink state"]
    assert found.found == (
        f"{influxd.url} answers, and has no database o'hara b, or does not show it to us: "
        "database not found: o'hara b"
    )
    program, option, query = shlex.split(found.mend, comments=True)
    assert (program, option) == ("influx", "-execute")
    says(influxd, query)
    assert looked_at(wanted)["sink state"].well
    wanted = write(v1(influxd.url, "o'hara b/year"))
    found = looked_at(wanted)["sink state"]
    assert "without its retention policy year" in found.found
    says(influxd, shlex.split(found.mend, comments=True)[2])
    assert looked_at(wanted)["sink state"].well


def says(influxd: Influxd, query: str) -> None:
    asked = urllib.parse.urlencode({"q": query}).encode()
    with urllib.request.urlopen(f"{influxd.url}/query", asked) as answer:
        assert b"error" not in answer.read()


@pytest.mark.parametrize(
    ("answers", "keys", "found", "mend"),
    [
        (
            v2,
            'bucket = "plaza"\norg = "state"\ntoken = "ref+file:token"',
            "takes our token; bucket plaza is",
            "",
        ),
        (
            v2,
            'bucket = "other"\norg = "state"\ntoken = "ref+file:token"',
            "answers, and has no bucket other, or does not show it to us",
            "influx bucket create --name other --org state  # on that server",
        ),
        (
            v2,
            'bucket = "plaza"\ntoken = "ref+env:PLAZA_TEST_TOKEN"',
            "answers and refuses our token: 401 Unauthorized: ",
            "export PLAZA_TEST_TOKEN=…  # a token that may read and write bucket plaza",
        ),
        (
            v2,
            'bucket = "plaza"',
            "answers and refuses requests without a token: 401 Unauthorized: ",
            'write token = "ref+file:NAME" into [[sinks]] state in plaza.toml, the token there',
        ),
        (
            v3,
            'dialect = "v3"\nbucket = "new"\ntoken = "ref+file:token"',
            "takes our token; it makes database new with the first points",
            "",
        ),
        (
            v3,
            'dialect = "v2"\nbucket = "plaza"\ntoken = "ref+file:token"',
            "answers and refuses our token",
            "secrets/token)  # a token that may read and write bucket plaza",
        ),
        (
            lambda _request: Answer(200, "<html>Welcome, please pay</html>"),
            'dialect = "victoriametrics"',
            "answers, and not as VictoriaMetrics does: it answers what no such server answers",
            "mend dialect or url of [[sinks]] state in plaza.toml: v1 is InfluxDB 1, v2 is InfluxDB 2, "
            "v3 is InfluxDB 3, victoriametrics is VictoriaMetrics",
        ),
    ],
)
def test_what_a_server_says_is_told_with_what_mends_it(
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    answers: Callable[[Request], Answer],
    keys: str,
    found: str,
    mend: str,
) -> None:
    monkeypatch.setenv("PLAZA_TEST_TOKEN", "another-secret")
    with serving(Scripted(lambda _request: Answer(500), answers)) as server:
        said = looked_at(write(f'name = "state"\nurl = "{server.url}"\n{keys}'))["sink state"]
        assert server.requests == []
    assert said.found.startswith(f"{server.url} answers")
    assert found in said.found
    assert said.mend.endswith(mend)
    assert said.well is (mend == "")
    assert "another-secret" not in repr(said)


def test_nobody_there_and_no_file_of_a_token_are_told(write: Write, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = looked_at(
        write(v1(url), f'name = "far"\nurl = "{url}"\nbucket = "plaza"\ntoken = "ref+file:none"')
    )
    assert found["sink state"] == Finding(
        "sink state",
        f"{url}: connection refused",
        f"curl -sSm 5 {url}/ping  # does it run there, is url right",
    )
    file = tmp_path / "var/secrets/none"
    assert found["sink far"].found == f"ref+file:none: there is no file {file}"
    assert found["sink far"].mend.startswith(f"install -d -m 700 {file.parent} && (umask 077; cat > {file})")


def test_all_are_asked_at_once_and_one_that_hangs_is_left(write: Write) -> None:
    """The two that answer do so only when both have been asked."""
    together = threading.Barrier(2, timeout=60)
    hung = threading.Event()

    def answers(peer: socket.socket) -> None:
        raw.asked(peer)
        together.wait()
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def hangs(peer: socket.socket) -> None:
        raw.asked(peer)
        hung.wait(60)

    with raw.serving(answers) as one, raw.serving(answers) as other, raw.serving(hangs) as third:
        tables = [
            f'name = "{name}"\nurl = "{url}"\ndialect = "victoriametrics"'
            for name, url in (("one", one), ("other", other), ("third", third))
        ]
        found = looked_at(write(*tables), 2.0)
        hung.set()
    assert [found[f"sink {name}"].well for name in ("one", "other", "third")] == [True, True, False]
    assert found["sink third"].found == f"{third}: no whole answer within 2 s"


def test_to_look_makes_nothing_on_this_machine_either(write: Write, tmp_path: Path) -> None:
    wanted = write(v1(f"http://127.0.0.1:{free_port()}"))
    before = files(tmp_path)
    assert looked_at(wanted)["feed of sink state"].found == "nothing was measured yet"
    assert files(tmp_path) == before
    measured(wanted, AT - 90).close()
    before = files(tmp_path)
    assert looked_at(wanted)["feed of sink state"] == Finding("feed of sink state", "nothing was sent yet")
    worked(wanted)
    restart = looked_at(wanted)["feed of sink state"].mend
    assert restart == "restart Plaza: it reads [[sinks]] when it starts"
    assert files(tmp_path) - before == {tmp_path / "var/jobs.json"}


def test_how_far_behind_the_feed_is_and_why(write: Write) -> None:
    wanted = write(v1(f"http://127.0.0.1:{free_port()}"))
    store = measured(wanted, AT - 1200, AT - 30)
    book = Cursors(store, "state")
    book.reset()

    def fed() -> Finding:
        return looked_at(wanted)["feed of sink state"]

    behind = "0 points safe there, 2 batches wait, 1200 s behind"
    assert fed() == Finding("feed of sink state", f"{behind}, Plaza does not run")
    worked(wanted)
    assert fed().found == behind
    assert fed().mend.startswith("plaza sink status  # twice")
    book.note("503 Service Unavailable", NOW - timedelta(minutes=3))
    since = (NOW - timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert fed().found == f"{behind}, it fails since {since}: 503 Service Unavailable"
    assert fed().mend.startswith("plaza sink status  # it is tried again")
    book.recovered(NOW)
    other = write(v1(f"http://127.0.0.1:{free_port()}").replace("state", "new"))
    assert looked_at(other)["feed of sink new"].mend == "restart Plaza: it reads [[sinks]] when it starts"
    store.close()


def test_lines_that_a_sink_refused_are_told_and_are_a_fault_for_a_day(write: Write) -> None:
    wanted = write(v1(f"http://127.0.0.1:{free_port()}"))
    store = measured(wanted, AT - 30)
    book = Cursors(store, "state")
    old = NOW - timedelta(days=2)
    book.bury([DeadLetter("wifi_ap,ap=x up=1i 60", "400 Bad Request: long ago", old)])
    moment = old.strftime("%Y-%m-%dT%H:%M:%SZ")
    said = looked_at(wanted)["refused by sink state"]
    assert said == Finding(
        "refused by sink state",
        f"1 lines for ever, the newest at {moment}: 400 Bad Request: long ago "
        "(plaza sink status --refused state)",
    )
    book.bury([DeadLetter("wifi_ap,ap=y up=1i 60", "422: today", NOW - timedelta(hours=2))])
    said = looked_at(wanted)["refused by sink state"]
    assert said.found.startswith("2 lines for ever, the newest at ")
    assert said.found.endswith(": 422: today")
    assert said.mend == "plaza sink status --refused state  # each line with the server's words"
    store.close()


def test_a_store_that_cannot_be_read_is_told_and_the_servers_are_tried_all_the_same(
    write: Write, influxd: Influxd
) -> None:
    wanted = write(v1(influxd.url))
    measured(wanted, AT - 30).close()
    for file in wanted.samples_dir.glob("*.db"):
        file.write_bytes(b"not a database " * 600)
    found = looked_at(wanted)
    assert found["sink state"].well
    assert not found["feed of the sinks"].well


def test_jobs_that_fail_or_stand_still_are_named(write: Write) -> None:
    wanted = write()
    assert jobs_looked_at(wanted, NOW) == Finding("jobs of the worker", "none has ended yet")
    worked(wanted)
    assert jobs_looked_at(wanted, NOW).found == "1 of 1 have run, and ended well"

    def fails() -> None:
        raise OSError(SECRET)

    worked(wanted, work=fails)
    said = jobs_looked_at(wanted, NOW)
    assert said.found.startswith("'sweep' last failed (OSError) at ")
    assert "what the worker logs" in said.mend
    assert SECRET not in repr(said)
    worked(wanted, ago_s=600)
    assert jobs_looked_at(wanted, NOW).found.startswith("Plaza does not run; the last one ended at ")
    with only_one(wanted.data_dir / "plaza.lock"):
        still = jobs_looked_at(wanted, NOW)
    assert still.found.startswith("'sweep' last ended at ")
    assert not still.well


def test_the_command_shows_them_and_ends_with_2_while_one_needs_mending(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PLAZA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inventory.yaml").write_text("version: 1\n")
    url = f"http://127.0.0.1:{free_port()}"
    write(v1(url))
    done = CliRunner().invoke(plaza, ["doctor"])
    assert done.exit_code == 2
    lines = done.output.splitlines()
    place = lines.index(f"[mend] sink state: {url}: connection refused")
    assert lines[place + 1] == f"         mend: curl -sSm 5 {url}/ping  # does it run there, is url right"
    assert "[ok]   feed of sink state: nothing was measured yet" in lines
    assert "[ok]   jobs of the worker: none has ended yet" in lines
    rows = json.loads(CliRunner().invoke(plaza, ["doctor", "--json"]).output)["findings"]
    assert [row["well"] for row in rows if row["what"] == "sink state"] == [False]


def test_the_command_refuses_wrong_settings_in_one_line(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        settings.SettingsError, match=r"plaza\.toml:5: \[\[sinks\]\] state: token: is no refer"
    ):
        write('name = "state"\nurl = "http://h"\nbucket = "plaza"\ntoken = "abc"')
    done = CliRunner().invoke(plaza, ["doctor"])
    assert "is no reference" in str(done.exception)
