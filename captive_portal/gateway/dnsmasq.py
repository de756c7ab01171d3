"""The texts of three dnsmasq (2.87 or later): one gives addresses, two give names, before and after the tap.

Before the tap no question leaves for a name that is not of the garden: any other has our own address, where
phones are sent to the portal, and no other record. After it the policy's resolvers answer, and what they or a
response policy zone refuse has our own address, too, where the page that says so is.

Answers from outside never hold a private address (DNS rebinding): such a name does not exist. This is done by
`bogus-nxdomain` and not by `stop-dns-rebind`, which also refuses what `alias` makes of a filtered name.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from captive_portal.gateway.config import Network
from captive_portal.gateway.errors import ConfigError
from captive_portal.gateway.policy import Filter, Policy
from captive_portal.gateway.rpz import NAME, Verdict, Zone
from captive_portal.gateway.rules import FEW_NAMES, NOT_GLOBAL, OPEN_NAMES, PRIVATE
from captive_portal.gateway.rules import NAME as TABLE

RESOLVERS: Final = {
    Filter.NONE: ("1.1.1.1", "9.9.9.10"),
    Filter.MALWARE: ("1.1.1.2", "1.0.0.2"),
    Filter.FAMILY: ("1.1.1.3", "1.0.0.3"),
}
"""Who answers where the policy names nobody. Those that filter say 0.0.0.0 ("1.1.1.1 for Families" at
developers.cloudflare.com/1.1.1.1), which becomes our page; Quad9 says NXDOMAIN, of which no page can be made.
9.9.9.10 is Quad9's that filters nothing (quad9.net/service/service-addresses-and-features)."""

FILTERED, FILTERED6 = "0.0.0.0", "::"  # noqa: S104
"""What a resolver that filters says. After a \"does not exist\" for :: nobody would ask for the other."""

CANARIES: Final = ("use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com", "resolver.arpa")
"""Names that do not exist where names are filtered, so that Firefox asks us, Apple's Private Relay stays off
and no phone looks for an encrypted resolver (RFC 9462)."""

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

LINE: Final = re.compile(r"[A-Za-z0-9-]+(=[!-~]+)?")
BREAKING: Final = frozenset("\"'\\")
API: Final = re.compile(r"https://[A-Za-z0-9.-]+:[0-9]{1,5}/[A-Za-z0-9/_-]*")
INTERFACE: Final = re.compile(r"[A-Za-z0-9_.@-]{1,15}")
STALE_S: Final = 86_400
"""How long after its end an answer is still given while a new one is asked for: a satellite is slow."""

GARDEN_TTL_S: Final = 60
"""An address leaves the kernel's set six hours after its first answer: a phone asks again within this."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files of the running dnsmasq are, in memory, and as which user they run."""

    directory: Path
    user: str

    @property
    def leases(self) -> Path:
        """The MACs with their addresses."""
        return self.directory / "leases"


def filtered(network: Network, policy: Policy) -> bool:
    """Whether names are refused to those who are in."""
    return policy.dns is not Filter.NONE or network.rpz is not None


def resolvers(policy: Policy) -> tuple[str, ...]:
    """Who answers: addresses."""
    return policy.resolvers or RESOLVERS[policy.dns]


def addresses(network: Network, policy: Policy, place: Place) -> str:
    """DHCP; router advertisements where IPv6 is admitted, as soon as the interface has a global prefix."""
    ours = str(network.address)
    lines = [
        *_common("addresses", network, place),
        "port=0",
        *(_dhcp_range(network, first, last) for first, last in ranges(network)),
        f"dhcp-lease-max={size(network)}",
        f"dhcp-leasefile={place.leases}",
        # whoever comes back after a power cut keeps the address: no lease is on disk
        "dhcp-authoritative",
        "no-ping",
        # a phone is its MAC, and is called nothing
        "dhcp-ignore-clid",
        "dhcp-ignore-names",
        f"dhcp-option=option:router,{ours}",
        f"dhcp-option=option:dns-server,{ours}",
    ]
    if network.api:
        lines.append(f"dhcp-option-force=114,{_matching(API, network.api)}")
    if policy.ipv6:
        lines += ["enable-ra", f"dhcp-range=::,constructor:{_matching(INTERFACE, network.lan)},ra-only"]
    return _text(lines)


def outside(network: Network, policy: Policy, place: Place) -> str:
    """Names before the tap: the portal's, our own, the garden's; any other is ours."""
    sets = f"4#inet#{TABLE}#named" + (f",6#inet#{TABLE}#named6" if policy.ipv6 else "")
    fixed = {name for name, _ in network.fixed}
    garden = [_name(name) for name in policy.garden if name not in fixed]
    lines = [
        *_common("outside", network, place),
        f"port={FEW_NAMES}",
        *_here("#", str(network.address)),
        *_fixed(network),
        *(f"server=/{name}/{_ip(one)}" for name in garden for one in resolvers(policy)),
        *(f"nftset=/{name}/{sets}" for name in garden),
        *_no_private(()),
        *_only_v4(policy),
        # each answer is asked for, so that its addresses are in the kernel's set
        "cache-size=0",
        f"max-ttl={GARDEN_TTL_S}",
    ]
    return _text(lines)


def inside(network: Network, policy: Policy, place: Place, zone: Zone) -> str:
    """Names after the tap: the resolvers', less what is filtered."""
    spared = (FILTERED, FILTERED6, str(network.address)) if filtered(network, policy) else ()
    lines = [
        *_common("inside", network, place),
        f"port={OPEN_NAMES}",
        *(f"server={_ip(one)}" for one in resolvers(policy)),
        *_fixed(network),
        *_no_private(spared),
        *_only_v4(policy),
        "domain-needed",
        "bogus-priv",
        "cache-size=2000",
        f"use-stale-cache={STALE_S}",
    ]
    if filtered(network, policy):
        lines += [f"alias={FILTERED},{network.address}", *(f"local=/{name}/" for name in CANARIES)]
        lines += _blocked(zone, str(network.address), {name for name, _ in network.fixed})
    return _text(lines)


def ranges(network: Network) -> list[tuple[ipaddress.IPv4Address, ipaddress.IPv4Address]]:
    """The guests' addresses, first and last of each piece: all of the network but ours."""
    first, last = network.guests[1], network.guests[-2]
    pieces = ((first, network.address - 1), (network.address + 1, last))
    return [(low, high) for low, high in pieces if low <= high]


def size(network: Network) -> int:
    """How many phones have an address at the same time."""
    return sum(int(last) - int(first) + 1 for first, last in ranges(network))


def _common(name: str, network: Network, place: Place) -> list[str]:
    return [
        f"interface={_matching(INTERFACE, network.lan)}",
        "except-interface=lo",
        "bind-dynamic",
        "no-resolv",
        "no-hosts",
        f"user={place.user}",
        f"pid-file={place.directory / name}.pid",
        # what it says names phones: it goes to standard error, which is nowhere
        "log-facility=-",
        "quiet-dhcp",
        "quiet-dhcp6",
        "quiet-ra",
    ]


def _dhcp_range(network: Network, first: object, last: object) -> str:
    return f"dhcp-range={first},{last},{network.guests.netmask},{network.lease_s}"


def _here(name: str, address: str) -> list[str]:
    """A name with all below it has this address and no other record; nobody is asked."""
    return [f"address=/{name}/{address}", f"local=/{name}/"]


def _fixed(network: Network) -> Iterator[str]:
    for name, address in network.fixed:
        yield from _here(_name(name), _ip(address))


def _no_private(spared: Iterable[str]) -> Iterator[str]:
    """A name with a private address does not exist; the spared ones may be answered."""
    spared_networks = [ipaddress.ip_network(one) for one in spared]
    for one in (*PRIVATE, *NOT_GLOBAL):
        left = _without(ipaddress.ip_network(one), spared_networks)
        yield from (f"bogus-nxdomain={network}" for network in left)


def _only_v4(policy: Policy) -> list[str]:
    return [] if policy.ipv6 else ["filter-AAAA"]


def _without(network: IPNetwork, spared: Iterable[IPNetwork]) -> list[IPNetwork]:
    left: list[Any] = [network]
    for one in spared:
        holding = [piece for piece in left if piece.version == one.version and one.subnet_of(piece)]
        left = [piece for piece in left if piece not in holding]
        left += [rest for piece in holding for rest in piece.address_exclude(one)]
    return sorted(left)


def _blocked(zone: Zone, ours: str, fixed: set[str]) -> Iterator[str]:
    """A line for a name counts for all below it, so what is below gets a line where that is otherwise."""
    for name, verdict in zone.exact.items():
        if name not in fixed:
            yield from _judged(name, verdict, ours)
            if zone.under(name) is not verdict:
                yield from _judged(f"*.{name}", zone.under(name), ours)
    for name, verdict in zone.below.items():
        if name not in zone.exact:
            yield from _judged(f"*.{name}", verdict, ours)


def _judged(name: str, verdict: Verdict, ours: str) -> list[str]:
    return _here(name, ours) if verdict is Verdict.BLOCK else [f"server=/{name}/#"]


def _name(text: str) -> str:
    return _matching(NAME, text.lower())


def _ip(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ConfigError(f"network: {text!r} is no address") from None
    # a scope may hold any letter
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        raise ConfigError(f"network: {text!r} is an address of one interface")
    return str(address)


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ConfigError(f"network: {text!r} cannot be given to dnsmasq")
    return text


def _text(lines: Iterable[str]) -> str:
    """The lines of a configuration. Raises ConfigError for a value that would leave its line."""
    kept = list(lines)
    for line in kept:
        if not LINE.fullmatch(line) or BREAKING & set(line):
            raise ConfigError(f"network: {line!r} cannot be given to dnsmasq")
    return "\n".join(kept) + "\n"
