"""The enforcer that filters packets: the kernel itself lets its elements expire and its quotas end.

`nft` loads the rules, once; what changes with each phone goes to the kernel over netlink.
"""

import errno
import hashlib
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from captive_portal.gateway import doors, rules
from captive_portal.gateway.clock import Clock, Moment
from captive_portal.gateway.doors import Held, Known
from captive_portal.gateway.elements import Element, Quota, Table, ether, mark
from captive_portal.gateway.enforcer import SPENT_S, Regime, Standing, Terms
from captive_portal.gateway.errors import EnforcerFailed, Refused, TableGone
from captive_portal.gateway.marks import Marks
from captive_portal.gateway.neighbours import Neighbours
from captive_portal.gateway.netlink import Channel, Message, Opened
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.steps import Steps

TIMEOUT_S: Final = 20
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
IDENTIFYING: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|\d+\.\d+\.\d+\.\d+", re.IGNORECASE)
BEGUN: Final = mark(1)
EVERYBODY: Final = Element("everybody", mark(rules.EMERGENCY))
INFORMED_S: Final = 24 * 3600
UNCOUNTED: Final = "the kernel counts no connections: a phone may have any number (kmod-nft-connlimit)"


def command() -> tuple[str, ...]:
    """Where nft is. Raises EnforcerFailed."""
    found = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if not found:
        raise EnforcerFailed("nft is missing: apt-get install nftables (opkg install nftables-json)")
    return (found,)


