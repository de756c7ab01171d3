"""DHCP settings that tell new access points of other vendors where their controller is.

RFC 2132 (options 43 and 60), RFC 5417 (138, CAPWAP).
Aruba: AOS-8 campus, "DHCP for APs": 43 is the address as text, and 60 ArubaAP must come back with it.
Cisco: "DHCP option 43 for lightweight access points": 43 is type f1, length, addresses.
Ruckus: "AP discovery: DHCP option 43": sub-option 06 for SmartZone, the address as text.
UniFi: layer 3 adoption: sub-option 01, the address; their option 60 is ubnt.
Omada: controller in another subnet: 138.
Servers: dnsmasq(8), dhcp-vendorclass and dhcp-option-force; dhcp-eval(5) and dhcp-options(5) of ISC;
Kea's manual, DHCPv4, vendor specific options and client classes. No vendor's access point was tried.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import Final

from controller.errors import AdoptionError
from drivers.model import Device

CAPWAP: Final = 138
ENCAPSULATED: Final = 43
CLASS: Final = 60


@dataclass(frozen=True, slots=True)
class Vendor:
    """What the access points of a vendor want to hear.

    Their option 60 begins with `calls_itself`; "" where that is not known, then everybody is told. Some
    believe only who repeats it (`repeated`).
    """

    name: str
    calls_itself: str
    encapsulated: Callable[[Sequence[IPv4Address]], bytes] | None
    capwap: bool = False
    repeated: bool = False


def _text(addresses: Sequence[IPv4Address]) -> bytes:
    return str(addresses[0]).encode()


def _cisco(addresses: Sequence[IPv4Address]) -> bytes:
    return bytes((0xF1, 4 * len(addresses))) + b"".join(address.packed for address in addresses)


def _ruckus(addresses: Sequence[IPv4Address]) -> bytes:
    listed = ",".join(map(str, addresses)).encode()
    return bytes((0x06, len(listed))) + listed


def _unifi(addresses: Sequence[IPv4Address]) -> bytes:
    return b"\x01\x04" + addresses[0].packed


ARUBA: Final = Vendor("aruba", "ArubaAP", _text, repeated=True)
CISCO: Final = Vendor("cisco", "Cisco AP", _cisco, capwap=True)
RUCKUS: Final = Vendor("ruckus", "Ruckus CPE", _ruckus)
UNIFI: Final = Vendor("unifi", "ubnt", _unifi)
OMADA: Final = Vendor("omada", "", None, capwap=True)
VENDORS: Final[Mapping[str, Vendor]] = MappingProxyType(
    {
        "arubaos": ARUBA,
        "cisco_wlc": CISCO,
        "cisco_9800": CISCO,
        "ruckus_sz": RUCKUS,
        "ubiquiti_unifi": UNIFI,
        "tplink_eap": OMADA,
    }
)
"""By the platform of the inventory; others need no option: they are claimed, or configured where they are."""


def vendors(devices: Collection[Device]) -> tuple[Vendor, ...]:
    """Whom these devices are of. Raises AdoptionError when none of them needs an option."""
    found = tuple(dict.fromkeys(VENDORS[each.platform] for each in devices if each.platform in VENDORS))
    if not found:
        platforms = ", ".join(sorted({device.platform for device in devices})) or "none"
        raise AdoptionError(
            f"no expected device here looks for a controller by DHCP (platforms: {platforms}); "
            "`plaza adopt script NAME` is for OpenWrt and RouterOS"
        )
    return found


def dnsmasq(wanted: Sequence[Vendor], addresses: Sequence[IPv4Address]) -> str:
    """Lines for a file in /etc/dnsmasq.d."""
    return "".join(f"{line}\n" for vendor in wanted for line in _dnsmasq(vendor, addresses))


def _dnsmasq(vendor: Vendor, addresses: Sequence[IPv4Address]) -> Iterator[str]:
    tag, where = f"plaza-{vendor.name}", ""
    if vendor.calls_itself:
        where = f"tag:{tag},"
        yield f"dhcp-vendorclass=set:{tag},{vendor.calls_itself}"
    if vendor.encapsulated:
        yield f"dhcp-option-force={where}{ENCAPSULATED},{vendor.encapsulated(addresses).hex(':')}"
    if vendor.repeated:
        yield f"dhcp-option-force={where}{CLASS},{vendor.calls_itself}"
    if vendor.capwap:
        yield f"dhcp-option-force={where}{CAPWAP},{','.join(map(str, addresses))}"


def isc(wanted: Sequence[Vendor], addresses: Sequence[IPv4Address]) -> str:
    """Lines for dhcpd.conf, outside of any subnet."""
    define = f"option plaza-capwap code {CAPWAP} = array of ip-address;\n"
    known = define if any(vendor.capwap for vendor in wanted) else ""
    return known + "".join(_isc(vendor, "".join(_isc_lines(vendor, addresses))) for vendor in wanted)


def _isc(vendor: Vendor, lines: str) -> str:
    said = vendor.calls_itself
    if not said:
        return lines
    match = f'match if substring (option vendor-class-identifier, 0, {len(said)}) = "{said}";'
    return f'class "plaza-{vendor.name}" {{\n{match}\n{lines}}}\n'


def _isc_lines(vendor: Vendor, addresses: Sequence[IPv4Address]) -> Iterator[str]:
    if vendor.encapsulated:
        yield f"option vendor-encapsulated-options {vendor.encapsulated(addresses).hex(':')};\n"
    if vendor.repeated:
        yield f'option vendor-class-identifier "{vendor.calls_itself}";\n'
    if vendor.capwap:
        yield f"option plaza-capwap {', '.join(map(str, addresses))};\n"


def kea(wanted: Sequence[Vendor], addresses: Sequence[IPv4Address]) -> str:
    """The `client-classes` of a Dhcp4 configuration."""
    return json.dumps({"client-classes": [_kea(vendor, addresses) for vendor in wanted]}, indent=2) + "\n"


def _kea(vendor: Vendor, addresses: Sequence[IPv4Address]) -> dict[str, object]:
    said = vendor.calls_itself
    made: dict[str, object] = {
        "name": f"plaza-{vendor.name}",
        "test": f"substring(option[60].hex,0,{len(said)}) == '{said}'" if said else "member('ALL')",
    }
    options: list[dict[str, object]] = []
    if vendor.encapsulated:
        name = "vendor-encapsulated-options"
        made["option-def"] = [{"name": name, "code": ENCAPSULATED, "type": "binary"}]
        octets = vendor.encapsulated(addresses).hex().upper()
        options.append({"name": name, "data": octets, "csv-format": False, "always-send": True})
    if vendor.repeated:
        name = "vendor-class-identifier"
        options.append({"name": name, "data": vendor.calls_itself, "always-send": True})
    if vendor.capwap:
        listed = ", ".join(map(str, addresses))
        options.append({"name": "capwap-ac-v4", "data": listed, "always-send": True})
    return made | {"option-data": options}


SERVERS: Final[Mapping[str, Callable[[Sequence[Vendor], Sequence[IPv4Address]], str]]] = MappingProxyType(
    {"dnsmasq": dnsmasq, "isc": isc, "kea": kea}
)
