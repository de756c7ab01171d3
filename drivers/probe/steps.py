"""From joining the network to the portal's page: what every phone does by itself."""

import time
from urllib.parse import urlsplit

from drivers.probe import dhcp, dns, judge
from drivers.probe.errors import Failed, Untried
from drivers.probe.fetch import Request, without_query
from drivers.probe.guest import STEP_S, Guest, Told
from drivers.probe.phone import Phone


def lease(guest: Guest) -> Told:
    """An address, a router, a DNS server."""
    until = min(guest.until, time.monotonic() + STEP_S)
    found, took_ms = dhcp.obtain(guest.link, until, guest.wanted.offers_s)
    guest.phone = Phone(guest.link, found)
    guest.link.address = found.address
    return Told(f"{found.address} from {found.server}", took_ms)


def router(guest: Guest) -> Told:
    """Whether the router is there."""
    address = guest.online.lease.router
    if not address:
        raise Failed("DHCP gave no router")
    begun = time.monotonic()
    guest.online.resolve_neighbour(address)
    return Told(f"{address} answers", (time.monotonic() - begun) * 1000)


def name(guest: Guest) -> Told:
    """Whether names become addresses before anybody logs in."""
    host = str(urlsplit(guest.wanted.url).hostname)
    begun = time.monotonic()
    found, server = dns.ask(guest.online, host, guest.until)
    guest.online.names[host] = found
    return Told(f"{host} is {found[0]}, says {server}", (time.monotonic() - begun) * 1000)


def redirect(guest: Guest) -> Told:
    """Whether the gateway sends the phone to the portal."""
    answer = guest.get(guest.wanted.url)
    guest.portal = judge.redirect(answer)
    return Told(f"{answer.status} to {without_query(guest.portal)}", answer.ms)


def portal(guest: Guest) -> Told:
    """Whether the portal shows something to tap."""
    took_ms = guest.follow(Request(guest.portal))
    return Told(judge.page(guest.seen), took_ms)


def api(guest: Guest) -> Told:
    """Whether the address that DHCP gave (option 114) tells the phone's system where the portal is."""
    url = guest.online.lease.api
    if not url:
        raise Untried("DHCP gives no address for it (option 114)")
    if urlsplit(url).scheme != "https":
        raise Untried(f"phones ignore {without_query(url)}: it is not https (RFC 8908, section 4.1)")
    answer = guest.get(url, judge.API_TYPE)
    return Told(judge.api(answer), answer.ms)