class Nft:
    """The table `inet plaza`. `run` is the command that reaches nft, `opened` makes sockets to the kernel."""

    def __init__(
        self, territory: rules.Territory, clock: Clock, run: tuple[str, ...], opened: Opened = socket.socket
    ) -> None:
        self._territory = territory
        self._clock = clock
        self._run = run
        self._channel = Channel(opened)
        self._table = Table(rules.NAME, self._channel)
        self._neighbours = Neighbours(territory.lan, opened)
        self._marks = Marks()
        self._since = clock.now()
        self._steps = Steps(self._table)
        # mirrors of what the kernel holds; only we add to that
        self._spent: dict[bytes, float] = {}  # until when, seconds since boot
        self._known = Known()
        # what holds for everybody, as we were told: a table that was made anew has it again
        self._regime: Regime | None = None
        self._everybody_until = 0.0
        self._notice = ""

    @property
    def notice(self) -> str:
        """That a phone may have any number of connections, where the kernel counts none."""
        return self._notice

    @property
    def since(self) -> Moment:
        """When the table was made; the kernel keeps the note."""
        return self._since

    def start(self) -> None:
        """Apply all rules in one step, keeping the doors that are open and the nonces that are spent."""
        self._load(rules.ruleset(self._territory))
        if not self._elements("since"):
            note = Element("since", BEGUN, comment=f"{self._clock.now().seconds:.3f}")
            self._apply([self._table.added(note)])
        if self._regime is not None:
            self.govern(self._regime)
        left_s = int(self._everybody_until - self._clock.now().seconds)
        if left_s > 0:
            self.open_to_all(left_s)
        self._known = Known({}, doors.sixes(self._elements(doors.SIX)))
        now_s = self._clock.now().seconds
        self._spent = {one.key: now_s + one.expires_ms / 1000 for one in self._elements("spent")}
        self.survey()

    def neighbour(self, ip: str) -> Phone | None:
        """The phone that the kernel has resolved this address to on the guests' interface."""
        mac = self._neighbours.mac_of(ip)
        return Phone(mac, ip) if mac else None

    def spent(self, name: str) -> bool:
        """Whether the name was used within the last hour."""
        return self._spent.get(_hashed(name), 0.0) > self._clock.now().seconds

    def spend(self, name: str) -> bool:
        """Use a name up; False when the kernel says that it was."""
        return self._spend(name, [])

    def admit(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and open the door in one transaction; False when the nonce was spent."""
        held = self._known.held
        number = self._marks.free(self._clock.now().seconds, self._known.numbers)
        before = self._known.of(terms.session, phone)
        gone = [step for name in before for step in self._forgotten(held[name])]
        gone += self._steps.freed(self._known.before(phone, {held[name].number for name in before}))
        counting = self._steps.added(doors.counters(terms, number))
        if not self._spend(nonce, [*gone, *self._steps.opened(phone, terms, number, 0), *counting]):
            return False
        for name in before:
            self._known.drop(name)
        self._known.keep(terms.session, Held(number, phone))
        return True

    def prolong(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and set the door's terms in one transaction; False when the nonce was spent."""
        held = self._known.held.get(terms.session)
        if held is None:
            return self.admit(phone, terms, nonce)
        used = self._used(held) if terms.ceiling.here else 0
        gone = self._steps.shut(held.number, self._known.shut(held))
        gone += self._steps.freed(self._known.before(phone, {held.number}))
        if not self._spend(nonce, [*gone, *self._steps.opened(phone, terms, held.number, used)]):
            return False
        self._known.drop(terms.session)
        self._known.keep(terms.session, Held(held.number, phone))
        return True

    def close(self, session: str) -> None:
        """Shut the door; the next packet of a running download is refused too."""
        held = self._known.held.get(session)
        if held:
            self._apply(self._forgotten(held))
            self._known.drop(session)

    def govern(self, regime: Regime) -> None:
        """Set what holds for everybody, in one transaction."""
        wanted = {rules.IPV6: regime.ipv6, rules.FILTERED: regime.filtered}
        elements = [Element("regime", mark(number)) for number in wanted]
        on = [Element("regime", mark(number)) for number, holds in wanted.items() if holds]
        self._apply([*self._steps.freed(elements), *self._steps.added(on)])
        self._regime = regime

    def open_to_all(self, seconds: int) -> None:
        """Let every guest through; who was informed of an earlier emergency is not of one that begins."""
        steps = self._steps.freed([EVERYBODY])
        if seconds > 0:
            steps.append(self._table.added(replace(EVERYBODY, timeout_ms=seconds * 1000)))
        if self._element(EVERYBODY.set, EVERYBODY.key) is None:
            steps.append(self._table.emptied("informed"))
        self._apply(steps)
        self._everybody_until = self._clock.now().seconds + seconds

    def informed(self, phone: Phone) -> None:
        """Remember that for a day."""
        self._apply([self._table.added(Element("informed", ether(phone.mac), INFORMED_S * 1000))])

    def survey(self) -> Mapping[str, Standing]:
        """What the kernel holds now."""
        begun = self._elements("since")
        if not begun:
            raise TableGone("the rules were made by somebody else")
        self._since = Moment(self._clock.now().boot, float(begun[0].comment))
        self._forget_spent()
        listed = {name: self._elements(name) for name in ("door", doors.UP, doors.DOWN)}
        found = doors.standings(listed, self._quotas())
        self._known = doors.known(found, self._known.sixes)
        return {session: standing for session, (_, standing) in found.items()}

    def _load(self, wanted: str) -> None:
        """Raises EnforcerFailed; then all is as it was before."""
        lesser = rules.without_counts(wanted)
        # a table of another version is made anew, so its doors shut and every older ticket will be renewed
        for before in ("", rules.REMOVAL):
            for text, notice in ((wanted, ""), (lesser, UNCOUNTED)):
                try:
                    load(self._run, before + text)
                except EnforcerFailed as error:
                    failed = error
                else:
                    self._notice = notice
                    return
        raise failed

    def _forgotten(self, held: Held) -> list[Message]:
        return self._steps.shut(held.number, self._known.forgotten(held))

    def _used(self, held: Held) -> int:
        """The octets that passed: not those that the quota refused, which it counts too."""
        return sum(self._octets(name, held.number) for name in (doors.UP, doors.DOWN))

    def _octets(self, name: str, number: int) -> int:
        found = self._element(name, mark(number))
        return (found.octets or 0) if found else 0

    def _element(self, name: str, key: bytes) -> Element | None:
        try:
            return self._table.element(name, key)
        except Refused as refused:
            if refused.failures[0][1] == errno.ENOENT:
                return None  # if it is the table that is gone, the next step will say so
            raise

    def _spend(self, name: str, steps: Sequence[Message]) -> bool:
        key = _hashed(name)
        nonce = self._table.created(Element("spent", key, SPENT_S * 1000))
        try:
            self._apply([nonce, *steps])
        except FileExistsError:
            self._spent.setdefault(key, self._clock.now().seconds + SPENT_S)
            return False
        self._spent[key] = self._clock.now().seconds + SPENT_S
        return True

    def _forget_spent(self) -> None:
        """What the kernel has forgotten by now; of thousands an hour it is not asked for all each time."""
        now_s = self._clock.now().seconds
        self._spent = {key: until for key, until in self._spent.items() if until > now_s}

    def _apply(self, steps: Sequence[Message]) -> None:
        """Raises TableGone, EnforcerFailed; FileExistsError when what the first step creates is there."""
        try:
            self._channel.batch(steps)
        except Refused as refused:
            if refused.failures[0] == (0, errno.EEXIST):
                raise FileExistsError from refused
            raise _meaning(refused) from refused

    def _elements(self, name: str) -> list[Element]:
        try:
            return list(self._table.elements(name))
        except Refused as refused:
            raise _meaning(refused) from refused

    def _quotas(self) -> Mapping[str, Quota]:
        try:
            return self._table.quotas()
        except Refused as refused:
            raise _meaning(refused) from refused


def load(run: tuple[str, ...], text: str) -> None:
    """Have nft apply this in one step. Raises EnforcerFailed, in words without a phone's address."""
    try:
        done = subprocess.run(
            [*run, "-f", "-"],
            input=text,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env=ENVIRONMENT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnforcerFailed(f"nft did not run: {type(error).__name__}") from error
    if done.returncode != 0:
        said = done.stderr.strip() or "no reason given"
        raise EnforcerFailed(f"nft: {IDENTIFYING.sub('…', said.splitlines()[0])}")


def _hashed(name: str) -> bytes:
    """A name as an element of the set `spent`: 128 bits of its hash, in the place of an IPv6 address."""
    return hashlib.sha256(name.encode()).digest()[:16]


def _meaning(refused: Refused) -> EnforcerFailed:
    gone = refused.failures[0][1] == errno.ENOENT
    return TableGone("the rules are not in the kernel") if gone else refused
