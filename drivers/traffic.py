"""The traffic of a whole device out of its interface table, as its platform's rules say."""

from collections.abc import Iterable, Mapping
from typing import Final

from drivers.blocks import InterfaceRule, Take, Traffic
from drivers.extend import fit
from drivers.snmp.seam import Oid, PollReply, Value
from metrics.catalog import MEASUREMENTS

_AP_FIELDS: Final = MEASUREMENTS["wifi_ap"].fields


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
