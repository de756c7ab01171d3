"""A gateway with the ledger in this process, whose clock a test moves, and its console."""

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captive_portal.gateway import whys
from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.backhaul import Lookout
from captive_portal.gateway.borrowed import Borrowed
from captive_portal.gateway.control import NAME, Control, ask
from captive_portal.gateway.desk import Around, Desk
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.errors import ControllerAway
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Signed
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.sync import Orders, Sync
from tests.gateway.conftest import KEY, SITE, Clock, Portal

MAC = "02:00:7f:09:01:01"  # as the ledger names 127.9.1.1


class Nowhere:
    """An edge that nobody reaches."""

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        raise ControllerAway("no answer")


@dataclass
class Box:
    """A gateway with the ledger, whose clock a test moves, and its console."""

    directory: Path
    clock: Clock = field(default_factory=Clock)
    portal: Portal = field(default_factory=Portal)
    seen: list[Phone] = field(default_factory=list)
    reach: Callable[[], None] = lambda: None
    beyond: Callable[[], None] = lambda: None
    first: Signed | None = None
    pool: tuple[int, int] | None = None
    twins: frozenset[str] = frozenset()
    alarms: tuple[str, ...] = ()
    own_list: bool = False

    def __post_init__(self) -> None:
        site = SiteKey(SITE, KEY)
        self.journal = Journal(self.directory / "journal")
        ledger = Ledger(self.directory / "ledger.json", self.clock)
        self.borrowed = Borrowed(self.clock, self.journal)
        self.ruling = Ruling(KEY, SITE, self.journal, self.borrowed, self.first, own_list=self.own_list)
        keys = Keyring(site)
        self.keeper = Doorkeeper(
            keys, ledger, self.journal, self.clock, lambda: os.urandom(8).hex(), self.ruling
        )
        self.keeper.start()
        self.clock.seconds += 1
        self.lookout = Lookout(self._reach, self.clock)
        self.internet = Lookout(self._beyond, self.clock, "Internet", patience_s=0)
        orders = Orders(lambda: self.ruling.serial, self.ruling.take, self.borrowed.told)
        self.sync = Sync(keys, Nowhere(), self.keeper, self.journal, self.clock, orders)
        around = Around(lambda: self.pool, lambda: self.twins, lambda: self.alarms)
        self.desk = Desk(
            SITE, self.keeper, ledger, self.journal, self.lookout, self.internet, self.sync, self.clock,
            self.ruling, lambda: self.seen, around,
        )  # fmt: skip
        self.control = Control(self.directory, self.desk.answer, patience_s=0.3)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.control.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def _reach(self) -> None:
        self.reach()

    def _beyond(self) -> None:
        self.beyond()

    def ask(self, what: str, **more: object) -> dict[str, Any]:
        return ask(self.directory, {"ask": what, **more})

    def why(self, mac: str = MAC) -> str:
        return "\n".join(whys.lines(self.ask("why", mac=mac)))

    def phone(self, last: int = 1) -> Phone:
        found = self.keeper.neighbour(f"127.9.1.{last}")
        assert found is not None
        return found

    def enter(self, last: int = 1, **ticket: int | str) -> str:
        token = self.portal.ticket(self.keeper.arrival(self.phone(last)), **ticket)  # type: ignore[arg-type]
        self.keeper.present(self.phone(last), token)
        return token

    @property
    def socket(self) -> Path:
        return self.directory / NAME

    def call(self, said: bytes) -> bytes:
        """Say this and no more; what comes back until the end."""
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(30)
            caller.connect(str(self.socket))
            caller.sendall(said)
            caller.shutdown(socket.SHUT_WR)
            answer = b""
            while more := caller.recv(65536):
                answer += more
            return answer
