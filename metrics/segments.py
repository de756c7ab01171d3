"""A spool of numbered frames in segment files: store and forward for who keeps no store.

One process writes and reads it, by any threads. What `put` has returned survives kill -9 and a power cut; it
is given back in its order until it is acknowledged. A frame never bears the number of an earlier one, so
(id, number) names it for ever and whoever takes frames can tell those that come again.
"""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from metrics import segments_file as files
from metrics import segments_place as place
from metrics.errors import SpoolFull, StoreUnusable
from metrics.segments_file import FRAME_OCTETS, HEADER_OCTETS, Frame
from metrics.segments_place import Segment

log = logging.getLogger(__name__)

SEGMENT_OCTETS: Final = 16 * 2**20
MAX_OCTETS: Final = 8 * 2**30
MIN_FREE_OCTETS: Final = 256 * 2**20


class Spool:
    """The spool in a directory, which is made when absent. Raises StoreUnusable.

    Beyond `max_octets` the oldest segment goes and is counted; nothing is put while the disk has less than
    `min_free` octets left.
    """

    def __init__(
        self,
        directory: Path,
        max_octets: int = MAX_OCTETS,
        min_free: int = MIN_FREE_OCTETS,
        segment_octets: int = SEGMENT_OCTETS,
    ) -> None:
        self.directory = directory
        self._max = max_octets
        self._min_free = min_free
        self._segment_octets = min(segment_octets, max(max_octets // 4, 1))
        self._lock = Lock()
        self._places: dict[int, tuple[int, int]] = {}
        self._told: set[tuple[int, int]] = set()
        self._cursor_fails = False
        self._tail = -1
        self.last = 0
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._alone = place.locked(directory)
            self.id = place.identity(directory)
            self.acked, self.losses = place.cursor(directory)
            self._counted = self.acked
            self._segments = place.segments(directory)
            self._take_up()
        except OSError as error:
            hint = f"let this user read and write there, and see df {directory}"
            raise StoreUnusable(directory, error.strerror or str(error), hint) from error

    def close(self) -> None:
        """Let another process have it."""
        with self._lock:
            os.close(self._tail)
            self._alone.close()

    @property
    def octets(self) -> int:
        """What all segments take on the disk."""
        return sum(segment.size for segment in self._segments)

    @property
    def waiting(self) -> int:
        """How many frames are not acknowledged, damaged ones among them."""
        return self.last - self.acked

    def put(self, payload: bytes) -> int:
        """The number of a new frame, which is on the disk on return. Raises SpoolFull: nothing was kept."""
        with self._lock:
            number = self.last + 1
            frame = files.packed(number, payload)
            try:
                self._make_room(len(frame))
                tail = self._segments[-1]
                if tail.size + len(frame) > self._segment_octets and tail.size > HEADER_OCTETS:
                    self._begin(number)
                    tail = self._segments[-1]
                self._write(frame, tail.size)
            except OSError as error:
                raise SpoolFull(self.directory, error.strerror or str(error)) from error
            tail.size += len(frame)
            self.last = number
            return number

    def after(self, number: int, octets: int) -> list[Frame]:
        """The frames that follow `number`, of about `octets` together, at least one when there is any.

        What is damaged is skipped, counted and told in one line.
        """
        with self._lock:
            number = max(number, self.acked)
            found: list[Frame] = []
            places = {number: self._place(number)}
            for first, frame in self._frames(*places[number]):
                if frame.number <= number:
                    continue
                octets -= len(frame.payload) + FRAME_OCTETS
                if found and octets < 0:
                    break
                self._count(number, frame.number)
                number = frame.number
                found.append(frame)
                places[number] = (first, frame.end)
                if octets <= 0:
                    break
            else:
                self._count(number, self.last + 1)
            self._places = places
            if not found:
                self.acked = self.last  # whatever there was, nobody can send it any more
            return found

    def ack(self, number: int) -> None:
        """All frames up to this one are safe elsewhere. Raises ValueError for a number never given."""
        with self._lock:
            if number > self.last:
                raise ValueError(f"frame {number} was never put, the last is {self.last}")
            if number <= self.acked:
                return
            self.acked = number
            while len(self._segments) > 1 and self._segments[1].first <= number + 1:
                self._segments.pop(0).path.unlink(missing_ok=True)
            if number == self.last and self._segments[-1].size > self._segment_octets // 4:
                with suppress(OSError):  # on a full disk the one that is there is as good
                    self._begin(number + 1)
                    self._segments.pop(0).path.unlink(missing_ok=True)
            self._keep_cursor()

    def _take_up(self) -> None:
        """Find the last good frame of the newest segment and cut off what comes after it."""
        if not self._segments:
            self.last = self.acked
            self._begin(self.last + 1)
            return
        tail = self._segments[-1]
        files.require_known(tail.path)
        self._tail = os.open(tail.path, os.O_RDWR | os.O_CLOEXEC)
        last, end = tail.first - 1, HEADER_OCTETS
        for frame in files.good(self._tail, tail.size):
            last, end = frame.number, frame.end
        if tail.size < HEADER_OCTETS:
            os.pwrite(self._tail, files.header(), 0)
        cut = tail.size - end
        self.last = max(last, self.acked)
        if cut > 0 and not files.is_cut_short(self._tail, end, tail.size, last + 1):
            # It may have held frames that went out before it was damaged: their numbers are not given again.
            self.last += cut // FRAME_OCTETS + 1
            self._tell_damage(tail, end, cut)
        elif cut > 0:
            shown = {"file": str(tail.path), "offset": end, "octets": cut}
            log.warning("spool: cut off a frame that was not written to its end", extra=shown)
        os.ftruncate(self._tail, end)
        os.fdatasync(self._tail)
        tail.size = end

    def _begin(self, first: int) -> None:
        """A new newest segment. Raises OSError."""
        path = files.path_of(self.directory, first)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            files.write_all(descriptor, files.header(), 0)
            os.fsync(descriptor)
            place.sync_directory(self.directory)
        except OSError:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        if self._tail >= 0:
            os.close(self._tail)
        self._tail = descriptor
        self._segments.append(Segment(first, path, HEADER_OCTETS))

    def _write(self, frame: bytes, offset: int) -> None:
        """Whole or, for the next reader, not at all. Raises OSError."""
        try:
            files.write_all(self._tail, frame, offset)
            os.fdatasync(self._tail)
        except OSError:
            with suppress(OSError):  # if that fails too, the next frame is written over it
                os.ftruncate(self._tail, offset)
            raise

    def _make_room(self, octets: int) -> None:
        """Raise OSError when the disk is full; drop the oldest segments when the spool is."""
        there = os.statvfs(self.directory)
        if there.f_bavail * there.f_frsize < self._min_free + octets:
            raise OSError(errno.ENOSPC, f"less than {self._min_free} octets are free")
        while self.octets + octets > self._max and self.octets > HEADER_OCTETS:
            if len(self._segments) == 1:
                self._begin(self.last + 1)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._segments.pop(0)
        end = self._segments[0].first - 1
        lost = max(0, end - max(self.acked, oldest.first - 1))
        self.losses.dropped += lost
        self.acked = max(self.acked, end)
        self._counted = max(self._counted, end)
        oldest.path.unlink(missing_ok=True)
        self._keep_cursor()
        if lost:
            log.error(
                "spool is full: its oldest frames are lost", extra={"file": str(oldest.path), "frames": lost}
            )

    def _place(self, number: int) -> tuple[int, int]:
        """The segment and the offset at which to look for the frame after `number`."""
        if number in self._places:
            return self._places[number]
        firsts = [segment.first for segment in self._segments if segment.first <= number + 1]
        return (firsts[-1] if firsts else self._segments[0].first), HEADER_OCTETS

    def _frames(self, first: int, offset: int) -> Iterator[tuple[int, Frame]]:
        """All good frames from there on, each with the first number of its segment."""
        for segment in self._segments:
            if segment.first >= first:
                start = offset if segment.first == first else HEADER_OCTETS
                for frame in self._of(segment, start):
                    yield segment.first, frame

    def _of(self, segment: Segment, offset: int) -> Iterator[Frame]:
        try:
            with files.opened(segment.path) as descriptor:
                while offset < segment.size:
                    frame = files.frame_at(descriptor, offset, segment.size)
                    if frame is None:
                        good = files.next_good(descriptor, offset, segment.size) or segment.size
                        self._tell_damage(segment, offset, good - offset)
                        offset = good
                        continue
                    yield frame
                    offset = frame.end
        except OSError as error:
            if (segment.first, -1) not in self._told:
                self._told.add((segment.first, -1))
                shown = {"file": str(segment.path), "reason": error.strerror}
                log.error("spool: a segment cannot be read, its frames are lost", extra=shown)

    def _tell_damage(self, segment: Segment, offset: int, octets: int) -> None:
        if (segment.first, offset) not in self._told:
            self._told.add((segment.first, offset))
            shown = {"file": str(segment.path), "offset": offset, "octets": octets}
            log.error("spool: skipped damaged octets", extra=shown)

    def _count(self, before: int, number: int) -> None:
        """Frames between two that follow each other are lost; each is counted once."""
        start = max(before, self._counted)
        self.losses.damaged += max(0, number - 1 - start)
        self._counted = max(self._counted, number - 1)

    def _keep_cursor(self) -> None:
        try:
            place.keep_cursor(self.directory, self.acked, self.losses)
            self._cursor_fails = False
        except OSError as error:
            if not self._cursor_fails:
                log.warning("spool: its cursor is only in memory", extra={"reason": error.strerror})
            self._cursor_fails = True
