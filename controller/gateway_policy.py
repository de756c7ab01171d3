"""What each site's own gateway is to follow: the inventory, blocks and emergencies, signed and numbered."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, select

from captive_portal.gateway.policy import Blocked, Emergency, Policy, Signed, seal
from captive_portal.gateway_tables import gateway_policies
from captive_portal.opening import epoch
from captive_portal.tables import insert
from controller import emergencies, gateway_blocks
from controller.app import App, utc_now
from controller.model import Ipv6, Site
from controller.secrets import site_key
from controller.store.engine import READ_ONLY

log = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(seconds=5)
"""How old what we know of blocks and emergencies may be."""

AHEAD_S: Final = 86_400
"""How far the number of a policy may be ahead of our clock and be believed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A policy as it is handed out, and its number."""

    serial: int
    signed: Signed


@dataclass(frozen=True, slots=True)
class Ordered:
    """What staff ordered by command, as of a moment: blocks by site, emergencies by municipality."""

    at: datetime
    blocks: Mapping[str, Sequence[Blocked]]
    emergencies: Mapping[str, Emergency]


def compose(site: Site, blocked: Sequence[Blocked], emergency: Emergency | None, now: datetime) -> Policy:
    """What holds at a site, without a number. What is over by now is not in it."""
    wish, at = site.gateway, epoch(now)
    return Policy(
        site=site.key,
        serial=0,
        made_at=0,
        when_controller_away=wish.when_controller_away,
        away=wish.away,
        ipv6=wish.ipv6 is Ipv6.ADMIT,
        dns=wish.dns,
        resolvers=wish.resolvers,
        garden=wish.garden,
        blocked=tuple(one for one in blocked if one.until > at),
        emergency=emergency if emergency is not None and emergency.until > at else None,
        appeal=wish.appeal,
    )


def first_policy(app: App, site: Site) -> Signed:
    """The policy that a gateway is built with. Raises SecretError."""
    return Policies(app, utc_now).current(site.key).signed


@dataclass(slots=True)
class Policies:
    """The policies of all sites, for one process; any number of threads may ask.

    Composing one costs no look into the store; only where it says something new is its number taken there.
    """

    app: App
    clock: Callable[[], datetime]
    _ordered: Ordered | None = None
    _kept: dict[str, tuple[Policy, Sealed]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, site: str, serial: int) -> Signed | None:
        """What a gateway that follows `serial` is to follow; None when it does. Raises SecretError."""
        if site not in self.app.inventory.sites:
            return None
        sealed = self.current(site, serial)
        return None if sealed.serial == serial else sealed.signed

    def current(self, site: str, told: int = 0) -> Sealed:
        """The policy of a site, with a number that is not below the one it was told. Raises SecretError."""
        now, there = self.clock(), self.app.inventory.sites[site]
        told = told if told <= epoch(now) + AHEAD_S else 0
        kept = self._kept.get(site)
        if kept is not None and kept[1].serial >= told and kept[0] == self._wanted(there, now, LOOK_EVERY):
            return kept[1]
        wanted = self._wanted(there, now, timedelta(0))  # no word of ours may undo what another process knows
        master = self.app.secrets.gateway(there.portal.gateway_credentials)
        sealed = _numbered(self.app.engine, site_key(master, site), wanted, told, now)
        self._kept[site] = (wanted, sealed)
        return sealed

    def _wanted(self, site: Site, now: datetime, oldest: timedelta) -> Policy:
        with self._lock:
            if self._ordered is None or not timedelta(0) <= now - self._ordered.at < oldest:
                self._ordered = _ordered(self.app.engine, now)
            ordered = self._ordered
        return compose(
            site, ordered.blocks.get(site.key, ()), ordered.emergencies.get(site.municipality), now
        )


def _ordered(engine: Engine, now: datetime) -> Ordered:
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return Ordered(now, gateway_blocks.holding(connection, now), emergencies.holding(connection, now))


def _numbered(engine: Engine, key: bytes, wanted: Policy, told: int, now: datetime) -> Sealed:
    """As it stands in the store; one that says something new is signed and stored under a later number."""
    content = _hash(wanted)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        found = connection.execute(_of(wanted.site)).first()
    if found is not None and found.content == content and found.serial >= told:
        return _sealed(found)
    with engine.begin() as connection:
        return _renumbered(connection, key, wanted, told, now)


def _renumbered(connection: Connection, key: bytes, wanted: Policy, told: int, now: datetime) -> Sealed:
    content, table = _hash(wanted), gateway_policies
    empty = {"serial": 0, "content": "", "text": "", "signature": "", "made_at": 0}
    new = insert(connection, table).values(site=wanted.site, **empty)
    connection.execute(new.on_conflict_do_nothing())
    found = connection.execute(_of(wanted.site).with_for_update()).one()
    if found.content == content and found.serial >= told:
        return _sealed(found)
    serial = max(found.serial + 1, told + 1, epoch(now))
    signed = seal(key, replace(wanted, serial=serial, made_at=epoch(now)))
    values = {"serial": serial, "content": content, "made_at": epoch(now), **signed.told()}
    connection.execute(table.update().where(table.c.site == wanted.site).values(values))
    log.info("policy made", extra={"site": wanted.site, "serial": serial})
    return Sealed(serial, signed)


def _of(site: str) -> Any:
    return select(gateway_policies).where(gateway_policies.c.site == site)


def _sealed(row: Row[Any]) -> Sealed:
    return Sealed(row.serial, Signed(row.text, row.signature))


def _hash(policy: Policy) -> str:
    said = json.dumps(policy.content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()
