"""Checks what the maps of an inventory say about each other: names, endpoints, ways and cycles."""

from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, Final

from controller.errors import Problem
from controller.inventory_levels import Key, Leaf
from controller.inventory_resolve import Resolved
from controller.inventory_schema import File
from controller.inventory_words import near
from controller.inventory_yaml import Place
from drivers.model import Device, Endpoint, Lifecycle, PollBy, ReachKind, Role

# Keys that name a credential, and the kinds that may be named there.
_CREDENTIALS: Final[Mapping[Key, tuple[str, ...]]] = {
    ("snmp", "credentials"): ("snmp-v1", "snmp-v2c", "snmp-v3"),
    ("ssh", "credentials"): ("ssh",),
    ("http", "credentials"): ("http",),
    ("portal", "gateway_credentials"): ("gateway",),
    ("captive", "credentials"): ("portal",),
    ("portal", "credentials"): ("portal",),
    ("portal", "radius", "credentials"): ("portal",),
}


def problems(resolved: Resolved, platforms: Collection[str]) -> Iterator[Problem]:
    """Every broken link. A name that exists with mistakes of its own is not unknown."""
    yield from _unknown_names(resolved)
    yield from _unknown_settings(resolved, platforms)
    yield from _shared_names(resolved)
    yield from _cycles(resolved)
    yield from _ways(resolved)
    yield from _unaskable(resolved, platforms)
    yield from _shared_endpoints(resolved)
    yield from _shared_probes(resolved)
    yield from _outside_lan(resolved)


def known_names(resolved: Resolved, table: str) -> Mapping[str, Any]:
    """The names a table holds, with or without mistakes."""
    found = resolved.document.data.get(table)
    return found if isinstance(found, dict) else {}


def _told(resolved: Resolved, table: str) -> bool:
    """Whether a whole table is missing because of a mistake told already: no map, or a misspelt section."""
    data = resolved.document.data
    return not isinstance(data.get(table), dict) and (
        table in data or not data.keys() <= File.model_fields.keys()
    )


def _unknown_names(resolved: Resolved) -> Iterator[Problem]:
    """References of sites and devices to what they belong to and depend on."""
    for key, site in resolved.file.sites.items():
        yield from _reference(resolved, ("sites", key, "municipality"), site.municipality, "municipalities")
    for name, device in resolved.file.devices.items():
        place = ("devices", name)
        yield from _reference(resolved, (*place, "site"), device.site, "sites")
        if device.parent:
            yield from _reference(resolved, (*place, "parent"), device.parent, "devices")
        if device.link:
            yield from _reference(resolved, (*place, "link"), device.link, "devices")
        if device.powered_by:
            yield from _reference(
                resolved, (*place, "powered_by", "device"), device.powered_by.device, "devices"
            )


def _reference(resolved: Resolved, place: Place, name: str, table: str) -> Iterator[Problem]:
    known = known_names(resolved, table)
    if name not in known and not _told(resolved, table):
        yield resolved.document.problem(place, f"{name!r} is not in {table}", near(name, known))


def _unknown_settings(resolved: Resolved, platforms: Collection[str]) -> Iterator[Problem]:
    """References that may be written at any level."""
    for key, leaf in resolved.written():
        if key == ("profile",):
            yield from _reference(resolved, leaf.source, leaf.value, "profiles")
        elif key == ("platform",) and leaf.value not in platforms:
            what = f"{leaf.value!r} is no platform we know"
            yield resolved.document.problem(leaf.source, what, near(leaf.value, platforms))
        elif leaf.value is not None:
            for place, name, kinds in _named_credentials(key, leaf):
                yield from _credential(resolved, place, name, kinds)


def _named_credentials(key: Key, leaf: Leaf) -> Iterator[tuple[Place, str, tuple[str, ...]]]:
    """The credentials a leaf names, each with its place and the kinds that may stand there."""
    if key in _CREDENTIALS:
        yield leaf.source, leaf.value, _CREDENTIALS[key]
    elif key == ("manage", "snmp_users"):
        for index, name in enumerate(leaf.value):
            yield (*leaf.source, index), name, ("snmp-v3",)
    elif key == ("ssids",):
        for index, ssid in enumerate(leaf.value):
            if ssid.passphrase:
                yield (*leaf.source, index, "passphrase"), ssid.passphrase, ("wifi",)


