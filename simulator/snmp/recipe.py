"""How a farm answers fast: what a request needs is worked out once, then answers are made of ready parts."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from simulator.snmp import ber, pdu
from simulator.snmp.ber import COUNTER64
from simulator.snmp.farm_mib import Counter, Fixed, Look, Member, Number, Text
from simulator.snmp.pdu import Dialect, Slot
from simulator.snmp.tree import Tree

MAX_RECIPES: Final = 4096
_MAX_OCTETS: Final = 9  # of a Counter64
_OK: Final = b"\x02\x01\x00\x02\x01\x00"

Part = Callable[[Member, int], bytes]
"""Some varbinds of an answer, from an agent and the second."""
Recipe = tuple[Part, ...]
"""All varbinds of an answer; empty for what the slow way must answer."""


class Kitchen:
    """Answers the PDUs of all agents of one farm."""

    def __init__(self, tree: Tree[Look], dialect: Dialect) -> None:
        self._tree = tree
        self._dialect = dialect
        self._recipes: dict[tuple[int, bytes], Recipe] = {}

    def response(self, who: Member, second: int, data: bytes, position: int, room: int) -> bytes | None:
        """The response to the PDU from `position` to the end of `data`.

        None is silence. Raises BadMessage or IndexError for rubbish.
        """
        size = data[position + 1]
        start = position + 2 + (size & 0x7F if size & 0x80 else 0)
        id_end = start + 2 + data[start + 1]
        key = (data[position], data[id_end:])
        recipe = self._recipes.get(key)
        if recipe is None:
            recipe = self._learn(key, data, position)
        body = b"".join([part(who, second) for part in recipe])
        if not recipe or len(body) > room - 40:
            return self._dialect.answer(pdu.parse(data, position), self._tree, (who, second), room)
        return ber.tlv(pdu.RESPONSE, data[start:id_end] + _OK + ber.tlv(ber.SEQUENCE, body))

    def _learn(self, key: tuple[int, bytes], data: bytes, position: int) -> Recipe:
        if len(self._recipes) >= MAX_RECIPES:
            self._recipes.clear()
        request = pdu.parse(data, position)
        answerable = request.tag in self._dialect.reads
        recipe = recipe_of(pdu.slots(request, self._tree)) if answerable else ()
        self._recipes[key] = recipe
        return recipe


def recipe_of(slots: Sequence[Slot]) -> Recipe:
    """The parts of an answer; neighbours of one kind make one part. Empty when something is missing."""
    parts: list[Part] = []
    for kind, group in groupby(slots, key=lambda slot: type(slot[1])):
        made = _PARTS.get(kind)
        if made is None:
            return ()
        parts += made(list(group))
    return tuple(parts)


def _fixed(slots: Sequence[Slot]) -> list[Part]:
    octets = b"".join(pdu.varbind(name + read.value) for name, read in slots if isinstance(read, Fixed))
    return [lambda who, second: octets]


def _texts(slots: Sequence[Slot]) -> list[Part]:
    return [_text(name, read) for name, read in slots if isinstance(read, Text)]


def _text(name: bytes, read: Text) -> Part:
    of = read.of
    return lambda who, second: pdu.varbind(name + ber.octets(of(who).encode()))


def _numbers(slots: Sequence[Slot]) -> list[Part]:
    return [_number(name, read) for name, read in slots if isinstance(read, Number)]


def _number(name: bytes, read: Number) -> Part:
    heads, of = _heads(name, read.tag), read.of

    def part(who: Member, second: int) -> bytes:
        value = of(who, second)
        size = (value.bit_length() >> 3) + 1
        return heads[size] + value.to_bytes(size, "big")

    return part


def _counters(slots: Sequence[Slot]) -> list[Part]:
    rows = [(_heads(name, COUNTER64), read.rate) for name, read in slots if isinstance(read, Counter)]

    def part(who: Member, second: int) -> bytes:
        age_s, rates, octets = second - who.born_s, who.rates, []
        for heads, rate in rows:
            value = age_s * rates[rate]
            size = (value.bit_length() >> 3) + 1
            octets.append(heads[size])
            octets.append(value.to_bytes(size, "big"))
        return b"".join(octets)

    return [part]


def _heads(name: bytes, tag: int) -> tuple[bytes, ...]:
    """What stands before a number of so many octets in its varbind."""
    return tuple(
        pdu.varbind(name + bytes((tag, size)) + bytes(size))[: -size or None]
        for size in range(_MAX_OCTETS + 1)
    )


_PARTS: Final[dict[type, Callable[[Sequence[Slot]], list[Part]]]] = {
    Fixed: _fixed,
    Text: _texts,
    Number: _numbers,
    Counter: _counters,
}
