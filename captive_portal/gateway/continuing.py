"""One tap at the gateway's own page, while the portal is out of reach and the Internet is not.

The page holds a token that only this phone can use, once: so no other site's page can press its button.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from captive_portal.gateway.admission import (
    ROUNDING_S,
    Admit,
    Decision,
    NonceMemory,
    Reason,
    Refuse,
    Renew,
    SiteKey,
)
from captive_portal.gateway.borrowed import Notebook
from captive_portal.gateway.clock import Moment, read_stamp
from captive_portal.gateway.journal import AWAY, Live
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Terms
from captive_portal.gateway.ticket import BadToken, Fields, seal, unseal

KEPT: Final = "continued"
PURPOSE: Final = "continue"
FRESH_S: Final = 900
"""How long the button works: less than a spent nonce is remembered."""


def invitation(site: SiteKey, phone: Phone, now: Moment, nonce: str) -> str:
    """What the button carries."""
    fields: Fields = {"binding": phone.binding(site.names), "stamp": now.stamp(), "nonce": nonce}
    return seal(site.key, PURPOSE, fields)


def decide(site: SiteKey, token: str, phone: Phone, now: Moment, memory: NonceMemory) -> Decision:
    """Whether this is our button, pressed by this phone: its nonce in a grant without terms; else why not."""
    try:
        fields = unseal(site.key, PURPOSE, token)
        stamp, nonce = read_stamp(str(fields.get("stamp"))), str(fields["nonce"])
    except (BadToken, ValueError, KeyError):
        return Refuse(Reason.INVALID)
    if fields.get("binding") != phone.binding(site.names):
        return Refuse(Reason.INVALID)
    if memory.spent(nonce):
        return Refuse(Reason.SPENT)
    known = stamp.boot == now.boot == memory.since.boot and memory.since.seconds < stamp.seconds
    fresh = known and -ROUNDING_S <= now.seconds - stamp.seconds <= FRESH_S
    return Admit(f"{AWAY}{nonce}", 0, 0, nonce, "") if fresh else Renew(token)


def decide_by(
    keys: Sequence[SiteKey], token: str, phone: Phone, now: Moment, memory: NonceMemory
) -> Decision:
    """What `decide` says by the first of these keys that signed it."""
    said = (decide(key, token, phone, now, memory) for key in keys)
    invalid = Refuse(Reason.INVALID)
    return next((one for one in said if one != invalid), invalid)


class Once:
    """A device gets no second session of this kind before the time of its first is over.

    Whose address changed meanwhile, or who comes back after a power cut, gets the rest of the first; who left
    it and then had a power cut may have another.
    """

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._until: dict[str, tuple[str, float]] = _read(notebook.fact(KEPT))  # a boot, and seconds of it

    def gave(self, device: str, now: Moment, seconds: int) -> None:
        """This device has one now, for so long."""
        self._forget(now)
        self._until[device] = now.boot, now.seconds + seconds
        self._notebook.keep(KEPT, json.dumps(self._until))

    def used(self, device: str, lives: Mapping[str, Live], now: Moment) -> bool:
        """Whether there is nothing more for this device now."""
        self._forget(now)
        return device in self._until and _first(device, lives) is None

    def grant(
        self, pressed: Admit, device: str, terms: Terms, lives: Mapping[str, Live], now: Moment
    ) -> Admit | None:
        """What the policy gives to who pressed the button, or the rest of it; None for nothing more."""
        if self.used(device, lives, now):
            return None
        first = _first(device, lives)
        if first is None:
            return Admit(
                pressed.session, terms.seconds, terms.octets, pressed.nonce, "", total=terms.octets,
                rate_down=terms.down_kbps, rate_up=terms.up_kbps,
            )  # fmt: skip
        left_s = int(first.until - now.seconds)
        if left_s < 1 or (first.total and not first.octets):
            return None
        return Admit(
            first.session, left_s, first.octets, pressed.nonce, "", total=first.total,
            rate_down=first.down_kbps, rate_up=first.up_kbps,
        )  # fmt: skip

    def _forget(self, now: Moment) -> None:
        self._until = {
            one: (boot, until)
            for one, (boot, until) in self._until.items()
            if boot == now.boot and until > now.seconds
        }


def _first(device: str, lives: Mapping[str, Live]) -> Live | None:
    mine = (live for live in lives.values() if live.device == device and live.session.startswith(AWAY))
    return next(mine, None)


def _read(text: str) -> dict[str, tuple[str, float]]:
    try:
        found = json.loads(text or "{}")
        return {str(one): (str(boot), float(until)) for one, (boot, until) in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
