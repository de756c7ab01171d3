"""Reads what a turn judges by: verdicts, probes, windows, changes of ours, emergencies."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, or_, select

from captive_portal.tables import insert
from controller import emergencies
from controller.health import State, answered
from controller.incidents import listening
from controller.incidents.expecting import AFTER_S, Announced, Changed, Circumstances, expected
from controller.incidents.model import SERVICE, Seen
from controller.incidents.moment import Moment
from controller.incidents.seeing import Look, Pace, carried_on, seen
from controller.incidents.world import World
from controller.journal import OPEN
from controller.journal import State as Step
from controller.model import Inventory
from controller.profiles import interval_s
from controller.store import health
from controller.store.tables import planned_outages, probes, rollout_steps, service_runs
from drivers.model import Lifecycle

_LEAST_PATIENCE_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Every:
    """How often devices are polled by default, and sites probed, in seconds."""

    poll_s: int
    probe_s: int

    @property
    def probed(self) -> Pace:
        """The pace of services: two probes in a row are believed."""
        return replace(Pace.every(self.probe_s), patience_s=max(_LEAST_PATIENCE_S, 3 * self.probe_s))


def moment(connection: Connection, inventory: Inventory, world: World, now: datetime, every: Every) -> Moment:
    """Everything as it is known at `now`."""
    at = int(now.timestamp())
    facts = _devices(connection, inventory, at, every) | _services(connection, world, at, every.probed)
    pollers = listening.facts(connection, world.asked_by, _paces(inventory, world, every), at)
    known = Moment(world, facts, expected_now(connection, inventory, world, now), at, pollers)
    return replace(known, seen={key: seen for key, seen in facts.items() if not known.silent_poller(key)})


def expected_now(connection: Connection, inventory: Inventory, world: World, now: datetime) -> dict[str, str]:
    """What may be down at `now` without anybody having to come, and why."""
    at = int(now.timestamp())
    circumstances = Circumstances(
        inventory.sites,
        announced(connection, at),
        _changed(connection, at),
        frozenset(emergencies.holding(connection, now)),
    )
    return expected(world, circumstances, now)


def announced(connection: Connection, since: int) -> list[Announced]:
    """The announced outages that are not over, the next one first."""
    row = planned_outages.c
    wanted = select(planned_outages).where(row.until > since).order_by(row.start_at, row.id)
    return [
        Announced(one.id, one.place, one.start_at, one.until, one.why, one.author, one.cancelled_at)
        for one in connection.execute(wanted)
    ]


def news_of_pollers(
    connection: Connection, inventory: Inventory, world: World, now: int, every: Every
) -> dict[str, listening.Ear]:
    """What a look at the pollers without a store finds that is not written yet."""
    return listening.news(connection, world.asked_by, _paces(inventory, world, every), now)


def note_probes(connection: Connection, world: World) -> None:
    """Count each new probe of a site into its run."""
    rows = {row.site: row for row in connection.execute(select(probes))}
    before = _runs(connection)
    fresh = {
        site: carried_on(before.get(site), _fact(row.works), row.probed_at)
        for site, row in rows.items()
        if SERVICE + site in world.nodes and (site not in before or before[site].checked_at != row.probed_at)
    }
    if not fresh:
        return
    statement = insert(connection, service_runs)
    changed = {c.name: statement.excluded[c.name] for c in service_runs.c if c.name != "site"}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["site"], set_=changed),
        [
            {
                "site": site,
                "works": None if look.works is None else int(look.works),
                "run": look.run,
                "run_since": look.run_since,
                "checked_at": look.checked_at,
            }
            for site, look in fresh.items()
        ],
    )


def has_new_probes(connection: Connection) -> bool:
    """Whether a site was probed since the last turn."""
    same = (service_runs.c.site == probes.c.site) & (service_runs.c.checked_at == probes.c.probed_at)
    unseen = select(probes.c.site).outerjoin(service_runs, same).where(service_runs.c.site.is_(None))
    return connection.execute(unseen.limit(1)).first() is not None


def _paces(inventory: Inventory, world: World, every: Every) -> dict[str, Pace]:
    """Of each poller: that of the device which it asks most often."""
    return {
        name: Pace.every(min(interval_s(inventory.devices[one], every.poll_s) for one in devices))
        for name, devices in world.asked_by.items()
    }


def _devices(connection: Connection, inventory: Inventory, now: int, every: Every) -> dict[str, Seen]:
    paces: dict[int, Pace] = {}
    answers = {state: answered(state) for state in State}
    found: dict[str, Seen] = {}
    for name, one in health.standings(connection).items():
        device = inventory.devices.get(name)
        if device is None or device.state is not Lifecycle.ACTIVE:
            continue
        every_s = interval_s(device, every.poll_s)
        if every_s not in paces:
            paces[every_s] = Pace.every(every_s)
        verdict = one.verdict
        run = (one.run, one.run_since, one.checked_at)
        look = Look(answers[verdict.state], *run, verdict.reason, verdict.state is State.DEGRADED)
        found[name] = seen(look, paces[every_s], now)
    return found


def _services(connection: Connection, world: World, now: int, pace: Pace) -> dict[str, Seen]:
    looks = _runs(connection)
    return {key: seen(looks.get(world.nodes[key].site), pace, now) for key in world.services}


def _runs(connection: Connection) -> Mapping[str, Look]:
    return {
        row.site: Look(_fact(row.works), row.run, row.run_since, row.checked_at)
        for row in connection.execute(select(service_runs))
    }


def _changed(connection: Connection, now: int) -> list[Changed]:
    row = rollout_steps.c
    lately = or_(row.state.in_([state.value for state in OPEN]), row.updated_at >= now - AFTER_S)
    wanted = select(row.device, row.state, row.updated_at, row.deadline_at).where(lately)
    return [
        Changed(one.device, Step(one.state), one.updated_at, one.deadline_at)
        for one in connection.execute(wanted)
    ]


def _fact(works: int | None) -> bool | None:
    return None if works is None else bool(works)
