"""`python -m bench.gateway.line SITE FAR`: two network devices with a way between that takes DELAY_S.

It carries as much as there is; what is narrow is beside it, in the kernel. It goes before all other programs
of the machine, as a wire would. Needs root and /dev/net/tun. Prints `ready`.
"""

import math
import os
import sys
from typing import Final

from bench.portal.satellite import Way, carry, device

DELAY_S: Final = 0.02
_LONGEST: Final = 10_000


def way(source: int, target: int) -> Way:
    """From one device to the other."""
    return Way(source, target, math.inf, DELAY_S, _LONGEST)


def main(site: str, far: str) -> None:
    """Carry frames until SIGTERM."""
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    near, distant = device(site), device(far)
    carry({distant: way(distant, near), near: way(near, distant)})


if __name__ == "__main__":
    main(*sys.argv[1:])
