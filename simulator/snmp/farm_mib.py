"""What the agents of a farm show: the same objects in each, other values, and counters that grow."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from simulator.snmp import ber
from simulator.snmp.ber import COUNTER32, COUNTER64, INTEGER, TIMETICKS, Oid, number
from simulator.snmp.mib import COUNTER64_OBJECTS, NET_SNMP_LINUX
from simulator.snmp.tree import Row, Tree

PORTS: Final = 12
_LIMIT32: Final = 2**32
_SYSTEM: Final = (1, 3, 6, 1, 2, 1, 1)
_IF: Final = (1, 3, 6, 1, 2, 1, 2)
_IF_X: Final = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
_HOST: Final = (1, 3, 6, 1, 2, 1, 25)
_UCD: Final = (1, 3, 6, 1, 4, 1, 2021)
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Member:
    """One agent of a farm; `rates` are octets a second, first in, then out of each port."""

    name: str
    born_s: int
    rates: tuple[int, ...]
    memory_kib: int
    load: int


def member(seed: int, number_from_0: int, started_s: int) -> Member:
    """The agent with this number: up for hours to months, its ports idle (3 octets/s) to busy (10 MB/s)."""
    name = f"farm-{number_from_0}"
    chance = random.Random(f"{seed} {name}")
    return Member(
        name=name,
        born_s=started_s - int(_HOUR_S * 10 ** (3.5 * chance.random())),
        rates=tuple(int(10 ** (0.5 + 6.5 * chance.random())) for _ in range(2 * PORTS)),
        memory_kib=chance.choice((121_104, 249_336, 508_384)),
        load=chance.randrange(150),
    )


Look = tuple[Member, int]
"""An agent at a second of the model's time."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same for every agent, already encoded."""

    value: bytes

    def __call__(self, look: Look) -> bytes:
        """The encoded value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the agent's own."""

    of: Callable[[Member], str]

    def __call__(self, look: Look) -> bytes:
        """The encoded value."""
        return ber.octets(self.of(look[0]).encode())


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is never negative."""

    tag: int
    of: Callable[[Member, int], int]

    def __call__(self, look: Look) -> bytes:
        """The encoded value."""
        return number(self.tag, self.of(*look))


@dataclass(frozen=True, slots=True)
class Counter:
    """The octets of one port in one direction since the agent's birth, an index of its rates."""

    rate: int

    def __call__(self, look: Look) -> bytes:
        """The encoded value."""
        return number(COUNTER64, octets(*look, self.rate))


def octets(who: Member, second: int, rate: int) -> int:
    """What one port has carried in one direction."""
    return (second - who.born_s) * who.rates[rate]


def tree() -> Tree[Look]:
    """All that an agent of a farm shows."""
    return Tree(_rows())


def narrow_tree() -> Tree[Look]:
    """As `tree`, without the objects that SNMPv1 cannot say."""
    return Tree(row for row in _rows() if row[0] not in COUNTER64_OBJECTS)


def _rows() -> Iterator[Row[Look]]:
    yield from _scalars()
    for port in range(PORTS):
        yield from _columns(port)


def _ticks(who: Member, second: int) -> int:
    return (second - who.born_s) * 100 % _LIMIT32


def _scalar(group: Oid, *path: int) -> tuple[Oid, Oid]:
    return (*group, *path), (0,)


def _text(value: str) -> Fixed:
    return Fixed(ber.octets(value.encode()))


def _scalars() -> Iterator[Row[Look]]:
    yield (
        *_scalar(_SYSTEM, 1),
        _text("Linux farm 5.15.167 #0 SMP Mon Sep 23 12:34:46 2024 mips OpenWrt 23.05.5"),
    )
    yield *_scalar(_SYSTEM, 2), Fixed(ber.oid(NET_SNMP_LINUX))
    yield *_scalar(_SYSTEM, 3), Number(TIMETICKS, _ticks)
    yield *_scalar(_SYSTEM, 4), _text("redes@example.org")
    yield *_scalar(_SYSTEM, 5), Text(lambda who: who.name)
    yield *_scalar(_SYSTEM, 6), Text(lambda who: f"Plaza of {who.name}, Chihuahua")
    yield *_scalar(_IF, 1), Fixed(number(INTEGER, PORTS))
    yield *_scalar(_HOST, 1, 1), Number(TIMETICKS, lambda who, second: _ticks(who, second) + 4200)
    yield *_scalar(_HOST, 2, 2), Number(INTEGER, lambda who, second: who.memory_kib)
    yield *_scalar(_UCD, 4, 5), Number(INTEGER, lambda who, second: who.memory_kib)
    yield *_scalar(_UCD, 4, 6), Number(INTEGER, _free_kib)
    yield (*_UCD, 10, 1, 5), (1,), Number(INTEGER, lambda who, second: who.load + second // 30 % 37)


def _free_kib(who: Member, second: int) -> int:
    return who.memory_kib // 3 + (second // 10 * 97 + who.load * 31) % 8192


def _columns(port: int) -> Iterator[Row[Look]]:
    """The port's row of ifTable and ifXTable."""
    index = (port + 1,)
    name = _text(f"eth{port}")
    received, sent = Counter(port), Counter(PORTS + port)
    yield (*_IF, 2, 1, 1), index, Fixed(number(INTEGER, port + 1))
    yield (*_IF, 2, 1, 2), index, name
    yield (*_IF, 2, 1, 3), index, Fixed(number(INTEGER, 6))
    yield (*_IF, 2, 1, 10), index, Number(COUNTER32, lambda who, second: octets(who, second, port) % _LIMIT32)
    yield (*_IF_X, 1), index, name
    yield (*_IF_X, 6), index, received
    yield (*_IF_X, 10), index, sent
