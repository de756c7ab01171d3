"""Gathers what may tell why an outage is: supplies, ports, modems, gateways, neighbours, last words."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Engine

from controller.incidents.gathering import Gathered, gather
from controller.incidents.judging import Battery, Port, Traces
from controller.incidents.model import RANK, SERVICE, Fact, Open, Reach, Root
from controller.incidents.moment import Moment
from controller.incidents.roots import AT_ONCE_S
from controller.remote_poller_wire import shard_of
from drivers.model import Role
from metrics.errors import MetricsError
from metrics.local.store import LocalStore
from metrics.sample import Sample
from metrics.sink import Window

BEFORE_S: Final = 1800
"""So long before it began may what a supply said be the last word on it."""
_SILENT_S: Final = 2100
"""A gateway where nobody is in calls every half an hour."""


def traced(
    engine: Engine, samples: LocalStore, moment: Moment, incidents: Sequence[Open]
) -> dict[str, Traces]:
    """All there is on each of these incidents, by its name; reads the relational store once."""
    gathered = gather(engine, {_first(one) for one in incidents}, moment.now)
    tracer = Tracer(gathered, samples, moment)
    return {one.name: tracer.traces(one) for one in incidents}


@dataclass(frozen=True, slots=True)
class Tracer:
    """Finds the traces of one moment, in what was gathered and in the samples."""

    gathered: Gathered
    samples: LocalStore
    moment: Moment

    def traces(self, incident: Open) -> Traces:
        """All there is on one incident; samples that cannot be read are said to be so."""
        if incident.root.reach is Reach.POLLER:
            return self._of_poller(incident.root)
        found = self._known(incident)
        try:
            return self._sampled(incident, found)
        except MetricsError as error:
            return replace(found, unreadable=str(error))

    # From the relational store and the moment itself

    def _known(self, incident: Open) -> Traces:
        world, root, members = self.moment.world, incident.root, incident.members
        first = _first(incident)
        node = world.nodes.get(first)
        places = {world.nodes[key].site for key in incident.ever if key in world.nodes}
        if RANK[root.reach] <= RANK[Reach.SITE] and node is not None:
            places = {node.site}
        sites = tuple(sorted(places))
        times = list(members.values())
        devices = [key for key in incident.ever if not key.startswith(SERVICE)]
        step, said = self._stuck(sites) if root.reach in {Reach.SERVICE, Reach.PORTAL} else ("", "")
        parent = node.parent if node is not None else ""
        return Traces(
            root,
            first,
            node.role if node is not None else None,
            asked=root.reach is not Reach.DEVICE or root.key in incident.ever,
            members=len(devices),
            sites=sites,
            shared=self._shared(root, sites),
            at_once=bool(times) and max(times) - min(times) <= AT_ONCE_S,
            parent=parent,
            parent_fact=self.moment.fact(parent).fact,
            neighbours=self._neighbours(first, members),
            refused=self._refused(first, incident.opened_at),
            reason=self.moment.fact(first).reason,
            calls=self._calls(sites, incident.opened_at),
            served=len(sites) == 1 and self._served(SERVICE + sites[0], incident.opened_at),
            step=step,
            step_said=said,
        )

    def _of_poller(self, root: Root) -> Traces:
        """What the centre knows of a poller without a store: what it brought last, its lease, its devices."""
        last = self.gathered.landed.get(root.key)
        devices = self.moment.world.asked_by.get(root.key, ())
        holds = shard_of(root.key) in self.gathered.leased
        return Traces(root, landed_at=last.at if last else 0, polls=len(devices), lease=holds)

    def _shared(self, root: Root, sites: Sequence[str]) -> str:
        """What the sites of a line have in common, for a person."""
        places = [self.moment.world.places[site] for site in sites]
        providers, municipalities = {one.provider for one in places}, {one.municipality for one in places}
        shared = [
            *(providers if len(providers) == 1 else ()),
            *(municipalities if len(municipalities) == 1 else ()),
        ]
        return ", ".join(one for one in shared if one) or root.key

    def _neighbours(self, first: str, members: Collection[str]) -> int:
        """Devices beside it that answer: of its parent, else of its site."""
        world = self.moment.world
        node = world.nodes.get(first)
        if node is None:
            return 0
        of_parent = node.parent and not node.is_service
        beside = world.below.get(node.parent, ()) if of_parent else world.at[node.site]
        return sum(
            self.moment.fact(key).fact is Fact.GOOD for key in beside if key != first and key not in members
        )

    def _refused(self, device: str, since: int) -> str:
        looked_at = self.moment.fact(device).checked_at
        known = self.gathered.refusals.get(device, ())
        return next((one.detail for one in known if one.held(since, looked_at)), "")

    def _calls(self, sites: Sequence[str], began: int) -> bool | None:
        """Whether a gateway of these sites was heard since; None where it had not called before, either."""
        heard = [at for site in sites for at in self.gathered.heard.get(site, ())]
        if any(at > began + AT_ONCE_S for at in heard):
            return True
        silent = [at for at in heard if at > began - _SILENT_S]
        return False if silent and self.moment.now - max(silent) > _SILENT_S else None

    def _served(self, service: str, began: int) -> bool:
        seen = self.moment.fact(service)
        return seen.fact is Fact.GOOD and seen.checked_at > began + AT_ONCE_S

    def _stuck(self, sites: Sequence[str]) -> tuple[str, str]:
        return next((self.gathered.stuck[site] for site in sites if site in self.gathered.stuck), ("", ""))

    # From the samples

    def _sampled(self, incident: Open, found: Traces) -> Traces:
        began = incident.opened_at
        batteries = tuple(self._battery(ups, began) for ups in self._supplies(found.first))
        return replace(
            found,
            batteries=batteries,
            port=self._port(found.first, began),
            connected=self._connected(found.sites, began) if len(found.sites) == 1 else None,
            kept_running=self._kept_running(found.first, began),
        )

    def _supplies(self, device: str) -> Iterator[str]:
        """Every UPS on the way from the mains."""
        nodes, seen = self.moment.world.nodes, {device}
        while (node := nodes.get(device)) is not None and node.power and node.power not in seen:
            device = node.power
            seen.add(device)
            if device in nodes and nodes[device].role is Role.UPS:
                yield device

    def _battery(self, ups: str, began: int) -> Battery:
        told = self._last("power", Window(began - BEFORE_S, began + AT_ONCE_S), {"ap": ups})
        left_s = told.get("runtime_s")
        return Battery(
            ups,
            _fact(told.get("on_battery")),
            _fact(told.get("battery_low")),
            None if left_s is None else int(left_s),
        )

    def _port(self, device: str, began: int) -> Port | None:
        node = self.moment.world.nodes.get(device)
        if node is None or not node.port:
            return None
        window = Window(began, self.moment.now + 1)
        told = self._last("wired_port", window, {"ap": node.power, "port": node.port})
        feeds, fault = _fact(told.get("poe_on")), _fact(told.get("poe_fault"))
        return None if feeds is None and fault is None else Port(node.power, node.port, feeds, fault)

    def _connected(self, sites: Sequence[str], began: int) -> bool | None:
        window = Window(began - BEFORE_S, self.moment.now + 1)
        return _fact(self._last("uplink", window, {"site": sites[0]}).get("connected"))

    def _kept_running(self, device: str, began: int) -> bool | None:
        """Whether it had been up since before the outage, by the first that it said afterwards."""
        seen = self.moment.fact(device)
        if seen.fact is not Fact.GOOD:
            return None
        window = Window(max(began, seen.since - AT_ONCE_S), self.moment.now + 1)
        for sample in self.samples.read("wifi_ap", window, {"ap": device}):
            uptime_s = sample.fields.get("uptime_s")
            if uptime_s is not None and sample.fields.get("up") == 1:
                return sample.time - uptime_s < began
        return None

    def _last(self, measurement: str, window: Window, tags: Mapping[str, str]) -> Mapping[str, int | float]:
        """The last of each field in a window: one poll may leave out what another told."""
        told: dict[str, int | float] = {}
        for sample in sorted(self.samples.read(measurement, window, tags), key=_time):
            told |= sample.fields
        return told


def _time(sample: Sample) -> int:
    return sample.time


def _fact(value: float | None) -> bool | None:
    return None if value is None else value == 1


def _first(incident: Open) -> str:
    """The root device, or the first member where the root is none."""
    if incident.root.reach is Reach.DEVICE:
        return incident.root.key
    return min(incident.members, default=min(incident.ever, default=""))
