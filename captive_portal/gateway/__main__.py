"""The gateway program: `gateway CONFIG.toml` runs it, `gateway status` and others ask the one that runs."""

import importlib
import logging
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Final

from captive_portal.gateway import config
from captive_portal.gateway.errors import GatewayError
from captive_portal.gateway.lines import in_one_line
from captive_portal.gateway.program import Program

log = logging.getLogger("captive_portal.gateway")

CONSOLE: Final = "captive_portal.gateway.console"
COMMANDS: Final = {
    **dict.fromkeys(("status", "devices", "admit", "dismiss", "why"), CONSOLE),
    **dict.fromkeys(("install", "uninstall"), "captive_portal.gateway.install"),
}
"""In which module the function of a command's name is; loaded when it is asked for."""

PLAIN: Final = frozenset(vars(logging.makeLogRecord({})))


class JsonLines(logging.Formatter):
    """One JSON object per line: when, how bad, what, and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, its time in UTC; a field is whatever the caller gave in `extra`."""
        fields = {name: value for name, value in vars(record).items() if name not in PLAIN}
        line = {
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return in_one_line(line | fields)


def main(arguments: list[str]) -> int:
    """A command's own exit code; else `_keep` with the configuration, or 2 with one line."""
    if arguments and arguments[0] in COMMANDS:
        command = getattr(importlib.import_module(COMMANDS[arguments[0]]), arguments[0])
        code: int = command(arguments[1:])
        return code
    asked = arguments in (["-h"], ["--help"])
    if asked or len(arguments) != 1 or not arguments[0].endswith(".toml"):
        said = f"usage: gateway CONFIG.toml | gateway {'|'.join(COMMANDS)} ...\n"
        (sys.stdout if asked else sys.stderr).write(said)
        return 0 if asked else 2
    return _keep(Path(arguments[0]))


def _keep(path: Path) -> int:
    """Run until SIGTERM or SIGINT; 0 when stopped, 1 for a bug, 2 with one line when it cannot begin."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    stop = threading.Event()
    bugs = _stop_on(stop)
    try:
        Program(config.load(path)).run(stop)
    except GatewayError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2
    return 1 if bugs else 0


def _stop_on(stop: threading.Event) -> list[str]:
    """Stop when told to; or for a bug in one of our threads, so that whoever supervises us starts us anew."""
    bugs: list[str] = []

    def told(bug: threading.ExceptHookArgs) -> None:
        bugs.append(bug.exc_type.__name__)
        trace = traceback.format_tb(bug.exc_traceback)
        log.critical("bug", extra={"error": bug.exc_type.__name__, "trace": trace})
        stop.set()

    threading.excepthook = told
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return bugs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
