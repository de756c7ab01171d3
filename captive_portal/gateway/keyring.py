"""The site's keys, which the controller may change while the program runs."""

from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.monthly import Marker


class Keyring:
    """What signs now, and in `marker` what devices are counted by.

    One per gateway; whoever signs or checks asks for `current` each time.
    """

    def __init__(self, site: SiteKey, marker: Marker | None = None) -> None:
        self._current = site
        self.marker = marker or Marker()

    @property
    def current(self) -> SiteKey:
        """The keys of the newest epoch that we were told."""
        return self._current

    def adopt(self, epoch: int, key: bytes) -> bool:
        """Sign with the key of a later epoch from now on; False when it is not later."""
        now = self._current
        if epoch <= now.epoch or len(key) != len(now.key):
            return False
        self._current = SiteKey(now.site, key, now.names, epoch)
        return True
