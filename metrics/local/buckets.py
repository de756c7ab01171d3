"""Reading rollups: buckets by any tags that a level has, in a window."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from metrics.local.figures import Cells, Figure, Figures, Packing, merge, packing
from metrics.local.levels import DAY_S, HOUR_S, SLOT_FIELDS, SLOT_S, Level, Span, level_of
from metrics.local.rollup_tables import BY_ZONE
from metrics.local.rollup_volume import opened
from metrics.local.shelf import Volume
from metrics.local.store import LocalStore
from metrics.sink import Window

_NOON_S: Final = DAY_S // 2
_LENGTHS: Final = {Span.SLOT: SLOT_S, Span.HOUR: HOUR_S}
_Row = tuple[Any, ...]


class Bucket(NamedTuple):
    """What was measured of `tags` from `start` until `end` (UTC epoch seconds).

    `got` of `expected` samples are there; `expected` 0 means that nobody said how many. A figure that nobody
    measured is absent, see metrics.local.rollup for what each means.
    """

    tags: Mapping[str, str]
    start: int
    end: int
    expected: int
    got: int
    figures: Mapping[str, Figure]


def availability(bucket: Bucket) -> float | None:
    """The share of probes that got online as a citizen would, of buckets of `service`; None is unknown."""
    works = bucket.figures.get("works")
    return works.mean if works else None


def buckets(
    store: LocalStore,
    measurement: str,
    span: Span | str,
    window: Window,
    by: Sequence[str],
    where: Mapping[str, str] | None = None,
) -> list[Bucket]:
    """The derived buckets in the window, oldest first; they have the tags `by`, and match `where`.

    Hours and five minutes belong to a window in which they begin, days and months in which their first noon
    lies: so the midnights of one zone take in those of its neighbours. Over municipalities of several zones
    the same dates are summed up, from the first one's start until the last one's end.

    Raises CatalogError where nothing is rolled up by these tags over this span.
    """
    span, wanted = Span(span), dict(where or {})
    level = level_of(measurement, span, {*by, *wanted})
    volume = opened(store)
    with volume.reading():
        tags = _series(volume, level, by, wanted)
        rows = _rows(volume, level, span, window, tags if wanted else None)
        of_series, packs = _named(tags, tuple(by)), packing(measurement)
        alone = len(set(tags.values())) == len(tags)
        found = (_each if alone else _grouped)(rows, tags, of_series, packs)
        if span is Span.HOUR and measurement in SLOT_FIELDS and set(level.by) == {"mun"}:
            present = {bucket.start for bucket in found}
            running = _running(volume, level, window, tags if wanted else None, present)
            found += _grouped(running, tags, of_series, packs)
    return found


_Tags = dict[int, tuple[str, ...]]


def _series(volume: Volume, level: Level, by: Sequence[str], wanted: Mapping[str, str]) -> _Tags:
    """The values of `by` of each series that matches, by its number."""
    conditions = " AND ".join(f"{tag} = ?" for tag in wanted) or "1 = 1"
    columns = "".join(f", {tag}" for tag in by)
    select = f"SELECT id{columns} FROM {level.name}_series WHERE {conditions} ORDER BY id"  # noqa: S608
    return {number: tuple(values) for number, *values in volume.execute(select, tuple(wanted.values()))}


def _rows(volume: Volume, level: Level, span: Span, window: Window, some: _Tags | None) -> Iterator[_Row]:
    """slot, series, start, end, expected, got, figures, by slot; of some series each slot is looked up."""
    table = f"{level.name}_{span}"
    extent, within, start, end = f"r.slot, r.slot + {_LENGTHS.get(span)}", "", window.start, window.end
    inside: tuple[int, ...] = ()
    if span in BY_ZONE:
        extent, within = "r.start, r.until", " AND r.start >= ? AND r.start < ?"
        inside = (start - _NOON_S, end - _NOON_S)
        start, end = start - 2 * DAY_S, end + DAY_S
    select = f"SELECT r.slot, r.series, {extent}, r.expected, r.got, r.figures FROM"
    if some is None:
        whole = f"{select} {table} r WHERE r.slot >= ? AND r.slot < ?{within} ORDER BY r.slot, r.series"
        yield from volume.execute(whole, (start, end, *inside))
        return
    if not some:
        return
    slots = (
        f"WITH RECURSIVE slots (slot) AS (SELECT min(slot) FROM {table} WHERE slot >= ? AND slot < ? "  # noqa: S608
        f"UNION ALL SELECT (SELECT min(n.slot) FROM {table} n WHERE n.slot > slots.slot AND n.slot < ?) "
        f"FROM slots WHERE slots.slot IS NOT NULL) "
        f"{select} {table} r WHERE r.slot IN (SELECT slot FROM slots WHERE slot < ?) "
        f"AND r.series IN ({', '.join('?' * len(some))}){within} ORDER BY r.slot, r.series"
    )
    yield from volume.execute(slots, (start, end, end, end, *some, *inside))


_Named = dict[int, Mapping[str, str]]


def _named(tags: _Tags, by: tuple[str, ...]) -> _Named:
    """The tags of each series; series that have the same share them."""
    named = {values: dict(zip(by, values, strict=True)) for values in tags.values()}
    return {series: named[values] for series, values in tags.items()}


def _each(rows: Iterable[_Row], _tags: _Tags, named: _Named, packs: Packing) -> list[Bucket]:
    """A bucket of each row."""
    return [
        Bucket(named[series], start, end, expected, got, Figures(packs, figures, got))
        for _, series, start, end, expected, got, figures in rows
    ]


def _grouped(rows: Iterable[_Row], tags: _Tags, named: _Named, packs: Packing) -> list[Bucket]:
    """Buckets of one slot and the same tags become one."""
    found: dict[tuple[int, tuple[str, ...]], Bucket] = {}
    for slot, series, start, end, expected, got, figures in rows:
        bucket = Bucket(named[series], start, end, expected, got, Figures(packs, figures, got))
        key = (slot, tags[series])
        other = found.get(key)
        found[key] = bucket if other is None else _sum(other, bucket, packs)
    return list(found.values())


def _sum(one: Bucket, other: Bucket, packs: Packing) -> Bucket:
    cells: Cells = {}
    for bucket in (one, other):
        assert isinstance(bucket.figures, Figures)  # noqa: S101  so they were made
        merge(cells, bucket.figures.cells)
    return Bucket(
        one.tags,
        min(one.start, other.start),
        max(one.end, other.end),
        one.expected + other.expected,
        one.got + other.got,
        Figures.of(packs, cells),
    )


def _running(
    volume: Volume, level: Level, window: Window, some: _Tags | None, present: set[int]
) -> Iterator[_Row]:
    """Rows of five minutes, as those of the hour that is not over, or not yet derived."""
    last = volume.execute(
        f"SELECT max(slot) FROM {level.name}_{Span.SLOT} WHERE slot >= ? AND slot < ?",  # noqa: S608
        (window.start, window.end),
    ).fetchone()[0]
    if last is None:
        return
    latest = last // HOUR_S * HOUR_S
    since = next((hour for hour in (latest - HOUR_S, latest) if hour not in present), None)
    if since is None:
        return
    for slot, series, *_, expected, got, figures in _rows(
        volume, level, Span.SLOT, Window(max(window.start, since), window.end), some
    ):
        hour = slot // HOUR_S * HOUR_S
        if hour >= window.start and hour not in present:
            yield hour, series, hour, hour + HOUR_S, expected, got, figures
