"""`plaza session`: who is online, without saying who."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlalchemy import Row

    from controller.app import App


@click.group()
def session() -> None:
    """List and end citizens' sessions. Nobody's name or MAC is kept, so none is shown."""


@session.command("list")
@click.option("--site", default="", help="Only this site.")
def list_sessions(site: str) -> None:
    """List the running sessions: id, site, when granted, when it ends, when its end was asked for."""
    from sqlalchemy import select

    from captive_portal.tables import sessions
    from controller import settings
    from controller.app import build
    from controller.store.engine import READ_ONLY

    app = build(settings.load())
    now = int(datetime.now(UTC).timestamp())
    running = select(sessions).where(sessions.c.acctstoptime.is_(None), sessions.c.expires_at > now)
    if site:
        running = running.where(sessions.c.site == site)
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        rows = connection.execute(running.order_by(sessions.c.granted_at)).all()
    for row in rows:
        granted = datetime.fromtimestamp(row.granted_at, UTC).isoformat()
        left = f"{row.expires_at - now} s left{_asked(row)}"
        click.echo(f"{row.acctuniqueid}  {row.site}  granted {granted}  {left}")
    asked = sum(row.dismissed_at is not None for row in rows)
    click.echo(f"{len(rows)} running" + (f", {asked} of them being ended" if asked else ""))


def _asked(row: "Row[Any]") -> str:
    """Who asked its gateway to end it, which has not said yet that it did."""
    from captive_portal.sessions import USER_REQUEST

    if row.dismissed_at is None:
        return ""
    word = "left by its citizen" if row.acctterminatecause == USER_REQUEST else "being dismissed"
    return f", {word} (asked at {datetime.fromtimestamp(row.dismissed_at, UTC).isoformat()})"


@session.command()
@click.argument("session_id")
def dismiss(session_id: str) -> None:
    """End a session; says how its gateway learns of it, for some kinds never do."""
    from captive_portal.sessions import StoredSessions
    from controller import settings
    from controller.app import build
    from controller.errors import SelectorError

    app = build(settings.load())
    if not StoredSessions(app.engine).dismiss(session_id, datetime.now(UTC)):
        raise SelectorError(f"session {session_id!r} does not run; see plaza session list")
    click.echo(f"{session_id}: {_what_follows(app, session_id)}")


def _what_follows(app: "App", session_id: str) -> str:
    """How the session's gateway learns of the dismissal."""
    from sqlalchemy import select

    from captive_portal.gateways.ending import Ending, ending
    from captive_portal.tables import sessions
    from controller.store.engine import READ_ONLY

    wanted = select(sessions.c.site, sessions.c.expires_at).where(sessions.c.acctuniqueid == session_id)
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(wanted).one()
    until = datetime.fromtimestamp(row.expires_at, UTC).isoformat()
    site = app.inventory.sites.get(row.site)
    if site is None:
        return f"site {row.site} is not in the inventory, so nobody is told; its time ends at {until}"
    portal = site.portal
    return {
        Ending.SYNC: "its gateway shuts the door at its next sync",
        Ending.TOLD: f"the worker tells its gateway ({portal.kind}) within 15 s",
        Ending.TIME: f"its gateway ({portal.kind}) cannot be told; the door stays open until {until}",
    }[ending(portal.kind, portal.controller_url)]
