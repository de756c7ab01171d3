"""`plaza sink`: what each time-series server has got, the proof, and how to send it again."""

import json
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from controller.app import App
    from controller.sink_settings import SinkSettings
    from metrics.local.cursors import Trouble
    from metrics.sink import Window
    from metrics.verify import Gap, Verification

SETTLED_S = 300
DAY_S = 86_400
_NEW = "; nothing is known of it yet: restart Plaza after adding a sink"


@click.group()
def sink() -> None:
    """Show how far each time-series server is, prove that nothing is missing there, and send it again."""


def _days(command: "Callable[..., None]") -> "Callable[..., None]":
    until = click.option("--until", metavar="DAY", default="", help="The last UTC day, with that day.")
    since = click.option("--since", metavar="DAY", default="", help="The first UTC day, as 2026-11-22.")
    return since(until(command))


@sink.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list.")
@click.option("--refused", metavar="NAME", default="", help="The lines that sink NAME refused, in its words.")
def status(as_json: bool, refused: str) -> None:
    """Say of each sink what is safe there, what waits and since when, what it refused, how it last failed."""
    app = _app()
    if refused:
        _show_refused(app, _wanted(app, refused).name, as_json)
        return
    rows = [_row(app, wanted, datetime.now(UTC)) for wanted in app.settings.sinks]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        click.echo("no sinks: add a [[sinks]] table to plaza.toml to stream to InfluxDB")
    else:
        for row in rows:
            click.echo(_sentence(row))


@sink.command()
@click.argument("name")
@_days
def replay(name: str, since: str, until: str) -> None:
    """Send what is kept to sink NAME again, all of it or some UTC days. Points overwrite themselves."""
    from controller.errors import SettingsError
    from metrics.local.cursors import Cursors
    from metrics.local.journal import ends

    app = _app()
    _wanted(app, name)
    first, last = _day(since, date.min), _day(until, date.max)
    kept = sorted({position.day for position in ends(app.samples)})
    days = [day for day in kept if first.isoformat() <= day <= last.isoformat()]
    if (since or until) and not days:
        have = f"{kept[0]} to {kept[-1]}" if kept else "nothing"
        raise SettingsError(
            f"no day from {since or 'the first'} to {until or 'today'} is kept: there is {have}"
        )
    Cursors(app.samples, name).reset(days if since or until else None)
    click.echo(f"{name}: {len(days)} days are sent again" + (f", {days[0]} to {days[-1]}" if days else ""))


@sink.command()
@click.argument("name")
@click.option("--hours", default=24, show_default=True, help="How far back, up to five minutes ago.")
@_days
@click.option("--json", "as_json", is_flag=True, help="A JSON object per line: each gap, then the sums.")
def verify(name: str, hours: int, since: str, until: str, as_json: bool) -> None:
    """Compare sink NAME with the store, minute by minute and series by series, and name every gap.

    Exit code 3 when points are missing there, 0 when none is.
    """
    from controller.sinks import open_sink
    from metrics.forward import progress
    from metrics.verify import Verification

    app = _app()
    wanted = _wanted(app, name)
    verification = Verification(app.samples, open_sink(app.secrets, wanted), _window(hours, since, until))
    for gap in verification:
        click.echo(json.dumps(_gap(gap), ensure_ascii=False) if as_json else _gap_sentence(gap))
    at = progress(app.samples, name)
    if as_json:
        click.echo(json.dumps(_sums(verification) | {"batches_waiting": at.lag_batches}))
    else:
        for line in _sum_sentences(name, verification, at.lag_batches):
            click.echo(line)
    sys.exit(3 if verification.missing else 0)


def _app() -> "App":
    from controller import settings
    from controller.app import build

    return build(settings.load())


def _wanted(app: "App", name: str) -> "SinkSettings":
    from controller.errors import SettingsError

    wanted = next((one for one in app.settings.sinks if one.name == name), None)
    if wanted is None:
        raise SettingsError(f"no sink {name!r} in plaza.toml; see plaza sink status")
    return wanted


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise click.BadParameter(f"{text!r} is no day, write it as 2026-11-22") from None


