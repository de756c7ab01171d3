"""Writes the overview as a page in the reader's language."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import render_template
from flask_babel import format_date, format_decimal, gettext

from controller.console.choice import LANGUAGES, Choice, Order, choose
from controller.console.overview import Overview
from controller.console.sketch import sketch
from controller.health import State

SKETCH_HEIGHT: Final = 300.0
LOCALES: Final = {"es": "es_MX", "en": "en"}
SHOWN_STATES: Final = (State.DOWN, State.DEGRADED, State.UNKNOWN, State.UP)


def overview_page(overview: Overview, choice: Choice, stale_after_s: int, open_incidents: int) -> str:
    """The first page of the console."""
    return render_template(
        "overview.html",
        overview=overview,
        rows=choose(overview.rows, choice),
        choice=choice,
        sketch=sketch(overview.rows, SKETCH_HEIGHT),
        states=SHOWN_STATES,
        orders=tuple(Order),
        zone=usual_zone(overview),
        stale_after_s=stale_after_s,
        open_incidents=open_incidents,
        incidents_link=incidents_link(choice.language),
        number=format_decimal,
        age=age,
        clock_time=clock_time,
        instant=instant,
        offset=offset,
    )


def incidents_link(language: str) -> str:
    """The address of the page of incidents in a language."""
    return "/incidents" if language == LANGUAGES[0] else f"/incidents?lang={language}"


def usual_zone(overview: Overview) -> str:
    """The zone that most municipalities keep: the one the state's own times are told in."""
    zones = [row.zone for row in overview.rows]
    return max(sorted(set(zones)), key=zones.count, default="UTC")


def age(seconds: int) -> str:
    """How long ago, in one coarse unit."""
    seconds = max(seconds, 0)
    if seconds < 120:
        return str(gettext("hace %(n)s s", n=seconds))
    if seconds < 7200:
        return str(gettext("hace %(n)s min", n=seconds // 60))
    if seconds < 172800:
        return str(gettext("hace %(n)s h", n=seconds // 3600))
    return str(gettext("hace %(n)s días", n=format_decimal(seconds // 86400)))


def clock_time(epoch: int, zone: str, now: int) -> str:
    """A moment as its municipality's clocks show it, with the day when it is not today."""
    local = datetime.fromtimestamp(epoch, ZoneInfo(zone))
    today = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    if local.date() == today:
        return f"{local:%H:%M:%S}"
    return f"{format_date(local.date(), 'd MMM')} {local:%H:%M}"


def offset(epoch: int, zone: str) -> str:
    """A zone's distance from UTC at a moment, as "UTC−6" or "UTC+5:30"."""
    away = datetime.fromtimestamp(epoch, ZoneInfo(zone)).utcoffset() or timedelta(0)
    minutes = int(away.total_seconds()) // 60
    sign = "−" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def instant(epoch: int) -> str:
    """A moment for machines, as in <time datetime>."""
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%dT%H:%M:%SZ}"
