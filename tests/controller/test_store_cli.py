"""`plaza store`, as staff type it; and a poller whose disk is full."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from controller.cli.main import plaza
from controller.errors import SettingsError
from controller.settings import load
from metrics.local.guard_gaps import Gap, note
from metrics.local.guard_writing import Note
from metrics.local.rollup import roll_up
from metrics.local.store import LocalStore
from metrics.sink import Window
from tests.metrics.samples import slot
from tests.metrics.small import fill, small_disk
from tests.town import Town, town, wait_for

BEGIN = 1_795_305_600
RAW = "raw-2026-11-22.db"
ALL = Window(0, 2**33)

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`plaza store …` in an empty directory with three slots stored."""
    for name in [name for name in os.environ if name.startswith("PLAZA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    store = LocalStore.open(tmp_path / "var" / "samples")
    store.write("poller", [one for time in range(3) for one in slot(BEGIN + 60 * time, 30)])
    store.close()
    return lambda *words: CliRunner().invoke(plaza, ["store", *words])


def cut(tmp_path: Path) -> None:
    path = tmp_path / "var" / "samples" / RAW
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def test_status_tells_what_is_kept_what_waits_and_every_gap(run: Run, tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "var" / "samples")
    note(store, [Gap(BEGIN, "", "wifi_ap", BEGIN, BEGIN + 59, 7, "no room to store it")])
    note(store, [Gap(BEGIN, "far", "", BEGIN, BEGIN + 59, 0, "dropped for room")])
    told = Note(Path(store.shelf.place), "poller")
    told.prepare()
    told.say({"since": BEGIN, "reason": "disk full", "waiting": 5, "lost": {"wifi_ap": 2}})
    store.close()
    said = run("status").output.splitlines()
    assert said[0].startswith("days as they came: 1, ")
    assert said[1].startswith("days in chunks: 0, ")
    assert "ballast not held" in said[3]
    assert said[4:] == [
        "poller: 5 samples wait since 2026-11-22T00:00:00Z, lost: 2 of wifi_ap; disk full",
        "gap: the store lacks about 7 points of wifi_ap from 2026-11-22T00:00:00Z to 2026-11-22T00:00:59Z; "
        "no room to store it",
        "gap: sink far lacks an unknown number of points from 2026-11-22T00:00:00Z to 2026-11-22T00:00:59Z; "
        "dropped for room",
    ]


def test_a_damaged_day_is_found_repaired_and_then_all_is_whole(run: Run, tmp_path: Path) -> None:
    assert run("check").output == "everything that is kept is whole\n"
    assert run("repair").output == "nothing is damaged\n"
    cut(tmp_path)
    found = run("check")
    assert found.exit_code == 3
    assert "plaza store repair saves what can be read" in found.output
    assert "damaged and set aside" in run("status").output
    said = run("repair").output
    assert said.startswith("2026-11-22: ")
    assert "points saved, lost: " in said
    assert ".repaired-" in said
    assert run("check").exit_code == 0
    assert "gap: the store lacks" in run("status").output


def test_what_repair_cannot_mend_is_named_with_what_to_do(run: Run, tmp_path: Path) -> None:
    (fences,) = tmp_path.rglob("fences.db")
    store, rollup = LocalStore.open(fences.parent), fences.with_name("rollup.db")
    roll_up(store, 0)
    store.close()
    with rollup.open("r+b") as file:
        file.seek(8 * 4096)
        file.write(b"rubbish " * 1024)
    said = run("repair")
    assert said.exit_code == 3
    assert f"{rollup}: " in said.output
    assert "plaza store restore brings it back out of a backup" in said.output


def test_a_backup_is_restored_into_an_empty_data_directory(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run("backup", "copy").output
    assert "volumes" in said
    assert "copy/manifest.json" in said
    refused = run("restore", "copy")
    assert "there is a store already" in str(refused.exception)
    monkeypatch.setenv("PLAZA_DATA_DIR", "elsewhere")
    assert "restored, each as it was backed up" in run("restore", "copy").output
    store = LocalStore.open(tmp_path / "elsewhere" / "samples")
    assert store.counts(ALL)["wifi_ap"] == 90
    store.close()


def test_a_backup_does_not_restore_into_a_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("backup", "copy")
    monkeypatch.setenv("PLAZA_SAMPLES_URL", "postgresql://127.0.0.1/plaza")
    assert "pg_restore" in str(run("restore", "copy").exception)


@pytest.mark.parametrize("way", ["file", "variable"])
def test_the_setting_that_is_gone_says_what_to_write_instead(tmp_path: Path, way: str) -> None:
    if way == "file":
        (tmp_path / "plaza.toml").write_text("raw_days = 30\n")
    environ = {"PLAZA_RAW_DAYS": "30"} if way == "variable" else {}
    with pytest.raises(SettingsError, match=r"raw_hours.*write chunk_days in its place"):
        load(environ, tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    """A town whose data lies on a disk of 24 MB, and whose devices never answer."""
    with town(tmp_path, "127.73.44") as made, small_disk(tmp_path / "disk", 24) as disk:
        made.environ |= {"PLAZA_DATA_DIR": str(disk / "var"), "PLAZA_BALLAST_MB": "0"}
        secrets = disk / "var" / "secrets"
        secrets.mkdir(parents=True)
        for name in ("snmp-community", "gateway-key", "aps-ssh-key"):
            (secrets / name).write_text("x" * 64)
            (secrets / name).chmod(0o600)
        yield made


def test_a_poller_whose_disk_is_full_goes_on_and_nothing_is_missing_afterwards(place: Town) -> None:
    log = place.directory / "poller.log"
    with log.open("wb") as file:
        poller = subprocess.Popen(
            [*place.program, "run", "poller"],
            env=place.environ,
            cwd=place.directory,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(place.sample_counts, "the first samples")
        filler = fill(Path(place.environ["PLAZA_DATA_DIR"]).parent)
        wait_for(lambda: "samples cannot be stored, polling goes on" in log.read_text(), "a full disk")
        assert "samples wait since" in place.plaza("store", "status").stdout
        full_at = time.time()
        wait_for(lambda: time.time() > full_at + 6 or poller.poll() is not None, "another poll")
        assert poller.poll() is None, log.read_text()
        filler.unlink()
        wait_for(lambda: "samples are stored again" in log.read_text(), "room")
        with place.samples() as store:
            times = {name: slots(store, name) for name in ("ap-kiosk", "ap-school")}
        for found in times.values():
            assert found == list(range(found[0], found[-1] + 5, 5))
            assert len(found) >= 3
        assert log.read_text().count("samples cannot be stored") == 1
    finally:
        poller.terminate()
        poller.wait(30)


def slots(store: LocalStore, ap: str) -> list[int]:
    return [sample.time for sample in store.read("wifi_ap", ALL, {"ap": ap})]
