"""Numbers of different devices as a person at a terminal reads them, and as a program does."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from controller.cli.metrics_told import put
from controller.devices_counted import STATE, DeviceCount

_COLUMNS = ("mun", "name", "month", "daily_mean", "days", "of_days", "monthly", "monthly_low", "monthly_high",
            "local_share", "coverage")  # fmt: skip
_WHOLE = "the state"


def write(found: Sequence[DeviceCount], form: str, out: Path | None) -> None:
    """Raises SelectorError."""
    forms = {"csv": _csv, "json": _json, "table": _table}
    put(lambda to: forms[form](found, to), out)


def _csv(found: Sequence[DeviceCount], to: IO[str]) -> None:
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(map(_record, found))


def _json(found: Sequence[DeviceCount], to: IO[str]) -> None:
    for one in found:
        to.write(json.dumps(dict(zip(_COLUMNS, _record(one), strict=True)), ensure_ascii=False) + "\n")


def _record(one: DeviceCount) -> tuple[Any, ...]:
    month = one.monthly
    bounds = (None,) * 3 if month is None else (round(month.names), round(month.low), round(month.high))
    return (one.municipality, one.name, one.month, _rounded(one.daily, 1), one.days, one.of_days, *bounds,
            _rounded(one.local, 4), _rounded(one.coverage, 4))  # fmt: skip


def _rounded(value: float | None, places: int) -> float | None:
    return None if value is None else round(value, places)


def _table(found: Sequence[DeviceCount], to: IO[str]) -> None:
    from rich.console import Console
    from rich.table import Table

    month = found[0].month if found else ""
    table = Table(box=None, pad_edge=False)
    table.add_column("municipality")
    for name in (
        "mean of a day",
        "days with data",
        "month, at most",
        "bounds (95 %)",
        "MAC made up",
        "counted",
    ):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(*_line(one))
    console = Console(file=to, width=None if to.isatty() else 160, highlight=False)
    console.print(f"different devices, {month}", markup=False)
    console.print(table)
    notes = "a device that makes up another MAC in the month counts again: publish the mean of a day"
    console.print(notes, markup=False, soft_wrap=True)


def _line(one: DeviceCount) -> tuple[str, ...]:
    name = _WHOLE if one.municipality == STATE else f"{one.municipality} {one.name}"
    month = one.monthly
    return (
        name,
        "unknown" if one.daily is None else f"{one.daily:,.1f}",
        f"{one.days} of {one.of_days}",
        "unknown" if month is None else f"{month.names:,.0f}",
        "" if month is None else f"{month.low:,.0f} to {month.high:,.0f}",
        _share(one.local),
        _share(one.coverage),
    )


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{100 * value:.1f} %"
