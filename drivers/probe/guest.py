"""The phone's owner: what is wanted of a visit, what is known so far, and how to go on from there."""

import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from drivers.probe import dhcp, judge
from drivers.probe.errors import Failed, Untried
from drivers.probe.fetch import Answer, Means, Request, ask, without_query
from drivers.probe.link import Link
from drivers.probe.phone import Phone

ANDROID: Final = "http://connectivitycheck.gstatic.com/generate_204"
STEP_S: Final = 15.0
_HOPS: Final = 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """`url` is what the phone asks first; `within_s` bounds the whole visit, `offers_s` how long it listens
    for a second DHCP server; `trusted` are the authorities it believes; without a `mac` it makes one up.

    A door may take `door_s` to open after the tap. Once it is online, at most `octets` of `page` are
    downloaded, none where one of both is left out.
    """

    interface: str
    url: str = ANDROID
    within_s: float = 60.0
    offers_s: float = 4.0
    trusted: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    mac: bytes = b""
    page: str = ""
    octets: int = 0
    door_s: float = 20.0


@dataclass(slots=True)
class Guest:
    """What is known so far; a step reads what the steps before it found."""

    wanted: Wanted
    link: Link
    until: float
    phone: Phone | None = None
    portal: str = ""
    page: Answer | None = None
    entered: bool = False

    @property
    def online(self) -> Phone:
        """The phone with its lease."""
        if self.phone is None:
            raise Untried("there is no lease")
        return self.phone

    @property
    def seen(self) -> Answer:
        """The page that the phone shows now."""
        if self.page is None:
            raise Untried("there is no page")
        return self.page

    def means(self, within_s: float = STEP_S) -> Means:
        """What a request needs, within the time of a step."""
        return Means(self.online, min(self.until, time.monotonic() + within_s), self.wanted.trusted)

    def get(self, url: str, accept: str = "*/*") -> Answer:
        """Ask for a URL."""
        return ask(self.means(), Request(url, accept=accept))

    def follow(self, request: Request) -> float:
        """Ask, and go wherever the answers send the phone: the ms of all; `seen` is the last of them."""
        took_ms = 0.0
        for _ in range(_HOPS):
            self.page = ask(self.means(), request)
            took_ms += self.page.ms
            where = judge.onward(self.page)
            if not where:
                return took_ms
            repeated = self.page.status in judge.REPEATED
            request = Request(where, request.form if repeated else None)
        raise Failed(f"{_HOPS} redirects and still no page: {without_query(request.url)}")

    def leave(self) -> None:
        """Give the session, the lease and the interface back."""
        with suppress(Untried):  # an interface that is gone holds no lease
            if self.phone is not None:
                dhcp.release(self.link, self.phone.lease)
        self.link.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What a step that worked has to say, how long it took, and what it measured besides."""

    said: str
    took_ms: float
    rtt_ms: float | None = None
    down_bps: float | None = None
