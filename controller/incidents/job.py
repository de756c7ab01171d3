"""The worker's turn over incidents: read, plan, write in one transaction, then say why."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from controller.adoption.current import Current
from controller.app import App
from controller.errors import InventoryError
from controller.incidents import listening, reading, store
from controller.incidents.judging import concluded, judge
from controller.incidents.model import Finding, Open, Plan
from controller.incidents.moment import Moment
from controller.incidents.outlook import Standing, of_municipality, of_site
from controller.incidents.planning import plan
from controller.incidents.returning import answers_again
from controller.incidents.tracing import traced
from controller.incidents.world import World, world_of
from controller.incidents.writing import write
from controller.store.engine import READ_ONLY
from controller.store.tables import incidents

log = logging.getLogger(__name__)

EVERY_S: Final = listening.EVERY_S
JUDGED_AGAIN_S: Final = 3600
"""So long may evidence come late."""
JUDGED_AT_ONCE: Final = 50
"""Of so many is it said why in one turn; the others come in the next."""


Outlook = tuple[Standing, list[Standing]]
"""A municipality, and its sites."""


def outlook(app: App, now: datetime) -> dict[str, Outlook]:
    """The state of each municipality and its sites, with what an open incident still holds down."""
    world = world_of(app.inventory)
    with app.engine.connect().execution_options(**READ_ONLY) as connection:
        moment = _moment(app, connection, world, now)
        held = {key for one in store.still_open(connection) for key in one.members}
    sites: dict[str, list[Standing]] = {key: [] for key in app.inventory.municipalities}
    for site in app.inventory.sites.values():
        sites[site.municipality].append(of_site(moment, held, site.key))
    return {key: (of_municipality(key, found), found) for key, found in sites.items()}


def _moment(app: App, connection: Connection, world: World, now: datetime) -> Moment:
    return reading.moment(connection, app.inventory, world, now, _every(app))


def _every(app: App) -> reading.Every:
    return reading.Every(app.settings.poll_interval_s, app.settings.probe_minutes * 60)


@dataclass
class Incidents:
    """Opens, joins and closes incidents. Another worker, or a kill at any point, does no harm: each turn
    reads what is stored, and what it changes is one transaction.
    """

    app: App
    clock: Callable[[], datetime]
    monotonic: Callable[[], float] = time.monotonic
    _last: float | None = None
    _turns: int = 0
    _judged: dict[str, int] = field(default_factory=dict)  # by incident, the turn that last said why
    _current: Current = field(init=False)
    _world: World = field(init=False)

    def __post_init__(self) -> None:
        self._current = Current(self.app.settings.inventory, self.app.inventory)
        self._world = world_of(self.app.inventory)

    def turn(self) -> None:
        """One turn."""
        self._follow()
        now = self.clock()
        lasted = self._lasted(int(now.timestamp()))
        try:
            moment, made, incidents_now, opened = self._turn(now, lasted)
        except IntegrityError:
            log.warning("another worker was quicker with the incidents")
            return
        for name in (*opened, *made.closed):
            log.info("incident", extra={"incident": name, "state": "open" if name in opened else "closed"})
        self._explain(moment, incidents_now, {*opened, *made.rerooted, *_joined(made)}, made)

    def _follow(self) -> None:
        """Go by the inventory as it is now; one with mistakes changes nothing."""
        try:
            inventory = self._current.inventory()
        except InventoryError as error:
            log.warning("incidents go by the inventory as it was", extra={"error": str(error)[:300]})
            return
        if inventory is not self.app.inventory:
            self.app = replace(self.app, inventory=inventory)
            self._world = world_of(inventory)

    def _lasted(self, now: int) -> store.Lasted:
        at, before = self.monotonic(), self._last
        self._last = at
        return store.Lasted(now, None if before is None else round(at - before))

    def _turn(self, now: datetime, lasted: store.Lasted) -> tuple[Moment, Plan, list[Open], list[str]]:
        """Plan on what is read; only where something changes, or time is counted, plan again to write."""
        with self.app.engine.connect().execution_options(**READ_ONLY) as connection:
            fresh = reading.has_new_probes(connection) or bool(self._heard(connection, lasted.now))
            before = store.still_open(connection)
            moment = self._moment(connection, now)
            made = plan(moment, before)
        if not (fresh or before or made):
            return moment, made, before, []
        with self.app.engine.begin() as connection:
            store.take_turn(connection)
            if fresh:
                reading.note_probes(connection, self._world)
                listening.note(connection, self._heard(connection, lasted.now))
                moment = self._moment(connection, now)
            store.count_on(connection, lasted)
            read, before = before, store.still_open(connection)
            if fresh or read != before:
                made = plan(moment, before)
            opened = write(connection, made, self._world, lasted.now)
            after = store.still_open(connection) if made else before
            store.keep_expected(connection, _expected(moment, after))
        return moment, made, [*after, *(one for one in before if one.name in made.closed)], opened

    def _heard(self, connection: Connection, now: int) -> dict[str, listening.Ear]:
        return reading.news_of_pollers(connection, self.app.inventory, self._world, now, _every(self.app))

    def _moment(self, connection: Connection, now: datetime) -> Moment:
        return _moment(self.app, connection, self._world, now)

    def _explain(self, moment: Moment, known: list[Open], changed: Collection[str], made: Plan) -> None:
        """Say why, of what has changed, and again of what is young: some evidence comes late.

        What answers again is not judged anew: what was found while it was down is not to be had any more.
        """
        young = self._young()
        named = {*changed, *made.closed, *young}
        wanted = [one for one in known if one.name in named]
        wanted.sort(key=lambda one: (one.name in young, self._judged.get(one.name, 0)))
        wanted = wanted[:JUDGED_AT_ONCE]
        if not wanted:
            return
        self._turns += 1
        self._judged = {name: at for name, at in self._judged.items() if name in young}
        self._judged |= {one.name: self._turns for one in wanted}
        traces = traced(self.app.engine, self.app.samples, moment, wanted)
        back = {one.name for one in wanted if answers_again(moment, one)}
        with self.app.engine.begin() as connection:
            before = store.findings(connection, traces.keys())
            changes: dict[str, Finding] = {}
            for name, found in traces.items():
                known_before = before[name].evidence and name not in made.rerooted
                over = name in made.closed or (known_before and name in back)
                finding = concluded(before[name], found) if over else judge(found)
                if finding != before[name]:
                    changes[name] = finding
            store.keep_findings(connection, changes)

    def _young(self) -> frozenset[str]:
        row = incidents.c
        young = (row.evidence == "[]") | (row.open_s <= JUDGED_AGAIN_S)
        wanted = select(row.id).where(row.open_root.is_not(None), young)
        with self.app.engine.connect().execution_options(**READ_ONLY) as connection:
            return frozenset(connection.execute(wanted).scalars())


def _joined(made: Plan) -> set[str]:
    return {name for name, _, _ in made.joined} | set(made.merged.values())


def _expected(moment: Moment, known: list[Open]) -> list[str]:
    """Incidents of which all that is still down was announced, or done by us, after it had begun."""
    return [one.name for one in known if one.members and moment.expected.keys() >= one.members.keys()]
