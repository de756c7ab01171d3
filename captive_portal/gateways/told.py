"""What an access point or its controller tells of a phone, checked where it comes in."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from captive_portal.errors import ArrivalInvalid
from captive_portal.gateways.wiring import mac_of
from captive_portal.model import Arrival, Phone, Wiring

Row = Mapping[str, Any]
_MAC: Final = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def ap_of(wiring: Wiring, text: str) -> str:
    """An access point's MAC: one of those among the site's hosts. Raises ArrivalInvalid."""
    ap = mac_of(wiring, text)
    if ap not in wiring.hosts:
        raise ArrivalInvalid(wiring.site, "the access point is not one of this site's")
    return ap


def macs_among(hosts: Iterable[str]) -> frozenset[str]:
    """Those of a site's hosts that are MACs, in lower case with colons."""
    return frozenset(host for host in hosts if _MAC.fullmatch(host))


def ip_of(text: str) -> str:
    """An IP address as it is usually written; empty where it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def phone_of(arrival: Arrival) -> Phone:
    """The phone of an arrival of a kind that names it. Raises ArrivalInvalid."""
    if arrival.phone is None:
        raise ArrivalInvalid(arrival.site, "the arrival names no phone")
    return arrival.phone


def row(value: object) -> Row:
    """A JSON object; empty where it is none."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Row]:
    """The JSON objects of a list; none where it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def count(value: object) -> int | None:
    """A number that counts something; None where nothing was told."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def newest(told: Iterable[Row]) -> dict[str, Row]:
    """Of each phone, by its MAC, the authorisation that started last."""
    by_age = sorted(told, key=lambda each: count(each.get("start")) or 0)
    return {str(each.get("mac", "")).lower().replace("-", ":"): each for each in by_age}
