"""`plaza` in a process that ends itself with SIGKILL as its journal is about to write the row of a number."""

import os
import signal
import sys
from typing import Any, Final

from sqlalchemy import Engine, event

from controller import rollout
from controller.app import App
from controller.cli.main import main
from controller.rollout import Works
from drivers.apply import Timers

ROW: Final = "PLAZA_DIES_AT_ROW"  # counted from 1; 0 = it lives
QUICK: Final = Timers(revert_s=60, settle_s=0.1, grace_s=60, command_s=60, longest_pause_s=0.5)
WORKS_OF: Final = rollout.works_of


def quick_works(app: App, timers: Timers = QUICK) -> Works:
    """Devices of the simulator settle at once."""
    return WORKS_OF(app, timers)


def die_at(row: int) -> None:
    """What was done before the row is done; nothing after it is."""
    left = [row]

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE rollout_step"):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", look)


if __name__ == "__main__":
    rollout.works_of = quick_works
    die_at(int(os.environ.get(ROW, "0")))
    sys.argv[0] = "plaza"
    main()
