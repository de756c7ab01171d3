"""`plaza metrics`: what was measured, by place and time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import click

if TYPE_CHECKING:
    from controller.model import Inventory
    from metrics.local.levels import Span
    from metrics.plots_words import Picture
    from metrics.query import ZoneOf
    from metrics.question import Question
    from metrics.sink import Window

_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SINCE = {"5m": "6h", "hour": "24h", "day": "30d", "month": "365d"}
_OUT = click.Path(path_type=Path, dir_okay=False)
_FORMS = click.Choice(["table", "csv", "json", "parquet"])


@click.group()
def metrics() -> None:
    """Ask for what was measured: by municipality, site, access point, band and time."""


@metrics.command("list")
@click.argument("measurement", default="")
def list_(measurement: str) -> None:
    """Show the measurements, or the tags and fields of one."""
    from controller.errors import SelectorError
    from metrics.catalog import MEASUREMENTS
    from metrics.local.levels import LADDERS

    if not measurement:
        for known in MEASUREMENTS.values():
            click.echo(f"{known.name:<14} by {', '.join(known.tags)}: {known.meaning}")
        return
    if measurement not in MEASUREMENTS:
        raise SelectorError(f"no measurement {measurement!r}; see plaza metrics list")
    chosen = MEASUREMENTS[measurement]
    click.echo(f"{chosen.name}: {chosen.meaning}; by {', '.join(chosen.tags)}")
    levels = " or ".join(f"({', '.join(level.by)})" for level in LADDERS.get(measurement, ()))
    click.echo(f"  hours, days and months by tags out of {levels or 'none: ask by seconds, like 3600s'}")
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
    lang: str


@metrics.command()
@click.argument("measurement")
@click.argument("fields", nargs=-1, required=True, metavar="FIELD[:STATISTIC]...")
@click.option("--by", default="", help="Tags with a comma between: a line for each, like mun or mun,band.")
@click.option("--where", multiple=True, metavar="TAG=VALUE", help="Only this; again for another tag.")
@click.option("--since", default="", help="2026-11-01, 2026-11-01T06:00 (UTC) or 7d; by default 24h of "
              "hours, 30d of days, 365d of months, 6h of 5m, 1h of seconds.")  # fmt: skip
@click.option("--until", default="now", show_default=True, help="The same; it is not included. "
              "7d counts back from now, --since 7d from a date that --until gives.")  # fmt: skip
@click.option("--bucket", default="hour", show_default=True, help="5m, hour, day, month, or seconds: 60s, "
              "which reads the samples themselves. Also 5min, 1h, 1d.")  # fmt: skip
@click.option("--as", "form", type=_FORMS, default="table", show_default=True)
@click.option("--out", type=_OUT, help="Write into this file; Parquet wants it.")
@click.option("--plot", type=_OUT, help="Draw a picture: FILE.svg or FILE.png.")
@click.option("--lang", type=click.Choice(["es", "en"]), default="es", show_default=True,
              help="Of the picture.")  # fmt: skip
def query(**asked: Unpack[Asked]) -> None:
    """Tell FIELDS of MEASUREMENT in buckets of time, with how many of the expected samples are behind each.

    STATISTIC is mean, sum, min, max or count (how many values are known) of a gauge; of a counter growth or
    count (over how many intervals it is known). What nobody knows is a gap, never 0.

    CSV, JSON and Parquet have with each field its count, and with each mean its sum: mean = sum / count. The
    share of probes that got online, by municipality and month:

      plaza metrics query service works --by mun --bucket month --as csv

    Hours are UTC, days and months go by the clock of the municipality. More: docs/query.md.
    """
    from controller import inventory, settings
    from controller.cli import metrics_places, metrics_told
    from metrics.local.store import LocalStore
    from metrics.query import ask
    from metrics.query_samples import came_lately

    question, now = _question(asked), int(datetime.now(UTC).timestamp())
    chosen = settings.load()
    places = inventory.load(chosen.inventory)
    # Not the whole of Plaza: a question needs no relational store, and is answered in half the time.
    store, zone_of, why = LocalStore.open(chosen.samples_place), _zone_of(places), ""
    answer = ask(store, question, now, zone_of)
    if not answer.rows:
        metrics_places.check_places(places, question.where or {})
        metrics_places.check_values(question, now, lambda other: ask(store, other, now, zone_of))
        why = metrics_told.nothing(question, came_lately(store, question, now))
    if not asked["plot"] or asked["form"] != "table" or asked["out"]:
        metrics_told.write(answer, asked["form"], asked["out"], why)
    if asked["plot"]:
        metrics_told.draw(answer, asked["plot"], _picture(places, question, asked["lang"]), why)


@metrics.command()
@click.option("--month", default="", help="Like 2026-11; the running one by default.")
@click.option("--mun", default="", metavar="KEY", help="Only this municipality.")
@click.option("--as", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--out", type=_OUT, help="Write into this file.")
def devices(month: str, mun: str, form: str, out: Path | None) -> None:
    """Count different devices by municipality: the mean of the days, and an estimate of the month.

    These are numbers of staff's, small ones as they are: see docs/query.md before publishing any.
    """
    from controller import devices_counted, settings
    from controller.app import build
    from controller.cli import metrics_devices, metrics_places

    app = build(settings.load())
    metrics_places.check_places(app.inventory, {"mun": mun} if mun else {})
    now = datetime.now(UTC)
    try:
        found = devices_counted.devices(app, month or f"{now:%Y-%m}", now)
    except ValueError:
        raise click.UsageError(f"--month {month}: write it like 2026-11") from None
    metrics_devices.write([one for one in found if not mun or one.municipality == mun], form, out)


def _question(asked: Asked) -> "Question":
    from metrics.question import Question, bucket_of, wanted

    name, bucket = asked["measurement"], bucket_of(asked["bucket"])
    return Question(
        name,
        tuple(dict.fromkeys(wanted(name, field) for field in asked["fields"])),
        _window(asked["since"], asked["until"], bucket),
        bucket,
        tuple(dict.fromkeys(tag.strip() for tag in asked["by"].split(",") if tag.strip())),
        _where(asked["where"]),
    )


def _where(texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag, value in map(_pair, texts):
        if found.setdefault(tag, value) != value:
            raise click.UsageError(
                f"--where {tag}={found[tag]} and {tag}={value}: nothing is both; ask twice, "
                f"or leave them out and say --by {tag}"
            )
    return found


def _pair(text: str) -> tuple[str, str]:
    tag, equals, value = text.partition("=")
    if not equals or not tag or not value:
        raise click.UsageError(f"--where {text}: write TAG=VALUE, like mun=08019")
    return tag, value


def _window(since: str, until: str, bucket: "Span | int") -> "Window":
    from metrics.sink import Window

    now = datetime.now(UTC)
    end = _moment("--until", until, now)
    # Two lengths both count back from now; one alone from the date that ends the window.
    base = now if since and until[-1:] in _UNITS else end
    start = _moment("--since", since or _SINCE.get(str(bucket), "1h"), base)
    if start >= end:
        raise click.UsageError(f"--since {since or 'by default'} is not before --until {until}")
    if start >= now:
        raise click.UsageError(f"--since {since} is yet to come: it is {now:%Y-%m-%dT%H:%MZ}")
    return Window(int(start.timestamp()), int(end.timestamp()))


def _moment(option: str, text: str, now: datetime) -> datetime:
    if text == "now":
        return now
    try:
        if text.isascii() and text[:-1].isdecimal() and text[-1:] in _UNITS:
            return now - timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.UsageError(f"{option} {text}: write 2026-11-01, 2026-11-01T06:00 or 7d") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _zone_of(inventory: "Inventory") -> "ZoneOf":
    """The zone of each municipality of the inventory; of one that left it, UTC."""
    zones = {key: one.zone for key, one in inventory.municipalities.items()}
    return lambda municipality: zones.get(municipality, "UTC")


def _picture(inventory: "Inventory", question: "Question", language: str) -> "Picture":
    """By the clock of the place that was asked for, or of most municipalities; these have their names."""
    from metrics.plots_words import Picture

    where, known = question.where or {}, inventory.municipalities
    site = inventory.sites.get(where.get("site", ""))
    here = known.get(where.get("mun", site.municipality if site else ""))
    zones = sorted(one.zone for one in known.values())
    zone = here.zone if here else max(zones, key=zones.count, default="UTC")
    return Picture(language, zone, {key: f"{key} {one.name}" for key, one in known.items()})
