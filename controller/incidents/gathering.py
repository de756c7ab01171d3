"""Reads at once what the relational store tells of several outages: refusals, gateways, probes, pollers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, select

from captive_portal.gateway_tables import gateway_boxes
from controller.store.engine import READ_ONLY
from controller.store.leases import LEASE_S
from controller.store.pollers import Landed, landed
from controller.store.tables import poll_errors, probes, shard_leases
from drivers.snmp.seam import Reason

_ANSWERED: Final = tuple(
    reason.value for reason in (Reason.REFUSED, Reason.AUTH, Reason.ERROR, Reason.DISBELIEVED)
)
"""Failures of a poll that only something running can cause."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A poll that something running refused, from `at` (epoch seconds) on; None: it still does."""

    last_at: int
    ended_at: int | None
    detail: str

    def held(self, since: int, looked_at: int) -> bool:
        """Whether it was so since a moment; one that ended after the look that is judged by was so then."""
        return self.last_at >= since and (self.ended_at is None or self.ended_at > looked_at)


@dataclass(frozen=True, slots=True)
class Gathered:
    """By device its refusals, the newest first; by site when its gateways called and where a phone is stuck.

    `landed` is by the name of a poller; `leased` are shards whose poller asked for its lease a minute ago or
    less.
    """

    refusals: Mapping[str, list[Refusal]]
    heard: Mapping[str, list[int]]
    stuck: Mapping[str, tuple[str, str]]
    landed: Mapping[str, Landed]
    leased: frozenset[int]


def gather(engine: Engine, devices: Collection[str], now: int) -> Gathered:
    """What there is; refusals only of these devices."""
    leased = select(shard_leases.c.shard).where(shard_leases.c.expires_at > now - LEASE_S)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return Gathered(
            _refusals(connection, devices),
            _heard(connection),
            _stuck(connection),
            landed(connection),
            frozenset(connection.execute(leased).scalars()),
        )


def _refusals(connection: Connection, devices: Collection[str]) -> dict[str, list[Refusal]]:
    row = poll_errors.c
    wanted = select(row.device, row.last_at, row.ended_at, row.detail).where(
        row.device.in_(list(devices)), row.reason.in_(_ANSWERED)
    )
    found: dict[str, list[Refusal]] = {}
    for device, last_at, ended_at, detail in connection.execute(wanted.order_by(row.seq.desc())):
        found.setdefault(device, []).append(Refusal(last_at, ended_at, detail))
    return found


def _heard(connection: Connection) -> dict[str, list[int]]:
    row = gateway_boxes.c
    found: dict[str, list[int]] = {}
    for site, at in connection.execute(select(row.site, row.heard_at).where(row.replaced_at.is_(None))):
        found.setdefault(site, []).append(at)
    return found


def _stuck(connection: Connection) -> dict[str, tuple[str, str]]:
    row = probes.c
    found = connection.execute(select(row.site, row.step, row.detail).where(row.works == 0))
    return {site: (step, detail) for site, step, detail in found}
