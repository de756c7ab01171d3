"""A process with a spool for kill tests: puts frames and says so on stdout.

    python -m tests.metrics.spooling DIRECTORY SEGMENT_OCTETS

Each payload names its frame and is long or short by it. A number on stdout is a frame that is on the disk.
"""

import sys
from pathlib import Path

from metrics.segments import Spool


def payload(number: int) -> bytes:
    """What frame `number` holds."""
    return f"frame {number} ".encode() * (1 + number * 7919 % 97)


def main() -> None:
    spool = Spool(Path(sys.argv[1]), min_free=0, segment_octets=int(sys.argv[2]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        number = spool.put(payload(spool.last + 1))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
