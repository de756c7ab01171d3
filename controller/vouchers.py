"""Batches of vouchers as staff see them: made, counted, revoked, each change in the audit log.

No code passes through here into the store, the audit log or a log: only `printed` gets them.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, func, select, update

from captive_portal import voucher_codes
from captive_portal.gateways.traits import slows
from captive_portal.model import Plan
from captive_portal.tables import voucher_batches, voucher_uses, vouchers
from captive_portal.vouchers import Batch, issue
from controller import audit
from controller.app import App
from controller.audit import Entry
from controller.errors import SelectorError
from controller.model import Municipality, Site
from controller.secrets import voucher_key
from controller.store.engine import READ_ONLY

MAX_ACTOR: Final = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch is worth something: one site, or all sites of a municipality. `key` is either's."""

    key: str
    name: str
    municipality: Municipality
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants printed: `last_day` is the last local day of a first use."""

    count: int
    plan: Plan
    devices: int
    last_day: date
    why: str


@dataclass(frozen=True, slots=True)
class Count:
    """A batch's vouchers; `used` were redeemed, `revoked` were not and are worth nothing any more."""

    batch: str
    place: str
    made_at: datetime
    made_by: str
    expires_at: datetime
    why: str
    used: int
    unused: int
    revoked: int


def place_of(app: App, key: str) -> Place:
    """The site or municipality of a key. Raises SelectorError where there is none, or no one key for it."""
    inventory = app.inventory
    if site := inventory.sites.get(key):
        return Place(key, site.name, inventory.municipalities[site.municipality], (site,))
    municipality = inventory.municipalities.get(key)
    sites = tuple(site for site in inventory.sites.values() if site.municipality == key)
    if municipality is None or not sites:
        known = next(iter(inventory.sites), "")
        raise SelectorError(f"no site, and no municipality with sites, is {key!r}; a key is like {known}")
    if len({site.portal.gateway_credentials for site in sites}) > 1:
        raise SelectorError(
            f"the sites of {key} have several gateway_credentials; make vouchers for each site instead"
        )
    return Place(key, municipality.name, municipality, sites)


def planned(place: Place, wish: Wish, now: datetime) -> Batch:
    """The batch to be, with a new name.

    Raises SelectorError when its last day is over, and where nobody would enforce its rates.
    """
    _require_slow(place, wish.plan)
    zone = ZoneInfo(place.municipality.zone)
    expires_at = datetime.combine(wish.last_day + timedelta(days=1), time(0), zone)
    if expires_at <= now:
        raise SelectorError(f"{wish.last_day} is over at {place.key}; name a later day")
    letters = "".join(secrets.choice(voucher_codes.ALPHABET) for _ in range(4))
    name = f"{now.astimezone(zone):%y%m%d}-{letters}"
    made_by = audit.actor()[:MAX_ACTOR]
    return Batch(name, place.key, wish.plan, wish.devices, now, made_by, expires_at, wish.why)


def _require_slow(place: Place, plan: Plan) -> None:
    if not plan.down_kbps and not plan.up_kbps:
        return
    for site in place.sites:
        if not slows(site.portal.kind, site.portal.variant):
            mend = "make them without --down-kbps and --up-kbps, or for single sites"
            raise SelectorError(f"{site.key}: its {site.portal.kind} bounds no phone's rate; {mend}")


def make(app: App, place: Place, batch: Batch, count: int, printed: Callable[[Sequence[str]], None]) -> None:
    """Have `printed` keep the new codes for good, then store the batch and its audit row in one transaction.

    A batch never exists without its codes on paper: what `printed` raises leaves no batch.
    """
    master = app.secrets.gateway(place.sites[0].portal.gateway_credentials)
    key = voucher_key(master, place.municipality.key)
    audit_key = audit.load_key(app.settings.data_dir)
    codes = [voucher_codes.make() for _ in range(count)]
    printed(codes)
    detail = {"place": place.key, "count": str(count), "devices": str(batch.devices), "why": batch.why}
    entry = Entry(audit.actor(), "vouchers-made", batch.name, detail, batch.made_at)
    with app.engine.begin() as connection:
        issue(connection, key, batch, codes)
        audit.record(connection, audit_key, entry)


def counts(engine: Engine) -> list[Count]:
    """All batches, the newest first."""
    used = (
        select(vouchers.c.batch, func.count(vouchers.c.hash.distinct()).label("used"))
        .join_from(vouchers, voucher_uses, vouchers.c.hash == voucher_uses.c.hash)
        .group_by(vouchers.c.batch)
    )
    total = select(vouchers.c.batch, func.count().label("total")).group_by(vouchers.c.batch)
    spent = select(voucher_uses.c.hash).where(voucher_uses.c.hash == vouchers.c.hash).exists()
    lost = total.where(vouchers.c.revoked_at.is_not(None), ~spent)
    newest = select(voucher_batches).order_by(voucher_batches.c.made_at.desc(), voucher_batches.c.batch)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        batches = connection.execute(newest).all()
        numbers = [{row[0]: row[1] for row in connection.execute(wanted)} for wanted in (total, used, lost)]
    return [_count(row, *(of.get(row.batch, 0) for of in numbers)) for row in batches]


def count(engine: Engine, batch: str) -> Count:
    """One batch. Raises SelectorError."""
    found = [one for one in counts(engine) if one.batch == batch]
    if not found:
        raise _unknown(batch)
    return found[0]


def revoke(app: App, batch: str, number: int | None, why: str, now: datetime) -> bool:
    """Make a batch, or one voucher of it, worth nothing; False when it was already. Raises SelectorError."""
    detail = {"why": why} if number is None else {"number": str(number), "why": why}
    entry = Entry(audit.actor(), "vouchers-revoked", batch, detail, now)
    audit_key = audit.load_key(app.settings.data_dir)
    with app.engine.begin() as connection:
        changed = _revoked(connection, batch, number, int(now.timestamp()))
        if changed:
            audit.record(connection, audit_key, entry)
    return changed


def _revoked(connection: Connection, batch: str, number: int | None, at: int) -> bool:
    if number is None:
        table, wanted = voucher_batches, voucher_batches.c.batch == batch
    else:
        table, wanted = vouchers, (vouchers.c.batch == batch) & (vouchers.c.number == number)
    if connection.execute(select(table.c.batch).where(wanted)).first() is None:
        raise _unknown(batch if number is None else f"{batch} {number}")
    fresh = update(table).where(wanted, table.c.revoked_at.is_(None)).values(revoked_at=at)
    return connection.execute(fresh).rowcount == 1


def _unknown(what: str) -> SelectorError:
    return SelectorError(f"there is no voucher or batch {what!r}; see plaza voucher list")


def _count(row: Row[Any], total: int, used: int, lost: int) -> Count:
    revoked = lost if row.revoked_at is None else total - used
    return Count(
        batch=row.batch,
        place=row.site,
        made_at=datetime.fromtimestamp(row.made_at, UTC),
        made_by=row.made_by,
        expires_at=datetime.fromtimestamp(row.expires_at, UTC),
        why=row.why,
        used=used,
        unused=total - used - revoked,
        revoked=revoked,
    )
