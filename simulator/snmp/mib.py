"""The objects of a virtual AP's agent, sorted, with how each value is read from a Reading."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from simulator.model import Platform
from simulator.reading import Iface, Reading
from simulator.snmp import ber
from simulator.snmp.ber import COUNTER32, COUNTER64, GAUGE32, INTEGER, OCTET_STRING, TIMETICKS, Oid, number
from simulator.snmp.tree import Row, Tree

Read = Callable[[Reading], bytes]
"""The encoded value of one instance."""

NET_SNMP_LINUX: Final = (1, 3, 6, 1, 4, 1, 8072, 3, 2, 10)
EXAMPLE_VENDOR: Final = (1, 3, 6, 1, 4, 1, 32473, 1, 8)  # enterprise number for documentation, RFC 5612
EXTEND_NAME: Final = b"plaza"

_SYSTEM: Final = (1, 3, 6, 1, 2, 1, 1)
_INTERFACES: Final = (1, 3, 6, 1, 2, 1, 2)
_IF_X: Final = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1)
_HOST: Final = (1, 3, 6, 1, 2, 1, 25)
_UCD: Final = (1, 3, 6, 1, 4, 1, 2021)
_EXTEND: Final = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2)
COUNTER64_OBJECTS: Final = frozenset((*_IF_X, column) for column in range(6, 14))  # RFC 2863, ifHC*
_COUNTER32_LIMIT: Final = 2**32
_BPS_PER_MBPS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides which instances exist; equal shapes share one tree."""

    platform: Platform
    iface_indexes: tuple[int, ...]
    extend_lines: int


def shape(reading: Reading) -> Shape:
    """The shape of an AP at one moment."""
    lines = len(reading.lines) if reading.platform is Platform.OPENWRT else 0
    return Shape(reading.platform, tuple(iface.index for iface in reading.ifaces), lines)


@lru_cache(maxsize=256)
def tree(kind: Shape) -> Tree[Reading]:
    """The tree of a shape; made once however many APs have it."""
    return Tree(_rows(kind))


@lru_cache(maxsize=256)
def narrow_tree(kind: Shape) -> Tree[Reading]:
    """As `tree`, without the objects that SNMPv1 cannot say."""
    return Tree(row for row in _rows(kind) if row[0] not in COUNTER64_OBJECTS)


def _rows(kind: Shape) -> Iterator[Row[Reading]]:
    yield from _system(kind.platform)
    yield from _interfaces(kind.iface_indexes)
    yield from _host()
    if kind.platform is Platform.OPENWRT:
        yield from _ucd()
        yield from _extend(kind.extend_lines)


def description(reading: Reading) -> bytes:
    """sysDescr: what `uname` says on OpenWrt, a model line elsewhere."""
    if reading.platform is Platform.OPENWRT:
        text = f"Linux {reading.hostname} 5.15.167 #0 SMP Mon Sep 23 12:34:46 2024 aarch64 OpenWrt 23.05.5"
    else:
        text = "Example Wireless AP EX-200, firmware 4.2.1"
    return text.encode()


def _text(value: str) -> Read:
    encoded = ber.octets(value.encode())
    return lambda reading: encoded


def _int(value: int, tag: int = INTEGER) -> Read:
    encoded = number(tag, value)
    return lambda reading: encoded


def _oid(value: Oid) -> Read:
    encoded = ber.oid(value)
    return lambda reading: encoded


def _gauge(read: Callable[[Reading], int], tag: int = INTEGER) -> Read:
    return lambda reading: number(tag, read(reading))


def _counter32(read: Callable[[Reading], int]) -> Read:
    return lambda reading: number(COUNTER32, read(reading) % _COUNTER32_LIMIT)


def _ticks(reading: Reading) -> bytes:
    return number(TIMETICKS, reading.uptime_s * 100 % _COUNTER32_LIMIT)


