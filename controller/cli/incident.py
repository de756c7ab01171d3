"""`plaza incident`: outages, one of each root cause, with why, since when, and who has it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from controller.app import App
    from controller.incidents.desk import Hand, Incident
    from controller.incidents.model import Seen

WHO = click.option("--who", default="", help="Who has it, or says so; the person at the keyboard by default.")
WHY = click.option("--why", required=True, help="For the audit log, and for whoever reads it next.")
MUN = click.option("--mun", "municipality", default="", help="Only of this municipality (its key).")
JSON = click.option("--json", "as_json", is_flag=True, help="For a program.")


@click.group()
def incident() -> None:
    """Show what is down and why, take it on, close it, announce outages, count repair times."""


@incident.command("list")
@click.option("--all", "also_closed", is_flag=True, help="Those that are over, too.")
@MUN
@JSON
def list_incidents(also_closed: bool, municipality: str, as_json: bool) -> None:
    """List what is wrong now, the newest first."""
    from controller.cli import incident_shown
    from controller.incidents import desk

    app = _app(municipality)
    found = _touching(app, desk.listed(app.engine, 0 if also_closed else None), municipality)
    answering = _answering(app)
    if as_json:
        click.echo(incident_shown.as_json(found, answering))
        return
    for one in found:
        click.echo(incident_shown.line(app.inventory, one, answering))
    click.echo(f"{sum(one.is_open for one in found)} open")


@incident.command()
@click.argument("incident_id", metavar="ID")
@JSON
def show(incident_id: str, as_json: bool) -> None:
    """Show one with its evidence, its members, and what to do next. The beginning of its ID will do."""
    from controller.cli import incident_shown
    from controller.incidents import desk

    app = _app()
    found = desk.find(app.engine, incident_id)
    answering = _answering(app)
    if as_json:
        click.echo(incident_shown.as_json([found], answering))
        return
    click.echo("\n".join(incident_shown.whole(app.inventory, found, answering)))


@incident.command()
@MUN
@JSON
def states(municipality: str, as_json: bool) -> None:
    """Show each municipality's state with its reason, and the sites that are not up.

    `expected-down` needs nobody to come; `unknown` is neither up nor down.
    """
    from controller.cli import incident_shown
    from controller.incidents.job import outlook

    app = _app(municipality)
    found = outlook(app, datetime.now(UTC))
    chosen = {key: found[key] for key in found if not municipality or key == municipality}
    click.echo(
        incident_shown.states_json(chosen) if as_json else incident_shown.states(app.inventory, chosen)
    )


@incident.command()
@click.argument("incident_id", metavar="ID")
@WHO
@WHY
def ack(incident_id: str, who: str, why: str) -> None:
    """Say who has it."""
    from controller.incidents import desk

    app = _app()
    found, hand = desk.find(app.engine, incident_id), _hand(app, who, why)
    desk.acknowledge(app.engine, found, hand)
    click.echo(f"{found.name}: {hand.who} has it: {why}")


@incident.command()
@click.argument("incident_id", metavar="ID")
@WHO
@WHY
def close(incident_id: str, who: str, why: str) -> None:
    """Say that it is over, where nothing of it is down any more or nobody can ask it.

    Incidents close by themselves once everything answered for five minutes.
    """
    from controller.incidents import desk

    app = _app()
    found, hand = desk.find(app.engine, incident_id), _hand(app, who, why)
    desk.close(app.engine, found, hand)
    click.echo(f"{found.name}: closed by {hand.who}: {why}")


@incident.command()
@click.argument("place", required=False, default="", metavar="SITE|MUN")
@click.option("--from", "start", default="", help="2026-11-28T02:00 on the place's clock; now by default.")
@click.option("--until", default="", help="The same, or for how long: 3h, 2d.")
@click.option("--why", default="", help="What will be done.")
@click.option("--cancel", default="", metavar="ID", help="Call an announced outage off, or end it.")
@WHO
@JSON
def expect(place: str, why: str, cancel: str, as_json: bool, **said: Any) -> None:
    """Announce that SITE or MUN will be down: that opens no incident. Without one, list what is announced."""
    from controller.cli import incident_shown
    from controller.errors import IncidentError
    from controller.incidents import desk

    app = _app()
    if cancel:
        desk.call_off(app.engine, cancel, _hand(app, said["who"], why or "called off"))
        click.echo(f"{cancel}: called off")
    elif place:
        zone = incident_shown.zone(app.inventory, place)
        hand = _hand(app, said["who"], why)
        start = _moment(said["start"], zone, "--from") or hand.at
        until = _until(said["until"], zone, start)
        if until is None:
            raise IncidentError("--until says when it ends: 2026-11-28T05:00, or 3h")
        made = desk.announce(app.engine, place, start, until, hand)
        click.echo(incident_shown.announced(app.inventory, made))
    else:
        known = desk.announced(app.engine, int(datetime.now(UTC).timestamp()))
        shown: Callable[..., str] = incident_shown.announced
        click.echo(
            incident_shown.announced_json(known)
            if as_json
            else "\n".join([*(shown(app.inventory, one) for one in known), f"{len(known)} announced"])
        )


@incident.command()
@click.option(
    "--since", default="90d", show_default=True, help="Incidents that began since: 90d, 2026-10-01."
)
@MUN
@JSON
def stats(since: str, municipality: str, as_json: bool) -> None:
    """Count repair times, by municipality: what is still open is never left out."""
    from controller.cli import incident_shown
    from controller.errors import IncidentError
    from controller.incidents import desk

    app = _app(municipality)
    now = datetime.now(UTC)
    if since.isascii() and since.isdigit() and len(since) < 5:
        raise IncidentError(f"--since {since!r} has no unit; write {since}d for {since} days")
    length = _length(since)
    begin = now - length if length is not None else _moment(since, "UTC", "--since") or now
    found = _touching(app, desk.listed(app.engine, 0), municipality)
    recent = [one for one in found if one.opened_at >= begin.timestamp() or one.is_open]
    click.echo(incident_shown.figures(app.inventory, recent, as_json=as_json))


def _app(municipality: str = "") -> "App":
    from controller import settings
    from controller.app import build
    from controller.cli.metrics_places import check_places

    app = build(settings.load())
    if municipality:
        check_places(app.inventory, {"mun": municipality})
    return app


def _answering(app: "App") -> "Mapping[str, Seen]":
    from controller.incidents.reading import Every
    from controller.incidents.returning import answering

    every = Every(app.settings.poll_interval_s, app.settings.probe_minutes * 60)
    return answering(app.engine, app.inventory, datetime.now(UTC), every)


def _touching(app: "App", found: "list[Incident]", municipality: str) -> "list[Incident]":
    from controller.incidents import desk
    from controller.incidents.world import world_of

    if not municipality:
        return found
    sites = {one.key for one in app.inventory.sites.values() if one.municipality == municipality}
    pollers = world_of(app.inventory).pollers_of(municipality)
    return desk.touching(found, municipality, sites, pollers)


def _hand(app: "App", who: str, why: str) -> "Hand":
    from controller import audit
    from controller.incidents.desk import Hand

    key = audit.load_key(app.settings.data_dir)
    return Hand(who.strip() or audit.actor(), why, datetime.now(UTC), key)


def _until(text: str, zone: str, start: datetime) -> datetime | None:
    length = _length(text)
    return start + length if length is not None else _moment(text, zone, "--until")


def _length(text: str) -> timedelta | None:
    units = {"m": 60, "h": 3600, "d": 86_400}
    if text[-1:] in units and text[:-1].isascii() and text[:-1].isdigit() and len(text) <= 6:
        return timedelta(seconds=int(text[:-1]) * units[text[-1]])
    return None


def _moment(text: str, zone: str, option: str) -> datetime | None:
    """A moment as the place's clock shows it, unless it says how far that is from UTC; None for ""."""
    from zoneinfo import ZoneInfo

    from controller.errors import IncidentError

    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise IncidentError(f"{option} {text!r} is no moment; write 2026-11-28T02:00") from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
