"""A process of its own that writes journals and is killed in the middle of a write.

`tears DIRECTORY FIRST LAST STEP`: for each of these numbers of octets a child writes one, and no file of it
may grow beyond that. What is written up to there is on the disk, torn, and the kernel ends the child with
SIGXFSZ. Tells of each how it ended, and how many of `STEPS` began.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from captive_portal.gateway.journal import Event, Journal, Live

STAYS: Final = Live("stays", "b1", 5.0, 900.0, binding="a" * 32)
LONGER: Final = Live("stays", "b1", 5.0, 1800.0, binding="a" * 32, down=7)
PULSE: Final = Event("pulse", "", "b1", 60.0, values={"inside": 2})
ENDED: Final = Event("closed", "goes", "b1", 70.0, 60, 5, 6, "User-Request")

STEPS: Final[tuple[Callable[[Journal], object], ...]] = (
    lambda journal: journal.opened(STAYS),
    lambda journal: journal.opened(Live("goes", "b1", 10.0, 610.0)),
    lambda journal: journal.prolonged(LONGER, Live("goes", "b1", 10.0, 700.0)),
    lambda journal: journal.note(PULSE),
    lambda journal: journal.next(2),
    lambda journal: journal.have(2),
    lambda journal: journal.keep("policy", "p" * 3000),
    lambda journal: journal.closed(ENDED),
    lambda journal: journal.keep("policy", "q" * 3000),
)


def seen(journal: Journal) -> tuple[object, ...]:
    """All that a journal remembers."""
    return journal.live, journal.pending(99), journal.fact("policy"), journal.fact("told"), journal.waiting


def write(place: Path, octets: int) -> None:
    """Take all steps, and note before each in `begun` that it begins; ends this process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))
    journal = Journal(place / "state.db")
    for begun, step in enumerate(STEPS):
        (place / "begun").write_text("+" * (begun + 1))
        step(journal)
    os._exit(0)


def main(directory: Path, *sizes: int) -> None:
    """One child after the other."""
    for octets in range(*sizes):
        place = directory / str(octets)
        place.mkdir()
        (place / "begun").touch()
        pid = os.fork()
        if not pid:
            write(place, octets)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(f"{octets} {status} {len((place / 'begun').read_text())}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
