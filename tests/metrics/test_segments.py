"""The spool of a poller without a store: what `put` returned is given back, whatever happens to its disk."""

import logging
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from metrics.errors import SpoolFull, StoreUnusable
from metrics.segments import Spool
from metrics.segments_file import FRAME_OCTETS, HEADER_OCTETS
from tests import need
from tests.metrics.spooling import payload

ROOT = Path(__file__).parents[2]
ALL = 2**40


@contextmanager
def opened(directory: Path, **limits: int) -> Iterator[Spool]:
    spool = Spool(directory, **{"min_free": 0, "segment_octets": 4096} | limits)
    try:
        yield spool
    finally:
        spool.close()


def filled(directory: Path, frames: int, segment_octets: int = 4096) -> None:
    with opened(directory, segment_octets=segment_octets) as spool:
        for number in range(1, frames + 1):
            assert spool.put(payload(number)) == number


def drained(spool: Spool, octets: int = 2000) -> list[int]:
    """The numbers of all frames that come, whose payloads are right; each is acknowledged."""
    found: list[int] = []
    while frames := spool.after(spool.acked, octets):
        for frame in frames:
            assert frame.payload == payload(frame.number)
            found.append(frame.number)
        spool.ack(frames[-1].number)
    return found


def segments(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.segment"))


def test_frames_come_back_in_their_order_until_they_are_acknowledged(tmp_path: Path) -> None:
    filled(tmp_path, 60)
    with opened(tmp_path) as spool:
        first = spool.after(0, 1)
        assert [frame.number for frame in first] == [1]
        assert spool.after(0, 1) == first, "not acknowledged, so it comes again"
        assert drained(spool) == list(range(1, 61))
        assert (spool.waiting, spool.after(0, ALL)) == (0, [])


def test_acknowledged_segments_give_their_room_back(tmp_path: Path) -> None:
    filled(tmp_path, 100)
    before = len(segments(tmp_path))
    with opened(tmp_path) as spool:
        drained(spool)
        assert len(segments(tmp_path)) == 1 < before
        assert spool.octets == sum(path.stat().st_size for path in segments(tmp_path)) < 2048


def test_a_number_is_never_given_twice_though_all_is_acknowledged_and_gone(tmp_path: Path) -> None:
    filled(tmp_path, 50)
    with opened(tmp_path) as spool:
        drained(spool)
        name = spool.id
    with opened(tmp_path) as spool:
        assert (spool.put(payload(51)), spool.id) == (51, name)
    os.truncate(segments(tmp_path)[-1], HEADER_OCTETS)
    with opened(tmp_path) as spool:
        assert spool.last == 50, "the cursor knows that they were safe"
    for path in segments(tmp_path):
        path.unlink()
    with opened(tmp_path) as spool:
        assert spool.put(b"") == 51


def test_a_lost_or_damaged_cursor_only_sends_again(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    with opened(tmp_path) as spool:
        spool.ack(12)
    cursor = tmp_path / "cursor"
    whole = cursor.read_bytes()
    for damage in (whole.replace(b"12", b"92"), b"", b"\xff\xfe", whole[:7]):
        cursor.write_bytes(damage)
        with opened(tmp_path) as spool:
            assert [frame.number for frame in spool.after(spool.acked, ALL)][-1] == 20
            assert spool.acked < 12
    cursor.unlink()
    with opened(tmp_path) as spool:
        assert drained(spool)[-1] == 20


@pytest.mark.parametrize("kept", [0, 1, FRAME_OCTETS - 1, FRAME_OCTETS, FRAME_OCTETS + 9])
def test_a_torn_tail_is_cut_and_its_number_given_to_the_next(tmp_path: Path, kept: int) -> None:
    filled(tmp_path, 3)
    (tail,) = segments(tmp_path)
    with opened(tmp_path) as spool:
        end = spool.after(1, 1)[0].end
    os.truncate(tail, end + kept)
    with opened(tmp_path) as spool:
        assert spool.last == 2
        assert spool.put(b"") == 3, "a shorter one: nothing of the torn one stays behind it"
    with opened(tmp_path) as spool:
        assert spool.last == 3
        assert [frame.number for frame in spool.after(0, ALL)] == [1, 2, 3]
        assert spool.losses.damaged == 0


def test_a_tail_that_was_damaged_later_never_gives_its_numbers_to_others(tmp_path: Path) -> None:
    """They may be at the centre already, which would take the new frames for those."""
    filled(tmp_path, 10, 2**20)
    (tail,) = segments(tmp_path)
    with opened(tmp_path) as spool:
        end = spool.after(5, 1)[0].end
    octets = bytearray(tail.read_bytes())
    octets[end:] = bytes(len(octets) - end)
    tail.write_bytes(octets)
    with opened(tmp_path) as spool:
        fresh = spool.put(payload(spool.last + 1))
        assert fresh > 10
        assert drained(spool) == [*range(1, 7), fresh]
        assert spool.losses.damaged >= 4


def test_damage_costs_only_the_frames_it_hit_and_is_told_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    filled(tmp_path, 40)
    hurt = segments(tmp_path)[1]
    octets = bytearray(hurt.read_bytes())
    with opened(tmp_path) as spool:
        first = int(hurt.stem)
        start = spool.after(first - 1, 1)[0].end
        octets[start + FRAME_OCTETS + 3] ^= 0x40
        hurt.write_bytes(octets)
        with caplog.at_level(logging.ERROR):
            expected = [number for number in range(1, 41) if number != first + 1]
            assert [frame.number for frame in spool.after(0, ALL)] == expected
            assert [frame.number for frame in spool.after(0, ALL)] == expected
        (told,) = caplog.records
        assert (told.file, told.offset) == (str(hurt), start)  # type: ignore[attr-defined]
        assert spool.losses.damaged == 1
        assert drained(spool) == expected


def test_a_truncated_segment_costs_its_end_and_no_more(tmp_path: Path) -> None:
    filled(tmp_path, 60)
    hurt, after = segments(tmp_path)[1:3]
    with opened(tmp_path) as spool:
        os.truncate(hurt, HEADER_OCTETS + 5)
        expected = [*range(1, int(hurt.stem)), *range(int(after.stem), 61)]
        assert drained(spool) == expected
        assert spool.losses.damaged == 60 - len(expected)


def test_any_damage_to_any_octet_leaves_every_other_frame(tmp_path: Path) -> None:
    chance = random.Random(9)
    filled(tmp_path, 12, 2**20)
    (tail,) = segments(tmp_path)
    whole = tail.read_bytes()
    for _ in range(60):
        octets = bytearray(whole)
        at, size = chance.randrange(len(octets)), chance.choice([1, 1, 3, 40])
        octets[at : at + size] = chance.randbytes(size)
        tail.write_bytes(octets[: len(whole)])
        with opened(tmp_path) as spool:
            found = [(frame.number, frame.payload) for frame in spool.after(0, ALL)]
            hit = 1 + sum(1 for number in range(1, 13) if (number, payload(number)) not in found)
            assert hit <= 4
            assert all(one == payload(number) for number, one in found)
            assert spool.last >= 12
        tail.write_bytes(whole)


def test_a_full_spool_drops_its_oldest_segment_and_counts_the_frames(tmp_path: Path) -> None:
    with opened(tmp_path, max_octets=16_384) as spool:
        for number in range(1, 200):
            spool.put(payload(number))
            assert spool.octets <= 16_384
        kept = drained(spool)
        assert kept == list(range(kept[0], 200))
        assert spool.losses.dropped == kept[0] - 1
    with opened(tmp_path) as spool:
        assert spool.losses.dropped == kept[0] - 1, "counted over restarts"


def test_nothing_is_put_where_the_disk_has_too_little_room_left(tmp_path: Path) -> None:
    with (
        opened(tmp_path, min_free=2**60) as spool,
        pytest.raises(SpoolFull, match="octets are free; make room: df"),
    ):
        spool.put(b"x")


def fill(spool: Spool) -> None:
    while True:
        spool.put(payload(spool.last + 1))


def test_on_a_full_disk_it_keeps_draining_and_takes_frames_again_when_there_is_room(tmp_path: Path) -> None:
    need.root()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "spool", str(tmp_path)], check=True)
    try:
        with opened(tmp_path, segment_octets=32_768) as spool:
            with pytest.raises(SpoolFull):
                fill(spool)
            last = spool.last
            with pytest.raises(SpoolFull):
                spool.put(payload(last + 1))
            assert spool.octets == sum(path.stat().st_size for path in segments(tmp_path))
            assert [frame.number for frame in spool.after(0, ALL)] == list(range(1, last + 1))
            spool.ack(last // 2)
            assert spool.put(payload(last + 1)) == last + 1
            assert drained(spool)[-1] == last + 1
            assert spool.put(payload(last + 2)) == last + 2
        with opened(tmp_path) as spool:
            assert drained(spool) == [last + 2]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_two_processes_never_share_a_spool(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(StoreUnusable, match="another process uses this spool"):
        Spool(tmp_path)


def test_segments_of_a_newer_plaza_are_refused_and_left_alone(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    (tail,) = segments(tmp_path)
    octets = bytearray(tail.read_bytes())
    octets[4] = 9
    tail.write_bytes(octets)
    with pytest.raises(StoreUnusable, match="newer Plaza"):
        Spool(tmp_path)
    assert tail.read_bytes() == octets


def test_what_was_never_put_cannot_be_acknowledged(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    with opened(tmp_path) as spool, pytest.raises(ValueError, match="never put"):
        spool.ack(4)


def killed(directory: Path, frames: int) -> int:
    """One life of a writer, ended by kill -9 after about so many frames; the last that it acknowledged."""
    command = [sys.executable, "-m", "tests.metrics.spooling", str(directory), "20000"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        said = [process.stdout.readline() for _ in range(frames)]
        process.kill()
        said += process.stdout.readlines()
    return max((int(line) for line in said if line.endswith("\n")), default=0)


def survives(directory: Path, kills: int, chance: random.Random) -> None:
    last = 0
    for _ in range(kills):
        last = max(last, killed(directory, chance.randrange(1, 40)))
    with opened(directory) as spool:
        assert spool.last >= last
        assert drained(spool) == list(range(1, spool.last + 1))
        assert (spool.losses.damaged, spool.losses.dropped) == (0, 0)


def test_no_frame_is_lost_by_kill_9(tmp_path: Path) -> None:
    survives(tmp_path, 4, random.Random(4))


@pytest.mark.soak
def test_no_frame_is_lost_by_a_hundred_and_twenty_kills(tmp_path: Path) -> None:
    survives(tmp_path, 120, random.Random())
