"""A gateway without a kernel and the controller's real edge, for what the two say to each other.

The edge is the real one over HTTP, before a store in SQLite; a test may have it be away, answer and not be
heard, or forget.
"""

import os
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from sqlalchemy import Engine, event, select
from werkzeug.serving import make_server

from captive_portal.gateway import rekeying
from captive_portal.gateway.admission import Admit, SiteKey
from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.edge import Edge, HttpEdge
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Signed
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.sync import Orders, Sync
from captive_portal.gateway_tables import gateway_alarms, gateway_boxes, gateway_pulses
from captive_portal.model import Arrival, Grant, Keys
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller.edge.app import create_app
from controller.store.engine import open_engine
from tests.gateway.conftest import KEY, SITE, Clock, Portal
from tests.portal.places import LIBRE, site_of


@dataclass
class Controller:
    """The edge and what it stands on. `keys` and `policy` may be changed while it runs.

    Calls number `deaf` are applied and their answers lost, those number `away` are not even heard; calls are
    counted from 1.
    """

    directory: Path
    keys: dict[str, Keys] = field(default_factory=lambda: {SITE: Keys(KEY)})
    policy: Signed | None = None
    serial: int = 0
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    calls: int = 0
    deaf: set[int] = field(default_factory=set)
    away: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.engine: Engine = open_engine(f"sqlite:///{self.directory}/store.db")
        metadata.create_all(self.engine)
        self.sessions = StoredSessions(self.engine)
        self.app = create_app(self.keys, self.sessions, self.now, policies=self._told)

    def _told(self, _site: str, serial: int) -> Signed | None:
        return None if serial == self.serial else self.policy

    def __call__(self, environment: WSGIEnvironment, begin: StartResponse) -> Iterable[bytes]:
        """As a WSGI server calls it."""
        self.calls += 1
        if self.calls in self.away:
            _hang_up(environment)
        answer = self.app(environment, begin)
        if self.calls in self.deaf:
            _hang_up(environment)
        return answer

    def grant(self, phone: Phone) -> str:
        """A session of this phone, as after a tap at the portal."""
        arrival = Arrival(SITE, phone.device(KEY), phone.binding(KEY), "b:1", "n")
        granted = self.sessions.open(site_of(SITE), arrival, LIBRE, self.now())
        assert isinstance(granted, Grant)
        return granted.session

    def row(self, session: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            wanted = select(sessions).where(sessions.c.acctuniqueid == session)
            return dict(connection.execute(wanted).mappings().one())

    def have(self, box: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(select(gateway_boxes.c.have).filter_by(box=box)).scalar_one())

    def pulses(self) -> list[tuple[int, str]]:
        """Their numbers and what they say, in order."""
        wanted = select(gateway_pulses.c.seq, gateway_pulses.c.told).order_by(gateway_pulses.c.seq)
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(wanted)]

    def alarms(self) -> list[str]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(gateway_alarms.c.cause)).scalars())


def _hang_up(environment: WSGIEnvironment) -> None:
    environment["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError


@contextmanager
def serving(controller: Controller, port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The edge on a port, over TLS where there is a context, until the block ends."""
    server = make_server("127.0.0.1", port, controller, threaded=True, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        controller.engine.dispose()


@dataclass
class Outpost:
    """A gateway that records, over the same files again whenever it is started."""

    directory: Path
    edge: Edge
    clock: Clock = field(default_factory=Clock)
    installed: SiteKey = field(default_factory=lambda: SiteKey(SITE, KEY))
    first: Signed | None = None
    enforcer: type[Ledger] = Ledger

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """What a kill, or a power cut, leaves is all that it begins with."""
        self.journal = Journal(self.directory / "state.db")
        self.keys = rekeying.keyring(self.installed, self.journal)
        self.borrowed = Borrowed(self.clock, self.journal)
        names = self.installed.names
        self.ruling = Ruling(names, self.installed.site, self.journal, self.borrowed, self.first)
        self.ledger = self.enforcer(self.directory / "ledger.json", self.clock)
        self.keeper = Doorkeeper(
            self.keys, self.ledger, self.journal, self.clock, lambda: os.urandom(8).hex(), self.ruling
        )
        self.keeper.start()
        self.clock.seconds += 1
        self.speak_to(self.edge)

    def speak_to(self, edge: Edge) -> None:
        self.edge = edge
        orders = Orders(lambda: self.ruling.serial, self.ruling.take, self.borrowed.told)
        self.sync = Sync(self.keys, edge, self.keeper, self.journal, self.clock, orders)

    def phone(self, last: int = 1) -> Phone:
        found = self.ledger.neighbour(f"127.9.1.{last}")
        assert found is not None
        return found

    def enter(self, session: str, last: int = 1) -> None:
        """The phone shows the portal's ticket for this session."""
        self.let_in(self.phone(last), session)

    def let_in(self, phone: Phone, session: str) -> None:
        portal = Portal(self.keys.current.key)
        ticket = portal.ticket(self.keeper.arrival(phone), 3600, session=session)
        decision = self.keeper.present(phone, ticket)
        assert isinstance(decision, Admit), decision


def edge_at(port: int, site: str = SITE) -> HttpEdge:
    return HttpEdge(f"http://127.0.0.1:{port}/gw/{site}/sync")


def main(directory: Path, port: int, dies: str) -> None:
    """The edge as a process that is killed by itself: `before 3` it has heard the third call, or `after`.

    `within` is after everything of the call was written and before that was committed.
    """
    where, _, call = dies.partition(" ")
    controller = Controller(directory)

    def die() -> None:
        if controller.calls == int(call):
            os.kill(os.getpid(), signal.SIGKILL)

    def called(environment: WSGIEnvironment, begin: StartResponse) -> Iterable[bytes]:
        controller.calls += where == "before"
        if where == "before":
            die()
            controller.calls -= 1
        answer = controller(environment, begin)
        if where == "after":
            die()
        return answer

    if where == "within":
        event.listen(controller.engine, "commit", lambda _connection: die())
    server = make_server("127.0.0.1", port, called, threaded=True)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
