"""Our gateway on a core of its own, with the real portal and edge beyond it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from bench.gateway import places
from bench.gateway.account import account
from bench.gateway.gate import Gate
from bench.gateway.modem import Capacity
from bench.poll.child import ClientFailed
from bench.poll.machine import CLIENT_CORE, pinned
from bench.portal import serving
from bench.portal import square as squares
from bench.portal.square import PLAIN, Square
from captive_portal.gateways.kinds import gateway_of
from captive_portal.model import Arrival, Grant, PortalSite
from captive_portal.sessions import StoredSessions
from controller import gateways
from controller import settings as settings_file
from controller.app import build, utc_now
from controller.store.engine import open_engine
from tests.gateway.streets import LAN, PORTAL
from tests.gateway.town import Town

AT_GATEWAY: Final = f"http://{LAN}:2060"
PORTAL_AT: Final = f"{PORTAL}:8080"
EDGE_AT: Final = f"{PORTAL}:8090"
EDGE: Final = "controller.wsgi.edge:edge"


UNKNOWN: Final = Capacity()


@dataclass(frozen=True, slots=True)
class Ours:
    """Our gateway as a Gate, and its program."""

    gate: Gate
    program: subprocess.Popen[bytes]


Streets = Callable[[Town], AbstractContextManager[None]]
"""Changes the streets before the gateway begins, for as long as it stands."""


def as_they_are(_town: Town) -> AbstractContextManager[None]:
    """The streets are not changed."""
    return nullcontext()


@contextmanager
def ours(
    name: str, phones: int, streets: Streets = as_they_are, line: Capacity | None = None
) -> Iterator[Ours]:
    """It runs for as long, before that many phones; `line` is what it knows of its own, else 100 Mbit/s.

    Raises Missing, ClientFailed, which tells when it was our gateway that ended.
    """
    made = squares.build(f"gateway-{name}", ["es", "en"], AT_GATEWAY, f"http://{PORTAL_AT}")
    engine = open_engine(made.store)
    try:
        with account(f"plaza-bench-{name}") as book, places.square(phones) as town, streets(town):
            _controller(town, made)
            program = _started(town, _configured(made, line))
            book.enter(program.pid)
            portal = gateway_of(made.sites[PLAIN].wiring, utc_now)
            grant = partial(_granted, StoredSessions(engine), made.sites[PLAIN])
            try:
                yield Ours(Gate("ours", town, book, portal, grant), program)
            except ClientFailed as error:
                if program.poll() is not None:
                    raise ClientFailed(f"{error}; our gateway ended: {_last_words(town)}") from error
                raise
    finally:
        engine.dispose()


def _granted(stored: StoredSessions, site: PortalSite, arrival: Arrival) -> Grant:
    given = stored.open(site, arrival, site.plan, datetime.now(UTC))
    if not isinstance(given, Grant):
        raise ClientFailed(f"our portal refuses a phone: {given.reason}")
    return given


def doors(town: Town) -> int:
    """How many doors the kernel holds open."""
    listed = town.inside("gateway", "nft", "-j", "list", "map", "inet", "plaza", "door")
    found = [one["map"].get("elem", []) for one in json.loads(listed)["nftables"] if "map" in one]
    return sum(map(len, found))


def _configured(made: Square, line: Capacity | None) -> Path:
    app = build(settings_file.load(_environ(made), made.directory))
    try:
        stand = gateways.Doors("br-lan", "wan", PORTAL_AT)
        written = gateways.write(app, app.inventory.sites[PLAIN], stand, made.directory / "gateway")
    finally:
        app.samples.close()
        app.engine.dispose()
    if line is not None:
        text, _, _ = written.read_text().partition("[uplink]")
        written.write_text(f"{text}[uplink]\ndown_kbps = {line.down_kbps}\nup_kbps = {line.up_kbps}\n")
    return written


def _environ(made: Square) -> dict[str, str]:
    return made.environ | {"PLAZA_EDGE_URL": f"http://{EDGE_AT}"}


def _controller(town: Town, made: Square) -> None:
    """Portal and edge, as `plaza run` serves them."""
    for factory, listen in ((serving.PORTAL, PORTAL_AT), (EDGE, EDGE_AT)):
        places.spawn(town, "internet", ["-m", "bench.portal.serving", factory, listen], env=_environ(made))
        places.wait_for_answer(town, f"http://{listen}")


def _started(town: Town, config: Path) -> subprocess.Popen[bytes]:
    command = pinned(CLIENT_CORE, [sys.executable, "-m", "captive_portal.gateway", str(config)])
    program = town.spawn("gateway", *command)
    if program.stdout is None or program.stdout.readline() != b"ready\n":
        raise ClientFailed(f"our gateway did not come up: {_last_words(town)}")
    return program


def _last_words(town: Town) -> str:
    return " ".join((town.directory / "gateway.log").read_text().splitlines()[-1:])
