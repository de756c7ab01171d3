"""The right to poll, asked for at the centre: two pollers of one name never poll the same devices for long.

Nobody is told by a centre that cannot be reached that the right is gone, so whoever had it polls on, under
the epoch of its last lease. Only the centre's word ends it.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from controller.errors import SecretError
from controller.files import write_private
from controller.remote_poller_centre import Centre, CentreAway
from metrics.forward import back_off_s

log = logging.getLogger(__name__)

RENEW_S: Final = 10.0
OFF_S: Final = 120
LONGEST_BACK_OFF_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Right:
    """Whether we may poll, and the epoch of the last lease we had, 0 when there was none yet."""

    may: bool = True
    epoch: int = 0


class Tenant:
    """Keeps the lease while it runs; `right` may be read by any thread."""

    def __init__(self, file: Path, centre: Centre, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._centre = centre
        self._now = now
        self._is_off = False
        self.right = _read(file)

    def run(self, stop: Event) -> None:
        """Ask every RENEW_S seconds until told to stop."""
        failures = 0
        while not stop.is_set():
            try:
                self.ask()
            except (CentreAway, SecretError) as error:
                failures += 1
                if failures == 1:
                    shown = {"reason": str(error), "polls": self.right.may, "epoch": self.right.epoch}
                    log.warning("lease not renewed, the centre cannot be asked", extra=shown)
                stop.wait(min(back_off_s(failures, None), LONGEST_BACK_OFF_S))
                continue
            failures = 0
            stop.wait(RENEW_S)

    def ask(self) -> None:
        """Once. Raises CentreAway, SecretError."""
        before = self.right
        leased = self._centre.lease(before.epoch if before.may else 0)
        self._compare(leased.now)
        now = Right(True, leased.epoch) if leased.epoch else Right(False, before.epoch)
        if now == before:
            return
        self.right = now
        if now.may:
            log.info("lease", extra={"epoch": now.epoch})
        else:
            log.warning("another poller of this name has the lease; this one polls nothing until it is free")
        try:
            write_private(self._file, json.dumps({"may": now.may, "epoch": now.epoch}))
        except OSError as error:
            log.warning("lease not written down", extra={"file": str(self._file), "reason": error.strerror})

    def _compare(self, centres: int) -> None:
        """The centre refuses slots of a clock that is far off: told once, and again when it was right."""
        ahead_s = round(self._now() - centres)
        if abs(ahead_s) > OFF_S and not self._is_off:
            log.error("this clock is not the centre's, set it", extra={"ahead_s": ahead_s})
        self._is_off = abs(ahead_s) > OFF_S


def _read(file: Path) -> Right:
    """As of the last run; who has none yet may poll, for nobody else is known to."""
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return Right(bool(said["may"]), int(said["epoch"]))
    except FileNotFoundError:
        return Right()
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("lease file is damaged, begun anew", extra={"file": str(file), "reason": str(error)})
        return Right()
