"""Answers out of samples as they came, of days that are raw and of days in chunks; little at a time."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from metrics.catalog import MEASUREMENTS
from metrics.local import cold_days
from metrics.local.counters import LONGEST_SILENCE_S, SLACK_S, gaps, growth
from metrics.local.levels import DAY_S, HOUR_S, Span, by_day
from metrics.local.store import LocalStore, day_of
from metrics.query_cells import Cell, Found
from metrics.question import Question
from metrics.sample import Sample
from metrics.sink import Window

_BRIEF_S = 900
"""Of so little time all places are read at once."""
_UPTIME = "uptime_s"
_MADE_OF = {"hotspot_mun": "wifi_ap"}
_UNTOLD_S = {Span.SLOT: _BRIEF_S, Span.HOUR: 2 * HOUR_S, Span.DAY: DAY_S + 2 * HOUR_S}
"""Samples may be so old and in no bucket yet; one of a running month is younger than this too."""


def as_they_came(store: LocalStore, question: Question, found: Found) -> Iterator[None]:
    """Fill `found`; nobody says how many samples there should be. Stops after each part.

    A counter's growth counts where its interval ends, so what was an hour before the window is read as well.
    """
    assert question.step_s is not None  # noqa: S101  the caller asks for seconds
    reckoning = _Reckoning(store, question, found, question.step_s)
    window = question.window
    if reckoning.grown:
        window = Window(window.start - LONGEST_SILENCE_S, window.end)
    kept = set(store.kept())
    for day in by_day(window):
        if day_of(day.start) not in kept:
            continue
        for where in _parts(store, question, day):
            reckoning.take(day, where)
            yield


def came_lately(store: LocalStore, question: Question, now: int) -> bool:
    """Whether there are samples in the window that need not be in a bucket yet, because it still runs.

    Of a measurement that is made of another one's samples these count.
    """
    bucket, source = question.bucket, _MADE_OF.get(question.measurement, question.measurement)
    if not isinstance(bucket, Span):
        if source == question.measurement:
            return False
        bucket = Span.SLOT
    end = min(question.window.end, now + 1)
    since = max(question.window.start, now - _UNTOLD_S.get(bucket, _UNTOLD_S[Span.DAY]))
    return any(
        store.read(source, Window(max(since, until - _BRIEF_S), until), question.where)
        for until in range(end, since, -_BRIEF_S)
    )


def _parts(store: LocalStore, question: Question, day: Window) -> Iterator[dict[str, str]]:
    """The day device by device, or site by site: no question needs a day of everything in memory."""
    where = dict(question.where or {})
    tags = MEASUREMENTS[question.measurement].tags
    tag = next((one for one in ("ap", "site") if one in tags), "mun")
    if tag in where or day.end - day.start <= _BRIEF_S:
        yield where
        return
    for value in _values(store, question.measurement, day_of(day.start), tag, where):
        yield {**where, tag: value}


def _values(store: LocalStore, name: str, day: str, tag: str, where: Mapping[str, str]) -> list[str]:
    """The values of a tag that are there on a day."""
    found: set[str] = set()
    with cold_days.looking(store, day) as kept:
        if kept.cold is not None:
            at = MEASUREMENTS[name].tags.index(tag)
            found |= {chunk.tags[at] for chunk in kept.cold.chunks(name, where)}
        if kept.raw is not None:
            equal = "".join(f" AND {one} = ?" for one in where)
            select = f"SELECT DISTINCT {tag} FROM {name}_series WHERE true{equal}"  # noqa: S608
            found |= {row[0] for row in kept.raw.execute(select, tuple(where.values()))}
    return sorted(found)


class _Reckoning:
    def __init__(self, store: LocalStore, question: Question, found: Found, step: int) -> None:
        fields = MEASUREMENTS[question.measurement].fields
        self._store = store
        self._question = question
        self._found = found
        self._step = step
        self._fields = tuple({one.field for one in question.wanted})
        self._gauges = [name for name in self._fields if not fields[name].counter]
        self.grown = [name for name in self._fields if fields[name].counter]
        self._beside = bool(self.grown) and _UPTIME not in fields and "ap" in (
            MEASUREMENTS[question.measurement].tags
        )  # fmt: skip
        self._before: dict[tuple[str, ...], Sample] = {}

    def take(self, window: Window, where: Mapping[str, str]) -> None:
        """The samples of a part, oldest first."""
        restarts = self._restarts(window, where) if self._beside else {}
        for sample in self._store.read(self._question.measurement, window, where):
            before: Sample | None = None
            if self.grown:
                series = tuple(sample.tags.values())
                before = self._before.get(series)
                self._before[series] = sample
            if sample.time >= self._question.window.start:
                self._count(sample, before, restarts.get(sample.tags.get("ap", ""), ()))

    def _count(self, sample: Sample, before: Sample | None, restarts: Sequence[int]) -> None:
        group = tuple(sample.tags[tag] for tag in self._question.by)
        start = sample.time // self._step * self._step
        cells = self._found.setdefault(group, {})
        if start not in cells:
            cells[start] = Cell.of(self._fields)
        cell = cells[start]
        cell.got += 1
        for name in self._gauges:
            if name in sample.fields:
                cell.sums[name].add(sample.fields[name])
        if before is not None:
            self._grow(cell, before, sample, restarts)

    def _grow(self, cell: Cell, before: Sample, after: Sample, restarts: Sequence[int]) -> None:
        uptimes = before.fields.get(_UPTIME), after.fields.get(_UPTIME)
        unknown = gaps((before.time, after.time), uptimes, restarts)
        for name in self.grown:
            known, grown = growth((before.fields.get(name), after.fields.get(name)), unknown)
            cell.sums[name].known += known
            cell.sums[name].total += grown

    def _restarts(self, window: Window, where: Mapping[str, str]) -> dict[str, list[int]]:
        """A radio's counters begin anew with its device, which alone has an uptime."""
        of_device = {tag: value for tag, value in where.items() if tag in MEASUREMENTS["wifi_ap"].tags}
        earlier = Window(window.start - LONGEST_SILENCE_S, window.end)
        births: dict[str, list[tuple[int, float]]] = {}
        for sample in self._store.read("wifi_ap", earlier, of_device):
            if _UPTIME in sample.fields:
                birth = sample.time - sample.fields[_UPTIME]
                births.setdefault(sample.tags["ap"], []).append((sample.time, birth))
        return {
            ap: [later[0] for earlier, later in pairwise(known) if later[1] - earlier[1] > SLACK_S]
            for ap, known in births.items()
        }
