"""Which policy holds at this site: the newest that the controller signed, without it and without a clock."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from captive_portal.gateway import policy
from captive_portal.gateway.borrowed import Borrowed, Notebook
from captive_portal.gateway.errors import GatewayError
from captive_portal.gateway.policy import BadPolicy, Blocked, Emergency, Filter, Policy, Signed

log = logging.getLogger(__name__)

KEPT: Final = "policy"


@dataclass(frozen=True, slots=True)
class Held:
    """A policy, and its blocked devices by their pseudonym."""

    policy: Policy
    blocked: Mapping[str, Blocked]


class Ruling:
    """One per gateway; safe from several threads.

    Each of `on_change` is called with the policy when another holds, and when something in it has ended. One
    that raises GatewayError is called again at the next `step`.
    """

    def __init__(
        self,
        names_key: bytes,
        site: str,
        notebook: Notebook,
        borrowed: Borrowed,
        first: Signed | None,
        *,
        own_list: bool = False,
    ) -> None:
        """What was kept holds, or `first` where that is newer, or where what was kept is damaged.

        `own_list`: this site has names of its own that are not answered, whatever the policy says.
        """
        self.on_change: list[Callable[[Policy], None]] = []
        self._names_key = names_key
        self._site = site
        self._notebook = notebook
        self._borrowed = borrowed
        self._own_list = own_list
        self._lock = threading.Lock()
        self._announcing = threading.Lock()
        self._due = False
        self._hold(max(self._kept(), self._first(first), key=lambda one: one.serial))
        borrowed.keep()  # so that a restart takes back nothing of what is counted from now on
        self._emergency_seen = self.emergency is not None

    @property
    def policy(self) -> Policy:
        """What holds now; where there is none, one of serial 0 that gives nobody anything."""
        return self._held.policy

    @property
    def serial(self) -> int:
        """Which one that is."""
        return self.policy.serial

    @property
    def filtered(self) -> bool:
        """Whether some names are not answered to who is in."""
        return self._own_list or self.policy.dns is not Filter.NONE

    def take(self, told: Signed, now_utc: int) -> bool:
        """Obey this policy from now on, and after a power cut; False when it is none for us or no later one.

        `now_utc` is the controller's time, s, as it came with it.
        """
        self._borrowed.told(now_utc)
        try:
            fresh = policy.unseal(self._names_key, self._site, told)
        except BadPolicy as error:
            log.warning("policy refused", extra={"reason": str(error)})
            return False
        with self._lock:
            if fresh.serial <= self.serial:
                return False
            self._notebook.keep(KEPT, json.dumps(told.told()))
            self._hold(fresh)
            self._borrowed.keep()
        log.info("policy holds", extra={"serial": fresh.serial})
        self._announce()
        return True

    def blocked(self, device: str) -> Blocked | None:
        """Why this device (a pseudonym) is not let in; None when it may come in."""
        found = self._held.blocked.get(device)
        return found if found and (not found.until or self.left_s(found.until)) else None

    @property
    def blocks(self) -> int:
        """How many devices are blocked now."""
        return sum(self.blocked(device) is not None for device in self._held.blocked)

    @property
    def emergency(self) -> Emergency | None:
        """The emergency that holds now."""
        found = self.policy.emergency
        return found if found and self.left_s(found.until) else None

    @property
    def emergency_left(self) -> int:
        """How many seconds it holds still; 0 when there is none."""
        found = self.policy.emergency
        return self.left_s(found.until) if found else 0

    def left_s(self, until: int) -> int:
        """How long it is until then (UTC, s), by the controller's time as we know it; 0 when it is past."""
        return max(0, until - self._borrowed.now)

    def step(self) -> None:
        """Have the end of an emergency carried out, and what could not be before."""
        seen, self._emergency_seen = self._emergency_seen, self.emergency is not None
        if seen and not self._emergency_seen:
            self._borrowed.keep()  # so that no power cut brings it back
            log.info("emergency is over")
            self._due = True
        if self._due:
            self._announce()

    def _announce(self) -> None:
        with self._announcing:
            self._due = False
            self._emergency_seen = self.emergency is not None
            for obey in self.on_change:
                try:
                    obey(self.policy)
                except GatewayError as error:
                    self._due = True
                    log.error("policy not carried out, tried again", extra={"error": str(error)})

    def _hold(self, fresh: Policy) -> None:
        self._borrowed.not_before(fresh.made_at)
        self._held = Held(fresh, {one.device: one for one in fresh.blocked})

    def _kept(self) -> Policy:
        text = self._notebook.fact(KEPT)
        if not text:
            return self._none()
        try:
            found = json.loads(text)
            return self._genuine(Signed(str(found["text"]), str(found["signature"])))
        except (ValueError, TypeError, KeyError):
            log.error("kept policy is damaged")
            return self._none()

    def _first(self, first: Signed | None) -> Policy:
        return self._genuine(first) if first else self._none()

    def _genuine(self, told: Signed) -> Policy:
        try:
            return policy.unseal(self._names_key, self._site, told)
        except BadPolicy as error:
            log.error("policy on disk refused", extra={"reason": str(error)})
            return self._none()

    def _none(self) -> Policy:
        return Policy(self._site, 0, 0)
