"""What hangs on what: devices, sites, municipalities and providers as one graph."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from controller.health import polled
from controller.incidents.model import SERVICE, Node, Place, Reach, Root
from controller.model import Inventory
from drivers.model import Device, Lifecycle, PollBy, ReachKind, Role
from drivers.model import Reach as Way

_FROM_HERE: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class World:
    """Every node and place; `below` are the network children of a device, `fed` what it powers."""

    nodes: Mapping[str, Node]
    places: Mapping[str, Place]
    below: Mapping[str, Sequence[str]]
    fed: Mapping[str, Sequence[str]]
    at: Mapping[str, Sequence[str]]
    """The devices of each site; its service is not among them."""
    services: Sequence[str]
    sites_of: Mapping[Root, Sequence[str]]
    """The sites on each shared line: of a provider in several municipalities, a municipality, both."""
    poller_of: Mapping[str, str]
    """Of a device that a poller without a store asks, the name of that."""
    asked_by: Mapping[str, Sequence[str]]

    @classmethod
    def of(
        cls, nodes: Sequence[Node], places: Sequence[Place], poller_of: Mapping[str, str] = _FROM_HERE
    ) -> "World":
        """The graph of these."""
        below: dict[str, list[str]] = {}
        fed: dict[str, list[str]] = {}
        at: dict[str, list[str]] = {place.key: [] for place in places}
        for node in nodes:
            if node.is_service:
                continue
            at[node.site].append(node.key)
            below.setdefault(node.parent, []).append(node.key)
            fed.setdefault(node.power, []).append(node.key)
        below.pop("", None)
        fed.pop("", None)
        services = [node.key for node in nodes if node.is_service]
        asked_by: dict[str, list[str]] = {}
        for name, poller in poller_of.items():
            asked_by.setdefault(poller, []).append(name)
        return cls(
            {node.key: node for node in nodes},
            {place.key: place for place in places},
            below,
            fed,
            at,
            services,
            _lines(places),
            poller_of,
            asked_by,
        )

    def lines(self, site: str) -> list[Root]:
        """The lines that a site shares with others, the widest first."""
        place = self.places[site]
        return [root for root in _lines_of(place) if len(self.sites_on(root)) > 1]

    def sites_on(self, root: Root) -> Sequence[str]:
        """The sites on a shared line."""
        return self.sites_of.get(root, ())

    def pollers_of(self, municipality: str) -> set[str]:
        """The pollers without a store that ask devices there."""
        return {
            poller
            for device, poller in self.poller_of.items()
            if self.place(device).municipality == municipality
        }

    def place(self, key: str) -> Place:
        """Where a node stands."""
        return self.places[self.nodes[key].site]

    def above(self, key: str) -> Iterator[str]:
        """Everything a node hangs on, in the network or for power, near ones first."""
        found: dict[str, None] = {}
        waiting = [key]
        while waiting:
            node = self.nodes.get(waiting.pop(0))
            for name in (node.power, node.parent) if node is not None else ():
                if name and name != key and name not in found:
                    found[name] = None
                    waiting.append(name)
                    yield name

    def explains(self, root: Root, key: str) -> bool:
        """Whether a node can be down because of this root."""
        if root.reach is Reach.PORTAL:
            return key.startswith(SERVICE)
        if root.reach is Reach.SERVICE:
            return key == SERVICE + root.key
        nodes = [key, *self.above(key)]
        if key.startswith(SERVICE):  # a site is not served when its devices are not
            nodes += [
                one
                for name in self.at.get(key.removeprefix(SERVICE), ())
                for one in (name, *self.above(name))
            ]
        if root.reach in {Reach.DEVICE, Reach.SUPPLY}:
            return root.key in nodes
        return any(self.within(root, self.nodes[one].site) for one in nodes if one in self.nodes)

    def within(self, root: Root, site: str) -> bool:
        """Whether a site is in the reach of a root that is a site or wider."""
        return root in {Root(Reach.SITE, site), *_lines_of(self.places[site])}


def world_of(inventory: Inventory) -> World:
    """The graph of an inventory, without what is retired; a site where a probe runs has a service."""
    nodes = [
        Node(
            device.name,
            device.site,
            device.role,
            device.parent,
            device.powered_by.device if device.powered_by else "",
            device.powered_by.port if device.powered_by else "",
        )
        for device in inventory.devices.values()
        if device.state is not Lifecycle.RETIRED
    ]
    gateways: dict[str, str] = {}
    for role in (Role.MODEM, Role.GATEWAY):
        gateways |= {node.site: node.key for node in nodes if node.role is role}
    places = [Place(site.key, site.municipality, site.uplink.provider) for site in inventory.sites.values()]
    nodes += [
        Node(SERVICE + site.key, site.key, None, gateways.get(site.key, ""))
        for site in inventory.sites.values()
        if site.probe
    ]
    pollers = {one.name: one.reach.through for one in inventory.devices.values() if _asked_elsewhere(one)}
    return World.of(nodes, places, pollers)


def _asked_elsewhere(device: Device) -> bool:
    """Whether a poller without a store asks it: that has no host keys, so never over SSH."""
    behind = device.reach.kind is ReachKind.AGENT and device.poll is not PollBy.SSH
    return behind and polled(replace(device, reach=Way()))


def _lines(places: Sequence[Place]) -> dict[Root, list[str]]:
    found: dict[Root, list[str]] = {}
    spread: dict[str, set[str]] = {}
    for place in places:
        spread.setdefault(place.provider, set()).add(place.municipality)
        for root in _lines_of(place):
            found.setdefault(root, []).append(place.key)
    # one with lines in a single municipality is that municipality's
    return {
        root: sites
        for root, sites in found.items()
        if root.reach is not Reach.PROVIDER or len(spread[root.key]) > 1
    }


def _lines_of(place: Place) -> tuple[Root, ...]:
    municipality = Root(Reach.MUNICIPALITY, place.municipality)
    if not place.provider:
        return (municipality,)
    uplink = Root(Reach.UPLINK, f"{place.municipality}/{place.provider}")
    return Root(Reach.PROVIDER, place.provider), municipality, uplink
