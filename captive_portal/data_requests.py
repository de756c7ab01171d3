"""Finds what is kept of whoever asks for it, tells it, and takes it away for good.

Nobody has a name here. What a citizen can bring is a session's number or the address of its page, the
telephone itself while its day's key lives, or a voucher.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection, Row, Table, delete, func, select, update

from captive_portal import carried, published, voucher_codes
from captive_portal.accounting import OVERDUE
from captive_portal.enforced import ENFORCEMENT, LEGAL, phone_of
from captive_portal.errors import ArrivalInvalid
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateway_tables import device_blocks, gateway_alarms, gateway_policies
from captive_portal.holdings import HOLDINGS, MOMENTS, Holding, Subject
from captive_portal.model import PortalSite
from captive_portal.privacy import known_devices
from captive_portal.radius.tables import associations
from captive_portal.retention import Retention
from captive_portal.sealing import Unsealed
from captive_portal.tables import (
    enforcements,
    gateway_events,
    legal_records,
    sessions,
    voucher_uses,
    vouchers,
    waiting_grants,
)

Sites = Mapping[str, PortalSite]

SESSION: Final = re.compile(r"[0-9a-f]{32}")
NAMING: Final = (sessions, enforcements, waiting_grants, legal_records, associations)
"""Tables that name a session and its site."""

DELETED: Final = frozenset(
    {sessions, enforcements, waiting_grants, gateway_events, associations, device_blocks, gateway_alarms}
)
"""Tables whose rows go whole; those of vouchers and of the law stay, and lead to nobody any more."""

_APART: Final = "device"
_SEALED: Final = ((enforcements, ENFORCEMENT), (legal_records, LEGAL))


@dataclass(frozen=True, slots=True)
class Found:
    """Whose rows they are; `unread` sealed addresses could not be compared: of another key, or damaged."""

    subject: Subject
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each table went, or lost all that leads to somebody.

    `by_law_until` is when the last address goes that somebody signed to keep; None where there is none.
    """

    rows: Mapping[str, int]
    by_law_until: datetime | None = None


def session_named(sites: Sites, said: str) -> str:
    """The session of a number, of a token, or of a page's address with a token in it; "" when it is none."""
    text = said.strip()
    if SESSION.fullmatch(text.lower()):
        return text.lower()
    try:
        tokens = parse_qs(urlsplit(text).query).get("s", [text])
    except ValueError:
        return ""
    return next((name for site in sites.values() if (name := _opened(site, tokens[0]))), "")


def by_session(connection: Connection, session: str) -> Found:
    """A session, with the others of the same phone at the same site and of the same day."""
    return Found(_of_sessions(connection, [session]))


def by_device(connection: Connection, sites: Sites, mac: str, periods: Retention, now: datetime) -> Found:
    """The sessions of a phone (`mac` in lower case with colons).

    Those of today by their pseudonym; older ones only where an address is still kept, which is opened to be
    compared and told to nobody.
    """
    kept, unread = _by_address(connection, sites, mac)
    today = _by_pseudonym(connection, sites, mac, periods, now)
    subject = _of_sessions(connection, chain(kept, today))
    return Found(replace(subject, devices=_named_devices(connection, sites, mac)), unread)


def by_code(connection: Connection, sites: Sites, typed: str) -> Found:
    """A used voucher, by the code on its paper. An unused one is nobody's, so it is not found."""
    code = voucher_codes.normalised(typed)
    keys = {site.voucher_key for site in sites.values() if site.voucher_key}
    hashes = [voucher_codes.hashed(key, code) for key in keys] if code else []
    used = connection.execute(select(voucher_uses.c.hash).where(voucher_uses.c.hash.in_(hashes))).scalars()
    return Found(Subject(vouchers=frozenset(used)))


def told(connection: Connection, subject: Subject, periods: Retention) -> dict[str, Any]:
    """All that is kept of them, ready for JSON: tables with rows, and the words of the notices they name."""
    found = list(_rows(connection, subject))
    tables = {one.table.name: _told_of(one, rows, periods) for one, rows in found}
    versions = {row.notice for one, rows in found if one.table is sessions for row in rows}
    notices = {version: published.text_of(connection, version) for version in sorted(versions - {""})}
    return {"tables": tables, "notices": notices}


def running(connection: Connection, subject: Subject) -> list[str]:
    """The sessions whose end nobody has reported yet: their gateways would speak of them again."""
    row = sessions.c
    wanted = select(row.acctuniqueid).where(
        row.acctuniqueid.in_(subject.sessions), row.acctstoptime.is_(None)
    )
    return sorted(connection.execute(wanted).scalars())


def ended_by(connection: Connection, subject: Subject) -> datetime:
    """When Plaza itself ends the last of these running sessions, should nobody tell its end; some run."""
    row = sessions.c
    last = select(func.max(row.expires_at)).where(
        row.acctuniqueid.in_(subject.sessions), row.acctstoptime.is_(None)
    )
    return datetime.fromtimestamp(connection.execute(last).scalar_one(), UTC) + OVERDUE


def kept_out(connection: Connection, subject: Subject, now: datetime) -> list[str]:
    """The sites that keep a telephone out at this moment: erased, it would be let in."""
    row = device_blocks.c
    holds = (row.device.in_(subject.devices), row.until > int(now.timestamp()), row.lifted_at.is_(None))
    return sorted(set(connection.execute(select(row.site).where(*holds)).scalars()))


