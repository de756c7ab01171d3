"""The enforcer that filters packets: nftables sets whose elements the kernel itself lets expire."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from captive_portal.gateway import rules
from captive_portal.gateway.clock import Clock, Moment
from captive_portal.gateway.enforcer import Ceiling, Standing, Terms
from captive_portal.gateway.errors import EnforcerFailed, TableGone
from captive_portal.gateway.phone import Phone

ARP: Final = Path("/proc/net/arp")
TIMEOUT_S: Final = 20
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
IDENTIFYING: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|\d+\.\d+\.\d+\.\d+", re.IGNORECASE)


def command() -> tuple[str, ...]:
    """Where nft is. Raises EnforcerFailed."""
    found = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        raise EnforcerFailed("nft is missing: apt-get install nftables (opkg install nftables-json)")
    return (found,)


class Nft:
    """The table `inet plaza`. `run` is the command that reaches nft, `arp` the kernel's neighbours."""

    def __init__(
        self, territory: rules.Territory, clock: Clock, run: tuple[str, ...], arp: Path = ARP
    ) -> None:
        self._territory = territory
        self._clock = clock
        self._run = run
        self._arp = arp
        self._since = clock.now()
        self._spent: set[str] = set()  # a mirror of the kernel's set; only we add to that

    @property
    def notice(self) -> str:
        """Nothing to say: packets are filtered."""
        return ""

    @property
    def since(self) -> Moment:
        """When the table was made; the kernel keeps the note."""
        return self._since

    def start(self) -> None:
        """Apply all rules in one step, keeping the doors that are open and the nonces that are spent."""
        wanted = rules.ruleset(self._territory)
        try:
            self._apply(wanted)
        except EnforcerFailed:
            # a table of another version: made anew, so its doors shut and every older ticket will be renewed
            self._apply(rules.REMOVAL + wanted)
        if not self._elements().get("since"):
            self._apply(rules.beginning(self._clock.now().seconds))
        self._remember(self._elements())

    def neighbour(self, ip: str) -> Phone | None:
        """The phone that the kernel has resolved this address to on the guests' interface."""
        for line in self._arp.read_text().splitlines()[1:]:
            address, _hardware, flags, mac, _mask, interface = line.split()
            if address == ip and interface == self._territory.lan and int(flags, 16) & 2:
                return Phone(mac.lower(), ip)
        return None

    def spent(self, name: str) -> bool:
        """Whether the name was used within the last hour."""
        return rules.spent_key(name) in self._spent

    def spend(self, name: str) -> bool:
        """Use a name up; False when the kernel says that it was."""
        return self._spend(name, rules.spending(name))

    def admit(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and open the door in one transaction; False when the nonce was spent."""
        return self._spend(nonce, rules.admission(phone, terms, nonce))

    def prolong(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and set the door's terms in one transaction; False when the nonce was spent."""
        return self._spend(nonce, rules.prolongation(phone, terms, nonce))

    def close(self, session: str) -> None:
        """Shut the door; the next packet of a running download is refused too."""
        elements = self._elements()
        gone = ""
        for named, door in _doors(elements):
            if named == session and door.phone is not None:
                mac, ip = door.phone.mac, door.phone.ip
                gone += rules.removal("door", f"{mac} . {ip}") + rules.removal("replies", ip)
        for counters in ("up", "down"):
            for ip, named, _ in _counters(elements, counters):
                gone += rules.removal(counters, ip) if named == session else ""
        if gone:
            self._apply(gone)

    def survey(self) -> Mapping[str, Standing]:
        """What the kernel holds now."""
        elements = self._elements()
        self._remember(elements)
        doors = dict(_doors(elements))
        up = {session: octets for _, session, octets in _counters(elements, "up")}
        down = {session: octets for _, session, octets in _counters(elements, "down")}
        found = {}
        for session in {*doors, *up, *down}:
            door = doors.get(session, Standing(None, None))
            found[session] = replace(door, octets_up=up.get(session), octets_down=down.get(session))
        return found

    def _spend(self, name: str, transaction: str) -> bool:
        try:
            self._apply(transaction)
        except FileExistsError:
            self._spent.add(rules.spent_key(name))
            return False
        self._spent.add(rules.spent_key(name))
        return True

    def _remember(self, elements: Mapping[str, list[Any]]) -> None:
        self._spent = {one["elem"]["val"] for one in elements["spent"]}
        self._since = Moment(self._clock.now().boot, float(elements["since"][0]["elem"]["comment"]))

    def _elements(self) -> Mapping[str, list[Any]]:
        """The elements of each set, as nft prints them in JSON."""
        # nft 1.0.6 cannot print a single set as JSON, so the whole table is asked for, once
        listed = json.loads(self._call("-j", "list", "table", "inet", "plaza"))
        sets = [one["set"] for one in listed["nftables"] if "set" in one]
        return {one["name"]: one.get("elem", []) for one in sets}

    def _apply(self, text: str) -> None:
        self._call("-f", "-", text=text)

    def _call(self, *arguments: str, text: str = "") -> str:
        try:
            done = subprocess.run(
                [*self._run, *arguments],
                input=text,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
                env=ENVIRONMENT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnforcerFailed(f"nft did not run: {type(error).__name__}") from error
        if done.returncode == 0:
            return done.stdout
        raise _failure(done.stderr)


def _failure(stderr: str) -> OSError | EnforcerFailed:
    said = IDENTIFYING.sub("…", stderr.strip().splitlines()[0]) if stderr.strip() else "no reason given"
    if "File exists" in said:
        return FileExistsError(said)
    return TableGone(said) if "No such file or directory" in said else EnforcerFailed(f"nft: {said}")


def _doors(elements: Mapping[str, list[Any]]) -> Iterator[tuple[str, Standing]]:
    """The session of each open door, and how that stands; an older version noted its name alone."""
    for one in elements["door"]:
        mac, ip = one["elem"]["val"]["concat"]
        session, *caps = one["elem"].get("comment", "").split() or [""]
        ceiling = Ceiling(*map(int, caps)) if caps else None
        yield session, Standing(Phone(mac, ip), one["elem"]["expires"], ceiling=ceiling)


def _counters(elements: Mapping[str, list[Any]], name: str) -> Iterator[tuple[str, str, int | None]]:
    """Address, session, octets of each counted element; None where this kernel does not count."""
    for one in elements[name]:
        counter = one["elem"].get("counter")
        yield one["elem"]["val"], one["elem"].get("comment", ""), counter["bytes"] if counter else None
