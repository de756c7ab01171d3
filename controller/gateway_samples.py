"""What our own gateways told of themselves, as samples: numbers of a whole site, never of a device."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, select

from captive_portal.gateway_tables import gateway_alarms, gateway_boxes, gateway_pulses
from captive_portal.opening import epoch
from controller.app import App
from controller.store.engine import READ_ONLY
from metrics.catalog import ALARMS, MEASUREMENTS, Field
from metrics.sample import Sample

WRITER: Final = "gateways"
SHARD: Final = 257  # pollers have 0 to 255, the portal 256
SLOT_S: Final = 60
FIRST_S: Final = 3600
"""How far back a worker looks that has just begun: what came while none ran."""

GATEWAY: Final = "gateway"
_TOLD: Final[Mapping[str, Field]] = MappingProxyType(
    {name: field for name, field in MEASUREMENTS[GATEWAY].fields.items() if not name.startswith("alarms_")}
)


@dataclass(slots=True)
class Pulses:
    """A worker's turn at what came since the last; what is written twice is written once."""

    app: App
    clock: Callable[[], datetime]
    done: int = 0

    def turn(self) -> None:
        """Write what was received since."""
        now = epoch(self.clock())
        since = self.done - SLOT_S if self.done else now - FIRST_S  # a slow transaction is seen next time
        samples = list(gateway_samples(self.app, since, now))
        if samples:
            self.app.samples.write(WRITER, samples, shard=SHARD)
        self.done = now


def gateway_samples(app: App, start: int, end: int) -> Iterable[Sample]:
    """Samples of what was received between two UTC epoch seconds, each at the moment it is of.

    Alarms are counted by the minute. A box that was replaced says nothing of its site any more.
    """
    place = {site.key: {"mun": site.municipality, "site": site.key} for site in app.inventory.sites.values()}
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        found = (*_pulses(connection, start, end), *_alarms(connection, start, end))
    return (Sample(GATEWAY, place[site], fields, at) for site, at, fields in found if site in place)


_Found = tuple[str, int, dict[str, int | float]]


def _pulses(connection: Connection, start: int, end: int) -> Iterable[_Found]:
    row, box = gateway_pulses.c, gateway_boxes.c
    wanted = (
        select(row.site, row.at, row.told)
        .join(gateway_boxes, (box.site == row.site) & (box.box == row.box))
        .where(row.received_at >= start, row.received_at < end, box.replaced_at.is_(None))
        .order_by(row.site, row.at)
    )
    for site, at, told in connection.execute(wanted).all():
        fields = _known(json.loads(told))
        if fields:
            yield site, at, fields


def _known(told: Mapping[str, int]) -> dict[str, int | float]:
    """What the catalogue knows, and what it can mean."""
    return {
        name: told[name] for name, field in _TOLD.items() if field.least <= told.get(name, -1) <= field.most
    }


def _alarms(connection: Connection, start: int, end: int) -> Iterable[_Found]:
    """The whole count of each minute of which an alarm was received."""
    row = gateway_alarms.c
    lately = select(row.site, row.at).where(row.received_at >= start, row.received_at < end)
    slots = {(site, at - at % SLOT_S) for site, at in connection.execute(lately).all()}
    for site, slot in sorted(slots):
        wanted = select(row.cause).where(row.site == site, row.at >= slot, row.at < slot + SLOT_S)
        causes = connection.execute(wanted).scalars()
        counted = Counter(cause if cause in ALARMS else "other" for cause in causes)
        yield site, slot, {f"alarms_{word}": times for word, times in counted.items()}
