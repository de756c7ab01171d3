"""`plaza sink` as staff run it: how far each server is, what is missing there by name, and how to mend it."""

import json
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controller import settings
from controller.app import App, build
from controller.cli.main import main
from controller.sinks import open_sink
from metrics.errors import SinkUnavailable
from metrics.forward import Forwarder, progress
from metrics.local.cursors import Cursors, DeadLetter
from tests.metrics.samples import ap, slot
from tests.metrics.servers import Influxd, free_port

NOW = int(datetime.now(UTC).timestamp())
YESTERDAY = NOW // 86_400 * 86_400 - 86_400
DAY = datetime.fromtimestamp(YESTERDAY, UTC).date().isoformat()
TOKEN = "a-token-that-nobody-may-see"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


Plaza = Callable[..., Done]


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def plaza(
    influxd: Influxd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Plaza:
    """The command in a folder of its own; its sink `state` is a real server, its sink `gone` is none."""
    database = f"d{tmp_path.name[-24:].replace('-', '_')}"
    say(influxd, f'CREATE DATABASE "{database}"')
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "inventory.yaml").write_text("version: 1\n")
    (tmp_path / "plaza.toml").write_text(
        f'secrets_dir = "{tmp_path}"\n'
        f'[[sinks]]\nname = "state"\nurl = "{influxd.url}"\nbucket = "{database}"\ndialect = "v1"\n'
        f'[[sinks]]\nname = "gone"\nurl = "http://127.0.0.1:{free_port()}"\n'
        'bucket = "plaza"\ntoken = "ref+file:token"\n'
    )
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["plaza", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert TOKEN not in said.out + said.err
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def app(plaza: Plaza, tmp_path: Path) -> Iterator[App]:
    opened = build(settings.load({}, tmp_path))
    yield opened
    opened.samples.close()
    opened.engine.dispose()


def say(influxd: Influxd, query: str, **more: str) -> None:
    asked = urllib.parse.urlencode({"q": query, **more}).encode()
    with urllib.request.urlopen(f"{influxd.url}/query", asked) as answer:
        assert b"error" not in answer.read()


def feed(app: App, name: str) -> Forwarder:
    wanted = next(one for one in app.settings.sinks if one.name == name)
    return Forwarder(app.samples, open_sink(app.secrets, wanted), lambda: datetime.now(UTC))


def send(app: App) -> None:
    forwarder = feed(app, "state")
    while forwarder.step().lag_batches:
        pass


def fill(app: App) -> None:
    for number in range(60):
        app.samples.write("poller", slot(YESTERDAY + 36_000 + number * 60, 3))


def status(plaza: Plaza, sink: str) -> dict[str, Any]:
    rows = {row["sink"]: row for row in json.loads(plaza("sink", "status", "--json").out)}
    assert rows.keys() == {"state", "gone"}
    found: dict[str, Any] = rows[sink]
    return found


def test_a_gap_is_named_replayed_and_then_nothing_is_missing(
    plaza: Plaza, app: App, influxd: Influxd
) -> None:
    fill(app)
    send(app)
    whole = plaza("sink", "verify", "state", "--since", DAY, "--until", DAY)
    assert (whole.status, whole.err) == (0, "")
    assert "wifi_ap: 180 points here, 0 missing there" in whole.out
    assert whole.out.splitlines()[-1].startswith("state: nothing is missing from ")
    left_out = "the last five minutes are left out: they may still be on their way"
    assert left_out not in whole.out
    assert left_out in plaza("sink", "verify", "state").out.splitlines()
    database = next(one.bucket for one in app.settings.sinks if one.name == "state")
    first, last = YESTERDAY + 36_000 + 600, YESTERDAY + 36_000 + 900
    span = f"time >= {first}s AND time < {last}s"
    say(influxd, f"DELETE FROM wifi_ap WHERE ap = 'ap-1' AND {span}", db=database)
    lacking = plaza("sink", "verify", "state", "--since", DAY, "--until", DAY)
    assert lacking.status == 3
    assert lacking.out.splitlines() == [
        "wifi_ap,ap=ap-1,mun=08019,site=08019-plaza,vendor=openwrt: "
        f"5 points missing from {DAY}T10:10:00Z to {DAY}T10:15:00Z",
        "wifi_ap: 180 points here, 5 missing there",
        "wifi_radio: 180 points here, 0 missing there",
        f"state: 5 points are missing from {DAY}T00:00:00Z to {whole.out.split()[-1]}",
        f"to send them again: plaza sink replay state --since {DAY} --until {DAY}",
    ]
    *gaps, sums = map(json.loads, plaza("sink", "verify", "state", "--since", DAY, "--json").out.splitlines())
    assert [(gap["tags"]["ap"], gap["start"], gap["missing"]) for gap in gaps] == [
        ("ap-1", f"{DAY}T10:10:00Z", 5)
    ]
    assert (sums["missing"], sums["batches_waiting"]) == (5, 0)
    again = plaza("sink", "replay", "state", "--since", DAY, "--until", DAY)
    assert again.out == f"state: 1 days are sent again, {DAY} to {DAY}\n"
    assert progress(app.samples, "state").lag_batches == 60
    send(app)
    assert plaza("sink", "verify", "state", "--since", DAY).status == 0


def test_replay_sends_the_named_days_only(plaza: Plaza, app: App) -> None:
    for day in range(3):
        app.samples.write("poller", [ap(YESTERDAY - day * 86_400 + 60)])
    send(app)
    assert plaza("sink", "replay", "state", "--until", DAY, "--since", DAY).status == 0
    assert progress(app.samples, "state").lag_batches == 1
    assert plaza("sink", "replay", "state").out.startswith("state: 3 days are sent again")
    assert progress(app.samples, "state").lag_batches == 3
    nothing = plaza("sink", "replay", "state", "--until", "2001-01-01")
    assert nothing.status == 2
    assert "no day from the first to 2001-01-01 is kept: there is " in nothing.err
    assert "write it as 2026-11-22" in plaza("sink", "replay", "state", "--since", "yesterday").err


def test_status_says_what_is_safe_what_waits_and_since_when(plaza: Plaza, app: App) -> None:
    app.samples.write("poller", [ap(YESTERDAY + 90)])
    app.samples.write("poller", [ap(YESTERDAY + 150)])
    before = status(plaza, "state")
    assert (before["points_safe"], before["batches_waiting"]) == (0, 2)
    assert before["oldest_unsent"] == f"{DAY}T00:01:00Z"
    assert before["seconds_behind"] >= NOW - YESTERDAY - 90
    send(app)
    after = status(plaza, "state")
    assert (after["points_safe"], after["batches_waiting"]) == (2, 0)
    assert (after["oldest_unsent"], after["seconds_behind"], after["last_error"]) == (None, 0, None)
    assert status(plaza, "gone")["batches_waiting"] == 2
    text = plaza("sink", "status").out.splitlines()
    assert text[0] == "state: 2 points safe there, 0 batches waiting, 0 lines refused"
    assert text[1].startswith(
        f"gone: 0 points safe there, 2 batches waiting, the oldest of {DAY}T00:01:00Z ("
    )


def test_a_sink_that_nobody_ever_fed_says_what_is_to_be_done(plaza: Plaza, app: App) -> None:
    unfed = "nothing is known of it yet: restart Plaza after adding a sink"
    assert unfed not in plaza("sink", "status").out  # there is nothing to send
    fill(app)
    send(app)
    assert [unfed in line for line in plaza("sink", "status").out.splitlines()] == [False, True]
    assert (status(plaza, "state")["heard_of"], status(plaza, "gone")["heard_of"]) == (True, False)
    Cursors(app.samples, "gone").note("connection refused", datetime.fromtimestamp(YESTERDAY, UTC))
    assert unfed not in plaza("sink", "status").out


def test_a_sink_that_cannot_be_opened_says_why_in_its_line(plaza: Plaza, app: App, tmp_path: Path) -> None:
    fill(app)
    file = tmp_path / "token"
    assert status(plaza, "gone")["cannot_be_opened"] is None
    file.chmod(0o644)
    reason = status(plaza, "gone")["cannot_be_opened"]
    assert reason.startswith(f"credential sink gone: ref+file:token: {file} is open to others (mode 0644), ")
    file.unlink()
    (line,) = [one for one in plaza("sink", "status").out.splitlines() if one.startswith("gone: ")]
    assert f"; it cannot be opened: credential sink gone: ref+file:token: there is no file {file}, " in line
    assert "restart Plaza" not in line  # which would mend nothing


@pytest.mark.parametrize(
    ("dialect", "secret", "said"),
    [
        ("v1", "no-colon-in-it", "ref+file:token holds no user:password, which dialect v1 takes"),
        ("v1", "user:contraseña", ""),
        ("v2", "contraseña", "ref+file:token holds more than one line, or what no token holds"),
        ("v2", "one\ntwo", "ref+file:token holds more than one line"),
        ("v3", "ordinary", ""),
    ],
)
def test_a_token_that_can_never_be_sent_is_refused_before(
    plaza: Plaza, tmp_path: Path, dialect: str, secret: str, said: str
) -> None:
    file = tmp_path / "plaza.toml"
    file.write_text(file.read_text() + f'dialect = "{dialect}"\n')
    (tmp_path / "token").write_text(secret)
    why = status(plaza, "gone")["cannot_be_opened"]
    assert said in why if said else why is None
    assert secret not in (why or "")


def test_a_point_that_a_later_batch_wrote_again_waits_where_that_is(plaza: Plaza, app: App) -> None:
    for _ in range(2):
        app.samples.write("poller", [ap(YESTERDAY + 3600)])
    assert status(plaza, "state")["oldest_unsent"] == f"{DAY}T01:00:00Z"


def test_status_tells_the_last_error_until_long_after_it(plaza: Plaza, app: App) -> None:
    app.samples.write("poller", [ap(YESTERDAY)])
    with pytest.raises(SinkUnavailable) as caught:
        feed(app, "gone").step()
    book = Cursors(app.samples, "gone")
    for minute in (0, 1):
        book.note(caught.value.reason, datetime.fromtimestamp(YESTERDAY + minute * 60, UTC))
    error = status(plaza, "gone")["last_error"]
    assert "connection refused" in error.pop("reason")
    assert error == {"since": f"{DAY}T00:00:00Z", "last": f"{DAY}T00:01:00Z", "over": None}
    assert "last error, from" in plaza("sink", "status").out
    book.recovered(datetime.fromtimestamp(YESTERDAY + 120, UTC))
    assert status(plaza, "gone")["last_error"]["over"] == f"{DAY}T00:02:00Z"
    book.note("another", datetime.fromtimestamp(YESTERDAY + 180, UTC))
    assert status(plaza, "gone")["last_error"]["since"] == f"{DAY}T00:03:00Z"


def test_what_a_sink_refused_is_shown_in_its_own_words(plaza: Plaza, app: App) -> None:
    at = datetime.fromtimestamp(YESTERDAY, UTC)
    Cursors(app.samples, "state").bury([DeadLetter("wifi_ap,ap=x up=1i 60", "400 Bad Request: no", at)])
    shown = plaza("sink", "status", "--refused", "state").out.splitlines()
    assert shown == [
        f"{DAY}T00:00:00Z  400 Bad Request: no",
        "  wifi_ap,ap=x up=1i 60",
        "state: 1 lines refused",
    ]
    (row,) = json.loads(plaza("sink", "status", "--refused", "state", "--json").out)
    assert row == {"at": at.isoformat(), "reason": "400 Bad Request: no", "line": "wifi_ap,ap=x up=1i 60"}
    assert status(plaza, "state")["lines_refused"] == 1


def test_a_sink_that_cannot_be_asked_is_one_line_and_no_proof(plaza: Plaza, app: App) -> None:
    fill(app)
    done = plaza("sink", "verify", "gone", "--since", DAY)
    assert done.status == 2
    assert done.err.startswith("sink gone: http://127.0.0.1:")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "nobody"), "no sink 'nobody' in plaza.toml; see plaza sink status"),
        (("replay", "nobody"), "no sink 'nobody'"),
        (("status", "--refused", "nobody"), "no sink 'nobody'"),
        (("verify", "state", "--since", "2026-02-30"), "write it as 2026-11-22"),
        (("verify", "state", "--since", "2026-02-20", "--until", "2026-02-10"), "--since is after --until"),
    ],
)
def test_a_mistake_is_one_clear_line(plaza: Plaza, words: tuple[str, ...], said: str) -> None:
    done = plaza("sink", *words)
    assert done.status == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://user:s3cret@host:8086", "name them in `token`"),
        ("http://host:8086/?p=s3cret", "name them in `token`"),
        ("host:8086", "https://host:port"),
        ("http://host:port", "https://host:port"),
    ],
)
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(
    plaza: Plaza, tmp_path: Path, url: str, said: str
) -> None:
    (tmp_path / "plaza.toml").write_text(f'[[sinks]]\nname = "state"\nurl = "{url}"\n')
    done = plaza("sink", "status")
    assert done.status == 2
    assert "/plaza.toml:3: [[sinks]] state: url: " in done.err
    assert said in done.err
    assert "s3cret" not in done.err