def _window(hours: int, since: str, until: str) -> "Window":
    """Up to five minutes ago: what is newer is still on its way."""
    from metrics.sink import Window

    end = int(datetime.now(UTC).timestamp()) // 60 * 60 - SETTLED_S
    start = end - hours * 3600
    if until:
        end = min(end, _midnight(_day(until, date.max)) + DAY_S)
        start = end - hours * 3600
    if since:
        start = _midnight(_day(since, date.min))
    if start >= end:
        raise click.BadParameter("nothing lies between: --since is after --until, or not five minutes old")
    return Window(start, end)


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _row(app: "App", wanted: "SinkSettings", now: datetime) -> dict[str, Any]:
    from controller.sinks import standing

    at = standing(app.samples, wanted.name, now)
    return {
        "sink": wanted.name,
        "points_safe": at.safe_points,
        "batches_waiting": at.waiting_batches,
        "oldest_unsent": None if at.oldest is None else _moment(at.oldest // 60 * 60),
        "seconds_behind": at.behind_s,
        "lines_refused": at.refused_lines,
        "last_error": _trouble(at.trouble),
        "heard_of": at.heard_of,
        "cannot_be_opened": _unopened(app, wanted),
    }


def _unopened(app: "App", wanted: "SinkSettings") -> str | None:
    """Why nothing can be sent at all, the server unasked: its token is not there, or not as it should be."""
    from controller.errors import SecretError
    from controller.sinks import token_of

    try:
        token_of(app.secrets, wanted)
    except SecretError as error:
        return str(error)
    return None


def _trouble(found: "Trouble | None") -> dict[str, Any] | None:
    if found is None:
        return None
    over = None if found.over is None else _moment(found.over.timestamp())
    since, last = _moment(found.since.timestamp()), _moment(found.last.timestamp())
    return {"reason": found.reason, "since": since, "last": last, "over": over}


def _sentence(row: dict[str, Any]) -> str:
    parts = [
        f"{row['points_safe']} points safe there",
        f"{row['batches_waiting']} batches waiting",
        f"{row['lines_refused']} lines refused",
    ]
    if row["oldest_unsent"]:
        parts.insert(2, f"the oldest of {row['oldest_unsent']} ({row['seconds_behind']} s behind)")
    error = row["last_error"]
    if error:
        ended = f"over since {error['over']}" if error["over"] else f"last at {error['last']}"
        parts.append(f"last error, from {error['since']}, {ended}: {error['reason']}")
    if row["cannot_be_opened"]:
        return f"{row['sink']}: {', '.join(parts)}; it cannot be opened: {row['cannot_be_opened']}"
    new = "" if row["heard_of"] or not row["batches_waiting"] else _NEW
    return f"{row['sink']}: {', '.join(parts)}{new}"


def _show_refused(app: "App", name: str, as_json: bool) -> None:
    from metrics.local.cursors import Cursors

    letters = Cursors(app.samples, name).dead_letters()
    if as_json:
        rows = [{"at": one.refused_at.isoformat(), "reason": one.reason, "line": one.line} for one in letters]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for one in letters:
        click.echo(f"{_moment(one.refused_at.timestamp())}  {one.reason}\n  {one.line}")
    click.echo(f"{name}: {len(letters)} lines refused")


def _moment(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _gap(gap: "Gap") -> dict[str, Any]:
    from metrics.catalog import MEASUREMENTS

    tags = dict(zip(MEASUREMENTS[gap.measurement].tags, gap.tags, strict=True))
    span = {"start": _moment(gap.start), "end": _moment(gap.end)}
    return {"measurement": gap.measurement, "tags": tags, **span, "missing": gap.missing}


def _gap_sentence(gap: "Gap") -> str:
    return f"{gap.series}: {gap.missing} points missing from {_moment(gap.start)} to {_moment(gap.end)}"


def _sums(verification: "Verification") -> dict[str, Any]:
    found = sorted(verification.found.items())
    window = {"start": _moment(verification.window.start), "end": _moment(verification.window.end)}
    measurements = {name: {"here": one.here, "missing": one.missing} for name, one in found}
    return {**window, "measurements": measurements, "missing": verification.missing}


def _sum_sentences(name: str, verification: "Verification", waiting: int) -> "Iterable[str]":
    window = verification.window
    for measurement, one in sorted(verification.found.items()):
        yield f"{measurement}: {one.here} points here, {one.missing} missing there"
    span = f"from {_moment(window.start)} to {_moment(window.end)}"
    if window.end > datetime.now(UTC).timestamp() - SETTLED_S - 120:
        yield "the last five minutes are left out: they may still be on their way"
    if not verification.missing:
        yield f"{name}: nothing is missing {span}"
        return
    yield f"{name}: {verification.missing} points are missing {span}"
    if waiting:
        yield f"{waiting} batches still wait to be sent: see plaza sink status"
    else:
        days = f"--since {_moment(window.start)[:10]} --until {_moment(window.end - 1)[:10]}"
        yield f"to send them again: plaza sink replay {name} {days}"
