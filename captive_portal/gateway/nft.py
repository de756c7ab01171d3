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
from typing import Final

from captive_portal.gateway import doors, rules
from captive_portal.gateway.clock import Clock, Moment
from captive_portal.gateway.doors import Held
from captive_portal.gateway.elements import Element, Quota, Table, mark
from captive_portal.gateway.enforcer import SPENT_S, Standing, Terms
from captive_portal.gateway.errors import EnforcerFailed, Refused, TableGone
from captive_portal.gateway.marks import Marks
from captive_portal.gateway.neighbours import Neighbours
from captive_portal.gateway.netlink import Channel, Message, Opened
from captive_portal.gateway.phone import Phone

TIMEOUT_S: Final = 20
ENVIRONMENT: Final = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
IDENTIFYING: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|\d+\.\d+\.\d+\.\d+", re.IGNORECASE)
BEGUN: Final = mark(1)


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
        # mirrors of what the kernel holds; only we add to that
        self._spent: set[bytes] = set()
        self._held: dict[str, Held] = {}

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
            self._load(wanted)
        except EnforcerFailed:
            # a table of another version: made anew, so its doors shut and every older ticket will be renewed
            self._load(rules.REMOVAL + wanted)
        if not self._elements("since"):
            note = Element("since", BEGUN, comment=f"{self._clock.now().seconds:.3f}")
            self._apply([self._table.added(note)])
        self.survey()

    def neighbour(self, ip: str) -> Phone | None:
        """The phone that the kernel has resolved this address to on the guests' interface."""
        mac = self._neighbours.mac_of(ip)
        return Phone(mac, ip) if mac else None

    def spent(self, name: str) -> bool:
        """Whether the name was used within the last hour."""
        return _hashed(name) in self._spent

    def spend(self, name: str) -> bool:
        """Use a name up; False when the kernel says that it was."""
        return self._spend(name, [])

    def admit(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and open the door in one transaction; False when the nonce was spent."""
        number = self._marks.free(self._clock.now().seconds, {one.number for one in self._held.values()})
        before = [name for name, one in self._held.items() if name == terms.session or one.phone == phone]
        gone = [step for name in before for step in self._forgotten(self._held[name])]
        made = self._opened(phone, terms, number, 0)
        counting = [self._table.added(one) for one in doors.counters(terms, number)]
        if not self._spend(nonce, [*gone, *made, *counting]):
            return False
        for name in before:
            del self._held[name]
        self._held[terms.session] = Held(number, phone)
        return True

    def prolong(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        """Spend the nonce and set the door's terms in one transaction; False when the nonce was spent."""
        held = self._held.get(terms.session)
        if held is None:
            return self.admit(phone, terms, nonce)
        used = self._used(held) if terms.ceiling.here else 0
        gone = self._removed(doors.shut(held), held)
        if not self._spend(nonce, [*gone, *self._opened(phone, terms, held.number, used)]):
            return False
        self._held[terms.session] = Held(held.number, phone)
        return True

    def close(self, session: str) -> None:
        """Shut the door; the next packet of a running download is refused too."""
        held = self._held.get(session)
        if held:
            self._apply(self._forgotten(held))
            del self._held[session]

    def survey(self) -> Mapping[str, Standing]:
        """What the kernel holds now."""
        begun = self._elements("since")
        if not begun:
            raise TableGone("the rules were made by somebody else")
        self._since = Moment(self._clock.now().boot, float(begun[0].comment))
        self._spent = {one.key for one in self._elements("spent")}
        listed = {name: self._elements(name) for name in ("door", doors.UP, doors.DOWN)}
        found = doors.standings(listed, self._quotas())
        self._held = {session: held for session, (held, _) in found.items()}
        return {session: standing for session, (_, standing) in found.items()}

    def _opened(self, phone: Phone, terms: Terms, number: int, used: int) -> list[Message]:
        """The steps that open a door, `used` octets of whose cap are used. Raises EnforcerFailed."""
        try:
            made = [self._table.added(one) for one in doors.door(phone, terms, number)]
        except ValueError:
            raise EnforcerFailed("no phone has such an address") from None
        if terms.ceiling.here:
            quota = Quota(doors.quota_name(number), terms.ceiling.here, used)
            made += [self._table.quota(quota), self._table.added(doors.purse(number))]
        return made

    def _forgotten(self, held: Held) -> list[Message]:
        return self._removed(doors.forgotten(held), held)

    def _removed(self, elements: Sequence[Element], held: Held) -> list[Message]:
        """The steps that take these and the quota out, whether or not they are there."""
        # the kernel undoes all when it shall remove what is not there: so that is put in before
        name = doors.quota_name(held.number)
        there = [self._table.quota(Quota(name, 1)), *map(self._table.added, elements)]
        return [*there, *map(self._table.removed, elements), self._table.quota_removed(name)]

    def _used(self, held: Held) -> int:
        """The octets that passed: not those that the quota refused, which it counts too."""
        return sum(self._octets(name, held.number) for name in (doors.UP, doors.DOWN))

    def _octets(self, name: str, number: int) -> int:
        try:
            return self._table.element(name, mark(number)).octets or 0
        except Refused as refused:
            if refused.failures[0][1] == errno.ENOENT:
                return 0  # if it is the table that is gone, the next step will say so
            raise

    def _spend(self, name: str, steps: Sequence[Message]) -> bool:
        key = _hashed(name)
        nonce = self._table.created(Element("spent", key, SPENT_S * 1000))
        try:
            self._apply([nonce, *steps])
        except FileExistsError:
            self._spent.add(key)
            return False
        self._spent.add(key)
        return True

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

    def _load(self, text: str) -> None:
        try:
            done = subprocess.run(
                [*self._run, "-f", "-"],
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
