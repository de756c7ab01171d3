"""How a site's own gateway stands, for staff: its boxes, what it follows, how full it is, its alarms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from captive_portal.gateway_tables import gateway_alarms, gateway_boxes, gateway_policies, gateway_pulses
from captive_portal.opening import epoch
from controller.app import App
from controller.model import Site
from controller.store.engine import READ_ONLY

LATELY: Final = timedelta(days=1)
SILENT: Final = timedelta(minutes=30)
"""After three of the longest pauses between two calls a box is away."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box; times in UTC epoch seconds. `state` is here, silent or replaced."""

    box: str
    state: str
    first_at: int
    heard_at: int
    serial: int
    epoch: int
    have: int


@dataclass(frozen=True, slots=True)
class Facts:
    """A site's gateway. `serial` and `epoch` are what it should go by; `pulse` is the last that it told.

    `alarms` counts those of the last day by their cause.
    """

    site: str
    serial: int
    epoch: int
    boxes: tuple[Box, ...]
    pulse_at: int | None
    pulse: Mapping[str, int]
    alarms: Mapping[str, int]


def facts_of(app: App, site: Site, now: datetime) -> Facts:
    """What is known of a site's gateway."""
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        boxes, pulse = _boxes(connection, site.key), _pulse(connection, site.key)
        serial = connection.execute(
            select(gateway_policies.c.serial).where(gateway_policies.c.site == site.key)
        ).scalar()
        alarms = _alarms(connection, site.key, now)
    return Facts(
        site.key,
        int(serial or 0),
        site.gateway.key_epoch,
        tuple(_noun(row, now) for row in boxes),
        None if pulse is None else pulse.at,
        {} if pulse is None else json.loads(pulse.told),
        alarms,
    )


def _boxes(connection: Connection, site: str) -> list[Row[Any]]:
    row = gateway_boxes.c
    newest = select(gateway_boxes).where(row.site == site).order_by(row.first_at.desc(), row.heard_at.desc())
    return list(connection.execute(newest))


def _pulse(connection: Connection, site: str) -> Row[Any] | None:
    row = gateway_pulses.c
    last = select(gateway_pulses).where(row.site == site).order_by(row.at.desc(), row.seq.desc()).limit(1)
    return connection.execute(last).first()


def _alarms(connection: Connection, site: str, now: datetime) -> dict[str, int]:
    row = gateway_alarms.c
    lately = (
        select(row.cause, func.count())
        .where(row.site == site, row.at >= epoch(now - LATELY))
        .group_by(row.cause)
        .order_by(row.cause)
    )
    return {cause: int(times) for cause, times in connection.execute(lately)}


def _noun(row: Row[Any], now: datetime) -> Box:
    state = "silent" if row.heard_at < epoch(now - SILENT) else "here"
    state = "replaced" if row.replaced_at is not None else state
    return Box(row.box, state, row.first_at, row.heard_at, row.serial, row.epoch, row.have)
