"""Devices that staff keep out of a site: why, who said so, until when. No MAC is kept or logged.

A device is known by the pseudonym that the site's own gateway gives it, which is another one at each site.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from captive_portal.gateway.policy import Blocked
from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateway_tables import device_blocks
from captive_portal.model import GatewayKind
from captive_portal.opening import epoch
from captive_portal.radius.attributes import mac_of
from captive_portal.tables import insert
from controller import audit
from controller.app import App
from controller.audit import Entry
from controller.errors import SelectorError
from controller.model import Site
from controller.secrets import site_key
from controller.store.engine import READ_ONLY

MAX_ACTOR: Final = 64
MAX_REASON: Final = 120
MAX_BLOCKS: Final = 800
"""At one site. With reasons of that length its whole policy fits into the mebibyte that a gateway reads."""

_NAME: Final = re.compile(r"[0-9a-f]{8}")
_NAMING: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[-:]){5}|(?:[0-9A-Fa-f]{4}\.){2}")
"""What looks like a MAC."""


@dataclass(frozen=True, slots=True)
class Block:
    """A decision to keep a device out. `block` is its name, `device` the pseudonym."""

    block: str
    site: str
    device: str
    reason: str
    author: str
    made_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom to keep out (a MAC, as typed), why, and for how long."""

    mac: str = field(repr=False)
    reason: str
    length: timedelta


def own_site(app: App, name: str) -> Site:
    """A site with a gateway of ours. Raises SelectorError."""
    site = app.inventory.sites.get(name)
    if site is None:
        known = next(iter(app.inventory.sites), "")
        raise SelectorError(f"no site {name!r} in the inventory; a site's key is like {known}")
    if site.portal.kind is not GatewayKind.PLAZA:
        raise SelectorError(f"site {name}: its gateway is {site.portal.kind}, which is not one of ours")
    return site


def block(app: App, site: Site, wish: Wish, now: datetime) -> Block:
    """Keep a device out from now on; what was said of it before at this site is replaced.

    Raises SelectorError for what is no MAC, for a reason that names one, and when the list is full.
    """
    device = device_of(app, site, wish.mac)
    reason = _told(wish.reason)
    made = Block(
        secrets.token_hex(4), site.key, device, reason, audit.actor()[:MAX_ACTOR], now, now + wish.length
    )
    key = audit.load_key(app.settings.data_dir)
    detail = {"block": made.block, "reason": reason, "until": made.until.isoformat()}
    with app.engine.begin() as connection:
        _lift(connection, (device_blocks.c.site == site.key) & (device_blocks.c.device == device), now)
        if len(holding(connection, now).get(site.key, ())) >= MAX_BLOCKS:
            raise SelectorError(f"{site.key} keeps {MAX_BLOCKS} devices out; unblock some first")
        row = {"block": made.block, "site": site.key, "device": device, "reason": reason}
        when = {"author": made.author, "made_at": epoch(now), "until": epoch(made.until)}
        connection.execute(insert(connection, device_blocks).values(row | when))
        audit.record(connection, key, Entry(audit.actor(), "device-blocked", site.key, detail, now))
    return made


def unblock(app: App, site: Site, said: str, now: datetime) -> str:
    """Let a device in again, by its MAC or by the name of the block; that name.

    Raises SelectorError when it is not kept out.
    """
    row = device_blocks.c
    by_name = _NAME.fullmatch(said) is not None
    which = row.block == said if by_name else row.device == device_of(app, site, said)
    key = audit.load_key(app.settings.data_dir)
    with app.engine.begin() as connection:
        lifted = _lift(connection, (row.site == site.key) & which, now)
        if not lifted:
            raise SelectorError(f"{site.key} does not keep it out; see plaza gateway blocks {site.key}")
        entry = Entry(audit.actor(), "device-unblocked", site.key, {"block": lifted[0]}, now)
        audit.record(connection, key, entry)
    return lifted[0]


def blocks(app: App, site: str, now: datetime) -> list[Block]:
    """The blocks that hold at a site, or at all of them ("")."""
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        rows = _rows(connection, now)
    return [_noun(row) for row in rows if site in {"", row.site}]


def holding(connection: Connection, now: datetime) -> Mapping[str, tuple[Blocked, ...]]:
    """What holds at this moment, by site, as a policy tells it."""
    found: dict[str, tuple[Blocked, ...]] = {}
    for row in _rows(connection, now):
        one = Blocked(row.device, row.reason, row.author, row.until)
        found[row.site] = (*found.get(row.site, ()), one)
    return found


def device_of(app: App, site: Site, said: str) -> str:
    """What a site's gateway calls a device. Raises SelectorError when it is no MAC."""
    mac = mac_of(said.strip())
    if not mac or int(mac[:2], 16) & 1:  # the lowest bit is that of a group (IEEE 802)
        raise SelectorError("that is no MAC address of a device; write it like 02:00:5e:10:00:01")
    master = app.secrets.gateway(site.portal.gateway_credentials)
    return pseudonym(site_key(master, site.key), "device", mac)


def _told(reason: str) -> str:
    """A reason that a citizen may read. Raises SelectorError."""
    text = reason.strip()
    if not text or len(text) > MAX_REASON or not text.isprintable():
        raise SelectorError(f"--reason is one line of at most {MAX_REASON} letters, which the citizen reads")
    if _NAMING.search(text):
        raise SelectorError("--reason looks like a MAC address, and the audit log is kept: leave it out")
    return text


def _rows(connection: Connection, now: datetime) -> list[Row[Any]]:
    row = device_blocks.c
    holds = (row.until > epoch(now), row.lifted_at.is_(None))
    wanted = select(device_blocks).where(*holds).order_by(row.site, row.made_at, row.block)
    return list(connection.execute(wanted))


def _lift(connection: Connection, which: Any, now: datetime) -> list[str]:
    row = device_blocks.c
    lifted = (
        update(device_blocks)
        .where(which, row.until > epoch(now), row.lifted_at.is_(None))
        .values(lifted_at=epoch(now), lifted_by=audit.actor()[:MAX_ACTOR])
        .returning(row.block)
    )
    return list(connection.execute(lifted).scalars())


def _noun(row: Row[Any]) -> Block:
    made_at, until = (datetime.fromtimestamp(at, UTC) for at in (row.made_at, row.until))
    return Block(row.block, row.site, row.device, row.reason, row.author, made_at, until)
