"""How long each kind of row lives, and its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, exists, func, select

from captive_portal import monthly_keys
from captive_portal.gateway_tables import device_blocks, gateway_alarms, gateway_boxes, gateway_pulses
from captive_portal.privacy import DAY_BEGINS, destroy_old_keys
from captive_portal.radius.ledger import forget
from captive_portal.tables import (
    enforcements,
    gateway_events,
    legal_records,
    sessions,
    voucher_batches,
    voucher_uses,
    vouchers,
    waiting_grants,
)

WAITING: Final = timedelta(minutes=1)
"""A grant that no gateway fetched within this is worth nothing."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The periods, each counted from what its row was last needed for.

    `sessions` after its end, then only counts are left; `voucher_uses` after the batch expired;
    `device_blocks` after it was over; `gateway_boxes` after a box that was replaced was last heard. Legal
    records carry their own date; privacy notices and emergencies are never deleted. `day_begins` is when the
    key of pseudonyms is destroyed, since midnight UTC.
    """

    sessions: timedelta = timedelta(days=90)
    gateway_events: timedelta = timedelta(days=7)
    radius_associations: timedelta = timedelta(days=7)
    voucher_uses: timedelta = timedelta(days=30)
    device_blocks: timedelta = timedelta(days=30)
    gateway_alarms: timedelta = timedelta(days=30)
    gateway_pulses: timedelta = timedelta(days=7)
    gateway_boxes: timedelta = timedelta(days=90)
    day_begins: timedelta = DAY_BEGINS


def purge(engine: Engine, retention: Retention, now: datetime) -> Mapping[str, int]:
    """Delete what is past its period; how many rows of each table. The daily and monthly keys go too."""
    with engine.begin() as connection:
        deleted = {
            "session": _gone(connection, sessions, sessions.c.acctstoptime < _at(now - retention.sessions)),
            "gateway_event": _gone(
                connection,
                gateway_events,
                gateway_events.c.received_at < _at(now - retention.gateway_events),
            ),
            "waiting_grant": _gone(connection, waiting_grants, waiting_grants.c.made_at < _at(now - WAITING)),
            "voucher_use": _gone(connection, voucher_uses, _of_old_batches(now - retention.voucher_uses)),
            "legal_record": _gone(connection, legal_records, legal_records.c.delete_at <= _at(now)),
            "enforcement": _gone(connection, enforcements, ~_still_running()),
            **_of_gateways(connection, retention, now),
        }
    deleted["radius_association"] = forget(engine, now - retention.radius_associations)
    deleted["pseudonym_key"] = destroy_old_keys(engine, now, retention.day_begins)
    deleted["device_key"] = monthly_keys.destroy_old_keys(engine, now)
    return deleted


def _of_gateways(connection: Connection, retention: Retention, now: datetime) -> dict[str, int]:
    """What our own gateways told, and who was kept out."""
    blocks, boxes = device_blocks.c, gateway_boxes.c
    over = func.least if connection.dialect.name == "postgresql" else func.min
    ended = over(blocks.until, func.coalesce(blocks.lifted_at, blocks.until))
    silent = boxes.heard_at < _at(now - retention.gateway_boxes)
    pulses, alarms = _at(now - retention.gateway_pulses), _at(now - retention.gateway_alarms)
    return {
        "device_block": _gone(connection, device_blocks, ended < _at(now - retention.device_blocks)),
        "gateway_pulse": _gone(connection, gateway_pulses, gateway_pulses.c.received_at < pulses),
        "gateway_alarm": _gone(connection, gateway_alarms, gateway_alarms.c.received_at < alarms),
        "gateway_box": _gone(connection, gateway_boxes, boxes.replaced_at.is_not(None) & silent),
    }


def _of_old_batches(before: datetime) -> ColumnElement[bool]:
    old = (
        select(vouchers.c.hash)
        .join(voucher_batches, voucher_batches.c.batch == vouchers.c.batch)
        .where(voucher_batches.c.expires_at < _at(before))
    )
    return voucher_uses.c.hash.in_(old)


def _still_running() -> ColumnElement[bool]:
    return exists().where(
        sessions.c.acctuniqueid == enforcements.c.acctuniqueid, sessions.c.acctstoptime.is_(None)
    )


def _gone(connection: Connection, table: Table, over: ColumnElement[bool]) -> int:
    return connection.execute(delete(table).where(over)).rowcount


def _at(moment: datetime) -> int:
    return int(moment.timestamp())
