"""Builds the municipalities, sites and devices of an inventory from the leaves that won."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Final

from controller import inventory_site, inventory_wishes
from controller.errors import Problem
from controller.inventory_levels import BUILT_IN, LOGIN_TIMEOUT, Key, Leaf, Leaves, Levels, part, value
from controller.inventory_schema import File
from controller.inventory_values import DAYS
from controller.inventory_yaml import Document, Place
from controller.model import Hours, Municipality, Site, Uplink, UplinkKind
from controller.profiles import choose
from drivers.model import Device, Endpoint, Lifecycle, OnAir, PollBy, PowerSource, Reach, ReachKind, Trust

SERVICES: Final = ("snmp", "ssh", "http")

# What has no built-in default, and how to write it.
_SITE_NEEDS: Final[Mapping[Key, str]] = {
    ("hours", "zone"): "add `zone:` to its municipality",
    **{("hours", "week", day): f"add `{day}:` to `hours: {{week: …}}`, [] for closed" for day in DAYS},
    **{
        ("uplink", key): f"add `uplink: {{{key}: …}}` to the site or a level above"
        for key in ("kind", "provider", "down_mbps", "up_mbps")
    },
    **{
        ("portal", key): f"add `portal: {{{key}: …}}` to the site or a level above"
        for key in ("gateway_url", "gateway_credentials")
    },
}
_DEVICE_NEEDS: Final[Mapping[Key, str]] = {
    ("platform",): "add `platform: openwrt` to the device or a level above"
}


class Resolved:
    """The nouns of one file. What cannot be built is left out.

    `faulty` holds the places whose values were wrong and are therefore not in `file`.
    """

    def __init__(self, document: Document, file: File, faulty: Collection[Place]) -> None:
        self.document = document
        self.file = file
        self._missing: dict[Key, list[str]] = {}
        self._faulty = faulty
        self._levels = Levels(file)
        self._devices = {name: self._levels.device(name) for name in file.devices}
        for name in file.devices:
            self._add_hosts(name)
        self._choose_profiles()
        self.municipalities = {
            k: Municipality(k, m.name, m.seat, m.zone) for k, m in file.municipalities.items()
        }
        self.sites = {key: self._site(key) for key in file.sites if self._complete("sites", key, _SITE_NEEDS)}
        self.devices = {
            name: self._device(name)
            for name in file.devices
            if self._complete("devices", name, _DEVICE_NEEDS)
        }

    def problems(self) -> Iterator[Problem]:
        """What is set at no level, once for all the things that lack it."""
        for key, names in self._missing.items():
            table, mend = (
                ("devices", _DEVICE_NEEDS[key]) if key in _DEVICE_NEEDS else ("sites", _SITE_NEEDS[key])
            )
            more = f" (nor for {len(names) - 1} more {table})" if len(names) > 1 else ""
            yield self.document.problem((table, names[0], *key), f"is set at no level{more}", mend)

    def leaves(self, table: str, name: str) -> Leaves:
        """What holds for one thing of `municipalities`, `sites` or `devices`."""
        if table == "devices":
            return self._devices[name]
        return self._levels.site(name) if table == "sites" else self._levels.municipality(name)

    def written(self) -> list[tuple[Key, Leaf]]:
        """Every leaf of the file, before merging."""
        return list(self._levels.written())

    def _add_hosts(self, name: str) -> None:
        """A service without a host of its own is at the device's address; via a gateway, at the gateway's."""
        leaves = self._devices[name]
        via = value(leaves, "reach", "kind") is ReachKind.VIA
        for service in SERVICES:
            # From a jump host no port is forwarded: it stands in the same network.
            jumps = service == "ssh" and value(leaves, "ssh", "jump")
            gateway = value(leaves, "reach", "through") if via and not jumps else name
            entry = self.file.devices.get(gateway)
            written = self._devices[gateway].get((service, "host")) if entry else None
            if (service, "host") not in leaves and entry:
                at = Leaf(entry.address, f"device {gateway}", ("devices", gateway, "address"))
                leaves[service, "host"] = written or at
            if gateway != name and leaves[service, "port"].source[:2] != ("devices", name):
                leaves[service, "port"] = Leaf(0, "not forwarded", ())

    def _choose_profiles(self) -> None:
        """Where no level says how much a device is asked, what its site's uplink costs decides."""
        active = Counter(
            entry.site
            for name, entry in self.file.devices.items()
            if value(self._devices[name], "state") is Lifecycle.ACTIVE
        )
        for name, entry in self.file.devices.items():
            chosen = _chosen(self._levels.site(entry.site), active[entry.site])
            self._devices[name].setdefault(("poll_profile",), chosen)
        for key in self.file.sites:
            site = self._levels.site(key)
            site.setdefault(("poll_profile",), _chosen(site, active[key]))

    def _complete(self, table: str, name: str, needs: Mapping[Key, str]) -> bool:
        leaves = self.leaves(table, name)
        absent = [key for key in needs if key not in leaves or leaves[key].value is None]
        for key in absent:
            if not self.told(table, name, key):
                self._missing.setdefault(key, []).append(name)
        return not absent and bool(self._chain(table, name))

    def told(self, table: str, name: str, key: Key) -> bool:
        """Whether a mistake was told already that may be why a thing's key is not what it should be."""
        chain = self._chain(table, name)
        return not chain or self._was_faulty(chain, key)

    def _chain(self, table: str, name: str) -> list[Place]:
        """The places a thing inherits from; none when a level is missing, which is told elsewhere."""
        site = self.file.devices[name].site if table == "devices" else name
        entry = self.file.sites.get(site)
        if entry is None or entry.municipality not in self.file.municipalities:
            return []
        places: list[Place] = [
            ("defaults",),
            ("municipalities", entry.municipality),
            ("sites", site),
            (table, name),
        ]
        profile = value(self.leaves(table, name), "profile")
        if profile and profile not in self.file.profiles:
            return []
        return [*places, ("profiles", profile)]

    def _was_faulty(self, chain: Collection[Place], key: Key) -> bool:
        """Whether some level wrote the key, a map around it or something in it wrongly."""
        for place in self._faulty:
            for level in chain:
                rest = place[len(level) :][:2]
                shared = min(len(rest), len(key))
                if place[: len(level)] == level and key[:shared] == rest[:shared]:
                    return True
        return False

    def _site(self, key: str) -> Site:
        entry, leaves = self.file.sites[key], self._levels.site(key)
        uplink = Uplink(**part(leaves, ("uplink",)))
        return Site(
            key=key,
            name=entry.name,
            municipality=entry.municipality,
            lat=entry.lat,
            lon=entry.lon,
            opened_on=entry.opened_on,
            hours=_hours(leaves),
            uplink=uplink,
            portal=inventory_site.portal(leaves),
            maintenance=_maintenance(leaves),
            probe=entry.probe,
            pages=inventory_site.pages(leaves),
            gateway=inventory_site.gateway(leaves, uplink),
        )

    def _device(self, name: str) -> Device:
        entry, leaves = self.file.devices[name], self._devices[name]
        snmp, ssh, http = (_endpoint(leaves, service) for service in SERVICES)
        kind = value(leaves, "reach", "kind")
        power = entry.powered_by
        municipality = self.file.sites[entry.site].municipality
        wiring = inventory_wishes.captive(
            leaves, value(self._levels.site(entry.site), "portal", "gateway_url")
        )
        return Device(
            name=name,
            role=value(leaves, "role"),
            municipality=municipality,
            site=entry.site,
            platform=value(leaves, "platform"),
            address=entry.address,
            snmp=snmp,
            ssh=ssh,
            http=http,
            snmp_credentials=value(leaves, "snmp", "credentials"),
            ssh_credentials=value(leaves, "ssh", "credentials"),
            reach=Reach(kind, value(leaves, "reach", "through")),
            parent=entry.parent,
            powered_by=PowerSource(power.device, power.port) if power else None,
            state=value(leaves, "state"),
            country=value(leaves, "country"),
            radios=inventory_wishes.radios(leaves),
            ssids=inventory_wishes.ssids(leaves, self._on_air(entry.site), wiring),
            labels={key: text for key, text in part(leaves, ("labels",)).items() if text is not None},
            poll=value(leaves, "poll"),
            poll_profile=value(leaves, "poll_profile"),
            http_credentials=value(leaves, "http", "credentials"),
            http_site=value(leaves, "http", "site"),
            trust=Trust(*(value(leaves, "http", key) for key in ("server_name", "ca", "fingerprint"))),
            manage=inventory_wishes.manage(leaves, self.file.municipalities[municipality].zone),
            captive=wiring,
            ssh_jump=value(leaves, "ssh", "jump") or "",
            ssh_timeout_s=(value(leaves, "ssh", "timeout") or LOGIN_TIMEOUT).total_seconds(),
            serial=entry.serial,
            mac=entry.mac,
            link=entry.link,
        )

    def _on_air(self, site: str) -> tuple[OnAir, ...]:
        """The week of a site as a device keeps it; none for a site with mistakes of its own."""
        return inventory_wishes.on_air(self.sites[site].hours.week) if site in self.sites else ()


