"""The same platform, asked for less: what a poll over a link that is slow or costs money leaves out."""

from typing import Final

from drivers.definition import Platform, load_shared
from drivers.needs import scalars_of, walked_of

_PULSE: Final = ("uptime_s", "clients")


def without_names_and_ports(platform: Platform) -> Platform:
    """The tables that cost most. Where only network names tell the clients, these stay."""
    told = "clients" in platform.measure or any("clients" in table.fields for table in platform.radios)
    return _with(platform, ports=(), ssids=() if told or platform.extend else platform.ssids)


def pulse(platform: Platform) -> Platform:
    """Only how long it runs, and its clients where one object tells them; every agent has a sysUpTime."""
    measure = {
        name: readings
        for name, readings in platform.measure.items()
        if name in _PULSE and not any(oid for one in readings for oid in walked_of(one))
        if any(oid for one in readings for oid in scalars_of(one))
    }
    measure = measure or {"uptime_s": load_shared()["system"].measure["uptime_s"]}
    tables = dict.fromkeys(("aps", "radios", "ssids", "cellular", "ports", "power"), ())
    return _with(platform, facts={}, measure=measure, traffic=None, extend=None, **tables)


def _with(platform: Platform, **changes: object) -> Platform:
    fields = {name: getattr(platform, name) for name in Platform.model_fields}
    return Platform.model_construct(**{**fields, **changes})
