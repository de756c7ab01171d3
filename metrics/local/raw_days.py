"""Questions to a day as it came, put so that they are quick: rows lie in the order of time."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from metrics.catalog import MEASUREMENTS
from metrics.local.shelf import Values, Volume
from metrics.sample import Sample
from metrics.sink import Cell, Window

if TYPE_CHECKING:
    from metrics.local.store import LocalStore

MINUTE_S: Final = 60
_LATELY_S: Final = 120


def newest(store: "LocalStore", volume: Volume, measurement: str, since: int) -> Iterator[Sample]:
    """The newest sample of each series.

    Most have one in the day's last slot; only where some have not, more is searched, and at last all.
    """
    (last,) = volume.execute(f"SELECT max(time) FROM {measurement}").fetchone()  # noqa: S608
    if last is None or last < since:
        return
    (series,) = volume.execute(f"SELECT count(*) FROM {measurement}_series").fetchone()  # noqa: S608
    in_last = list(store.samples(volume, measurement, "s.time = ?", (last,)))
    if len(in_last) == series:
        yield from in_last
        return
    times: dict[int, int] = {}
    for begin in (max(since, last - _LATELY_S), since):
        if len(times) < series:
            latest = f"SELECT series, max(time) FROM {measurement} WHERE time >= ? GROUP BY series"  # noqa: S608
            times = dict(volume.execute(latest, (begin,)).fetchall())
    of_time: dict[int, list[int]] = {}
    for number, time in times.items():
        of_time.setdefault(time, []).append(number)
    for time, numbers in of_time.items():
        marks = ", ".join("?" * len(numbers))
        yield from store.samples(
            volume, measurement, f"s.time = ? AND s.series IN ({marks})", (time, *numbers)
        )


def count(volume: Volume, measurement: str, window: Window) -> int:
    """How many points there are in the window."""
    counted = f"SELECT count(*) FROM {measurement} WHERE time >= ? AND time < ?"  # noqa: S608
    return int(volume.execute(counted, (window.start, window.end)).fetchone()[0])


def cells(volume: Volume, measurement: str, window: Window) -> Iterator[tuple[Cell, int]]:
    """How many points there are of each series and minute."""
    tags = ", ".join(f"t.{tag}" for tag in MEASUREMENTS[measurement].tags)
    minutes = (
        f"SELECT s.time / {MINUTE_S} * {MINUTE_S} AS minute, {tags}, count(*) "  # noqa: S608
        f"FROM {measurement} s JOIN {measurement}_series t ON t.id = s.series "
        f"WHERE s.time >= ? AND s.time < ? GROUP BY minute, {tags}"
    )
    for minute, *values, points in volume.execute(minutes, (window.start, window.end)):
        yield Cell(measurement, tuple(values), minute), points


def matching(
    volume: Volume, measurement: str, window: Window, wanted: Mapping[str, str]
) -> tuple[str, Values]:
    """The condition on samples `s` in the window whose tags match, and its values.

    Of some series each time is looked up, not the whole window read.
    """
    if not wanted:
        return "s.time >= ? AND s.time < ?", (window.start, window.end)
    equal = " AND ".join(f"{tag} = ?" for tag in wanted)
    ids = f"SELECT id FROM {measurement}_series WHERE {equal} ORDER BY id"  # noqa: S608
    series = [row[0] for row in volume.execute(ids, tuple(wanted.values()))]
    if not series:
        return "s.time IS NULL", ()
    marks = ", ".join("?" * len(series))
    slots = (
        f"WITH RECURSIVE slots (time) AS "  # noqa: S608
        f"(SELECT min(time) FROM {measurement} WHERE time >= ? UNION ALL SELECT "
        f"(SELECT min(r.time) FROM {measurement} r WHERE r.time > slots.time AND r.time < ?) "
        f"FROM slots WHERE slots.time IS NOT NULL) SELECT time FROM slots WHERE time < ?"
    )
    condition = f"s.time IN ({slots}) AND s.series IN ({marks})"
    return condition, (window.start, window.end, window.end, *series)
