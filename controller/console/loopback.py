"""Tells whether a request comes from this machine and was meant for it."""

from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


def allows(remote: str, host: str) -> bool:
    """Whether the caller's address and the Host header are both loopback; the second stops DNS rebinding."""
    return _is_loopback(remote) and _names_loopback(host)


def _names_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)


def _is_loopback(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback
