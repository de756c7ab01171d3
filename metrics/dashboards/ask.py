"""Questions to a time-series server, each in InfluxQL and in PromQL.

A gap stays one: InfluxQL fills with nothing, and PromQL asks only for what came within the step. A counter
is read by what it grew; where it restarted that step is left out, so there is no negative number and no jump.
Only how many samples came is 0 where none came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.dashboards.model import Query, Text

NO_LEGEND: Final = Text("", "")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which series: those whose tags are what the dashboard's variables say."""

    tags: tuple[str, ...] = ()
    several: bool = False

    def influxql(self) -> str:
        """To be put behind another condition."""
        return "".join(f' AND "{tag}" =~ /^${{{tag}:regex}}$/' for tag in self.tags)

    def promql(self) -> str:
        """The selector of labels; Grafana escapes several values for =~ and a single one for =."""
        sign = "=~" if self.several else "="
        return "{" + ",".join(f'{tag}{sign}"${tag}"' for tag in self.tags) + "}" if self.tags else ""


STATE: Final = Scope()


@dataclass(frozen=True, slots=True)
class Of:
    """One field of one measurement, of some series, told apart by some tags."""

    measurement: str
    field: str
    scope: Scope = STATE
    by: tuple[str, ...] = ()
    legend: Text = NO_LEGEND

    @property
    def metric(self) -> str:
        """The series in VictoriaMetrics."""
        return f"{self.measurement}_{self.field}{self.scope.promql()}"

    @property
    def source(self) -> str:
        """FROM and WHERE."""
        return f'FROM "{self.measurement}" WHERE $timeFilter{self.scope.influxql()}'

    @property
    def series(self) -> tuple[str, ...]:
        """The tags that tell all of its series apart."""
        return MEASUREMENTS[self.measurement].tags

    def query(self, influxql: str, promql: str) -> Query:
        """With this legend."""
        return Query(influxql, promql, self.legend)


def _steps(tags: Sequence[str], empty: str = "null") -> str:
    return "GROUP BY " + ", ".join(("time($__interval)", *(f'"{tag}"' for tag in tags))) + f" fill({empty})"


def _by(of: Of) -> str:
    return f" by ({', '.join(of.by)}) " if of.by else ""


def _of_each(of: Of, value: str, outer: str) -> str:
    """`outer` over what each series has as `value` in a step."""
    return (
        f'SELECT {outer} FROM (SELECT {value} AS "each" {of.source} {_steps(of.series)}) '  # noqa: S608
        f"WHERE $timeFilter {_steps(of.by)}"
    )


def level(of: Of) -> Query:
    """The sum over the series of each one's mean within the step: clients, devices."""
    return of.query(
        _of_each(of, f'mean("{of.field}")', 'sum("each")'),
        f"sum{_by(of)}(avg_over_time({of.metric}[$__interval]))",
    )


def mean(of: Of) -> Query:
    """The mean of all samples of the step."""
    return of.query(
        f'SELECT mean("{of.field}") {of.source} {_steps(of.by)}',
        f"sum{_by(of)}(sum_over_time({of.metric}[$__interval])) / "
        f"sum{_by(of)}(count_over_time({of.metric}[$__interval]))",
    )


def percentage(of: Of) -> Query:
    """The mean of a field that is 1 or 0, in %."""
    return of.query(
        f'SELECT 100 * mean("{of.field}") {of.source} {_steps(of.by)}',
        f"100 * sum{_by(of)}(sum_over_time({of.metric}[$__interval])) / "
        f"sum{_by(of)}(count_over_time({of.metric}[$__interval]))",
    )


def highest(of: Of) -> Query:
    """The largest sample of the step."""
    return of.query(
        f'SELECT max("{of.field}") {of.source} {_steps(of.by)}',
        f"max{_by(of)}(max_over_time({of.metric}[$__interval]))",
    )


def lowest(of: Of) -> Query:
    """The smallest sample of the step."""
    return of.query(
        f'SELECT min("{of.field}") {of.source} {_steps(of.by)}',
        f"min{_by(of)}(min_over_time({of.metric}[$__interval]))",
    )


def counted(of: Of) -> Query:
    """The sum of all samples of the step: what was counted by the slot."""
    return of.query(
        f'SELECT sum("{of.field}") {of.source} {_steps(of.by)}',
        f"sum{_by(of)}(sum_over_time({of.metric}[$__interval]))",
    )


