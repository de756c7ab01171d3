"""What the technician asks, answered by the running program in facts; the words are the console's."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from captive_portal.gateway.admission import SESSION
from captive_portal.gateway.backhaul import Lookout
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.control import Facts
from captive_portal.gateway.devices import Device
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.enforcer import Enforcer
from captive_portal.gateway.errors import CannotDo
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Blocked
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.sync import Sync

MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
SHOWN: Final = 4000
LONGEST_MIN: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Around:
    """What else of the box is told, asked each time.

    `pool` is how many addresses are given and how many there are, None where somebody else gives them;
    `twins` are MACs that were copied; `alarms` are words of what is wrong now.
    """

    pool: Callable[[], tuple[int, int] | None] = lambda: None
    twins: Callable[[], frozenset[str]] = frozenset
    alarms: Callable[[], Sequence[str]] = tuple


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a command looks at. `seen` tells the phones on the guests' interface, or OSError."""

    site: str
    doorkeeper: Doorkeeper
    enforcer: Enforcer
    journal: Journal
    lookout: Lookout
    internet: Lookout
    sync: Sync
    clock: Clock
    ruling: Ruling
    seen: Callable[[], Sequence[Phone]]
    around: Around = Around()

    def answer(self, question: Facts) -> Facts:
        """The facts. Raises GatewayError for what cannot be done, ValueError for what is no question."""
        ways: Mapping[str, Callable[[Facts], Facts]] = {
            "status": self._status, "devices": self._devices, "admit": self._admit,
            "dismiss": self._dismiss, "why": self._why,
        }  # fmt: skip
        way = ways.get(str(question.get("ask")))
        if way is None:
            raise CannotDo("no such question: is the program of another version?")
        return way(question)

    def _status(self, _question: Facts) -> Facts:
        policy, pool = self.ruling.policy, self._pool()
        return {
            "site": self.site,
            "inside": len(self.doorkeeper.devices()),
            "not_back": self.doorkeeper.waiting,
            "events_kept": self.journal.waiting,
            "rules_age_s": int(self.clock.now().seconds - self.enforcer.since.seconds),
            "policy": policy.serial,
            "dns": policy.dns.value,
            "blocked": self.ruling.blocks,
            "pool": {"given": pool[0], "size": pool[1]} if pool else None,
            "alarms": list(self.around.alarms()),
            **self._ways_out(),
        }

    def _devices(self, _question: Facts) -> Facts:
        found = self.doorkeeper.devices()
        return {"devices": [_told(one) for one in found[:SHOWN]], "left_out": max(0, len(found) - SHOWN)}

    def _admit(self, question: Facts) -> Facts:
        minutes = question.get("minutes")
        if not isinstance(minutes, int) or not 0 < minutes <= LONGEST_MIN:
            raise CannotDo(f"--minutes: write 1 to {LONGEST_MIN}")
        mac, address = _mac(question), question.get("address")
        phones = [one for one in self._seen() if one.mac == mac and address in {None, one.ip}]
        if not phones:
            raise CannotDo(
                "this gateway sees no such phone on the guests' network: let it join the Wi-Fi first"
            )
        if len(phones) > 1:
            raise CannotDo(f"that MAC has {len(phones)} addresses: `why` shows them, choose with --address")
        barred = self.doorkeeper.barred(phones[0])
        if barred:
            raise CannotDo(
                f"this phone is blocked here ({barred.reason}; by {barred.author}): "
                "only the controller lifts that, with `plaza gateway unblock`"
            )
        session = self.doorkeeper.admit_by_hand(phones[0], minutes * 60)
        if not session:
            raise CannotDo("this phone is in already")
        return {"session": session, "minutes": minutes}

    def _dismiss(self, question: Facts) -> Facts:
        who = str(question.get("who"))
        if not MAC.fullmatch(who) and not SESSION.fullmatch(who):
            raise CannotDo("write a MAC like 02:00:5e:10:00:01, or a session as `devices` shows it")
        chosen = [one.session for one in self.doorkeeper.devices() if who in {one.session, one.phone.mac}]
        if not chosen:
            raise CannotDo("nobody of that name is in")
        self.doorkeeper.dismiss(chosen)
        return {"dismissed": chosen}

    def _why(self, question: Facts) -> Facts:
        mac, now = _mac(question), self.clock.now().seconds
        inside = [one for one in self.doorkeeper.devices() if one.phone.mac == mac]
        return {
            "mac": mac,
            "addresses": sorted({one.ip for one in self._seen() if one.mac == mac}),
            "inside": [_told(one) for one in inside],
            "lately": [{"what": one.what, "ago_s": int(now - one.at_s)} for one in self.doorkeeper.why(mac)],
            "blocked": self._told_of(self.doorkeeper.blocked(mac)),
            "copied": mac in self.around.twins(),
            **self._ways_out(),
        }

    def _ways_out(self) -> dict[str, Any]:
        """What holds for everybody, and how long portal and controller are silent: None for not at all."""
        return {
            "notice": self.enforcer.notice,
            "away": self.ruling.policy.when_controller_away.value,
            "ipv6": self.ruling.policy.ipv6,
            "emergency_s": self.ruling.emergency_left,
            "internet_down": self.internet.down,
            "portal_down": self.lookout.down,
            "portal_failing_s": self._since(self.lookout.failing_since),
            "controller_away_s": self._since(self.sync.away_since),
        }

    def _pool(self) -> tuple[int, int] | None:
        try:
            return self.around.pool()
        except OSError as error:
            raise CannotDo(f"the leases cannot be read: {error.strerror}") from error

    def _told_of(self, found: Blocked | None) -> Facts | None:
        if found is None:
            return None
        left_s = self.ruling.left_s(found.until) if found.until else None
        return {"reason": found.reason, "author": found.author, "left_s": left_s}

    def _since(self, then: float | None) -> int | None:
        return None if then is None else int(self.clock.now().seconds - then)

    def _seen(self) -> Sequence[Phone]:
        try:
            return self.seen()
        except OSError as error:
            raise CannotDo(f"the kernel's neighbours cannot be read: {error.strerror}") from error


def _mac(question: Facts) -> str:
    mac = question.get("mac")
    if not isinstance(mac, str) or not MAC.fullmatch(mac):
        raise CannotDo("write the MAC like 02:00:5e:10:00:01")
    return mac


def _told(one: Device) -> dict[str, Any]:
    rate = None if one.rate is None else asdict(one.rate)
    return {
        "session": one.session, "mac": one.phone.mac, "ip": one.phone.ip, "seconds_left": one.seconds_left,
        "octets_down": one.octets_down, "octets_up": one.octets_up, "octets_max": one.octets_max,
        "rate": rate, "resumed": one.resumed,
    }  # fmt: skip
