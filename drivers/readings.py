"""The numbers of a whole device out of what its agent answered, as its platform's table says."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from drivers.definition import InterfaceRule, Platform, Reading, Reduction, Share, Storage, Take, Traffic
from drivers.extend import fit
from drivers.snmp.seam import Oid, PollReply, Value
from metrics.catalog import MEASUREMENTS

_NUMBER: Final = re.compile(rb"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_AP_FIELDS: Final = MEASUREMENTS["wifi_ap"].fields


def objects(platform: Platform) -> tuple[tuple[Oid, ...], tuple[Oid, ...]]:
    """Scalars and columns that the readings need."""
    scalars: list[Oid] = []
    columns: list[Oid] = []
    for reading in platform.measure:
        scalars += [reading.scalar] if reading.scalar else []
        columns += [reading.column] if reading.column else []
        if reading.share is not None:
            scalars += [reading.share.total, *reading.share.free]
        if reading.storage is not None:
            columns += [reading.storage.kind, reading.storage.used, reading.storage.size]
    if platform.traffic is not None:
        columns += [platform.traffic.name, platform.traffic.type, platform.traffic.rx, platform.traffic.tx]
    return tuple(dict.fromkeys(scalars)), tuple(dict.fromkeys(columns))


def measured(platform: Platform, reply: PollReply) -> dict[str, int | float]:
    """Fields of wifi_ap, each from the first reading that the device has."""
    fields: dict[str, int | float] = {}
    for reading in platform.measure:
        value = _read(reading, reply) if reading.field not in fields else None
        if value is None:
            continue
        fitted = fit(_AP_FIELDS[reading.field], value * reading.scale + reading.offset)
        if fitted is not None:
            fields[reading.field] = fitted
    return fields


def traffic(table: Traffic | None, reply: PollReply) -> dict[str, int | float]:
    """rx_octets and tx_octets of the interfaces the platform's rule names; absent when there are none."""
    if table is None:
        return {}
    names = {
        row: name.decode("utf-8", "replace")
        for row, name in sorted(reply.columns.get(table.name, {}).items())
        if isinstance(name, bytes)
    }
    rows = choose(table.interfaces, names, reply.columns.get(table.type, {}))
    fields: dict[str, int | float] = {}
    for field, column in (("rx_octets", table.rx), ("tx_octets", table.tx)):
        counters = [reply.columns.get(column, {}).get(row) for row in rows]
        known = [counter for counter in counters if isinstance(counter, int)]
        fitted = fit(_AP_FIELDS[field], sum(known)) if known and len(known) == len(rows) else None
        if fitted is not None:
            fields[field] = fitted
    return fields


def choose(rules: Iterable[InterfaceRule], names: Mapping[Oid, str], types: Mapping[Oid, Value]) -> list[Oid]:
    """Rows of the interfaces that count: those of the first rule that matches any."""
    for rule in rules:
        rows = [
            row
            for row, name in names.items()
            if rule.name.search(name) and rule.type in (None, types.get(row))
        ]
        if rows:
            return rows if rule.take is Take.ALL else rows[:1]
    return []


def _read(reading: Reading, reply: PollReply) -> float | None:
    if reading.scalar is not None:
        return _number(reply.scalars.get(reading.scalar))
    if reading.column is not None:
        return _reduce(reading.reduce, reply.columns.get(reading.column, {}).values())
    if reading.share is not None:
        return _share(reading.share, reply.scalars)
    return _storage(reading.storage, reply) if reading.storage is not None else None


def _reduce(how: Reduction, values: Iterable[Value]) -> float | None:
    numbers = [number for value in values if (number := _number(value)) is not None]
    if not numbers:
        return None
    if how is Reduction.MAX:
        return max(numbers)
    return sum(numbers) / (len(numbers) if how is Reduction.MEAN else 1)


def _share(share: Share, scalars: Mapping[Oid, Value]) -> float | None:
    total = _number(scalars.get(share.total))
    first = _number(scalars.get(share.free[0]))
    if total is None or total <= 0 or first is None:
        return None
    return 100 * (total - first - sum(_number(scalars.get(oid)) or 0 for oid in share.free[1:])) / total


def _storage(storage: Storage, reply: PollReply) -> float | None:
    kinds = reply.columns.get(storage.kind, {})
    row = next((row for row in sorted(kinds) if kinds[row] == storage.equals), None)
    if row is None:
        return None
    used = _number(reply.columns.get(storage.used, {}).get(row))
    size = _number(reply.columns.get(storage.size, {}).get(row))
    return 100 * used / size if used is not None and size else None


def _number(value: Value | None) -> float | None:
    """An agent's number, be it written as text."""
    if isinstance(value, bytes):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    return value if isinstance(value, int) else None
