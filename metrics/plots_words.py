"""The few words in pictures, which are for people: Spanish first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from metrics.catalog import MEASUREMENTS
from metrics.local.levels import Span
from metrics.question import Answer, Row

LANGUAGES: Final = ("es", "en")

_SPANISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "mean": "media",
        "sum": "suma",
        "min": "mínimo",
        "max": "máximo",
        "count": "valores conocidos",
        "growth": "aumento",
        "5m": "cada 5 minutos",
        "hour": "por hora",
        "day": "por día",
        "month": "por mes",
        "every {n} s": "cada {n} s",
        "all": "todo",
        "by": "según",
        "samples": "muestras",
        "nobody said how many samples there should be": "nadie dijo cuántas muestras debía haber",
        "nothing is known": "no se sabe nada",
        "still running": "aún en curso",
        "no value": "sin dato",
        "{n} of {all} series, the largest on average": "{n} de {all} series, las de mayor promedio",
        "time of": "hora de",
        "{field}, {statistic}: {n} series, {known} of {all} values known, from {least} to {most} {unit}.": (
            "{field}, {statistic}: {n} series, {known} de {all} valores conocidos, "
            "de {least} a {most} {unit}."
        ),
        "{field}, {statistic}: {n} series, nothing is known.": (
            "{field}, {statistic}: {n} series, no se sabe nada."
        ),
    }
)


def say(language: str, text: str, **values: object) -> str:
    """The English text in that language, its places filled in."""
    return (_SPANISH[text] if language == "es" else text).format(**values)


Shown = list[tuple[tuple[str, ...], list[Row]]]
"""Series that are drawn, and their rows."""


@dataclass(frozen=True, slots=True)
class Picture:
    """For whom: in which language, by the clock of which zone, and how values of tags are called."""

    language: str = "es"
    zone: str = "UTC"
    names: Mapping[str, str] = field(default_factory=dict)


def moment(at: int, how: Picture) -> datetime:
    """An epoch second on the clock of the picture."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(how.zone))


def title(answer: Answer, how: Picture) -> str:
    """What was asked, of when, by whose clock."""
    question, language = answer.question, how.language
    bucket = question.bucket
    every = (
        say(language, bucket.value) if isinstance(bucket, Span) else say(language, "every {n} s", n=bucket)
    )
    where = ", ".join(f"{tag}={value}" for tag, value in (question.where or {}).items())
    by = f" {say(language, 'by')} {', '.join(question.by)}" if question.by else ""
    dates = ""
    if answer.rows:
        start, end = (moment(at, how) for at in (min(r.start for r in answer.rows),
                                                max(r.end for r in answer.rows)))  # fmt: skip
        dates = f": {start:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M}"
    clock = f"{say(language, 'time of')} {how.zone}" if how.zone != "UTC" else "UTC"
    return f"{question.measurement}{by}, {every}{f' ({where})' if where else ''}{dates}, {clock}"


def told(answer: Answer, shown: Shown, how: Picture) -> str:
    """What the picture shows, for who cannot see it."""
    said = []
    for index, one in enumerate(answer.question.wanted):
        values = [row.values[index] for _, rows in shown for row in rows]
        known = [value for value in values if value is not None]
        named = {"field": one.field, "statistic": say(how.language, one.statistic.value), "n": len(shown)}
        if not known:
            said.append(say(how.language, "{field}, {statistic}: {n} series, nothing is known.", **named))
            continue
        unit = MEASUREMENTS[answer.question.measurement].fields[one.field].unit.strip("{}")
        ends = {"least": f"{min(known):g}", "most": f"{max(known):g}", "unit": "" if unit == "1" else unit}
        text = (
            "{field}, {statistic}: {n} series, {known} of {all} values known, from {least} to {most} {unit}."
        )
        said.append(say(how.language, text, **named, known=len(known), all=len(values), **ends))
    return " ".join(said).replace(" .", ".")
