"""The application that staff see."""

from typing import TYPE_CHECKING

from controller.app import utc_now
from controller.bodies import in_full
from controller.console.app import create_app
from controller.console.exposition import Exposition
from controller.wsgi.beginning import begin

if TYPE_CHECKING:
    from flask import Flask


@in_full
def console() -> "Flask":
    """What staff see; on the loopback only, it has no logins."""
    app = begin()
    stale_after_s = 4 * app.settings.poll_interval_s
    return create_app(
        app.inventory,
        app.engine,
        app.samples,
        utc_now,
        stale_after_s=stale_after_s,
        exposition=Exposition(app, utc_now, stale_after_s),
    )
