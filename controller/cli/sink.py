"""`plaza sink`: what each time-series server has got, and the proof."""

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.settings import SinkSettings


@click.group()
def sink() -> None:
    """Show how far each time-series server is, and prove that nothing is missing there."""


@sink.command()
def status() -> None:
    """One line per sink: points that are safe there, batches that wait, lines it refused."""
    from controller import settings
    from controller.app import build
    from metrics.forward import progress

    app = build(settings.load())
    for wanted in app.settings.sinks:
        at = progress(app.samples, wanted.name)
        sent = f"{at.sent_points} points safe there, {at.lag_batches} batches waiting"
        click.echo(f"{at.sink}: {sent}, {at.dead_letters} lines refused")
    if not app.settings.sinks:
        click.echo("no sinks: add a [[sinks]] table to plaza.toml to stream to InfluxDB")


@sink.command()
@click.argument("name")
def refill(name: str) -> None:
    """Send everything that is kept to sink NAME again, as to a new server. Points overwrite themselves."""
    from controller import settings
    from controller.app import build
    from metrics.local.cursors import Cursors

    app = build(settings.load())
    _wanted(app, name)
    Cursors(app.samples, name).reset()
    click.echo(f"{name}: sent again from the oldest day that is kept")


@sink.command()
@click.argument("name")
@click.option("--hours", default=24, show_default=True, help="How far back, up to five minutes ago.")
def verify(name: str, hours: int) -> None:
    """Count the points of sink NAME against the embedded store. Exit code 3 when some are missing there."""
    import time

    from controller import settings
    from controller.app import build
    from controller.worker import sink as open_sink
    from metrics.sink import Window

    app = build(settings.load())
    wanted = _wanted(app, name)
    end = int(time.time()) // 60 * 60 - 300
    window = Window(end - hours * 3600, end)
    there = open_sink(app, wanted).counts(window)
    missing = 0
    for measurement, here in sorted(app.samples.counts(window).items()):
        lacking = max(0, here - there.get(measurement, 0))
        missing += lacking
        click.echo(f"{measurement}: {here} here, {there.get(measurement, 0)} there, {lacking} missing")
    sys.exit(3 if missing else 0)


def _wanted(app: "App", name: str) -> "SinkSettings":
    from controller.errors import SettingsError

    wanted = next((one for one in app.settings.sinks if one.name == name), None)
    if wanted is None:
        raise SettingsError(f"no sink {name!r} in plaza.toml; see plaza sink status")
    return wanted
