"""What lately went against a phone: known by its pseudonym, in memory alone, for who asks why."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from captive_portal.gateway.clock import Moment
from captive_portal.gateway.phone import Phone

AT_MOST: Final = 64
NO_ADDRESS: Final = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """A refusal (a `Reason`) or the end of a session (its cause), at seconds since boot."""

    device: str
    at_s: float
    what: str


class Lately:
    """The last AT_MOST notes of all phones; no MAC is kept."""

    def __init__(self, names_key: bytes) -> None:
        self._key = names_key
        self._notes: deque[Noted] = deque(maxlen=AT_MOST)
        self._devices: dict[str, str] = {}  # whose session it is

    def entered(self, session: str, phone: Phone) -> None:
        """Whose session this is, so that its end can be noted."""
        self._devices[session] = phone.device(self._key)

    def ended(self, session: str, cause: str, now: Moment) -> None:
        """A session is over."""
        device = self._devices.pop(session, None)
        if device:
            self._notes.append(Noted(device, now.seconds, cause))

    def refused(self, phone: Phone, reason: str, now: Moment) -> None:
        """A ticket of this phone opened nothing."""
        self._notes.append(Noted(phone.device(self._key), now.seconds, reason))

    def of(self, mac: str) -> list[Noted]:
        """What is noted of this phone, the newest first."""
        device = Phone(mac, NO_ADDRESS).device(self._key)
        return [one for one in reversed(tuple(self._notes)) if one.device == device]
