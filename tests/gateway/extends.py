"""Prolongs a door of a real kernel and kills itself on the way: `extends NETNS NFT DIRECTORY WHERE`."""

import os
import signal
import sys
from pathlib import Path

from captive_portal.gateway.admission import Admit, SiteKey
from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.enforcer import Terms
from captive_portal.gateway.journal import Journal, Live
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.nft import Nft
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.rules import Territory
from tests.gateway import netns
from tests.gateway.conftest import KEY, PHONE, SITE, Portal
from tests.gateway.ruled import ruling

TERRITORY = Territory("lan0", "wan0", ("10.99.0.1", 2060), (2060,), (), ())


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesBefore(Nft):
    """The kernel hears nothing of it."""

    def prolong(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        die()
        return super().prolong(phone, terms, nonce)


class DiesBetween(Journal):
    """The kernel has it, the disk has not."""

    def prolonged(self, *lives: Live) -> None:
        die()
        super().prolonged(*lives)


def keeper(nft: tuple[str, ...], directory: Path, where: str = "") -> Doorkeeper:
    """The doorkeeper of this door; `where` it dies: before, between or never."""
    clock = KernelClock()
    enforcer = (DiesBefore if where == "before" else Nft)(TERRITORY, clock, nft, netns.sockets(nft[3]))
    journal = (DiesBetween if where == "between" else Journal)(directory / "journal")
    keys, rules = Keyring(SiteKey(SITE, KEY)), ruling(journal, clock)
    made = Doorkeeper(keys, enforcer, journal, clock, lambda: os.urandom(8).hex(), rules)
    made.start()
    return made


def enter(door: Doorkeeper, portal: Portal, seconds: int, octets: int, total: int) -> None:
    """One ticket of the one session of these tests."""
    arrival = door.arrival(PHONE)
    ticket = portal.ticket(arrival, seconds, octets, session="session1", total=total, longer=1)
    assert isinstance(door.present(PHONE, ticket), Admit)


if __name__ == "__main__":
    *command, directory, where = sys.argv[1:]
    enter(keeper(tuple(command), Path(directory), where), Portal(), 3000, 700, 1100)
