"""The gateway's calls to the controller: what happened goes up, in order; what is to be done comes down."""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from captive_portal.gateway import protocol, rekeying, signed
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.edge import Edge
from captive_portal.gateway.errors import GatewayError
from captive_portal.gateway.journal import Event, Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.policy import Signed
from captive_portal.gateway.protocol import AT_MOST, Answer, Caller

USAGE_EVERY_S: Final = 300

log = logging.getLogger(__name__)

Octets = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the controller is called: every `sync_s` while somebody is in or there is something to tell.

    Else every `idle_s`; and at once when there is news, but not twice within `soon_s`.
    """

    sync_s: float = 60.0
    idle_s: float = 1800.0
    soon_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Orders:
    """Who obeys what the controller says besides.

    `serial` is of the policy that holds, `take` is given another one with the controller's time (UTC, s), and
    `told` that time, with each answer.
    """

    serial: Callable[[], int]
    take: Callable[[Signed, int], bool]
    told: Callable[[int], None]


class Sync:
    """Tells what is to be told and obeys, for ever. For one thread, but for `away_since`."""

    def __init__(
        self,
        keys: Keyring,
        edge: Edge,
        doorkeeper: Doorkeeper,
        journal: Journal,
        clock: Clock,
        orders: Orders,
    ) -> None:
        self._keys = keys
        self._edge = edge
        self._doorkeeper = doorkeeper
        self._journal = journal
        self._clock = clock
        self._orders = orders
        self._usage_at = 0.0
        self._used: dict[str, Octets] = {}  # as the controller was told
        self._away_since: float | None = None

    @property
    def away_since(self) -> float | None:
        """Since when, in seconds since boot, the controller has not answered; None while it does."""
        return self._away_since

    def step(self) -> None:
        """Tell everything, however many calls it takes. Raises GatewayError."""
        self._doorkeeper.reconcile()
        self._journal.confess(self._clock.now())
        usage = self._usage()
        while True:
            events = self._events()
            now_used = usage[: AT_MOST - len(events)]
            usage = usage[len(now_used) :]
            answer = self._call(events, now_used)
            # an edge that takes none of them wants to hear the same once more, and not at once
            taken = not events or answer.have >= events[0]["seq"]
            if not taken or not (usage or self._more()):
                return

    def run(self, stop: threading.Event, pace: Pace) -> None:
        """Step as the pace says, until told to stop."""
        while not stop.is_set():
            self._doorkeeper.news.clear()
            try:
                self.step()
                self._note(None)
            except GatewayError as error:
                self._note(error)
            self._rest(stop, pace)

    def _rest(self, stop: threading.Event, pace: Pace) -> None:
        """Wait for the next call; who comes in meanwhile shortens the wait."""
        waited_s = min(pace.soon_s, pace.sync_s)
        stop.wait(waited_s)
        while waited_s < self.pause_s(pace) and not stop.is_set():
            wait_s = min(pace.sync_s, self.pause_s(pace) - waited_s)
            if self._doorkeeper.news.wait(wait_s):
                return
            waited_s += wait_s

    def pause_s(self, pace: Pace) -> float:
        """How long it is until the next call, unless there is news."""
        return pace.sync_s if self._journal.live or self._journal.urgent else max(pace.idle_s, pace.sync_s)

    def _more(self) -> bool:
        """Whether something waits that can be read."""
        return bool(self._journal.pending(1))

    def _events(self) -> Sequence[Mapping[str, Any]]:
        now = self._clock.now()
        events = self._journal.next(AT_MOST)
        return protocol.fitting([protocol.told(one, self._journal.age_s(one, now)) for one in events])

    def _call(self, events: Sequence[Mapping[str, Any]], usage: Sequence[Event]) -> Answer:
        """Nothing is obeyed that this call's own key did not sign for this call."""
        nonce, site = secrets.token_hex(16), self._keys.current
        month = self._keys.marker.month
        caller = Caller(site.site, self._journal.box, site.epoch, self._orders.serial(), month)
        body = protocol.question(caller, nonce, events, [protocol.used(one) for one in usage])
        reply = self._edge.post(body, signed.sign(site.key, signed.QUESTION, body))
        answer = protocol.understand(site.key, nonce, *reply)
        self._used.update((one.session, _octets(one)) for one in usage)
        self._obey(answer, nonce)
        return answer

    def _obey(self, answer: Answer, nonce: str) -> None:
        self._orders.told(answer.now)
        self._journal.have(answer.have)
        if answer.policy:
            self._orders.take(answer.policy, answer.now)
        if answer.month:
            self._keys.marker.adopt(answer.month)
        if answer.rekey:
            rekeying.adopt(self._keys, self._journal, answer.rekey, nonce)
        self._doorkeeper.dismiss(answer.dismiss)

    def _usage(self) -> Sequence[Event]:
        """What is used by those whose use has changed since it was told."""
        now = self._clock.now().seconds
        if now - self._usage_at < USAGE_EVERY_S:
            return []
        self._usage_at = now
        found = {one.session: one for one in self._doorkeeper.usage()}
        self._used = {session: told for session, told in self._used.items() if session in found}
        return [one for one in found.values() if self._used.get(one.session) != _octets(one)]

    def _note(self, error: GatewayError | None) -> None:
        away = self._away_since is not None
        if error and not away:
            log.warning("controller away, events are kept", extra={"error": str(error)})
            self._away_since = self._clock.now().seconds
        if away and not error:
            log.info("controller is back")
            self._away_since = None


def _octets(one: Event) -> Octets:
    return one.octets_down, one.octets_up
