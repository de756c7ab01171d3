"""One visit of a phone: step after step until one fails, and the lease goes back at the end."""

import ssl
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from drivers.probe import dhcp, dns, judge
from drivers.probe.errors import Failed, ProbeError, Untried
from drivers.probe.fetch import Answer, get, without_query
from drivers.probe.link import Link, random_mac
from drivers.probe.phone import Phone
from drivers.probe.report import OPTIONAL, Finding, Step, Went, plain

ANDROID: Final = "http://connectivitycheck.gstatic.com/generate_204"
_STEP_S: Final = 15.0
_HOPS: Final = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """`url` is what the phone asks first; `within_s` bounds the whole visit, `offers_s` how long it listens
    for a second DHCP server; `trusted` are the authorities it believes.
    """

    interface: str
    url: str = ANDROID
    within_s: float = 60.0
    offers_s: float = 4.0
    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)


@dataclass(slots=True)
class Guest:
    """What is known so far; a step reads what the steps before it found."""

    wanted: Wanted
    link: Link
    until: float
    phone: Phone | None = None
    portal: str = ""

    @property
    def online(self) -> Phone:
        """The phone with its lease."""
        if self.phone is None:
            raise Untried("there is no lease")
        return self.phone

    def get(self, url: str, accept: str = "*/*") -> Answer:
        """Ask for a URL within the time of a step."""
        until = min(self.until, time.monotonic() + _STEP_S)
        return get(self.online, url, until, self.wanted.trusted, accept)

    def leave(self) -> None:
        """Give the lease and the interface back."""
        with suppress(Untried):  # an interface that is gone holds no lease
            if self.phone is not None:
                dhcp.release(self.link, self.phone.lease)
        self.link.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What a step that worked has to say, and its round trip."""

    said: str
    took_ms: float


def lease(guest: Guest) -> Told:
    """An address, a router, a DNS server."""
    until = min(guest.until, time.monotonic() + _STEP_S)
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
    url, took_ms = guest.portal, 0.0
    for _ in range(_HOPS):
        answer = guest.get(url)
        took_ms += answer.ms
        if not (url := judge.onward(answer)):
            return Told(judge.page(answer), took_ms)
    raise Failed(f"{_HOPS} redirects and still no page: {without_query(url)}")


def api(guest: Guest) -> Told:
    """Whether the address that DHCP gave (option 114) tells the phone's system where the portal is."""
    url = guest.online.lease.api
    if not url:
        raise Untried("DHCP gives no address for it (option 114)")
    if urlsplit(url).scheme != "https":
        raise Untried(f"phones ignore {without_query(url)}: it is not https (RFC 8908, section 4.1)")
    answer = guest.get(url, judge.API_TYPE)
    return Told(judge.api(answer), answer.ms)


Act = Callable[[Guest], Told]
STEPS: Final[Mapping[Step, Act]] = MappingProxyType(
    {
        Step.DHCP: lease,
        Step.ROUTER: router,
        Step.DNS: name,
        Step.REDIRECT: redirect,
        Step.PORTAL: portal,
        Step.API: api,
    }
)


def visit(wanted: Wanted, steps: Mapping[Step, Act] = STEPS) -> Generator[Finding]:
    """Each step's finding as soon as there is one. Close the iterator: that gives the lease back."""
    first = next(iter(steps))
    try:
        guest = Guest(wanted, Link(wanted.interface, random_mac()), time.monotonic() + wanted.within_s)
    except Untried as untried:
        yield Finding(first, Went.UNTRIED, plain(str(untried)))
        return
    try:
        for step, act in steps.items():
            finding = _find(guest, step, act)
            yield finding
            if finding.went is not Went.WORKED and not (step in OPTIONAL and finding.went is Went.UNTRIED):
                return
    finally:
        guest.leave()


def _find(guest: Guest, step: Step, act: Act) -> Finding:
    if time.monotonic() >= guest.until:
        return Finding(step, Went.UNTRIED, f"the {guest.wanted.within_s:g} s for the whole visit are over")
    try:
        told = act(guest)
    except ProbeError as error:
        went = Went.UNTRIED if isinstance(error, Untried) else Went.FAILED
        return Finding(step, went, plain(str(error)))
    return Finding(step, Went.WORKED, plain(told.said), round(told.took_ms, 1))