def _credential(resolved: Resolved, place: Place, name: str, kinds: tuple[str, ...]) -> Iterator[Problem]:
    """The name is never repeated: somebody may have written the secret itself there."""
    sound = resolved.file.credentials
    fitting = [each for each, entry in sound.items() if entry.kind in kinds]
    if name not in known_names(resolved, "credentials") and not _told(resolved, "credentials"):
        yield resolved.document.problem(place, "names no credential", near(name, fitting))
    elif name in sound and sound[name].kind not in kinds:
        what = f"needs a credential of kind {' or '.join(kinds)}, and this one is another kind"
        yield resolved.document.problem(place, what, near(name, fitting))


def _shared_names(resolved: Resolved) -> Iterator[Problem]:
    """A site and a device of one name, two municipalities or two sites of a municipality called the same."""
    for name in known_names(resolved, "devices"):
        if name in known_names(resolved, "sites"):
            yield resolved.document.problem(
                ("devices", name), "is also the name of a site", "rename one of the two"
            )
    titles = [
        (("municipalities", key, "name"), "", entry.name)
        for key, entry in resolved.file.municipalities.items()
    ]
    titles += [
        (("sites", key, "name"), site.municipality, site.name) for key, site in resolved.file.sites.items()
    ]
    seen: dict[tuple[object, ...], Place] = {}
    for place, inside, title in titles:
        first = seen.setdefault((place[0], inside, title.casefold()), place)
        if first != place:
            what = f"{title!r} is also the name of {first[1]}, line {resolved.document.lines[first]}"
            yield resolved.document.problem(place, what, "tell the two apart")


def _cycles(resolved: Resolved) -> Iterator[Problem]:
    """Devices that hang on themselves, in the network or for power."""
    devices = resolved.file.devices
    parents = {name: device.parent for name, device in devices.items() if device.parent}
    power = {name: device.powered_by.device for name, device in devices.items() if device.powered_by}
    for key, upward in (("parent", parents), ("powered_by", power)):
        for cycle in loops(upward):
            what = f"goes round in a circle: {' → '.join((*cycle, cycle[0]))}"
            yield resolved.document.problem(("devices", cycle[0], key), what, "let one of them end the chain")


