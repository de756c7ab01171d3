"""The gateway program: `gateway CONFIG.toml` runs it, `gateway status` and others ask the one that runs."""

import importlib
import logging
import secrets
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from captive_portal.gateway import config, nft, seen
from captive_portal.gateway.backhaul import Lookout, reach
from captive_portal.gateway.clock import Clock, KernelClock
from captive_portal.gateway.config import Config
from captive_portal.gateway.control import Control
from captive_portal.gateway.desk import Desk
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.enforcer import Enforcer
from captive_portal.gateway.errors import GatewayError
from captive_portal.gateway.heart import Heart, watcher
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.lines import in_one_line
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.server import Reception
from captive_portal.gateway.sync import HttpEdge, Sync
from captive_portal.gateway.web import Listener

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
    if len(arguments) != 1:
        sys.stderr.write(f"usage: gateway CONFIG.toml | gateway {'|'.join(COMMANDS)} ...\n")
        return 2
    return _keep(Path(arguments[0]))


def _keep(path: Path) -> int:
    """Run until SIGTERM or SIGINT; 0 when stopped, 1 for a bug, 2 with one line when it cannot begin."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    stop = threading.Event()
    bugs = _stop_on(stop)
    try:
        _run(config.load(path), stop)
    except GatewayError as error:
        sys.stderr.write(f"gateway: {error}\n")
        return 2
    return 1 if bugs else 0


def _run(wanted: Config, stop: threading.Event) -> None:
    """Raises GatewayError when it cannot begin."""
    clock = KernelClock(wanted.boot_id_file)
    journal = Journal(wanted.state_dir / "journal")
    enforcer = _enforcer(wanted, clock)
    doorkeeper = Doorkeeper(wanted.site, enforcer, journal, clock, lambda: secrets.token_urlsafe(12))
    lookout = Lookout(partial(reach, wanted.portal_url), clock)
    listeners = _listeners(wanted, doorkeeper, lookout)
    doorkeeper.start()
    edge = HttpEdge(f"{wanted.edge_url}/gw/{wanted.site.site}/sync")
    sync = Sync(wanted.site, edge, doorkeeper, journal, clock)
    desk = Desk(wanted.site.site, doorkeeper, enforcer, journal, lookout, sync, clock, _seen(wanted))
    _console(wanted.state_dir, desk, stop)
    works: list[Callable[[], None]] = [listener.serve_forever for listener in listeners]
    works += [partial(sync.run, stop, wanted.sync_s), partial(lookout.run, stop)]
    heart = Heart(watcher(), [_started(work) for work in works], partial(doorkeeper.why, ""))
    if enforcer.notice:
        log.warning(enforcer.notice)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    heart.ready()
    heart.run(stop)
    for listener in listeners:
        listener.shutdown()
        listener.server_close()


def _started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _console(directory: Path, desk: Desk, stop: threading.Event) -> None:
    try:
        control = Control(directory, desk.answer)
    except OSError as error:
        # the doors matter more than who looks at them
        log.error("no console", extra={"error": error.strerror})
        return
    _started(partial(control.run, stop))


def _seen(wanted: Config) -> Callable[[], Sequence[Phone]]:
    """The phones on the guests' interface; the enforcer that only records has none."""
    return partial(seen.on, wanted.territory.lan) if wanted.territory else list


def _enforcer(wanted: Config, clock: Clock) -> Enforcer:
    if wanted.territory is None:
        return Ledger(wanted.state_dir / "ledger.json", clock)
    return nft.Nft(wanted.territory, clock, nft.command())


def _listeners(wanted: Config, doorkeeper: Doorkeeper, lookout: Lookout) -> list[Listener]:
    ip, port = wanted.listen
    portal, own = f"{wanted.portal_url}/p/{wanted.site.site}", f"http://{ip}:{port}"
    reception = Reception(doorkeeper, portal, own, lookout)
    listeners = [Listener(wanted.listen, reception.plain)]
    if wanted.tls:
        listeners.append(Listener(wanted.tls.listen, reception.api, wanted.tls.context))
    return listeners


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