def _chosen(site: Leaves, devices: int) -> Leaf:
    """The profile of a site's devices; where its uplink is not told, which is a mistake, the normal one."""
    kind, cap_gb = (
        value(site, "uplink", "kind") or UplinkKind.FIBRE,
        value(site, "uplink", "cap_gb") or None,
    )
    cap = "no cap" if cap_gb is None else f"{cap_gb} GB a month for {devices} device{'s' * (devices != 1)}"
    return Leaf(choose(kind, cap_gb, devices), f"chosen by the uplink: {kind}, {cap}", ())


def _endpoint(leaves: Leaves, service: str) -> Endpoint:
    port = leaves[service, "port"]
    asked = service == "http" and value(leaves, "poll") is PollBy.HTTP
    return Endpoint(value(leaves, service, "host"), 443 if asked and port.level == BUILT_IN else port.value)


def _maintenance(leaves: Leaves) -> Hours | None:
    """The hours in which devices may be changed; a day that is not written has none."""
    days = {key[2]: leaf.value for key, leaf in leaves.items() if key[:2] == ("maintenance", "week")}
    if not days:
        return None
    return Hours(value(leaves, "hours", "zone"), tuple(days.get(day) or () for day in DAYS))


def _hours(leaves: Leaves) -> Hours:
    exceptions = {key[2]: leaf.value for key, leaf in leaves.items() if key[:2] == ("hours", "exceptions")}
    return Hours(
        zone=value(leaves, "hours", "zone"),
        week=tuple(leaves["hours", "week", day].value for day in DAYS),
        holidays=frozenset(value(leaves, "hours", "holidays")),
        exceptions={date.fromisoformat(day): spans for day, spans in exceptions.items() if spans is not None},
    )
