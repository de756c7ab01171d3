"""The application that staff see."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from controller.app import App, utc_now
from controller.bodies import in_full
from controller.console.app import STALE_POLLS, create_app
from controller.console.exposition import Exposition
from controller.incidents.reading import Every
from controller.wsgi.beginning import begin

if TYPE_CHECKING:
    from flask import Flask


@in_full
def console() -> "Flask":
    """What staff see; on the loopback only, it has no logins."""
    return console_of(begin(), utc_now)


def console_of(app: App, clock: Callable[[], datetime]) -> "Flask":
    """The same of a controller whose stores are open; `clock` gives aware moments."""
    every = Every(app.settings.poll_interval_s, app.settings.probe_minutes * 60)
    exposition = Exposition(app, clock, STALE_POLLS * every.poll_s)
    return create_app(app.inventory, app.engine, app.samples, clock, every=every, exposition=exposition)
