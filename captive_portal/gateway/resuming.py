"""Who was in when the power went comes back without a tap, with what was left to it.

Nothing on disk names a phone: a session is known by the pseudonym of its phone's MAC and address together, so
another phone never gets it, nor a copied MAC with another address. What was used is kept each minute.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from captive_portal.gateway.borrowed import Notebook
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.enforcer import Standing
from captive_portal.gateway.journal import Live

log = logging.getLogger(__name__)

USED: Final = "used"
BEGAN: Final = "began"


@dataclass(frozen=True, slots=True)
class Minute:
    """The last minute that was kept of a boot: at seconds of it, octets down and up of each session.

    `waited` is how long those who were in then have waited for their phone in later boots, each by its name.
    """

    at: float = 0.0
    octets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    waited: Mapping[str, float] = field(default_factory=dict)


class Minutes:
    """What was used at the doors, boot by boot, on disk."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        self._of = _read(notebook.fact(USED))

    def of(self, boot: str) -> Minute:
        """What was kept last of this boot."""
        return self._of.get(boot, Minute())

    def keep(
        self, standings: Mapping[str, Standing], lives: Iterable[Live], now: Moment, began: float
    ) -> None:
        """Keep what has been used; of earlier boots as long as a session is on record from then.

        Whose phone has not come since this boot `began` has that much less.
        """
        boots = {live.boot for live in lives} - {now.boot}
        octets = {
            session: (one.octets_down or 0, one.octets_up or 0)
            for session, one in standings.items()
            if one.seconds_left is not None
        }
        waited = {now.boot: now.seconds - began}
        kept = {boot: replace(one := self.of(boot), waited={**one.waited, **waited}) for boot in boots}
        self._of = {**kept, now.boot: Minute(now.seconds, octets)} if octets else kept
        told = {boot: [one.at, one.octets, one.waited] for boot, one in self._of.items()}
        text = json.dumps(told) if told else ""
        if text != self._notebook.fact(USED):
            self._notebook.keep(USED, text)


def began_s(notebook: Notebook, now: Moment) -> float:
    """When a program first ran in this boot, seconds; from then on who waits has its time run."""
    boot, _, told = notebook.fact(BEGAN).partition(" ")
    try:
        at_s = float(told)
    except ValueError:
        at_s = now.seconds
    if boot == now.boot and at_s <= now.seconds:
        return at_s
    notebook.keep(BEGAN, f"{now.boot} {now.seconds!r}")
    return now.seconds


def stood(live: Live, minute: Minute, now: Moment, began: float) -> Live:
    """A session of an earlier boot as the last minute left it, its end in seconds of this boot.

    The rest of its time runs from `began`. Its `boot` stays the earlier one until it is resumed.
    """
    waited_s = sum(seconds for boot, seconds in minute.waited.items() if boot != now.boot)
    if live.session not in minute.octets:
        left_s = live.until - live.at
        return replace(live, at=began, until=began + left_s - waited_s)
    passed_s = max(0.0, min(minute.at, live.until) - live.at)
    down, up = minute.octets[live.session]
    return replace(
        live,
        at=began,
        until=began + live.until - live.at - passed_s - waited_s,
        octets=max(0, live.octets - down - up),
        down=live.down + down,
        up=live.up + up,
        before_s=live.before_s + int(passed_s),
    )


def resumable(before: Live, after: Live) -> bool:
    """Whether there is something left of the session, and a phone to know it by."""
    capped_out = before.octets and not after.octets
    return bool(after.binding) and after.until - after.at >= 1 and not capped_out


def _read(text: str) -> dict[str, Minute]:
    if not text:
        return {}
    try:
        found = json.loads(text)
        return {str(boot): _minute(*told) for boot, told in found.items()}
    except (ValueError, TypeError, AttributeError):
        log.error("kept usage is damaged: who was in has the whole of its time again")
        return {}


def _minute(at: Any, octets: Any, waited: Any) -> Minute:
    """Raises ValueError, TypeError, AttributeError."""
    return Minute(
        float(at),
        {str(name): (int(down), int(up)) for name, (down, up) in octets.items()},
        {str(boot): float(seconds) for boot, seconds in waited.items()},
    )