def _scalar(group: Oid, *path: int) -> tuple[Oid, Oid]:
    return (*group, *path), (0,)


def _system(platform: Platform) -> Iterator[Row[Reading]]:
    vendor = NET_SNMP_LINUX if platform is Platform.OPENWRT else EXAMPLE_VENDOR
    yield *_scalar(_SYSTEM, 1), lambda r: ber.octets(description(r))
    yield *_scalar(_SYSTEM, 2), _oid(vendor)
    yield *_scalar(_SYSTEM, 3), _ticks
    yield *_scalar(_SYSTEM, 4), _text("")
    yield *_scalar(_SYSTEM, 5), lambda r: ber.octets(r.hostname.encode())
    yield *_scalar(_SYSTEM, 6), _text("")
    yield *_scalar(_SYSTEM, 7), _int(72 if platform is Platform.OPENWRT else 6)


def _interfaces(indexes: tuple[int, ...]) -> Iterator[Row[Reading]]:
    yield *_scalar(_INTERFACES, 1), _gauge(lambda r: len(r.ifaces))
    for position, index in enumerate(indexes):
        for column, read in _IF_COLUMNS.items():
            yield (*_INTERFACES, 2, 1, column), (index,), _of_iface(position, read)
        for column, read in _IF_X_COLUMNS.items():
            yield (*_IF_X, column), (index,), _of_iface(position, read)


def _of_iface(position: int, read: Callable[[Iface], bytes]) -> Read:
    return lambda reading: read(reading.ifaces[position])


def _fixed(value: bytes) -> Callable[[Iface], bytes]:
    return lambda iface: value


def _wrapping(value: int) -> bytes:
    return number(COUNTER32, value % _COUNTER32_LIMIT)


_ZERO_COUNTER: Final = _fixed(number(COUNTER32, 0))
_UP: Final = _fixed(number(INTEGER, 1))
_IF_COLUMNS: Final[dict[int, Callable[[Iface], bytes]]] = {
    1: lambda i: number(INTEGER, i.index),
    2: lambda i: ber.octets(i.name.encode()),
    3: lambda i: number(INTEGER, i.kind),
    4: lambda i: number(INTEGER, i.mtu),
    5: lambda i: number(GAUGE32, i.speed_mbps * _BPS_PER_MBPS),
    6: lambda i: ber.octets(i.mac),
    7: _UP,
    8: _UP,
    9: _fixed(number(TIMETICKS, 0)),
    10: lambda i: _wrapping(i.rx_octets),
    11: lambda i: _wrapping(i.rx_packets),
    13: _ZERO_COUNTER,
    14: _ZERO_COUNTER,
    16: lambda i: _wrapping(i.tx_octets),
    17: lambda i: _wrapping(i.tx_packets),
    19: _ZERO_COUNTER,
    20: _ZERO_COUNTER,
}
_IF_X_COLUMNS: Final[dict[int, Callable[[Iface], bytes]]] = {
    1: lambda i: ber.octets(i.name.encode()),
    6: lambda i: number(COUNTER64, i.rx_octets),
    7: lambda i: number(COUNTER64, i.rx_packets),
    10: lambda i: number(COUNTER64, i.tx_octets),
    11: lambda i: number(COUNTER64, i.tx_packets),
    15: lambda i: number(GAUGE32, i.speed_mbps),
    17: _fixed(number(INTEGER, 1)),
    18: _fixed(ber.octets(b"")),
    19: _fixed(number(TIMETICKS, 0)),
}


