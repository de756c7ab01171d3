"""`plaza metrics`: what was measured, by place and time."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

if TYPE_CHECKING:
    from controller.app import App
    from metrics.query import Answer, Question, Row, ZoneOf
    from metrics.sink import Window

_SPARK_WIDTH = 40
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@click.group()
def metrics() -> None:
    """Ask for what was measured: by municipality, site, access point, band and time."""


@metrics.command("list")
@click.argument("measurement", default="")
def list_(measurement: str) -> None:
    """Show the measurements, or the tags and fields of one."""
    from controller.errors import SelectorError
    from metrics.catalog import MEASUREMENTS

    if not measurement:
        for known in MEASUREMENTS.values():
            click.echo(f"{known.name:<14} by {', '.join(known.tags)}: {known.meaning}")
        return
    if measurement not in MEASUREMENTS:
        raise SelectorError(f"no measurement {measurement!r}; see plaza metrics list")
    chosen = MEASUREMENTS[measurement]
    click.echo(f"{chosen.name}: {chosen.meaning}; by {', '.join(chosen.tags)}")
    for name, field in chosen.fields.items():
        kind = "counter" if field.counter else "gauge"
        click.echo(f"  {name:<22} {kind:<8} {field.unit:<12} {field.meaning}")


class Asked(TypedDict):
    """What the command line says."""

    measurement: str
    fields: tuple[str, ...]
    by: str
    where: tuple[str, ...]
    since: str
    until: str
    bucket: str
    form: str
    out: Path | None
    plot: Path | None


@metrics.command()
@click.argument("measurement")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD[:STATISTIC]...")
@click.option("--by", default="", help="Tags with a comma between: a line for each, like mun or ap,band.")
@click.option("--where", multiple=True, metavar="TAG=VALUE", help="Only these; may be repeated.")
@click.option("--since", default="24h", show_default=True, help="2026-11-01, 2026-11-01T06:00 (UTC) or 7d.")
@click.option("--until", default="now", show_default=True, help="The same; it is not included.")
@click.option("--bucket", default="hour", show_default=True, help="5m, hour, day, month, or seconds: 60s.")
@click.option(
    "--as", "form", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Into this file; for Parquet.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="A picture: FILE.svg or FILE.png."
)
def query(**asked: Unpack[Asked]) -> None:
    """Tell FIELDS of MEASUREMENT in buckets of time, with how many of the expected samples are behind each.

    STATISTIC is mean, sum, min, max, count or growth. What nobody knows is a gap, never 0.
    """
    from controller import settings
    from controller.app import build
    from metrics.query import ask

    app = build(settings.load())
    answer = ask(app.samples, _question(asked), _zone_of(app))
    if asked["plot"]:
        _draw(answer, asked["plot"])
    if asked["form"] == "table":
        _show(answer)
    else:
        _write(answer, asked["form"], asked["out"])


def _question(asked: Asked) -> "Question":
    from metrics.query import Question, bucket_of, wanted

    name = asked["measurement"]
    return Question(
        name,
        tuple(wanted(name, field) for field in asked["fields"]),
        _window(asked["since"], asked["until"]),
        bucket_of(asked["bucket"]),
        tuple(tag for tag in asked["by"].split(",") if tag),
        dict(_pair(text) for text in asked["where"]),
    )


def _pair(text: str) -> tuple[str, str]:
    tag, equals, value = text.partition("=")
    if not equals or not tag or not value:
        raise click.UsageError(f"--where {text}: write TAG=VALUE, like mun=08019")
    return tag, value


def _window(since: str, until: str) -> "Window":
    from controller.app import utc_now
    from metrics.sink import Window

    end = _moment("--until", until, utc_now())
    start = _moment("--since", since, end)
    if start >= end:
        raise click.UsageError(f"--since {since} is not before --until {until}")
    return Window(int(start.timestamp()), int(end.timestamp()))


def _moment(option: str, text: str, now: datetime) -> datetime:
    if text == "now":
        return now
    if text[:-1].isdecimal() and text[-1:] in _UNITS:
        return now - timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{option} {text}: write 2026-11-01, 2026-11-01T06:00 or 7d") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _zone_of(app: "App") -> "ZoneOf":
    """The zone of each municipality of the inventory; of one that left it, UTC."""
    zones = {key: one.zone for key, one in app.inventory.municipalities.items()}
    return lambda municipality: zones.get(municipality, "UTC")


def _draw(answer: "Answer", to: Path) -> None:
    from controller.errors import SelectorError
    from metrics import plots

    try:
        left_out = plots.draw(answer, to)
    except ValueError as error:
        raise SelectorError(str(error)) from error
    except ImportError as error:
        raise SelectorError(_extra("pictures", error)) from error
    note = f"; {left_out} more series would not be told apart in it" if left_out else ""
    click.echo(f"{to}: drawn{note}", err=True)


def _write(answer: "Answer", form: str, out: Path | None) -> None:
    from controller.errors import SelectorError
    from metrics import tables

    if form == "parquet":
        if out is None:
            raise click.UsageError("--as parquet wants --out FILE")
        try:
            tables.write_parquet(answer, out)
        except ImportError as error:
            raise SelectorError(_extra("Parquet", error)) from error
        return
    write = tables.write_csv if form == "csv" else tables.write_json
    if out is None:
        write(answer, sys.stdout)
        return
    with out.open("w", encoding="utf-8", newline="") as to:
        write(answer, to)


def _extra(what: str, error: ImportError) -> str:
    return f"{what} want a library that is not installed ({error.name}): pip install 'plaza[analytics]'"


def _show(answer: "Answer") -> None:
    """A line for each series: its course, its last and its whole; then how complete it is."""
    from rich.console import Console
    from rich.table import Table

    from metrics.tables import sparkline

    question = answer.question
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(title=_title(question), title_justify="left", box=None, pad_edge=False)
    for tag in question.by:
        table.add_column(tag)
    table.add_column("what")
    table.add_column("course")
    for name in ("last", "least", "most"):
        table.add_column(name, justify="right")
    table.add_column("known", justify="right")
    for tags, rows in answer.series().items():
        for index, one in enumerate(question.wanted):
            values = [row.values[index] for row in rows]
            known = [value for value in values if value is not None]
            shown = (known[-1], min(known), max(known)) if known else (None,) * 3
            table.add_row(*tags, f"{one.field} {one.statistic}", sparkline(values, _SPARK_WIDTH),
                          *map(_number, shown), _complete(rows))  # fmt: skip
    console.print(table)
    if not answer.rows:
        console.print("nothing was measured there and then")


def _title(question: "Question") -> str:
    from metrics.tables import moment

    bucket = question.bucket if isinstance(question.bucket, str) else f"{question.bucket} s"
    window = question.window
    return f"{question.measurement} by {bucket}, from {moment(window.start)} to {moment(window.end)}"


def _number(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 1_000 or value == int(value) else f"{value:.3g}"


def _complete(rows: "Sequence[Row]") -> str:
    """Samples that are there of those that should be."""
    got = sum(row.got for row in rows)
    expected = [row.expected for row in rows if row.expected is not None]
    if not expected:
        return f"{got:,} samples"
    return f"{min(100.0, 100 * got / max(1, sum(expected))):.0f} %"
