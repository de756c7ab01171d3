"""Keeps three dnsmasq for the guests: one gives addresses, two give names, before the tap and after it."""

import logging
import pwd
import shutil
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from captive_portal.gateway import dnsmasq, files, rpz
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.config import Network
from captive_portal.gateway.daemon import Daemon
from captive_portal.gateway.errors import HouseholdFailed
from captive_portal.gateway.netlink import Opened
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Policy
from captive_portal.gateway.pool import Pool, leases, moved
from captive_portal.gateway.releasing import PACE, Ear, Reclaim, farewell

log = logging.getLogger(__name__)

NAMES: Final = ("addresses", "outside", "inside")
USERS: Final = ("dnsmasq", "nobody")
EVERY_S: Final = 3.0
JUMP_S: Final = 30.0
"""From here on a wall clock that moved against the time since boot has jumped."""

DHCP_PORT: Final = 67


def command() -> tuple[str, ...]:
    """Where dnsmasq is. Raises HouseholdFailed."""
    found = shutil.which("dnsmasq", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        raise HouseholdFailed("dnsmasq is missing: apt-get install dnsmasq-base (opkg install dnsmasq-full)")
    return (found,)


def clear(run_dir: Path) -> None:
    """End what a killed gateway left and forget all leases."""
    for name in NAMES:
        Daemon(name, run_dir, ()).end()
    shutil.rmtree(run_dir, ignore_errors=True)


class Household:
    """`run_dir` is in memory, for the leases in it name phones; `command` reaches dnsmasq.

    Every method may be called from any thread.
    """

    def __init__(
        self,
        network: Network,
        run_dir: Path,
        command: tuple[str, ...],
        clock: Clock,
        opened: Opened = socket.socket,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._network = network
        self._place = dnsmasq.Place(run_dir, _user())
        self._daemons = {name: Daemon(name, run_dir, command) for name in NAMES}
        self._clock = clock
        self._opened = opened
        self._wall = wall
        self._skew_s = self._apart()
        self._reclaim = Reclaim(dnsmasq.size(network))
        self._listed: Mapping[Phone, str] = {}
        self._ear: Ear | None = None
        self._lock = threading.Lock()
        self._begun = False
        self._down: set[str] = set()
        self._starved = 0

    def start(self, policy: Policy) -> None:
        """Have all three run by this policy; those that a killed gateway left go on where they already do.

        Raises ConfigError, HouseholdFailed.
        """
        with self._lock:
            self._settle(policy)
            self._begun = True
            self._listen()

    def apply(self, policy: Policy) -> None:
        """Begin those anew for whom the policy says something else; no lease is lost.

        Raises ConfigError, HouseholdFailed: then what ran before runs on.
        """
        with self._lock:
            self._settle(policy)

    def watch(self) -> None:
        """Begin anew what died, and release the addresses of those who are not there: every few seconds."""
        with self._lock:
            if self._begun:
                self._keep_leases()
                for daemon in self._daemons.values():
                    self._revive(daemon)
                self._make_room()

    def run(self, stop: threading.Event) -> None:
        """Watch every EVERY_S until told to stop."""
        while not stop.wait(EVERY_S):
            self.watch()

    def pool(self) -> Pool:
        """How many addresses are given out, of how many. Raises OSError."""
        return Pool(len(self._leases()), dnsmasq.size(self._network))

    @property
    def starved(self) -> int:
        """How many addresses were taken back since our start from MACs that never said a word."""
        return self._starved

    def stop(self) -> None:
        """End all three. The leases stay for the next start."""
        with self._lock:
            self._begun = False
            for daemon in self._daemons.values():
                daemon.end()
            if self._ear:
                self._ear.close()
                self._ear = None

    def _settle(self, policy: Policy) -> None:
        wanted = self._texts(policy)
        try:
            self._place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._change(wanted)
        except OSError as error:
            raise HouseholdFailed(f"{self._place.directory}: {error.strerror}") from error

    def _change(self, wanted: Mapping[str, str]) -> None:
        changed = [one for one in self._daemons.values() if not one.runs or one.text != wanted[one.name]]
        for daemon in changed:
            daemon.test(wanted[daemon.name])
        for daemon in changed:
            daemon.replace(wanted[daemon.name])

    def _texts(self, policy: Policy) -> Mapping[str, str]:
        zone = rpz.load(self._network.rpz) if self._network.rpz else rpz.Zone()
        return {
            "addresses": dnsmasq.addresses(self._network, policy, self._place),
            "outside": dnsmasq.outside(self._network, policy, self._place),
            "inside": dnsmasq.inside(self._network, policy, self._place, zone),
        }

    def _revive(self, daemon: Daemon) -> None:
        if daemon.runs:
            return
        try:
            daemon.end()
            daemon.begin()
        except HouseholdFailed as error:
            if daemon.name not in self._down:
                log.error("phones get no addresses or names", extra={"of": daemon.name, "error": str(error)})
            self._down.add(daemon.name)
        else:
            self._down.discard(daemon.name)
            log.warning("dnsmasq had ended and was begun anew", extra={"of": daemon.name})

    def _apart(self) -> float:
        """How far the wall clock, by which dnsmasq ends leases, is from the time since boot."""
        return self._wall() - self._clock.now().seconds

    def _keep_leases(self) -> None:
        """Where the wall clock has jumped, as when the line comes up, have no lease end or last by that."""
        jump_s = self._apart() - self._skew_s
        try:
            listed = self._leases()
            if abs(jump_s) >= JUMP_S:
                text = moved({**self._listed, **listed}, jump_s, self._wall(), self._network.lease_s)
                self._daemons["addresses"].end()
                files.replace(self._place.leases, text)
                self._daemons["addresses"].begin()
                self._skew_s += jump_s
                log.info("leases moved along with the wall clock", extra={"leases": text.count("\n")})
        except (OSError, HouseholdFailed) as error:
            log.error("leases could not be kept", extra={"error": str(error)})
        else:
            self._listed = listed

    def _listen(self) -> None:
        if self._ear:
            return
        try:
            self._ear = Ear(self._network.lan, self._network.address, self._opened)
        except OSError as error:
            # phones get addresses all the same, until somebody fills the pool
            log.error("addresses that nobody uses are not taken back", extra={"error": error.strerror})

    def _make_room(self) -> None:
        if not self._ear:
            return
        try:
            verdict = self._reclaim.step(self._clock.now().seconds, self._listed, self._ear.heard())
            self._ear.ask(verdict.asked)
            self._release(verdict.silent)
        except OSError as error:  # the interface is away for a moment
            log.warning("no room was made", extra={"error": error.strerror})
            return
        if verdict.silent:
            self._starved += len(verdict.silent)
            log.warning("the pool is filled by nobody", extra={"released": len(verdict.silent)})

    def _release(self, phones: tuple[Phone, ...]) -> None:
        with self._opened(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0) as link:
            for number, phone in enumerate(phones, 1):
                address = (str(self._network.address), DHCP_PORT)
                link.sendto(farewell(self._network.address, phone), address)
                if number % PACE == 0:
                    time.sleep(0.05)

    def _leases(self) -> Mapping[Phone, str]:
        return leases(self._place.leases)


def _user() -> str:
    """The user as which dnsmasq runs: its own where the system has one."""
    known = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in USERS if name in known), USERS[-1])
