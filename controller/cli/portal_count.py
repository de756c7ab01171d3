"""`plaza portal count`: how many came to the portal, tapped and were let in."""

import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

if TYPE_CHECKING:
    from captive_portal.counts import PortalCounts
    from controller.portal_counts import Days

_DAY = click.DateTime(["%Y-%m-%d"])
_DAYS = 7
_NUMBERS = ("arrivals", "taps", "grants", "refusals", "failures")


class Asked(TypedDict):
    """Of which sites and days."""

    site: str
    municipality: str
    since: datetime | None
    until: datetime | None


@click.command("count")
@click.option("--site", default="", help="Only this site.")
@click.option("--municipality", default="", help="Only the sites of this municipality, by its INEGI key.")
@click.option("--since", type=_DAY, help="The first day; without it, six days before the last.")
@click.option("--until", type=_DAY, help="The last day, all of it; without it, today.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="A CSV table, a line for each site.")
def count(*, as_json: bool, as_csv: bool, **asked: Unpack[Asked]) -> None:
    """Count pages (arrivals), taps, grants, refusals and failures of each site. A day is that of its zone."""
    from controller import portal_counts, settings
    from controller.app import build, utc_now

    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    if asked["site"] and asked["municipality"]:
        raise click.UsageError("choose one of --site and --municipality")
    days = _days(asked["since"], asked["until"], utc_now().date())
    app = build(settings.load())
    rows = portal_counts.count(app, days, site=asked["site"], municipality=asked["municipality"])
    show = _show_json if as_json else _show_csv if as_csv else _show_table
    show(days, rows)


def _days(since: datetime | None, until: datetime | None, today: date) -> "Days":
    from controller.portal_counts import Days

    last = until.date() if until else today
    first = since.date() if since else last - timedelta(days=_DAYS - 1)
    if first > last:
        raise click.UsageError(f"--since {first} is after --until {last}")
    return Days(first, last)


def _show_json(days: "Days", rows: Sequence["PortalCounts"]) -> None:
    import json

    from controller.portal_counts import total

    said = {
        "since": days.since.isoformat(),
        "until": days.until.isoformat(),
        "sites": [{"site": row.site, **_said(row)} for row in rows],
        "total": _said(total(rows)),
    }
    click.echo(json.dumps(said, indent=2))


def _said(row: "PortalCounts") -> dict[str, Any]:
    from captive_portal.model import FailureReason, RefusalReason
    from controller.portal_counts import told

    numbers = {name: getattr(row, name) for name in _NUMBERS}
    return {**numbers, "refused": told(row, RefusalReason), "failed": told(row, FailureReason)}


def _show_csv(days: "Days", rows: Sequence["PortalCounts"]) -> None:
    """Reasons are called as in `wifi_portal`; there is no line of sums, for a sheet makes its own."""
    import csv

    from captive_portal.model import FailureReason, RefusalReason

    why: dict[str, str] = {f"refused_{one.replace('-', '_')}": one for one in RefusalReason}
    why |= {f"failed_{one.replace('-', '_')}": one for one in FailureReason}
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["site", "since", "until", *_NUMBERS, *why])
    for row in rows:
        numbers = [getattr(row, name) for name in _NUMBERS]
        table.writerow(
            [row.site, days.since, days.until, *numbers, *(row.reasons.get(one, 0) for one in why.values())]
        )


def _show_table(days: "Days", rows: Sequence["PortalCounts"]) -> None:
    from controller.portal_counts import total

    if not rows:
        click.echo(f"nothing was counted from {days.since} to {days.until}")
        return
    width = max(len(row.site) for row in rows)
    click.echo(f"{'SITE':{width}}" + "".join(f"{name.upper():>10}" for name in _NUMBERS))
    for row in (*rows, total(rows)):
        click.echo(f"{row.site:{width}}" + "".join(f"{getattr(row, name):>10}" for name in _NUMBERS))
        said = _said(row)
        for word in ("refused", "failed"):
            if said[word]:
                click.echo(f"  {word}: " + ", ".join(f"{times} {why}" for why, times in said[word].items()))
    click.echo(f"from {days.since} to {days.until}")
