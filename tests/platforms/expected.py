"""What a second system reads from the outside recordings, and whether it comes out of `platform try` too."""

import asyncio
import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from drivers.definition import load_platforms, platform_text
from drivers.errors import DriverError
from drivers.recording import read_recording
from drivers.trying import try_recording
from metrics.catalog import MEASUREMENTS

EXCEPTIONS = Path(__file__).with_name("exceptions.tsv")
CHECKED = frozenset({"match", "computed"})
TIER_1 = ("openwrt", "routeros", "airos", "unifi", "epmp", "pepwave", "rutos")
"""How the recordings of tier-1 platforms begin."""


def _fields(measurement: str, *parts: str) -> tuple[tuple[str, str], ...]:
    """Fields of a measurement whose name has all these parts."""
    names = MEASUREMENTS[measurement].fields
    return tuple((measurement, name) for name in names if set(parts) <= set(name.split("_")))


KINDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "clients": (
        ("wifi_ap", "clients"),
        ("wifi_ap", "aps_clients"),
        ("wifi_radio", "clients"),
        ("wifi_ssid", "clients"),
    ),
    "ap-count": (("wifi_ap", "aps"), ("wifi_ap", "aps_up")),
    "frequency": (("wifi_radio", "frequency_mhz"),),
    "channel": (("wifi_radio", "channel"),),
    "noise-floor": (("wifi_radio", "noise_dbm"),),
    "power": (
        ("wifi_radio", "power_dbm"),
        *_fields("wifi_radio", "rssi", "dbm"),
    ),  # it files levels there too
    "utilization": _fields("wifi_radio", "utilisation"),
    "rssi": (*_fields("wifi_radio", "rssi"), ("uplink", "rssi_dbm")),
    "snr": _fields("wifi_radio", "snr"),
    "rate": _fields("wifi_radio", "rate", "bps"),
}
"""Which fields may hold a value of each class."""
MEANT: Mapping[tuple[str, str, str], str] = {
    # wlcNumApOnline counts access points, and comes out as such
    ("pepwave", "clients", "Online APs"): "ap-count",
}
"""Rows that the second system files under one class, and whose object is of another."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One value that the second system read; `value` is after its divisor and multiplier."""

    name: str
    kind: str
    descr: str
    value: float
    oids: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """How exceptions and chances name it; two rows may have the same."""
        return self.name, self.kind, self.descr


@dataclass(frozen=True, slots=True)
class Scored:
    """One expectation, whether the same value came out, and why not, where the exceptions say it."""

    expected: Expected
    found: bool
    reason: str = ""


@cache
def expectations(folder: Path) -> tuple[Expected, ...]:
    """Those rows of EXPECTED.tsv that count."""
    with (folder / "EXPECTED.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return tuple(
        Expected(row["name"], row["class"], row["descr"], float(row["expected"]), tuple(row["oids"].split()))
        for row in rows
        if row["check"] in CHECKED and row["class"] in KINDS
    )


def reasons() -> dict[tuple[str, str, str], str]:
    """The exceptions: name, class, descr → reason."""
    with EXCEPTIONS.open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return {(row["name"], row["class"], row["descr"]): row["reason"] for row in rows}


@cache
def tried(recording: Path, name: str = "") -> dict[str, Any]:
    """The object that `plaza platform try --json` prints; an empty one when no platform recognises it."""
    try:
        found = asyncio.run(try_recording(read_recording(recording), load_platforms(), name))
        return found.as_object(found.told(platform_text(found.platform), f"{found.platform}/platform.yaml"))
    except DriverError:
        return {"platform": "", "facts": {}, "samples": [], "problems": []}


def scored(folder: Path) -> Iterator[Scored]:
    """Every expectation with what became of it."""
    why = reasons()
    by_place: dict[tuple[str, str], list[Expected]] = {}
    for one in expectations(folder):
        by_place.setdefault((one.name, field_class(one)), []).append(one)
    for (name, kind), several in by_place.items():
        there = Counter(values(tried(folder / f"{name}.snmprec")["samples"], kind))
        for one in several:
            key = round(one.value, 3)
            there[key] -= 1
            yield Scored(one, there[key] >= 0, why.get(one.key, ""))


def field_class(one: Expected) -> str:
    """The class in whose fields the value is looked for."""
    return MEANT.get(one.key, one.kind)


def values(samples: list[dict[str, Any]], kind: str) -> Iterator[float]:
    """Every value of the fields of a kind, and their sums over radios, bands, names and access points."""
    for measurement, field in KINDS[kind]:
        rows = [
            (s["tags"], s["fields"][field])
            for s in samples
            if s["measurement"] == measurement and field in s["fields"]
        ]
        yield from (round(value, 3) for _, value in rows)
        if kind == "clients":
            yield from _sums(rows)


def _sums(rows: list[tuple[dict[str, str], float]]) -> Iterable[float]:
    """Sums over more than one sample that share a tag, or over all."""
    groups: dict[tuple[str, ...], list[float]] = {}
    for tags, value in rows:
        for tag in ("ap", "band", "ssid"):
            if tag in tags:
                groups.setdefault((tag, tags[tag]), []).append(value)
        groups.setdefault(("all",), []).append(value)
    return chain(sum(group) for group in groups.values() if len(group) > 1)
