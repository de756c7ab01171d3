"""What the kernel holds for one session: its door, its counters and its purse, as elements of `inet plaza`.

A session has a number. The map `door` gives it to every packet of its phone as the mark of the connection,
`door6` to all that its MAC sends in IPv6, and by that mark alone packets are counted, slowed down and
charged, and those that come back are let in. All elements expire with the door but the counters, which tell
the last octets, and the purse: what is used up stays so.

A MAC with two IPv4 addresses may have two sessions: its IPv6 is that of the later one.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from captive_portal.gateway import shaping
from captive_portal.gateway.elements import (
    Element,
    Limit,
    Quota,
    ether,
    mac_ip,
    mark,
    read_ether,
    read_mac_ip,
    read_mark,
)
from captive_portal.gateway.enforcer import Ceiling, Standing, Terms
from captive_portal.gateway.phone import Phone

COUNTED_S: Final = 32 * 24 * 3600
"""How much longer than its door at first a session's counters live, so that its last octets can be told, also
of one that was made longer. The program removes them at the end; this bounds what a dead one leaves."""

SIX: Final = "door6"
UP: Final = "up"
DOWN: Final = "down"


@dataclass(frozen=True, slots=True)
class Held:
    """What the kernel holds of a session: its number, and the phone whose door that is, while it is open."""

    number: int
    phone: Phone | None


def door(phone: Phone, terms: Terms, number: int) -> list[Element]:
    """What lets a phone through, at its rate. Raises ValueError."""
    lasts, key = terms.seconds * 1000, mark(number)
    caps = f"{terms.session} {terms.ceiling.here} {terms.ceiling.total}"
    made = [
        Element("door", mac_ip(phone.mac, phone.ip), lasts, data=key, comment=caps),
        replace(six(phone.mac, number), timeout_ms=lasts),
        Element("open", key, lasts),
    ]
    slow = ((name, shaping.octets_per_s(kbps)) for name, kbps in terms.rate.sets if kbps)
    return made + [Element(name, key, lasts, limit=Limit(rate, shaping.BURST_OCTETS)) for name, rate in slow]


def six(mac: str, number: int) -> Element:
    """What gives a MAC's IPv6 to a session. Raises ValueError."""
    return Element(SIX, ether(mac), data=mark(number))


def counters(terms: Terms, number: int) -> list[Element]:
    """What counts its octets, each way."""
    lasts = (terms.seconds + COUNTED_S) * 1000
    return [Element(name, mark(number), lasts, comment=terms.session) for name in (UP, DOWN)]


def purse(number: int) -> Element:
    """What charges both ways to its quota."""
    return Element("purse", mark(number), object=quota_name(number))


def quota_name(number: int) -> str:
    """The name of a session's quota."""
    return f"q{number}"


class Known:
    """A mirror of what the kernel holds, to which only we add: sessions, and who has the IPv6 of a MAC.

    Sessions are found by their number and their phone too: a login looks through no two thousand.
    """

    def __init__(
        self, held: Mapping[str, Held] | None = None, sixes: Mapping[str, int] | None = None
    ) -> None:
        self.held = dict(held or {})
        self.sixes = dict(sixes or {})
        self.numbers = {one.number for one in self.held.values()}
        self._of_phone: dict[Phone, set[str]] = {}
        for session, one in self.held.items():
            self._met(session, one)

    def of(self, session: str, phone: Phone) -> list[str]:
        """The session of this name, and those of this phone."""
        named = {session} if session in self.held else set()
        return sorted(named | self._of_phone.get(phone, set()))

    def keep(self, session: str, held: Held) -> None:
        """A session has opened its door."""
        self.held[session] = held
        self.numbers.add(held.number)
        self._met(session, held)
        if held.phone:
            self.sixes[held.phone.mac] = held.number

    def drop(self, session: str) -> None:
        """A session has ended."""
        held = self.held.pop(session)
        self.numbers.discard(held.number)
        if held.phone:
            self._of_phone[held.phone].discard(session)
            if not self._of_phone[held.phone]:
                del self._of_phone[held.phone]
        for one in self._six(held):
            del self.sixes[read_ether(one.key)]

    def _met(self, session: str, held: Held) -> None:
        if held.phone:
            self._of_phone.setdefault(held.phone, set()).add(session)

    def shut(self, held: Held) -> list[Element]:
        """All that may stand for an open door; the counters stay."""
        key = mark(held.number)
        bare = [purse(held.number), *(Element(name, key) for name in ("open", shaping.UP, shaping.DOWN))]
        if held.phone is None:
            return bare
        return [*bare, Element("door", mac_ip(held.phone.mac, held.phone.ip), data=key), *self._six(held)]

    def forgotten(self, held: Held) -> list[Element]:
        """All that may stand for a session."""
        return [*self.shut(held), *(Element(name, mark(held.number)) for name in (UP, DOWN))]

    def before(self, phone: Phone, gone: Container[int]) -> list[Element]:
        """What must go before this phone's MAC can have its IPv6: that of a session which is not gone."""
        number = self.sixes.get(phone.mac)
        return [] if number is None or number in gone else [six(phone.mac, number)]

    def _six(self, held: Held) -> list[Element]:
        owns = held.phone is not None and self.sixes.get(held.phone.mac) == held.number
        return [six(held.phone.mac, held.number)] if held.phone and owns else []


def sixes(listed: Iterable[Element]) -> dict[str, int]:
    """The number of the session that has a MAC's IPv6, by MAC, of the elements of `door6`."""
    return {read_ether(one.key): read_mark(one.data) for one in listed}


def known(standing: Mapping[str, tuple[Held, Standing]], sixes: Mapping[str, int]) -> Known:
    """The mirror, of what `standings` gave and of who had the IPv6 of a MAC."""
    found = Known({session: held for session, (held, _) in standing.items()})
    found.sixes.update({mac: number for mac, number in sixes.items() if number in found.numbers})
    return found


def standings(
    listed: Mapping[str, Iterable[Element]], quotas: Mapping[str, Quota]
) -> Mapping[str, tuple[Held, Standing]]:
    """How each session stands, of the elements of the sets `door`, `up` and `down`."""
    found: dict[str, tuple[Held, Standing]] = {}
    for element in listed["door"]:
        session, held, standing = _open(element)
        found[session] = held, standing
    for name in (UP, DOWN):
        for element in listed[name]:
            nothing = Held(read_mark(element.key), None), Standing(None, None)
            held, standing = found.get(element.comment, nothing)
            found[element.comment] = held, _counted(standing, element)
    return {session: (held, _charged(held, one, quotas)) for session, (held, one) in found.items()}


def _open(element: Element) -> tuple[str, Held, Standing]:
    phone = Phone(*read_mac_ip(element.key))
    session, *caps = element.comment.split() or [""]
    ceiling = Ceiling(*map(int, caps)) if caps else None
    return (
        session,
        Held(read_mark(element.data), phone),
        Standing(phone, element.expires_ms // 1000, ceiling=ceiling),
    )


def _counted(standing: Standing, element: Element) -> Standing:
    if element.set == UP:
        return replace(standing, octets_up=element.octets)
    return replace(standing, octets_down=element.octets)


def _charged(held: Held, standing: Standing, quotas: Mapping[str, Quota]) -> Standing:
    quota = quotas.get(quota_name(held.number))
    return replace(standing, used_up=quota is not None and quota.depleted)