def erase(connection: Connection, subject: Subject, now: datetime) -> Erased:
    """Take all of it away, in the caller's transaction; sums stay.

    An address that somebody signed to keep stays sealed until its day, under another number. A voucher stays
    counted as used, and its code is worth nothing any more.
    """
    at = int(now.timestamp())
    over = legal_records.c.delete_at <= at
    connection.execute(delete(legal_records).where(legal_records.c.acctuniqueid.in_(subject.sessions), over))
    found = _rows(connection, subject)
    rows = {one.table.name: len(them) for one, them in found if one.table is not legal_records}
    _empty_policies(connection, subject)
    for one in HOLDINGS:
        if one.table in DELETED:
            connection.execute(delete(one.table).where(one.rows(subject)))
    until = _renumber(connection, subject)
    for voucher in subject.vouchers:
        _unlink(connection, voucher, at)
    return Erased(rows, None if until is None else datetime.fromtimestamp(until, UTC))


def _opened(site: PortalSite, token: str) -> str:
    try:
        return carried.open_session(site, token)
    except ArrivalInvalid:
        return ""


def _by_pseudonym(
    connection: Connection, sites: Sites, mac: str, periods: Retention, now: datetime
) -> Iterator[str]:
    """Our own gateway hashes a MAC apart, the others are hashed here; a site may have changed its kind."""
    named = [
        (site.key, name)
        for site in sites.values()
        for name in (pseudonym(site.wiring.key, _APART, mac), pseudonym(site.wiring.key, mac))
    ]
    devices = known_devices(connection, (name for _, name in named), now, periods.day_begins)
    row = sessions.c
    for (site, _), device in zip(named, devices, strict=False):
        wanted = select(row.acctuniqueid).where(row.site == site, row.device == device)
        yield from connection.execute(wanted).scalars()


def _named_devices(connection: Connection, sites: Sites, mac: str) -> frozenset[str]:
    """What our own gateways call a phone, where anything is kept under that name."""
    names = {pseudonym(site.wiring.key, _APART, mac) for site in sites.values()}
    found: set[str] = set()
    for table in (device_blocks, gateway_alarms):
        wanted = select(table.c.device).where(table.c.device.in_(names))
        found |= set(connection.execute(wanted).scalars())
    return frozenset(found)


def _empty_policies(connection: Connection, subject: Subject) -> None:
    """A policy repeats who was kept out; without content it is made anew, with a later serial."""
    row = device_blocks.c
    theirs = gateway_policies.c.site.in_(select(row.site).where(row.device.in_(subject.devices)))
    connection.execute(update(gateway_policies).where(theirs).values(content="", text="", signature=""))


def _by_address(connection: Connection, sites: Sites, mac: str) -> tuple[list[str], int]:
    """The sessions whose sealed address is this one, and how many seals could not be opened."""
    found, unread = [], 0
    for table, purpose in _SEALED:
        for row in connection.execute(select(table.c.acctuniqueid, table.c.site, table.c.sealed)):
            try:
                if phone_of(sites[row.site].wiring.key, row.sealed, purpose).mac == mac:
                    found.append(row.acctuniqueid)
            except (Unsealed, KeyError):
                unread += 1
    return found, unread


def _of_sessions(connection: Connection, found: Iterable[str]) -> Subject:
    """The pseudonym of one session finds the others: it is the same phone, without a key."""
    row, first = sessions.c, set(found)
    devices = select(row.site, row.device).where(row.acctuniqueid.in_(first)).distinct()
    same = {
        name
        for site, device in connection.execute(devices).all()
        for name in connection.execute(
            select(row.acctuniqueid).where(row.site == site, row.device == device)
        ).scalars()
    }
    names = frozenset(first | same)
    sites = {site for table in NAMING for site in _sites(connection, table, names)}
    return Subject(names, frozenset(sites)) if sites else Subject()


def _sites(connection: Connection, table: Table, names: frozenset[str]) -> Iterable[str]:
    return connection.execute(select(table.c.site).where(table.c.acctuniqueid.in_(names))).scalars()


def _rows(connection: Connection, subject: Subject) -> Iterator[tuple[Holding, list[Row[Any]]]]:
    for one in HOLDINGS:
        rows = list(connection.execute(select(one.table).where(one.rows(subject))))
        if rows:
            yield one, rows


def _told_of(one: Holding, rows: list[Row[Any]], periods: Retention) -> dict[str, object]:
    shown = [{name: _shown(name, value) for name, value in row._mapping.items()} for row in rows]
    return {"kept": one.kept(periods), "fields": dict(one.fields), "rows": shown}


def _shown(name: str, value: Any) -> Any:
    is_moment = name in MOMENTS and value is not None
    return datetime.fromtimestamp(value, UTC).isoformat() if is_moment else value


def _renumber(connection: Connection, subject: Subject) -> int | None:
    """Nothing ties what the law keeps to a session any more; the epoch second when the last of it goes."""
    row = legal_records.c
    kept = connection.execute(
        select(row.acctuniqueid, row.delete_at).where(row.acctuniqueid.in_(subject.sessions))
    ).all()
    for name, _ in kept:
        other = {"acctuniqueid": secrets.token_hex(16)}
        connection.execute(update(legal_records).where(row.acctuniqueid == name).values(other))
    return max((until for _, until in kept), default=None)


def _unlink(connection: Connection, voucher: str, at: int) -> None:
    """Its code finds nothing, its phones are nobody's; that it was used stays, for the batch is counted."""
    other, use = secrets.token_hex(32), voucher_uses.c
    for (device,) in connection.execute(select(use.device).where(use.hash == voucher)).all():
        nobody = {"hash": other, "device": secrets.token_hex(16), "used_at": 0}
        mine = (use.hash == voucher) & (use.device == device)
        connection.execute(update(voucher_uses).where(mine).values(nobody))
    spent = {"hash": other, "revoked_at": func.coalesce(vouchers.c.revoked_at, at)}
    connection.execute(update(vouchers).where(vouchers.c.hash == voucher).values(spent))
