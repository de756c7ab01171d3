"""Whose signature on a ticket is believed: the newest key's, and for a minute after a change the former's."""

from captive_portal.gateway.admission import FRESH_S, SiteKey
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.keyring import Keyring


class Signers:
    """Watches a keyring: an arrival that was signed before a change is answered with the former key."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._newest = keyring.current
        self._former: tuple[SiteKey, float] | None = None  # and when it was followed by another

    def now(self, now: Moment) -> tuple[SiteKey, ...]:
        """The keys that count at this moment, the newest first."""
        current = self._keyring.current
        if current != self._newest:
            self._newest, self._former = current, (self._newest, now.seconds)
        if self._former and now.seconds - self._former[1] > FRESH_S:
            self._former = None
        return (current, self._former[0]) if self._former else (current,)
