"""The catalogue's schema in lines, and what a change of it asks for.

`python -m metrics.lock > tests/metrics/catalog.lock` renews the lock; a test compares.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from metrics.catalog import MEASUREMENTS, Measurement


@dataclass(frozen=True, slots=True)
class Changes:
    """`added` only renews the lock; `broken` is what stored rows and servers would contradict."""

    added: tuple[str, ...]
    broken: tuple[str, ...]


def lines(measurements: Mapping[str, Measurement] = MEASUREMENTS) -> list[str]:
    """`wifi_ap: ap mun site vendor` for the tags, `wifi_ap.up: integer 1 gauge` for each field."""
    return [line for measurement in measurements.values() for line in _lines(measurement)]


def _lines(measurement: Measurement) -> Iterator[str]:
    yield f"{measurement.name}: {' '.join(measurement.tags)}"
    for name, field in measurement.fields.items():
        grows = "counter" if field.counter else "gauge"
        yield f"{measurement.name}.{name}: {field.kind} {field.unit} {grows}"


def changes(locked: Iterable[str], now: Iterable[str]) -> Changes:
    """What is new since the lock, and what is gone or means something else."""
    before, after = _named(locked), _named(now)
    added = tuple(f"{name}: {after[name]}" for name in after if name not in before)
    broken = tuple(
        f"{name} was {before[name]!r}, is {after.get(name, 'gone')!r}"
        for name in before
        if before[name] != after.get(name)
    )
    return Changes(added, broken)


def _named(lines: Iterable[str]) -> dict[str, str]:
    return {name: rest for name, _, rest in (line.strip().partition(": ") for line in lines) if name}


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