def samples(of: Of) -> Query:
    """How many samples there are in the step. None is 0 here: that is known."""
    return of.query(
        f'SELECT count("{of.field}") {of.source} {_steps((), "0")}',
        f"sum(count_over_time({of.metric}[$__interval])) or vector(0)",
    )


def present(of: Of) -> Query:
    """How many series have a sample in the step. None is 0 here."""
    each = f'SELECT mean("{of.field}") AS "each" {of.source} {_steps(of.series)}'
    return of.query(
        f'SELECT count("each") FROM ({each}) WHERE $timeFilter {_steps((), "0")}',  # noqa: S608
        f"count(count_over_time({of.metric}[$__interval])) or vector(0)",
    )


def completeness(of: Of) -> Query:
    """Samples got of those expected, in %, where one is expected every $sondeo seconds. None is 0 here."""
    got = f'100000 * $sondeo * count("{of.field}") / $__interval_ms'
    return of.query(
        f"SELECT {got} {of.source} {_steps((), '0')}",
        f"100000 * $sondeo * sum(count_over_time({of.metric}[$__interval])) / $__interval_ms or vector(0)",
    )


def growth(of: Of, times: int = 1) -> Query:
    """What a counter grew in a second, times a factor, summed over the series."""
    factor = f"{times} * " if times != 1 else ""
    window = f"{of.metric}[$__rate_interval]"
    return of.query(
        _of_each(of, f'non_negative_derivative(last("{of.field}"), 1s)', f'{factor}sum("each")'),
        # VictoriaMetrics says that what did not come did not grow; the second half keeps it a gap.
        f"{factor}sum{_by(of)}(rate({window}) and count_over_time({window}))",
    )


def ratio(of: Of, denominator: str, times: int = 100) -> Query:
    """The step's sum of a field by that of another of the same measurement; none where that is 0."""
    inner = f'SELECT sum("{of.field}") AS "part", sum("{denominator}") AS "whole" {of.source} {_steps(of.by)}'
    whole = Of(of.measurement, denominator, of.scope).metric
    factor = f"{times} * " if times != 1 else ""
    return of.query(
        f'SELECT {factor}sum("part") / sum("whole") FROM ({inner}) '  # noqa: S608
        f'WHERE $timeFilter AND "whole" > 0 {_steps(of.by)}',
        f"{factor}sum{_by(of)}(sum_over_time({of.metric}[$__interval])) / "
        f"(sum{_by(of)}(sum_over_time({whole}[$__interval])) > 0)",
    )


def in_all(of: Of) -> Query:
    """The sum of all samples in the whole range of time."""
    return Query(
        f'SELECT sum("{of.field}") {of.source}',
        f"sum(sum_over_time({of.metric}[$__range]))",
        of.legend,
        over=True,
    )


def ratio_in_all(of: Of, denominator: str, times: int = 100) -> Query:
    """`ratio` over the whole range of time."""
    whole = Of(of.measurement, denominator, of.scope).metric
    factor = f"{times} * " if times != 1 else ""
    inner = f'SELECT sum("{of.field}") AS "part", sum("{denominator}") AS "whole" {of.source}'
    return Query(
        f'SELECT {factor}"part" / "whole" FROM ({inner}) WHERE "whole" > 0',  # noqa: S608
        f"{factor}sum(sum_over_time({of.metric}[$__range])) / (sum(sum_over_time({whole}[$__range])) > 0)",
        of.legend,
        over=True,
    )


def latest(measurement: str, fields: Sequence[str], scope: Scope, key: str) -> tuple[Query, ...]:
    """A table's queries, a line for each value of a tag, which has to tell the series apart.

    InfluxQL asks once for all the fields, PromQL once for each of them.
    """
    chosen = ", ".join(f'last("{field}") AS "{field}"' for field in fields)
    of = [Of(measurement, field, scope, (key,)) for field in fields]
    together = f'SELECT {chosen} {of[0].source} GROUP BY "{key}"'
    return tuple(
        Query(
            "" if number else together,
            f"max by ({key}) (last_over_time({one.metric}[$__range]))",
            over=True,
        )
        for number, one in enumerate(of)
    )