def loops(upward: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """Each cycle once, from its first device in file order."""
    done: set[str] = set()
    for start in upward:
        path: list[str] = []
        name = start
        while name in upward and name not in done:
            done.add(name)
            path.append(name)
            name = upward[name]
        if name in path:
            yield tuple(path[path.index(name) :])


def _ways(resolved: Resolved) -> Iterator[Problem]:
    """`reach: via` must name a gateway of the same site, and every service we use must be forwarded."""
    for name, device in resolved.devices.items():
        if device.reach.kind is ReachKind.VIA and not resolved.told("devices", name, ("reach",)):
            place = resolved.leaves("devices", name)["reach", "through"].source
            wrong = _wrong_gateway(resolved, device)
            if wrong:
                yield resolved.document.problem(place, *wrong)
            else:
                yield from _unforwarded(resolved, device)


def _wrong_gateway(resolved: Resolved, device: Device) -> tuple[str, str] | None:
    through = device.reach.through
    gateway = resolved.devices.get(through)
    wrong: tuple[str, str] | None = None
    if through == device.name:
        wrong = f"{through} goes through itself", f"give {through} `reach: {{kind: direct}}`"
    elif through not in known_names(resolved, "devices"):
        gateways = [each.name for each in resolved.devices.values() if each.role is Role.GATEWAY]
        wrong = f"{through!r} is not in devices", near(through, gateways)
    elif gateway and gateway.role is not Role.GATEWAY:
        wrong = f"{through} has the role {gateway.role}", "name a device with `role: gateway`"
    elif gateway and gateway.site != device.site:
        wrong = (
            f"{through} stands at {gateway.site}, not at {device.site}",
            "name the gateway of its own site",
        )
    elif gateway and gateway.reach.kind is ReachKind.VIA and gateway.reach.through != through:
        wrong = f"{through} is itself behind {gateway.reach.through}", "name the outermost gateway"
    return wrong


def _unforwarded(resolved: Resolved, device: Device) -> Iterator[Problem]:
    for service, endpoint, credentials in _used(device):
        told = resolved.told("devices", device.name, (service,))
        if credentials and endpoint.port == 0 and not told:
            what = f"is behind {device.reach.through} and has no {service} port of its own"
            mend = f"add `{service}: {{port: …}}` with the port the gateway forwards"
            yield resolved.document.problem(("devices", device.name, service, "port"), what, mend)


def _used(device: Device) -> tuple[tuple[str, Endpoint, str], ...]:
    """The services we ask, each with its credentials: no SNMP where there is none."""
    ssh = ("ssh", device.ssh, device.ssh_credentials)
    if device.poll is PollBy.SSH:
        return (ssh,)
    if device.poll is PollBy.HTTP:
        return (("http", device.http, device.http_credentials),)
    return (("snmp", device.snmp, device.snmp_credentials), ssh)


def _unaskable(resolved: Resolved, platforms: Collection[str]) -> Iterator[Problem]:
    """`poll: ssh` and `poll: http` need a platform that can be asked so, and a login."""
    for name, device in resolved.devices.items():
        if device.poll is PollBy.SNMP:
            continue
        way = str(device.poll)
        told = {key for key in ("poll", "platform", way) if resolved.told("devices", name, (key,))}
        place = resolved.leaves("devices", name)["poll",].source
        asked = _asked(device.poll)
        if device.platform in platforms and device.platform not in asked and not told & {"poll", "platform"}:
            what = f"{name} is of platform {device.platform}, which cannot be asked over {way.upper()}"
            able = ", ".join(sorted(asked))
            mend = f"give {name} `poll: snmp`; over {way.upper()} only {able} is asked"
            yield resolved.document.problem(place, what, mend)
        if not _login_of(device) and not told & {"poll", way}:
            mend = f"add `{way}: {{credentials: …}}` to {name} or a level above it"
            yield resolved.document.problem(place, f"{name} has no {way} credentials", mend)


def _asked(poll: PollBy) -> Collection[str]:
    """The platforms that can be asked over SSH, or over HTTP."""
    from drivers.collectors.ways import OVER_HTTP, OVER_SSH  # noqa: PLC0415  brings what reads all answers

    return (OVER_SSH if poll is PollBy.SSH else OVER_HTTP).keys()


def _login_of(device: Device) -> str:
    return device.ssh_credentials if device.poll is PollBy.SSH else device.http_credentials


def _shared_endpoints(resolved: Resolved) -> Iterator[Problem]:
    """Two devices the poller would take for one another; addresses behind an agent or an API are its own."""
    seen: dict[tuple[str, ...], str] = {}
    for name, device in resolved.devices.items():
        if device.state is Lifecycle.RETIRED or _is_astray(resolved, device):
            continue
        remote = device.reach.kind in (ReachKind.AGENT, ReachKind.VENDOR_API)
        for service, endpoint, _ in _used(device):
            realm = device.reach.through or device.site if remote else ""
            realm += f" site {device.http_site}" if service == "http" else ""
            realm += f" behind {device.ssh_jump}" if service == "ssh" and device.ssh_jump else ""
            first = seen.setdefault((service, realm, str(endpoint)), name)
            if first != name and endpoint.port != 0 and endpoint.host:
                line = resolved.document.lines[("devices", first)]
                what = f"has the same {service} address {endpoint} as {first}, line {line}"
                place = resolved.leaves("devices", name)[service, "host"].source
                place = place if place[:2] == ("devices", name) else ("devices", name)
                yield resolved.document.problem(
                    place, what, f"correct one of the two, or give {name} another port"
                )
                break


def _shared_probes(resolved: Resolved) -> Iterator[Problem]:
    """One interface is in the guests' network of one site."""
    seen: dict[str, str] = {}
    for key, site in resolved.file.sites.items():
        first = seen.setdefault(site.probe, key) if site.probe else key
        if first != key:
            place = ("sites", key, "probe")
            line = resolved.document.lines[("sites", first, "probe")]
            what = f"is the interface of {first}, line {line}"
            yield resolved.document.problem(place, what, "write the one that is in the guests' network here")


def _is_astray(resolved: Resolved, device: Device) -> bool:
    """Whether the device's endpoints are wrong for a reason told elsewhere."""
    if any(resolved.told("devices", device.name, (key,)) for key in ("reach", "snmp", "ssh", "http")):
        return True
    return device.reach.kind is ReachKind.VIA and _wrong_gateway(resolved, device) is not None


def _outside_lan(resolved: Resolved) -> Iterator[Problem]:
    """Addresses that are not in the local network their site is said to have."""
    for name, device in resolved.file.devices.items():
        site = resolved.file.sites.get(device.site)
        if site is None or not site.lan or _role(resolved, name) is Role.GATEWAY:
            continue
        if ip_address(device.address) not in ip_network(site.lan):
            what = f"{device.address} is not in {site.lan}, the lan of {device.site}"
            place = ("devices", name, "address")
            yield resolved.document.problem(place, what, "correct the address or the lan")


def _role(resolved: Resolved, name: str) -> object:
    return resolved.leaves("devices", name)["role",].value
