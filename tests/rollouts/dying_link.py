"""A controller in a process of its own that ends itself with SIGKILL at one point of a link's change."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from drivers import apply, pair
from drivers.apply import Step, Timers
from drivers.errors import Unreachable
from drivers.host_key import HostKey
from drivers.pair import End
from tests.configure.device import Ap, quickest
from tests.rollouts.radio_link import FAR, KINDS, NEAR, Journal, target_of


def main(spec: Path) -> None:
    """Die `before` or `after` the announcement number `at` is in the journal, or once all is done."""
    said = json.loads(spec.read_text())
    timers = Timers(**said["timers"])
    journal = Journal(Path(said["journal"]))
    count = 0

    def before(device: str, step: Step, token: str) -> None:
        nonlocal count
        if (count, said["when"]) == (said["at"], "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        journal.write(device, step, token)
        if (count, said["when"]) == (said["at"], "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    while True:
        try:
            ends = [_end(said["platform"], said[name], name, timers) for name in (FAR, NEAR)]
            pair.carry_out(ends[0], ends[1], before)
        except Unreachable:
            if journal.read():
                raise
            continue  # a busy machine refused a login before anything was begun
        break
    os.kill(os.getpid(), signal.SIGKILL)


def _end(platform: str, said: dict[str, Any], name: str, timers: Timers) -> End:
    ap = Ap(Path(said["root"]), quickest(), said["port"], name)
    to = target_of(platform, ap, said["through"], HostKey(*said["key"]), timers)
    return End(to, apply.plan(to, KINDS[platform].wish(name, 149)), name[0] * 32)
