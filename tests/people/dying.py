"""Plaza's command line in a process of its own that ends itself with SIGKILL at one point."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from controller.cli.main import main as plaza


def die_in(folder: Path, command: str, statement: str, times: int) -> None:
    """Type a command in a folder, in a process that dies just before such a statement comes for that time."""
    spec = json.dumps({"command": command, "statement": statement, "times": times})
    program = [sys.executable, "-m", "tests.people.dying", spec]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr


def main(spec: str) -> None:
    """Run it."""
    said = json.loads(spec)
    left = said["times"]

    def look(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        nonlocal left
        if said["statement"] in f"{' '.join(statement.split())} {parameters}":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", look)
    sys.argv = ["plaza", *said["command"].split()]
    plaza()


if __name__ == "__main__":
    main(sys.argv[1])
