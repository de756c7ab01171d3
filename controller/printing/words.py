"""Amounts, days and hours in plain Spanish of Mexico, and in English below it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from controller.model import Hours, Opening


class Said(NamedTuple):
    """The same in both languages."""

    es: str
    en: str


ALWAYS: Final = Said("Todos los días, las 24 horas.", "Every day, 24 hours.")
_DAYS: Final = (
    Said("lunes", "Monday"),
    Said("martes", "Tuesday"),
    Said("miércoles", "Wednesday"),
    Said("jueves", "Thursday"),
    Said("viernes", "Friday"),
    Said("sábado", "Saturday"),
    Said("domingo", "Sunday"),
)
_MONTHS: Final = (
    Said("enero", "January"),
    Said("febrero", "February"),
    Said("marzo", "March"),
    Said("abril", "April"),
    Said("mayo", "May"),
    Said("junio", "June"),
    Said("julio", "July"),
    Said("agosto", "August"),
    Said("septiembre", "September"),
    Said("octubre", "October"),
    Said("noviembre", "November"),
    Said("diciembre", "December"),
)
_SPANS: Final = (
    (86_400, Said("día", "day")),
    (3600, Said("hora", "hour")),
    (60, Said("minuto", "minute")),
)


def duration(length: timedelta) -> Said:
    """A length of whole minutes: «1 día, 2 horas, 30 minutos»."""
    left, parts = int(length.total_seconds()), []
    for seconds, unit in _SPANS:
        count, left = divmod(left, seconds)
        if count:
            several = "s" if count > 1 else ""
            parts.append(Said(f"{count} {unit.es}{several}", f"{count} {unit.en}{several}"))
    return Said(", ".join(part.es for part in parts), ", ".join(part.en for part in parts))


def amount(octets: int) -> str:
    """Octets in the largest decimal unit that leaves no fraction, as telephone companies count."""
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if octets % size == 0:
            return f"{octets // size} {unit}"
    return f"{octets} B"


def rate(kbps: int) -> str:
    """A rate with its unit: 4000 is «4 Mbit/s», 512 «512 kbit/s»."""
    return f"{kbps / 1000:g} Mbit/s" if kbps >= 1000 else f"{kbps} kbit/s"


def day(which: date) -> Said:
    """A day as people say it: «31 de enero de 2027»."""
    month = _MONTHS[which.month - 1]
    return Said(
        f"{which.day} de {month.es} de {which.year}",
        f"{which.day} {month.en} {which.year}",
    )


def week(hours: Hours) -> list[Said]:
    """When a site serves, one line for each run of days that are alike; closed days are not named."""
    if all(_is_whole(openings) for openings in hours.week):
        return [ALWAYS]
    lines = []
    for first, last in _runs(hours.week):
        if openings := hours.week[first]:
            days, times = _span(first, last), _times(openings)
            lines.append(Said(f"{days.es.capitalize()}: {times.es}", f"{days.en}: {times.en}"))
    return lines


def _is_whole(openings: Sequence[Opening]) -> bool:
    return any(_clock(one) == ("00:00", "24:00") for one in openings)


def _runs(days: Sequence[Sequence[Opening]]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for number, openings in enumerate(days):
        if runs and days[runs[-1][0]] == openings:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _span(first: int, last: int) -> Said:
    start, end = _DAYS[first], _DAYS[last]
    if first == last:
        return start
    return Said(f"{start.es} a {end.es}", f"{start.en} to {end.en}")


def _times(openings: Sequence[Opening]) -> Said:
    clocks = [_clock(one) for one in openings]
    return Said(
        " y ".join(f"{start} a {end}" for start, end in clocks),
        " and ".join(f"{start} to {end}" for start, end in clocks),
    )


def _clock(opening: Opening) -> tuple[str, str]:
    end = f"{opening.end:%H:%M}"
    return f"{opening.start:%H:%M}", "24:00" if end == "00:00" else end
