"""`plaza emergency`: everybody online in a municipality, with civil protection's notice."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from controller.cli.apply import YES
from controller.cli.asking import agreed

if TYPE_CHECKING:
    from controller.emergencies import Emergency


@click.group()
def emergency() -> None:
    """Let everybody through in a municipality, without portal and quota, for so many hours."""


@emergency.command()
@click.argument("municipality")
@click.option("--hours", required=True, type=click.IntRange(1, 168), help="Then it ends by itself.")
@click.option("--notice", required=True, help="What citizens read first, in Spanish.")
@click.option("--notice-en", default="", help="The same in English.")
@YES
def start(municipality: str, hours: int, notice: str, notice_en: str, yes: bool) -> None:
    """Begin an emergency in MUNICIPALITY (its key): says where it reaches whom, and asks.

    One that holds there is replaced.
    """
    from controller import emergencies, settings
    from controller.app import build

    app = build(settings.load())
    said = emergencies.written(notice, notice_en)
    ours, others = emergencies.sites_of(app, municipality)
    click.echo(
        f"{municipality}: {len(ours)} sites let everybody through for {hours} h, without portal and quota"
    )
    for site in others:
        click.echo(f"{site.key}: its gateway is {site.portal.kind}, and is not told", err=True)
    if not yes and not agreed("Shall that begin?"):
        click.echo("nothing was changed", err=True)
        return
    made = emergencies.start(app, municipality, said, timedelta(hours=hours), datetime.now(UTC))
    click.echo(f"{made.emergency}: until {made.until.isoformat()}; gateways hear of it within a minute,")
    click.echo("or half an hour where nobody is in; one that is cut off, not before it is back")


@emergency.command()
@click.argument("municipality")
def stop(municipality: str) -> None:
    """End the emergency of MUNICIPALITY before its time."""
    from controller import emergencies, settings
    from controller.app import build
    from controller.errors import SelectorError

    app = build(settings.load())
    if not emergencies.stop(app, municipality, datetime.now(UTC)):
        raise SelectorError(f"no emergency holds in {municipality!r}; see plaza emergency list")
    click.echo(f"{municipality}: ended; gateways hear of it as of its beginning")


@emergency.command("list")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def list_emergencies(as_json: bool) -> None:
    """List the emergencies that there were, the newest first."""
    import json

    from controller import emergencies, settings
    from controller.app import build

    now = datetime.now(UTC)
    found = emergencies.told(build(settings.load()))
    if as_json:
        click.echo(json.dumps([_told(one, now) for one in found], indent=2, ensure_ascii=False))
        return
    for one in found:
        word = "holds" if one.holds(now) else "is over"
        end = one.stopped_at or one.until
        when = f"{one.started_at.isoformat()} to {end.isoformat()}"
        click.echo(f"{one.emergency}  {one.municipality}  {word}  {when}  {one.author}: {one.es}")
    click.echo(f"{sum(one.holds(now) for one in found)} hold")


def _told(one: "Emergency", now: datetime) -> dict[str, object]:
    return {
        "emergency": one.emergency,
        "municipality": one.municipality,
        "holds": one.holds(now),
        "started_at": one.started_at.isoformat(),
        "until": one.until.isoformat(),
        "stopped_at": one.stopped_at.isoformat() if one.stopped_at else None,
        "author": one.author,
        "notice": one.es,
        "notice_en": one.en,
    }
