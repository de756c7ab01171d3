"""A controller in a process of its own that ends itself with SIGKILL at one point of a rollout."""

import json
import os
import signal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from controller import applying
from controller.rollout import Outcome
from tests.configure.desk import make_desk
from tests.configure.device import Ap, quickest


def main(spec: Path) -> None:
    """Die `after` or `before` the journal has the state `state`."""
    said = json.loads(spec.read_text())
    ap = Ap(Path(said["root"]), quickest(), said["port"], said["name"])
    at = make_desk(Path(said["folder"]), [ap])
    at.want(ap.device)
    if said["hurry"]:
        at.hurry()
    if said["when"] == "before":
        _die_before(at.engine, said["state"])

    def report(outcome: Outcome) -> None:
        if said["when"] == "after" and outcome.state.value == said["state"]:
            _die()

    applying.run(at.works, "all", at.plan(), report)


def _die_before(engine: Engine, state: str) -> None:
    """As the journal is about to write the state: the act before it is done, and nobody wrote that down."""

    def look(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("UPDATE rollout_step") and state in map(str, parameters):
            _die()

    event.listen(engine, "before_cursor_execute", look)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
