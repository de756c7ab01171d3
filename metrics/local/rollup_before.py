"""Takes over the hours that an older Plaza derived: their raw days may be gone."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, Kind
from metrics.local.figures import FINE, Cell, Cells
from metrics.local.levels import HOUR_S, LADDERS, Span
from metrics.local.rollup_tables import DUE, Sum, buckets_table, series_table
from metrics.local.schema import Tags
from metrics.local.shelf import Volume
from metrics.sink import Window

_OLD: Final = "ap_hour"
_LEVEL: Final = LADDERS["wifi_ap"][0]


def upgrade(volume: Volume) -> None:
    """Schema 1 had hours of access points and, summed up from them, of municipalities, tags in each row.

    Everything else is due again: sites, municipalities, days and months follow from those hours.
    """
    tables = {row[0] for row in volume.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if _OLD not in tables:
        return
    from metrics.local.keeping import keep  # noqa: PLC0415  with numpy, which whoever only reads does not need
    from metrics.local.sums import Sums  # noqa: PLC0415

    for table in (series_table(_LEVEL), buckets_table(_LEVEL, Span.HOUR), DUE):
        volume.execute(f"{table.create} WITHOUT ROWID")
    for hour, rows in groupby(_rows(volume), key=itemgetter("hour")):
        sums = Sums.of(_LEVEL.measurement, {_tags(row): _sum(row) for row in rows})
        keep(volume, _LEVEL, Span.HOUR, hour, sums, Window(hour, hour + HOUR_S))
    due = "INSERT INTO due (measurement, span, zone, slot) SELECT DISTINCT ?, ?, ?, hour FROM"
    several = (_LEVEL.measurement, Span.HOUR.value, "")
    volume.execute(f"{due} {_OLD}", several)
    volume.execute(f"{due} pending WHERE hour NOT IN (SELECT slot FROM due)", several)  # noqa: S608
    for name in (_OLD, "mun_hour", "pending"):
        volume.execute(f"DROP TABLE {name}")


def _rows(volume: Volume) -> Iterator[Mapping[str, Any]]:
    found = volume.execute(f"SELECT * FROM {_OLD} ORDER BY hour")  # noqa: S608
    names = [column[0] for column in found.description]
    for row in found:
        yield dict(zip(names, row, strict=True))


def _tags(row: Mapping[str, Any]) -> Tags:
    return tuple(row[tag] for tag in _LEVEL.by)


def _sum(row: Mapping[str, Any]) -> Sum:
    cells: Cells = {}
    for name, field in MEASUREMENTS[_LEVEL.measurement].fields.items():
        if row.get(f"{name}_n"):
            scale = FINE if field.kind is Kind.FLOAT else 1
            cells[name] = _cell(row[f"{name}_n"], row[f"{name}_sum"], row.get(f"{name}_max"), scale)
    return Sum(row["expected"], row["got"], 0, cells)


def _cell(known: int, total: float, most: float | None, scale: int) -> Cell:
    """The least was not kept."""
    if most is None:
        return known, round(total), None, None
    highest = round(most * scale)
    return known, min(round(total * scale), known * highest), None, highest
