"""Spool → centre, in order, for ever; frames leave the spool only when the centre says that it has them."""

import logging
from threading import Event
from typing import Final

from controller import remote_poller_wire as wire
from controller.errors import SecretError
from controller.remote_poller_centre import BatchTooLarge, Centre, CentreAway
from metrics.forward import back_off_s
from metrics.segments import Spool
from metrics.segments_file import Frame

log = logging.getLogger(__name__)

IDLE_S: Final = 1.0
_HEAD_OCTETS: Final = 1_000
TOLD_AGAIN_S: Final = 3_600.0


class Courier:
    """Brings what is spooled to the centre; for one thread."""

    def __init__(self, spool: Spool, centre: Centre) -> None:
        self._spool = spool
        self._centre = centre
        self._room = wire.LARGEST_OCTETS - _HEAD_OCTETS
        self._failures = 0
        self._waited_s = 0.0

    def run(self, stop: Event) -> None:
        """Until told to stop, through every failure of the centre."""
        while not stop.is_set():
            try:
                moved = self.step()
            except (CentreAway, SecretError) as error:
                self._failures += 1
                wait_s = back_off_s(self._failures, getattr(error, "retry_after_s", None))
                self._report(error, wait_s)
                stop.wait(wait_s)
                continue
            if self._failures:
                log.info("centre answers again", extra={"waiting_frames": self._spool.waiting})
            self._failures, self._waited_s = 0, 0.0
            if not moved:
                stop.wait(IDLE_S)

    def step(self) -> bool:
        """One question; False when nothing waits. Raises CentreAway, SecretError: nothing is lost by it."""
        frames = self._spool.after(self._spool.acked, self._room)
        if not frames:
            return False
        try:
            landed = self._centre.land(frames, self._spool.losses)
        except BatchTooLarge:
            self._room //= 2
            if len(frames) == 1:
                self._room = wire.LARGEST_OCTETS - _HEAD_OCTETS
                raise
            return True
        self._believe(frames, landed)
        return True

    def _believe(self, frames: list[Frame], landed: wire.Landed) -> None:
        """Raises CentreAway when it has not all of them."""
        if landed.have > frames[-1].number:
            raise CentreAway(f"it says it has frame {landed.have}, which it was not sent")
        if landed.refused:
            log.error("centre refused samples, its log says why", extra={"samples": landed.refused})
        self._spool.ack(landed.have)
        if landed.have < frames[-1].number:
            raise CentreAway(landed.problem or "it did not take all")

    def _report(self, error: Exception, wait_s: float) -> None:
        """The first time, and then once an hour."""
        if self._failures == 1 or self._waited_s >= TOLD_AGAIN_S:
            self._waited_s = 0.0
            spool = self._spool
            shown = {"reason": str(error), "waiting_frames": spool.waiting, "spool_octets": spool.octets}
            log.warning("centre out of reach, the spool keeps what is polled", extra=shown)
        self._waited_s += wait_s
