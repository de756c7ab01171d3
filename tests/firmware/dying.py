"""A controller in a process of its own that ends itself with SIGKILL at one point of a flash."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from controller.journal import Row
from controller.rollouts.runner import advance
from tests.configure.device import Ap, Dropbear
from tests.firmware.machine import Place
from tests.firmware.town import GATEWAY, fleet, office


def main(spec: Path) -> None:
    """Die when `said` is in the detail of a row or is its state, before or after that is durable."""
    said = json.loads(spec.read_text())
    places = [
        Place(Ap(Path(root), Dropbear(), port, name), link) for name, root, port, link in said["devices"]
    ]
    _, means = office(Path(said["folder"]), places, GATEWAY)
    if said["when"] == "before":
        _die_before(means.works.journal.engine, said["said"])
    if said["when"] == "once there is":
        threading.Thread(target=_die_with, args=(Path(said["said"]),), daemon=True).start()

    def tell(row: Row) -> None:
        if said["when"] == "after" and (row.state.value == said["said"] or said["said"] in row.detail):
            _die()

    advance(fleet(means, tell), said["rollout"])


def _die_before(engine: Engine, state: str) -> None:
    """As the journal is about to write the state: the act before it is done, and nobody wrote that down."""

    def look(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("UPDATE rollout_step") and state in map(str, parameters):
            _die()

    event.listen(engine, "before_cursor_execute", look)


def _die_with(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
