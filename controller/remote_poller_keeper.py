"""Finished polls → spool. A full disk stops no polling: some minutes stay in memory, the rest is counted."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from controller.poller import Polled
from controller.remote_poller_report import payloads
from metrics.errors import CatalogError, SpoolFull
from metrics.segments import Spool

log = logging.getLogger(__name__)

HELD_OCTETS: Final = 8 * 2**20


class Keeper:
    """Makes batches durable; called from one thread at a time. `lost` frames found no room anywhere."""

    def __init__(self, spool: Spool, epoch: Callable[[], int], now: Callable[[], float] = time.time) -> None:
        self._spool = spool
        self._epoch = epoch
        self._now = now
        self._held: deque[bytes] = deque()
        self._full = False
        self.lost = 0

    def __call__(self, batch: Sequence[Polled]) -> None:
        """See `controller.poller.Keep`."""
        self._held.extend(self._frames(batch))
        try:
            while self._held:
                self._spool.put(self._held[0])
                self._held.popleft()
        except SpoolFull as error:
            self._wait(error)
        else:
            if self._full:
                log.info("spool takes frames again", extra={"lost_frames": self.lost})
            self._full = False
        for one in batch:
            for problem in one.problems:
                log.warning("reply not understood", extra={"device": one.device.name, "problem": problem})
            for event in one.events:
                log.warning("snmp event", extra={"device": one.device.name, "event": event})

    def _frames(self, batch: Sequence[Polled]) -> list[bytes]:
        """One device that cannot be written costs no other."""
        epoch, at = self._epoch(), int(self._now())
        try:
            return list(payloads(batch, epoch, at))
        except CatalogError as error:
            if len(batch) > 1:
                return [frame for one in batch for frame in self._frames([one])]
            shown = {"device": batch[0].device.name, "reason": str(error)}
            log.error("a poll cannot be written", extra=shown)
            return []

    def _wait(self, error: SpoolFull) -> None:
        """Hold the newest in memory; what is too much is lost, oldest first."""
        if not self._full:
            log.error("spool takes no frames, polling goes on", extra={"reason": str(error)})
        self._full = True
        octets = sum(map(len, self._held))
        while octets > HELD_OCTETS:
            octets -= len(self._held.popleft())
            self.lost += 1
