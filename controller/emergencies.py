"""Civil protection's emergencies: a municipality's gateways let everybody through, for so many hours."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from captive_portal.gateway.policy import LONGEST
from captive_portal.gateway.policy import Emergency as Told
from captive_portal.gateway_tables import emergencies
from captive_portal.model import GatewayKind
from captive_portal.opening import epoch
from captive_portal.tables import insert
from controller import audit
from controller.app import App
from controller.audit import Entry
from controller.errors import SelectorError
from controller.model import Site
from controller.store.engine import READ_ONLY

MAX_ACTOR: Final = 64
LONGEST_HOURS: Final = 7 * 24


@dataclass(frozen=True, slots=True)
class Emergency:
    """`es` and `en` are the notice; `stopped_at` is when somebody ended it before its time."""

    emergency: str
    municipality: str
    es: str
    en: str
    author: str
    started_at: datetime
    until: datetime
    stopped_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether everybody is let through."""
        return self.stopped_at is None and self.until > now


@dataclass(frozen=True, slots=True)
class Notice:
    """What civil protection says, in Spanish and, if it likes, in English."""

    es: str
    en: str = ""


def sites_of(app: App, municipality: str) -> tuple[list[Site], list[Site]]:
    """The sites of a municipality that are told, and those whose gateway is none of ours.

    Raises SelectorError where there is no such municipality, or nobody to tell.
    """
    if municipality not in app.inventory.municipalities:
        known = next(iter(app.inventory.municipalities), "")
        raise SelectorError(f"no municipality {municipality!r} in the inventory; a key is like {known}")
    there = [site for site in app.inventory.sites.values() if site.municipality == municipality]
    ours = [site for site in there if site.portal.kind is GatewayKind.PLAZA]
    if not ours:
        raise SelectorError(f"{municipality}: no site there has a gateway of ours, so nobody would be told")
    return ours, [site for site in there if site.portal.kind is not GatewayKind.PLAZA]


def start(app: App, municipality: str, notice: Notice, length: timedelta, now: datetime) -> Emergency:
    """Let everybody through from now on; an emergency that holds there is replaced.

    Raises SelectorError for a notice that nobody could read.
    """
    said = written(notice.es, notice.en)
    es, en = said.es, said.en
    author = audit.actor()[:MAX_ACTOR]
    made = Emergency(secrets.token_hex(4), municipality, es, en, author, now, now + length)
    key = audit.load_key(app.settings.data_dir)
    detail = {"emergency": made.emergency, "until": made.until.isoformat(), "notice": es}
    row = {"emergency": made.emergency, "municipality": municipality, "es": es, "en": en, "author": author}
    with app.engine.begin() as connection:
        _stop(connection, municipality, now)
        when = {"started_at": epoch(now), "until": epoch(made.until)}
        connection.execute(insert(connection, emergencies).values(row | when))
        audit.record(connection, key, Entry(author, "emergency-started", municipality, detail, now))
    return made


def stop(app: App, municipality: str, now: datetime) -> bool:
    """End it before its time; False when none holds there."""
    key = audit.load_key(app.settings.data_dir)
    with app.engine.begin() as connection:
        stopped = _stop(connection, municipality, now)
        if stopped:
            detail = {"emergency": stopped[0]}
            entry = Entry(audit.actor(), "emergency-stopped", municipality, detail, now)
            audit.record(connection, key, entry)
    return bool(stopped)


def told(app: App) -> list[Emergency]:
    """All that there ever were, the newest first."""
    row = emergencies.c
    wanted = select(emergencies).order_by(row.started_at.desc(), row.emergency)
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        return [_noun(found) for found in connection.execute(wanted)]


def holding(connection: Connection, now: datetime) -> Mapping[str, Told]:
    """What holds at this moment, by municipality, as a policy tells it."""
    row = emergencies.c
    wanted = (
        select(emergencies)
        .where(row.until > epoch(now), row.stopped_at.is_(None))
        .order_by(row.started_at, row.emergency)
    )
    return {one.municipality: Told(one.until, one.es, one.en) for one in connection.execute(wanted)}


def _stop(connection: Connection, municipality: str, now: datetime) -> list[str]:
    row = emergencies.c
    stopped = (
        update(emergencies)
        .where(row.municipality == municipality, row.until > epoch(now), row.stopped_at.is_(None))
        .values(stopped_at=epoch(now), stopped_by=audit.actor()[:MAX_ACTOR])
        .returning(row.emergency)
    )
    return list(connection.execute(stopped).scalars())


def written(es: str, en: str) -> Notice:
    """A notice as a gateway takes it. Raises SelectorError for one that nobody could read."""
    notice = Notice(_read(es), _read(en))
    if not notice.es:
        raise SelectorError("--notice says nothing; citizens read it before anything else")
    return notice


def _read(text: str) -> str:
    said = text.strip()
    if len(said) > LONGEST or not said.replace("\n", "").isprintable():
        raise SelectorError(f"a notice has at most {LONGEST} letters, and no control characters")
    return said


def _noun(row: Row[Any]) -> Emergency:
    started_at, until = (datetime.fromtimestamp(at, UTC) for at in (row.started_at, row.until))
    stopped_at = None if row.stopped_at is None else datetime.fromtimestamp(row.stopped_at, UTC)
    return Emergency(
        row.emergency, row.municipality, row.es, row.en, row.author, started_at, until, stopped_at
    )
