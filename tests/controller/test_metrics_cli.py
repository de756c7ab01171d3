"""`plaza metrics`, as analysts type it: a real store, a real inventory."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from captive_portal.model import Arrival, Phone
from captive_portal.sessions import StoredSessions
from controller import settings
from controller.app import build
from controller.cli.main import main
from metrics.local.rollup import roll_up
from metrics.local.roster import Roster
from metrics.local.store import LocalStore
from metrics.sample import Sample
from tests import need
from tests.metrics.samples import ap
from tests.portal.places import site_of
from tests.town import INVENTORY

NOW = int(datetime.now(UTC).timestamp())
HOUR = NOW // 3_600 * 3_600 - 6 * 3_600
DEVICES = 70


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


Plaza = Callable[..., Done]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """70 access points for two hours, of which one fell silent; and probes, of which one in four failed."""
    place = tmp_path_factory.mktemp("analyst")
    text = INVENTORY.format(network="127.73.9", snmp_port=161, ssh_port=22, gateway_port=80)
    (place / "inventory.yaml").write_text(text)
    (place / "secrets").mkdir(mode=0o700)
    store = LocalStore.open(place / "var" / "samples")
    names = [f"ap-{number:02}" for number in range(DEVICES)]
    for at in range(HOUR, HOUR + 7_200, 300):
        awake = names if at < HOUR + 3_600 else names[1:]
        store.write("poller", [ap(at, name, mun="08027", up=1, clients=3) for name in awake])
        probe = {"works": int(at % 1_200 != 0), "dhcp_ms": 12.5}
        store.write("prober", [Sample("service", {"mun": "08027", "site": "08027-plaza"}, probe, at)])
    asked = {tuple(ap(0, name, mun="08027").tags.values()): 12 for name in names}
    roll_up(store, HOUR + 60, Roster({"wifi_ap": asked}))
    roll_up(store, HOUR + 3 * 3_600)
    radio = {**ap(0, "ap-00", mun="08027").tags, "band": "2g4", "radio": "0"}
    store.write("poller", [Sample("wifi_radio", radio, {"clients": 3}, NOW - 60)])  # not rolled up yet
    store.close()
    return place


@pytest.fixture
def plaza(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plaza:
    for name in [name for name in os.environ if name.startswith("PLAZA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(place)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["plaza", "metrics", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)

    return run


def window(hours: int = 2) -> tuple[str, ...]:
    since, until = (
        f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M}" for at in (HOUR, HOUR + 3_600 * hours)
    )
    return "--since", since, "--until", until


AVAILABILITY = ("query", "service", "works", "dhcp_ms:max", "--by", "mun")


def test_availability_comes_with_its_numerator_and_denominator(plaza: Plaza) -> None:
    done = plaza(*AVAILABILITY, *window(), "--as", "csv")
    assert done.status == 0
    first, second = csv.DictReader(io.StringIO(done.out))
    told = {name: first[name] for name in ("works_mean", "works_sum", "works_count", "dhcp_ms_max")}
    assert told == {"works_mean": "0.75", "works_sum": "9", "works_count": "12", "dhcp_ms_max": "12.5"}
    assert (second["mun"], second["over"]) == ("08027", "true")


def test_a_table_shows_course_gaps_and_completeness_and_no_thousand_lines(plaza: Plaza) -> None:
    done = plaza("query", "wifi_ap", "clients", "--by", "ap", *window())
    lines = done.out.splitlines()
    assert [line.split() for line in lines if line.startswith("ap-00")] == [
        ["ap-00", "clients", "mean", "█·", "3", "3", "3", "1", "of", "2", "50", "%"]
    ]
    assert len(lines) == 63
    assert lines[-1] == "and 10 more lines: narrow it with --where, or have all with --as csv"


def test_a_bucket_that_still_runs_says_so(plaza: Plaza) -> None:
    done = plaza("query", "wifi_ap", "clients", "--by", "mun", "--since", "24h")
    assert "still runs: its figures still grow" in done.out.splitlines()[-1]


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet"])
def test_every_form_goes_into_a_file_whole(plaza: Plaza, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"answer.{form}"
    done = plaza(*AVAILABILITY, *window(), "--as", form, "--out", str(out))
    assert (done.status, done.out) == (0, "")
    assert os.listdir(tmp_path) == [out.name]
    begin = {
        "table": b"service by hour, from ",
        "csv": b"mun,start,",
        "json": b'{"mun": "08027"',
        "parquet": b"PAR1",
    }
    assert out.read_bytes().startswith(begin[form])


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_full_device_is_one_clear_line_and_stays_a_device(plaza: Plaza, tmp_path: Path, form: str) -> None:
    need.root()
    full = tmp_path / "full"
    os.mknod(full, stat.S_IFCHR | 0o666, os.makedev(1, 7))
    done = plaza(*AVAILABILITY, *window(), "--as", form, "--out", str(full))
    assert done.status == 2
    assert done.err == f"{full} cannot be written: No space left on device; name another file, or make room\n"
    assert full.is_char_device()


def test_a_link_stays_a_link_and_its_file_is_written(plaza: Plaza, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "file").write_text("old")
    assert plaza(*AVAILABILITY, *window(), "--as", "csv", "--out", str(tmp_path / "link")).status == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text().startswith("mun,start,")


def test_a_picture_goes_by_the_clock_of_the_municipality_in_spanish(plaza: Plaza, tmp_path: Path) -> None:
    done = plaza(*AVAILABILITY, *window(), "--plot", str(tmp_path / "availability.svg"))
    assert (done.status, done.out) == (0, "")
    assert done.err.endswith("availability.svg: drawn\n")
    drawn = (tmp_path / "availability.svg").read_text()
    assert "hora de America/Chihuahua" in drawn
    assert "works, media" in drawn


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("wifi", "x"), "unknown measurement 'wifi': one of"),
        (("wifi_ap", "clients", "--where", "mun=08O27"),
         "no municipality '08O27' in the inventory, and nothing is known of it; nearest is 08027"),
        (("wifi_ap", "clients", "--where", "mun=guachoch"), "nearest is 08027 (Guachochi)"),
        (("wifi_ap", "clients", "--where", "ap=ap-kiosko"),
         "no device 'ap-kiosko' in the inventory, and nothing is known of it; nearest is ap-kiosk"),
        (("wifi_ap", "clients", "--where", "ap=ap-k"), "nearest is ap-k"),
        (("wifi_ap", "clients", "--where", "mun=08099"),
         "no municipality '08099' in the inventory, and nothing is known of it; there are "),
        (("wifi_ap", "clients", "--where", "mun=08027", "--where", "mun=08037"),
         "--where mun=08027 and mun=08037: nothing is both; ask twice, or leave them out and say --by mun"),
        (("wifi_radio", "clients", "--where", "band=2.4GHz"),
         "no band '2.4GHz' was measured there and then: there is 2g4"),
        (("wifi_radio", "clients", "--plot", "a.svg"), "a.svg: not drawn, no hour is told there and then: "),
        (("wifi_ap", "clients", "--where", "mun"), "--where mun: write TAG=VALUE, like mun=08019"),
        (("wifi_ap", "clients", "--since", "2d", "--until", "3d"), "--since 2d is not before --until 3d"),
        (("wifi_ap", "clients", "--since", "2099-01-01", "--until", "2099-02-01"), "is yet to come: it is "),
        (("wifi_ap", "clients", "--since", "yesterday"), "--since yesterday: write 2026-11-01, "),
        (("wifi_ap", "clients", "--since", "9999999999w"), "--since 9999999999w: write 2026-11-01, "),
        (("wifi_ap", "clients", "--bucket", "month", "--since", "10m"), "no month lies in that time"),
        (("wifi_ap", "clients", "--as", "parquet"), "--as parquet wants --out FILE"),
        (("wifi_ap", "clients", "--as", "csv", "--out", "nowhere/a.csv"),
         "nowhere/a.csv cannot be written: No such"),
        (("wifi_ap", "clients", "--plot", "nowhere/a.svg"), "nowhere/a.svg cannot be written: No such"),
        (("wifi_ap", "clients", "--plot", "a.gif"), "a.gif: a picture is called *.png or *.svg"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_one_clear_line(plaza: Plaza, words: tuple[str, ...], said: str) -> None:
    done = plaza("query", *words)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_device_that_left_the_inventory_keeps_its_history(plaza: Plaza) -> None:
    done = plaza("query", "wifi_ap", "clients", "--where", "ap=ap-07", "--bucket", "300s", *window(1))
    assert done.status == 0
    assert "12 samples" in done.out
    nothing = plaza("query", "uplink", "connected", "--bucket", "300s", "--where", "mun=08027")
    assert (nothing.status, nothing.out) == (0, "nothing was measured there and then\n")


def test_an_empty_answer_says_that_the_hour_still_runs_where_it_does(plaza: Plaza) -> None:
    why = "no hour is told there and then: the samples are of one that still runs"
    done = plaza("query", "wifi_radio", "clients", "--by", "mun,band")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(why)
    assert "until then ask with --bucket 60s" in done.out
    for form, out in (("json", ""), ("csv", "clients_mean,clients_sum,")):
        done = plaza("query", "wifi_radio", "clients", "--as", form)
        assert done.status == 0
        assert done.err.startswith(why)
        assert out in done.out
        assert done.out.count("\n") == (form == "csv")
    early = ", an hour in part after its first five minutes"
    assert early not in done.err
    said = plaza("query", "hotspot_mun", "clients", "--by", "mun", "--since", "10m").out
    assert "nothing was measured" in said  # by no access point either
    assert "1 samples" in plaza("query", "wifi_radio", "clients", "--bucket", "60s").out


def test_a_field_that_nobody_told_is_named(plaza: Plaza) -> None:
    said = plaza("query", "wifi_ap", "clients", "cpu_pct", "rx_octets", *window()).out.splitlines()
    assert said[-2:] == [
        "no device told cpu_pct in this window",
        "no device told rx_octets twice in a row in this window",
    ]
    assert "nobody told rtt_ms in this window" in plaza("query", "service", "rtt_ms", *window()).out


def test_the_fields_of_a_measurement_are_listed_with_what_is_rolled_up(plaza: Plaza) -> None:
    assert "hours, days and months by tags out of (mun, site, band) or (mun, band)" in (
        plaza("list", "wifi_radio").out
    )
    assert "service" in plaza("list").out
    assert plaza("list", "nothing").status == 2


def test_the_help_explains_statistics_and_ratios(plaza: Plaza) -> None:
    said = " ".join(plaza("query", "--help").out.split())
    assert "mean = sum / count" in said
    assert "What nobody knows is a gap, never 0" in said
    assert "small ones as they are" in " ".join(plaza("devices", "--help").out.split())


def test_different_devices_are_told_by_day_and_month_with_bounds(plaza: Plaza, place: Path) -> None:
    app = build(settings.load())
    sessions, here = StoredSessions(app.engine), site_of("08027-plaza")
    for number in range(3):
        arrival = Arrival("08027-plaza", f"d{number}", "b", "", "", Phone(f"02:ca:fe:00:00:{number:02x}"))
        sessions.open(here, arrival, here.plan, datetime(2026, 3, 2, 18, tzinfo=UTC))
    sessions.settle()
    app.samples.close()
    app.engine.dispose()
    rows = [
        json.loads(line) for line in plaza("devices", "--month", "2026-03", "--as", "json").out.splitlines()
    ]
    assert [row["mun"] for row in rows] == ["08027", ""]
    assert (rows[0]["daily_mean"], rows[0]["days"], rows[0]["of_days"]) == (3.0, 1, 31)
    assert rows[0]["monthly_low"] <= rows[0]["monthly"] == 3 <= rows[0]["monthly_high"]
    assert rows[0]["local_share"] == 1.0
    table = plaza("devices", "--month", "2026-03").out
    assert "08027 Guachochi" in table
    assert "1 of 31" in table
    said = plaza("devices", "--month", "2026-02", "--mun", "08027", "--as", "csv").out.splitlines()
    assert said[1] == "08027,Guachochi,2026-02,,0,28,,,,,"
    assert "write it like 2026-11" in plaza("devices", "--month", "November").err
    assert "nearest is 08027" in plaza("devices", "--mun", "8027").err


def test_whoever_reads_only_the_head_gets_no_traceback(place: Path) -> None:
    query = [sys.executable, "-m", "controller.cli.main", "metrics", *AVAILABILITY, *window(), "--as", "csv"]
    with subprocess.Popen(query, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


def test_a_question_loads_nothing_for_pictures_and_analysts(place: Path) -> None:
    script = (
        "import sys; from controller.cli import main; sys.argv = ['plaza', 'metrics', *sys.argv[1:]]\n"
        "try: main.main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'matplotlib', 'pyarrow', 'numpy', 'rich', 'datasketches'} & set(sys.modules)))"
    )
    words = [*AVAILABILITY, *window(), "--as", "json"]
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=place, capture_output=True, check=True)
    assert done.stdout.splitlines()[-1] == b"[]"
