"""A disk that fills up: the writer never stops, nothing acknowledged is lost, every gap is counted."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from metrics.errors import StoreFull
from metrics.local.cold import generations
from metrics.local.cursors import Cursor, Cursors
from metrics.local.guard import Ballast, Guard, Keeping, free_octets, least_free_octets
from metrics.local.guard_gaps import Gap, note, noted
from metrics.local.guard_writing import Note, PatientWriter, notes
from metrics.local.journal import ends
from metrics.local.retention import cool
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window
from tests.metrics.samples import ap, slot
from tests.metrics.small import fill, small_disk

ALL = Window(0, 2**33)
DAY_S = 86_400
BEGIN = 1_795_305_600
MB = 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", 24) as place:
        yield place


@pytest.fixture
def full(disk: Path) -> Iterator[LocalStore]:
    """A store on the small disk; every test fills that as it likes."""
    opened = LocalStore.open(disk / "samples")
    yield opened
    opened.close()


def writer(store: LocalStore, ballast: Ballast | None = None, most: int = 10**6) -> PatientWriter:
    told = Note(Path(store.shelf.place), "poller")
    return PatientWriter(store, lambda samples: store.write("poller", samples), ballast, told, most)


def many(time: int) -> list[Sample]:
    return [ap(time, f"ap-{number}", up=1, rx_octets=time * number) for number in range(400)]


def test_the_ballast_takes_its_room_really_and_gives_it_back(disk: Path) -> None:
    before = free_octets(disk)
    ballast = Ballast(disk, 4 * MB)
    assert ballast.make()
    assert before - free_octets(disk) >= 4 * MB
    assert ballast.make()
    assert ballast.release()
    assert not ballast.release()
    assert free_octets(disk) == before


def test_a_ballast_for_which_there_is_no_room_leaves_nothing_behind(disk: Path) -> None:
    fill(disk, leave=2 * MB)
    before = free_octets(disk)
    assert not Ballast(disk, 4 * MB).make()
    assert free_octets(disk) == before


def test_on_a_full_disk_the_ballast_is_let_go_and_the_samples_are_stored(
    full: LocalStore, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    full.write("poller", many(BEGIN))
    ballast = Ballast(disk, 4 * MB)
    assert ballast.make()
    fill(disk)
    patient = writer(full, ballast)
    patient.write(many(BEGIN + 60))
    assert patient.waiting == 0
    assert full.counts(ALL) == {"wifi_ap": 800}
    assert "the disk is full, the ballast is let go" in caplog.messages


def test_what_cannot_be_stored_waits_and_is_stored_once_there_is_room(
    full: LocalStore, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    patient = writer(full)
    patient.write(many(BEGIN))
    filler = fill(disk)
    for minute in range(1, 60):
        patient.write(many(BEGIN + 60 * minute))
    assert patient.waiting
    assert notes(Path(full.shelf.place))["poller"]["waiting"] == patient.waiting
    stored = sum(full.counts(ALL).values())
    assert stored + patient.waiting == 60 * 400
    filler.unlink()
    patient.write(many(BEGIN + 60 * 60))
    assert patient.waiting == 0
    assert full.counts(ALL) == {"wifi_ap": 61 * 400}
    assert notes(Path(full.shelf.place)) == {}
    assert noted(full) == []
    told = [one for one in caplog.messages if "samples" in one]
    assert told == ["samples cannot be stored, polling goes on", "samples are stored again"]


def test_what_there_is_no_room_for_is_counted_by_measurement_and_minute_and_becomes_a_gap(
    full: LocalStore, disk: Path
) -> None:
    patient = writer(full, most=1000)
    patient.write(many(BEGIN))
    filler = fill(disk)
    minutes = 0
    while not patient.lost:
        minutes += 1
        patient.write(many(BEGIN + 60 * minutes))
        assert minutes < 1000
    patient.write(many(BEGIN + 60 * (minutes + 1)))
    lost = dict(patient.lost)
    assert {name for name, _ in lost} == {"wifi_ap"}
    assert notes(Path(full.shelf.place))["poller"]["lost"] == {"wifi_ap": sum(lost.values())}
    filler.unlink()
    patient.write([ap(BEGIN + 60 * (minutes + 2))])
    assert full.counts(ALL)["wifi_ap"] + sum(lost.values()) == (minutes + 2) * 400 + 1
    (gap,) = noted(full)
    first, last = min(minute for _, minute in lost), max(minute for _, minute in lost)
    assert (gap.measurement, gap.first, gap.last) == ("wifi_ap", first, last + 59)
    assert gap.points == sum(lost.values())


def test_what_waited_in_a_writer_that_was_killed_is_a_gap_too(full: LocalStore, disk: Path) -> None:
    killed = writer(full)
    killed.write(many(BEGIN))
    filler = fill(disk)
    while killed.waiting < 800:
        killed.write(many(BEGIN + 60))
    waited = killed.waiting
    filler.unlink()
    writer(full).write([ap(BEGIN + 600)])
    assert [(gap.sink, gap.measurement, gap.points) for gap in noted(full)] == [("", "", waited)]
    assert notes(Path(full.shelf.place)) == {}


def test_nothing_acknowledged_is_lost_on_a_disk_that_fills_up_while_it_is_written(
    full: LocalStore, disk: Path
) -> None:
    acknowledged = []
    filler = fill(disk, leave=MB)
    with suppress(StoreFull):
        for minute in range(10_000):
            full.write("poller", many(BEGIN + 60 * minute))
            acknowledged.append(BEGIN + 60 * minute)
    assert 0 < len(acknowledged) < 10_000
    found = {sample.time for sample in full.read("wifi_ap", ALL)}
    assert found == set(acknowledged)
    filler.unlink()
    full.close()
    again = LocalStore.open(disk / "samples")
    assert again.counts(ALL) == {"wifi_ap": 400 * len(acknowledged)}
    assert again.shelf.check(again.shelf.names()[-1]) == []
    again.close()


def guard(store: LocalStore, disk: Path, least: int, ballast: int = MB) -> Guard:
    return Guard(store, disk, least, Ballast(disk, ballast))


def yes(_day: str, _token: str, _batch: int) -> bool:
    return True


def volumes(store: LocalStore) -> list[str]:
    return [name[:15] for name in store.shelf.names() if name.startswith(("raw-", "cold-"))]


def test_days_become_cold_early_before_any_goes(full: LocalStore, disk: Path) -> None:
    for day in range(3):
        full.write("poller", [one for minute in range(40) for one in many(BEGIN + day * DAY_S + minute * 60)])
    before = full.counts(ALL)
    fill(disk, leave=2 * MB)
    watching = guard(full, disk, 2 * MB + 300_000)
    watching.turn(BEGIN + 2 * DAY_S + 3600, Keeping((), yes))
    assert "cold-2026-11-22" in volumes(full)
    assert "raw-2026-11-24" in volumes(full)
    assert full.counts(ALL) == before
    assert noted(full) == []


def test_what_every_sink_has_goes_first_and_what_one_lacks_is_its_gap(full: LocalStore, disk: Path) -> None:
    now = BEGIN + 4 * DAY_S
    for day in range(5):
        full.write("poller", slot(BEGIN + day * DAY_S, 6))
    for place, end in ends(full).items():
        if place.day == "2026-11-24":
            Cursors(full, "far").advance({place: Cursor(end, 11)}, 0)
    guard(full, disk, 10**9).turn(BEGIN, Keeping(("far",), yes))
    assert len(volumes(full)) == 5, "no day is over yet: none may go"
    points = sum(full.counts(Window(BEGIN, BEGIN + 1)).values())
    guard(full, disk, 10**9).turn(now, Keeping(("far",), yes))
    assert volumes(full) == ["raw-2026-11-26"]
    gaps = [(gap.sink, gap.first, gap.points) for gap in noted(full)]
    whole = [("", BEGIN + day * DAY_S, points) for day in range(4)]
    assert gaps == whole + [("far", BEGIN + day * DAY_S, points) for day in (0, 1, 3)]


def test_a_day_that_every_sink_has_goes_before_an_older_one_that_one_lacks(
    full: LocalStore, disk: Path
) -> None:
    for day in range(3):
        full.write("poller", slot(BEGIN + day * DAY_S, 6))
    (acknowledged,) = ((place, end) for place, end in ends(full).items() if place.day == "2026-11-23")
    Cursors(full, "far").advance({acknowledged[0]: Cursor(acknowledged[1], 11)}, 0)
    now = BEGIN + 3 * DAY_S
    for name in full.days():
        assert cool(full, name, now, ("far",), yes)
    fill(disk, leave=2 * MB)
    guard(full, disk, free_octets(disk) + 4096, 0).turn(now, Keeping(("far",), yes))
    assert volumes(full) == ["cold-2026-11-22", "cold-2026-11-24"]
    assert [gap.sink for gap in noted(full)] == [""]


def test_the_guard_stops_as_soon_as_there_is_room_and_makes_the_ballast_again(
    full: LocalStore, disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for day in range(4):
        full.write("poller", [one for minute in range(10) for one in many(BEGIN + day * DAY_S + minute * 60)])
    watching = guard(full, disk, 2 * MB, 6 * MB)
    watching.turn(BEGIN, Keeping((), yes))
    assert (disk / "ballast").stat().st_size == 6 * MB
    filler = fill(disk, leave=MB)
    watching.turn(BEGIN + 3 * DAY_S + 1, Keeping((), yes))
    assert not (disk / "ballast").exists()
    assert len(volumes(full)) == 4, "the ballast was enough"
    filler.unlink()
    watching.turn(BEGIN + 3 * DAY_S + 1, Keeping((), yes))
    assert (disk / "ballast").exists()
    told = [one for one in caplog.messages if "disk" in one]
    assert told == ["the disk is nearly full", "there is room on the disk again"]


def test_a_small_disk_needs_less_room_unless_it_is_said_how_much(disk: Path) -> None:
    room = os.statvfs(disk)
    assert least_free_octets(disk, None) == room.f_blocks * room.f_frsize // 50
    assert least_free_octets(disk, 3) == 3 * MB


def test_gaps_are_remembered(store: LocalStore) -> None:
    gap = Gap(9, "far", "wifi_ap", 1, 2, 3, "why")
    note(store, [gap])
    note(store, [])
    assert noted(store) == [gap]
    assert generations(store.shelf.names()) == {}
