"""A backup of a store in use is whole and comes back whole; one that is not is refused."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from metrics.errors import StoreUnusable
from metrics.forward import progress
from metrics.local.backup import MANIFEST, back_up, restore
from metrics.local.cursors import Cursor, Cursors
from metrics.local.journal import ends
from metrics.local.repair_check import faults
from metrics.local.retention import cool
from metrics.local.rollup import roll_up
from metrics.local.store import LocalStore
from metrics.sink import Window
from tests.metrics.samples import ap, slot
from tests.postgres import Cluster

DAY_S = 86_400
BEGIN = 1_795_305_600
ALL = Window(0, 2**33)


@pytest.fixture
def filled(store: LocalStore) -> LocalStore:
    """A cold day with something late, a raw day, rollups and a sink half way."""
    store.write("poller", slot(BEGIN, 5))
    roll_up(store, BEGIN + 2 * DAY_S)
    cool(store, "2026-11-22", BEGIN + 3 * DAY_S, (), lambda *_: True)
    store.write("poller", [ap(BEGIN + 60)], shard=3, epoch=7)
    store.write("poller", slot(BEGIN + DAY_S, 5))
    place, end = next(iter(ends(store).items()))
    Cursors(store, "sink").advance({place: Cursor(end, 9)}, 0)
    return store


def test_what_is_restored_is_what_was_backed_up_cursors_and_fences_too(
    filled: LocalStore, tmp_path: Path
) -> None:
    copied = list(back_up(filled, tmp_path / "backup"))
    assert [one.name for one in copied] == sorted(
        filled.shelf.names(),
        key=lambda name: (name not in {"cursors", "rollup"}, name == "fences", name),
    )
    assert restore(tmp_path / "backup", tmp_path / "new" / "samples") == copied
    again = LocalStore.open(tmp_path / "new" / "samples")
    assert again.counts(ALL) == filled.counts(ALL)
    assert again.read("wifi_ap", ALL) == filled.read("wifi_ap", ALL)
    assert ends(again) == ends(filled)
    assert progress(again, "sink") == progress(filled, "sink")
    assert list(faults(again)) == []
    with pytest.raises(Exception, match="epoch 1 is stale"):
        again.write("poller", [ap(BEGIN)], shard=3, epoch=1)
    again.write("poller", [ap(BEGIN + DAY_S + 60)])
    again.close()


def test_a_backup_of_a_store_that_is_written_and_made_cold_meanwhile_lacks_nothing_written_before(
    store: LocalStore, tmp_path: Path
) -> None:
    for day in range(3):
        store.write("poller", slot(BEGIN + day * DAY_S, 20))
    before = store.counts(ALL)
    stop = threading.Event()
    other = LocalStore.open(Path(store.shelf.place))

    def carry_on() -> None:
        time = BEGIN
        while not stop.is_set():
            time += 60
            other.write("late", [ap(time, "late"), ap(time + 2 * DAY_S, "late")])
            cool(other, "2026-11-22", BEGIN + 9 * DAY_S, (), lambda *_: True)

    thread = threading.Thread(target=carry_on)
    thread.start()
    try:
        for number in range(3):
            list(back_up(store, tmp_path / f"backup-{number}"))
            restore(tmp_path / f"backup-{number}", tmp_path / f"new-{number}")
            again = LocalStore.open(tmp_path / f"new-{number}")
            found = again.counts(ALL)
            assert {name: min(found[name], before[name]) for name in before} == before
            assert list(faults(again)) == []
            again.close()
    finally:
        stop.set()
        thread.join()
        other.close()


def no_manifest(backup: Path) -> None:
    (backup / MANIFEST).unlink()


def cut_volume(backup: Path) -> None:
    path = backup / "raw-2026-11-23.db"
    path.write_bytes(path.read_bytes()[:-4096])


def no_volume(backup: Path) -> None:
    (backup / "fences.db").unlink()


def half_manifest(backup: Path) -> None:
    path = backup / MANIFEST
    path.write_text(path.read_text()[:-40])


def newer(backup: Path) -> None:
    path = backup / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 9}))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_manifest, "cut short"),
        (cut_volume, r"raw-2026-11-23\.db: not as it was"),
        (no_volume, r"fences\.db: missing"),
        (half_manifest, "not readable"),
        (newer, "version 9"),
    ],
)
def test_a_backup_that_is_not_whole_is_refused_and_leaves_nothing(
    filled: LocalStore, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    list(back_up(filled, tmp_path / "backup"))
    spoil(tmp_path / "backup")
    with pytest.raises(StoreUnusable, match=words):
        restore(tmp_path / "backup", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "metrics"]


def test_a_backup_that_is_killed_is_not_taken_for_one(filled: LocalStore, tmp_path: Path) -> None:
    """It ends itself after the second volume, as a kill at that moment would."""
    program = (
        "import os, sys; from pathlib import Path; from metrics.local.backup import back_up\n"
        "from metrics.local.store import LocalStore\n"
        "copies = back_up(LocalStore.open(Path(sys.argv[1])), Path(sys.argv[2]))\n"
        "next(copies); next(copies); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program, filled.shelf.place, str(tmp_path / "backup")]
    subprocess.run(command, check=False, cwd=Path(__file__).parents[2])
    assert len(list((tmp_path / "backup").glob("*.db"))) == 2
    with pytest.raises(StoreUnusable, match="cut short"):
        restore(tmp_path / "backup", tmp_path / "new")


def test_neither_a_backup_nor_a_store_is_written_over(filled: LocalStore, tmp_path: Path) -> None:
    list(back_up(filled, tmp_path / "backup"))
    with pytest.raises(StoreUnusable, match="not empty"):
        list(back_up(filled, tmp_path / "backup"))
    with pytest.raises(StoreUnusable, match="there is a store already"):
        restore(tmp_path / "backup", Path(filled.shelf.place))


def test_a_damaged_volume_stops_the_backup(filled: LocalStore, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    list(back_up(filled, tmp_path / "backup"))
    shutil.copytree(tmp_path / "backup", copy, ignore=shutil.ignore_patterns(MANIFEST))
    opened = LocalStore.open(copy)
    path = copy / "raw-2026-11-23.db"
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 4096 * 4)
    with pytest.raises(StoreUnusable, match="plaza store repair"):
        list(back_up(opened, tmp_path / "second"))
    assert not (tmp_path / "second" / MANIFEST).exists()
    opened.close()


def test_a_server_is_backed_up_by_its_own_tool(postgres: Cluster, tmp_path: Path) -> None:
    store = LocalStore.open(postgres.new())
    with pytest.raises(StoreUnusable, match=r"pg_dump .*postgresql:") as caught:
        list(back_up(store, tmp_path / "backup"))
    assert ":@" not in str(caught.value)
    store.close()


def test_who_looked_into_an_empty_directory_first_restores_all_the_same(
    filled: LocalStore, tmp_path: Path
) -> None:
    list(back_up(filled, tmp_path / "backup"))
    looked = LocalStore.open(tmp_path / "new")
    assert list(faults(looked)) == []
    roll_up(looked, 86_400)
    looked.close()
    restore(tmp_path / "backup", tmp_path / "new")
    again = LocalStore.open(tmp_path / "new")
    assert again.counts(ALL) == filled.counts(ALL)
    again.close()
    with pytest.raises(StoreUnusable, match="there is a store already"):
        restore(tmp_path / "backup", tmp_path / "new")


def test_months_without_their_samples_are_a_store(store: LocalStore, tmp_path: Path) -> None:
    list(back_up(store, tmp_path / "backup"))
    store.write("poller", [ap(60)])
    roll_up(store, 40 * 86_400)
    for day in store.days():
        store.drop(day)
    store.close()
    with pytest.raises(StoreUnusable, match="there is a store already"):
        restore(tmp_path / "backup", Path(store.shelf.place))