def _host() -> Iterator[Row[Reading]]:
    yield *_scalar(_HOST, 1, 1), _ticks
    yield *_scalar(_HOST, 1, 6), _gauge(lambda r: r.processes, GAUGE32)
    yield *_scalar(_HOST, 2, 2), _gauge(lambda r: r.memory.total)
    storage = (*_HOST, 2, 3, 1)
    yield (*storage, 1), (1,), _int(1)
    yield (*storage, 2), (1,), _oid((*_HOST, 2, 1, 2))  # hrStorageRam
    yield (*storage, 3), (1,), _text("Physical memory")
    yield (*storage, 4), (1,), _int(1024)
    yield (*storage, 5), (1,), _gauge(lambda r: r.memory.total)
    yield (*storage, 6), (1,), _gauge(lambda r: r.memory.total - r.memory.free)
    for core in (0, 1):
        index = (196608 + core,)
        yield (*_HOST, 3, 3, 1, 1), index, _oid((0, 0))
        yield (*_HOST, 3, 3, 1, 2), index, _gauge(lambda r: int(100 * _busy(r)))


def _busy(reading: Reading) -> float:
    """Share of the processor in use now, 0 to 1."""
    return min(1.0, reading.processor.load / reading.processor.cores)


def _ucd() -> Iterator[Row[Reading]]:
    yield *_scalar(_UCD, 4, 5), _gauge(lambda r: r.memory.total)
    yield *_scalar(_UCD, 4, 6), _gauge(lambda r: r.memory.free)
    yield *_scalar(_UCD, 4, 14), _gauge(lambda r: r.memory.buffers)
    yield *_scalar(_UCD, 4, 15), _gauge(lambda r: r.memory.cached)
    for row, minutes in enumerate((1, 5, 15), start=1):
        yield (*_UCD, 10, 1, 1), (row,), _int(row)
        yield (*_UCD, 10, 1, 2), (row,), _text(f"Load-{minutes}")
        yield (*_UCD, 10, 1, 3), (row,), lambda r: ber.octets(f"{r.processor.load:.2f}".encode())
        yield (*_UCD, 10, 1, 5), (row,), _gauge(lambda r: int(100 * r.processor.load))
    yield *_scalar(_UCD, 11, 9), _gauge(lambda r: int(45 * _busy(r)))
    yield *_scalar(_UCD, 11, 10), _gauge(lambda r: int(25 * _busy(r)))
    yield *_scalar(_UCD, 11, 11), _gauge(lambda r: 100 - int(100 * _busy(r)))
    yield *_scalar(_UCD, 11, 50), _counter32(lambda r: r.processor.user)
    yield *_scalar(_UCD, 11, 51), _int(0, COUNTER32)
    yield *_scalar(_UCD, 11, 52), _counter32(lambda r: r.processor.system)
    yield *_scalar(_UCD, 11, 53), _counter32(lambda r: r.processor.idle)
    yield *_scalar(_UCD, 11, 54), _int(0, COUNTER32)
    yield *_scalar(_UCD, 11, 55), _int(0, COUNTER32)
    yield *_scalar(_UCD, 11, 56), _int(0, COUNTER32)
    yield *_scalar(_UCD, 11, 61), _counter32(lambda r: r.processor.softirq)
    yield *_scalar(_UCD, 11, 67), _gauge(lambda r: r.processor.cores)


def _extend(lines: int) -> Iterator[Row[Reading]]:
    """NET-SNMP-EXTEND-MIB: a name is an index of its length and its octets; lines count from 1."""
    index = (len(EXTEND_NAME), *EXTEND_NAME)
    yield *_scalar(_EXTEND, 1), _int(1)
    yield (*_EXTEND, 3, 1, 1), index, lambda r: ber.octets(r.lines[0] if r.lines else b"")
    yield (*_EXTEND, 3, 1, 2), index, lambda r: ber.tlv(OCTET_STRING, b"\n".join(r.lines))
    yield (*_EXTEND, 3, 1, 3), index, _gauge(lambda r: len(r.lines))
    yield (*_EXTEND, 3, 1, 4), index, _int(0)
    for line in range(lines):
        yield (*_EXTEND, 4, 1, 2), (*index, line + 1), _line(line)


def _line(number_from_0: int) -> Read:
    return lambda reading: ber.octets(reading.lines[number_from_0])
