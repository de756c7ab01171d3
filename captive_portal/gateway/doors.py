"""What the kernel holds for one session: its door, its counters and its purse, as elements of `inet plaza`.

A session has a number. The map `door` gives it to every packet of its phone as the mark of the connection,
and by that mark alone packets are counted, slowed down and charged, and those that come back are let in. All
elements expire with the door but the counters, which tell the last octets, and the purse: what is used up
stays so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from captive_portal.gateway import shaping
from captive_portal.gateway.elements import Element, Limit, Quota, mac_ip, mark, read_mac_ip, read_mark
from captive_portal.gateway.enforcer import Ceiling, Standing, Terms
from captive_portal.gateway.phone import Phone

COUNTED_S: Final = 32 * 24 * 3600
"""How much longer than its door at first a session's counters live, so that its last octets can be told, also
of one that was made longer. The program removes them at the end; this bounds what a dead one leaves."""

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
        Element("open", key, lasts),
    ]
    slow = ((name, shaping.octets_per_s(kbps)) for name, kbps in terms.rate.sets if kbps)
    return made + [Element(name, key, lasts, limit=Limit(rate, shaping.BURST_OCTETS)) for name, rate in slow]


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


def shut(held: Held) -> list[Element]:
    """All that may stand for an open door; the counters stay."""
    key = mark(held.number)
    bare = [purse(held.number), *(Element(name, key) for name in ("open", shaping.UP, shaping.DOWN))]
    if held.phone is None:
        return bare
    return [*bare, Element("door", mac_ip(held.phone.mac, held.phone.ip), data=key)]


def forgotten(held: Held) -> list[Element]:
    """All that may stand for a session."""
    return [*shut(held), *(Element(name, mark(held.number)) for name in (UP, DOWN))]


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
