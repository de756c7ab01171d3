"""The gateway's calls to the controller: events and usage up, dismissals down."""

import http.client
import json
import logging
import secrets
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from captive_portal.gateway import signed
from captive_portal.gateway.admission import SESSION, SiteKey
from captive_portal.gateway.clock import Clock, Moment
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.errors import ControllerAway, GatewayError
from captive_portal.gateway.journal import Event, Journal

log = logging.getLogger(__name__)

VERSION: Final = 1
AT_MOST: Final = 150  # events in one call: below 40 KB
USAGE_EVERY_S: Final = 60
TIMEOUT_S: Final = 20
ANSWER_OCTETS: Final = 256 * 1024
NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: name and chain of the edge's certificate are checked, its dates are not, because
this machine may believe it is 1970; what is said is signed with the site's key besides."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the controller said: the events it has, and the sessions to end now."""

    applied: tuple[str, ...]
    dismiss: tuple[str, ...]


class Edge(Protocol):
    """Where the controller listens."""

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        """The body and the signature of the answer. Raises ControllerAway."""
        ...


class HttpEdge:
    """The edge behind a URL, `EDGE_URL/gw/SITE/sync`; no proxy, no redirect."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._tls = ssl.create_default_context()
        self._tls.verify_flags |= ssl.VerifyFlags(NO_CHECK_TIME)

    def post(self, body: bytes, signature: str) -> tuple[bytes, str]:
        """One call. Raises ControllerAway."""
        connection = self._connection()
        headers = {"Content-Type": "application/json", signed.HEADER: signature}
        try:
            connection.request("POST", self._url.path, body, headers)
            response = connection.getresponse()
            answer = response.read(ANSWER_OCTETS)
        except (OSError, http.client.HTTPException) as error:
            raise ControllerAway(f"no answer: {type(error).__name__}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ControllerAway(f"the edge answered {response.status}")
        return answer, response.getheader(signed.HEADER, "")

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def question(site: str, nonce: str, events: Sequence[Event], now: Moment) -> bytes:
    """The body of a call. An event has an age and no time, because we have no clock to trust."""
    told = [
        {
            "id": event.id, "kind": event.kind, "session": event.session, "age_s": event.age_s(now),
            "seconds": event.seconds, "octets_down": event.octets_down, "octets_up": event.octets_up,
            "cause": event.cause,
        }
        for event in events
    ]  # fmt: skip
    return json.dumps({"version": VERSION, "site": site, "nonce": nonce, "events": told}).encode()


def understand(key: bytes, nonce: str, body: bytes, signature: str) -> Answer:
    """The answer to the question with this nonce. Raises ControllerAway when another could have said it."""
    if not signed.genuine(key, signed.ANSWER, body, signature):
        raise ControllerAway("the answer is not signed with this site's key")
    try:
        found = json.loads(body)
        answer = Answer(tuple(found["applied"]), tuple(found["dismiss"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ControllerAway("the answer cannot be read") from error
    if found.get("nonce") != nonce:
        raise ControllerAway("the answer is to another question")
    if not all(isinstance(one, str) and SESSION.fullmatch(one) for one in answer.dismiss):
        raise ControllerAway("the answer names no session")
    return answer


class Sync:
    """Tells what is to be told and obeys, for ever."""

    def __init__(
        self, site: SiteKey, edge: Edge, doorkeeper: Doorkeeper, journal: Journal, clock: Clock
    ) -> None:
        self._site = site
        self._edge = edge
        self._doorkeeper = doorkeeper
        self._journal = journal
        self._clock = clock
        self._usage_at = 0.0
        self._away_since: float | None = None

    @property
    def away_since(self) -> float | None:
        """Since when, in seconds since boot, the controller has not answered; None while it does."""
        return self._away_since

    def step(self) -> None:
        """Tell everything, however many calls it takes. Raises GatewayError."""
        self._doorkeeper.reconcile()
        usage = self._usage()
        while True:
            events = self._journal.pending(AT_MOST)
            self._call([*events, *usage[: AT_MOST - len(events)]])
            usage = usage[max(0, AT_MOST - len(events)) :]
            if len(events) < AT_MOST and not usage:
                return

    def run(self, stop: threading.Event, every_s: float) -> None:
        """Step every `every_s` seconds, and at once when there is news, until told to stop."""
        news = self._doorkeeper.news
        while not stop.is_set():
            news.clear()
            try:
                self.step()
                self._note(None)
            except GatewayError as error:
                self._note(error)
            news.wait(every_s)

    def _call(self, events: Sequence[Event]) -> None:
        nonce = secrets.token_hex(16)
        body = question(self._site.site, nonce, events, self._clock.now())
        reply = self._edge.post(body, signed.sign(self._site.key, signed.QUESTION, body))
        answer = understand(self._site.key, nonce, *reply)
        self._journal.acknowledged(answer.applied)
        self._doorkeeper.dismiss(answer.dismiss)

    def _usage(self) -> list[Event]:
        now = self._clock.now().seconds
        if now - self._usage_at < USAGE_EVERY_S:
            return []
        self._usage_at = now
        return self._doorkeeper.usage()

    def _note(self, error: GatewayError | None) -> None:
        away = self._away_since is not None
        if error and not away:
            log.warning("controller away, events are kept", extra={"error": str(error)})
            self._away_since = self._clock.now().seconds
        if away and not error:
            log.info("controller is back")
            self._away_since = None
