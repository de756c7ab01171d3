"""The enforcer for a machine without root: it records who would be in, and filters nothing."""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from captive_portal.gateway import files
from captive_portal.gateway.clock import Clock, Moment
from captive_portal.gateway.enforcer import SPENT_S, Ceiling, Regime, Standing, Terms
from captive_portal.gateway.errors import EnforcerFailed
from captive_portal.gateway.phone import Phone

INFORMED_S: Final = 24 * 3600
NOTICE: Final = "the ledger enforcer only records: no packet is filtered"


class Ledger:
    """Doors and spent nonces in one file; like a kernel's, they last until the machine restarts."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._since = clock.now()
        self._doors: dict[str, tuple[str, float, int, int]] = {}  # session: address, until, its ceiling
        self._spent: dict[str, float] = {}  # name: until
        self._regime = Regime()
        self._everybody_until = 0.0
        self._informed: dict[str, float] = {}  # address: until

    @property
    def notice(self) -> str:
        """That nothing is filtered."""
        return NOTICE

    @property
    def since(self) -> Moment:
        """From when on the memory of spent nonces is complete."""
        return self._since

    def start(self) -> None:
        """Read what an earlier process of this boot recorded."""
        now = self._clock.now()
        recorded = self._recorded()
        if recorded.get("boot") == now.boot:
            self._since = Moment(now.boot, recorded["since"])
            self._doors = {session: _door(*told) for session, told in recorded["doors"].items()}
            self._spent = dict(recorded["spent"])
            self._regime = Regime(**recorded.get("regime", {}))
            self._everybody_until = recorded.get("everybody_until", 0.0)
            self._informed = dict(recorded.get("informed", {}))
        else:
            self._since, self._doors, self._spent, self._informed = now, {}, {}, {}
        self._record()

    def neighbour(self, ip: str) -> Phone | None:
        """A phone with a made-up, locally administered MAC: 02:00 and the address."""
        return Phone("02:00:" + ipaddress.IPv4Address(ip).packed.hex(":"), ip)

    def spent(self, name: str) -> bool:
        """Whether the name was used within the last hour."""
        return self._spent.get(name, 0.0) > self._clock.now().seconds

    def spend(self, name: str) -> bool:
        """Use a name up; False when it was spent already."""
        if self.spent(name):
            return False
        self._spent[name] = self._clock.now().seconds + SPENT_S
        self._record()
        return True

    def admit(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Record the door; False when the nonce was spent."""
        if self.spent(nonce):
            return False
        until, ceiling = self._clock.now().seconds + terms.seconds, terms.ceiling
        self._doors[terms.session] = (phone.ip, until, ceiling.here, ceiling.total)
        return self.spend(nonce)

    def prolong(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Record the door anew: nothing is counted here that could be lost."""
        return self.admit(phone, terms, nonce)

    def close(self, session: str) -> None:
        """Record that the door is shut."""
        if self._doors.pop(session, None):
            self._record()

    def govern(self, regime: Regime) -> None:
        """Record what would hold for everybody."""
        self._regime = regime
        self._record()

    def open_to_all(self, seconds: int) -> None:
        """Record until when everybody would be let through, and that a new emergency is news to everybody."""
        now = self._clock.now().seconds
        if self._everybody_until <= now:
            self._informed = {}
        self._everybody_until = now + seconds
        self._record()

    def informed(self, phone: Phone) -> None:
        """Record it for a day."""
        self._informed[phone.ip] = self._clock.now().seconds + INFORMED_S
        self._record()

    def survey(self) -> Mapping[str, Standing]:
        """The recorded doors; octets are unknown, because no packet passes here."""
        now = self._clock.now().seconds
        return {
            session: Standing(
                self.neighbour(ip), int(until - now) if until > now else None, ceiling=Ceiling(*caps)
            )
            for session, (ip, until, *caps) in self._doors.items()
        }

    def _recorded(self) -> dict[str, Any]:
        try:
            recorded = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return recorded if isinstance(recorded, dict) else {}

    def _record(self) -> None:
        now = self._clock.now()
        self._spent = {name: until for name, until in self._spent.items() if until > now.seconds}
        self._informed = {ip: until for ip, until in self._informed.items() if until > now.seconds}
        record = {
            "boot": now.boot,
            "since": self._since.seconds,
            "doors": self._doors,
            "spent": self._spent,
            "regime": asdict(self._regime),
            "everybody_until": self._everybody_until,
            "informed": self._informed,
        }
        try:
            files.replace(self._path, json.dumps(record))
        except OSError as error:
            raise EnforcerFailed(f"{self._path}: {error.strerror}") from error


def _door(ip: str, until: float, here: int = 0, total: int = 0) -> tuple[str, float, int, int]:
    """A door as it was recorded; an older version recorded no ceiling."""
    return ip, until, here, total
