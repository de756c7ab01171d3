"""`plaza session`: who is online, without saying who."""

from datetime import UTC, datetime

import click


@click.group()
def session() -> None:
    """List and end citizens' sessions. Nobody's name or MAC is kept, so none is shown."""


@session.command("list")
@click.option("--site", default="", help="Only this site.")
def list_sessions(site: str) -> None:
    """List the running sessions: id, site, when granted, when it ends."""
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
        click.echo(f"{row.acctuniqueid}  {row.site}  granted {granted}  {row.expires_at - now} s left")
    click.echo(f"{len(rows)} running")


@session.command()
@click.argument("session_id")
def dismiss(session_id: str) -> None:
    """End a session: its gateway shuts the door at its next sync."""
    from captive_portal.sessions import StoredSessions
    from controller import settings
    from controller.app import build
    from controller.errors import SelectorError

    app = build(settings.load())
    if not StoredSessions(app.engine).dismiss(session_id, datetime.now(UTC)):
        raise SelectorError(f"session {session_id!r} does not run; see plaza session list")
    click.echo(f"{session_id}: its gateway is told at its next sync")
