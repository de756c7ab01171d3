"""The keeper of a site's door: carries out what admission decides, and notes what came of it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from captive_portal.gateway import admission
from captive_portal.gateway.admission import ROUNDING_S, Admit, Decision, Reason, Refuse, Renew, SiteKey
from captive_portal.gateway.clock import Clock, Moment
from captive_portal.gateway.devices import Device, inside
from captive_portal.gateway.enforcer import Ceiling, Enforcer, Standing, Terms
from captive_portal.gateway.errors import TableGone
from captive_portal.gateway.journal import BY_HAND, Event, Journal, Live
from captive_portal.gateway.lately import Lately, Noted
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import Rate

log = logging.getLogger(__name__)

LEFT: Final = "User-Request"
DISMISSED: Final = "Admin-Reset"
EXPIRED: Final = "Session-Timeout"
REBOOTED: Final = "NAS-Reboot"
LOST: Final = "Lost-Service"
REPLACED: Final = "Lost-Carrier"
USED_UP: Final = "Octet-Limit"

NOWHERE: Final = Standing(None, None)
SLACK_S: Final = 2
"""The kernel tells whole seconds: within this, its time and ours are the same."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Who is in, and until when (seconds since boot); the rate is None when it was set before our start."""

    phone: Phone
    until: float
    rate: Rate | None = None


class Doorkeeper:
    """One per gateway; safe from several threads. `news` is set when the controller should hear at once."""

    def __init__(
        self, site: SiteKey, enforcer: Enforcer, journal: Journal, clock: Clock, nonce: Callable[[], str]
    ) -> None:
        self.news = threading.Event()
        self._site = site
        self._enforcer = enforcer
        self._journal = journal
        self._clock = clock
        self._nonce = nonce
        self._inside: dict[str, Inside] = {}
        self._lately = Lately(site)
        self._lock = threading.RLock()

    def start(self) -> None:
        """Shut what must be shut; note what happened while we were away."""
        with self._lock:
            self._enforcer.start()
            self.reconcile()

    def neighbour(self, ip: str) -> Phone | None:
        """The phone that uses this address now."""
        return self._enforcer.neighbour(ip)

    def arrival(self, phone: Phone) -> str:
        """The signed arrival of a phone, fresh; it names the session that the phone is in."""
        now = self._clock.now()
        return admission.arrival(self._site, phone, now, self._nonce(), self._session_of(phone, now))

    def seconds_left(self, phone: Phone) -> int | None:
        """How long this phone may still stay; None when it is not in."""
        now = self._clock.now().seconds
        with self._lock:
            return next((int(one.until - now) for one in self._within() if one.phone == phone), None)

    def extensible(self, phone: Phone) -> bool:
        """Whether this phone is in, and the portal said that it may give it more time."""
        live = self._journal.live.get(self._session_of(phone, self._clock.now()))
        return live is not None and live.longer

    def present(self, phone: Phone, token: str) -> Decision:
        """A phone shows its ticket: open the door for it, or say why not."""
        with self._lock:
            decision = self._judge(phone, token)
            if isinstance(decision, Refuse):
                self._lately.refused(phone, decision.reason.value, self._clock.now())
        return decision

    def _judge(self, phone: Phone, token: str) -> Decision:
        decision = admission.decide(self._site, token, phone, self._clock.now(), self._enforcer)
        if isinstance(decision, Admit):
            try:
                decision = self._admit(phone, decision)
            except TableGone:
                self.reconcile()
                return Renew(token)
        if isinstance(decision, Refuse) and decision.reason is Reason.SPENT and self.seconds_left(phone):
            return Refuse(Reason.INSIDE, decision.language)
        return decision

    def admit_by_hand(self, phone: Phone, seconds: int) -> str:
        """Open the door without a ticket, for who stands before it; the session, "" when it is in already."""
        with self._lock:
            if self.seconds_left(phone) is not None:
                return ""
            self.reconcile()
            nonce = self._nonce()
            grant = Admit(f"{BY_HAND}{nonce}", seconds, 0, nonce, "")
            self._admit(phone, grant)
            self.news.set()
        log.info("admitted by hand", extra={"session": grant.session, "seconds": seconds})
        return grant.session

    def devices(self) -> list[Device]:
        """Everybody who is in, the first to go first."""
        with self._lock:
            return inside(self._survey(), {session: one.rate for session, one in self._inside.items()})

    def why(self, mac: str) -> list[Noted]:
        """What lately went against this phone, the newest first."""
        with self._lock:
            return self._lately.of(mac)

    def leave(self, phone: Phone) -> None:
        """A phone ends its own session."""
        with self._lock:
            for session in self._sessions_of(lambda other: other == phone):
                self._finish(session, LEFT, self._enforcer.survey())

    def dismiss(self, sessions: Iterable[str]) -> None:
        """End these sessions at once, and let no ticket of theirs open a door again."""
        with self._lock:
            for session in sessions:
                self._enforcer.spend(admission.dismissed(session))
                if session in self._journal.live:
                    self._finish(session, DISMISSED, self._enforcer.survey())
                elif not self._journal.closing(session):
                    self._journal.closed(self._ending(session, DISMISSED, NOWHERE))
                    self.news.set()

    def reconcile(self) -> None:
        """Note which doors the kernel has shut, and shut those that have used up their octets."""
        with self._lock:
            standings = self._survey()
            now = self._clock.now()
            before = self._inside
            self._inside = {
                session: Inside(one.phone, now.seconds + one.seconds_left, _known_rate(before.get(session)))
                for session, one in standings.items()
                if one.phone is not None and one.seconds_left is not None
            }
            for session in self._inside.keys() - before.keys():
                self._lately.entered(session, self._inside[session].phone)
            for session in self._inside.keys() - self._journal.live.keys():
                until, ceiling = self._inside[session].until, standings[session].ceiling or Ceiling()
                live = Live(session, now.boot, now.seconds, until, ceiling.here, ceiling.total)
                self._journal.opened(live)
            self._catch_up(standings)
            for session, live in self._journal.live.items():
                cause = self._over(live, standings.get(session, NOWHERE), now)
                if cause:
                    self._finish(session, cause, standings)
            for session in standings.keys() - self._journal.live.keys():
                self._enforcer.close(session)

    def usage(self) -> list[Event]:
        """What everybody inside has used so far."""
        now = self._clock.now()
        with self._lock:
            live, standings = self._journal.live, self._survey()
            return [
                Event("usage", session, now.boot, now.seconds, _seconds(live[session], now), down, up)
                for session, one in standings.items()
                if session in live
                for down, up in [(one.octets_down, one.octets_up)]
            ]

    def _admit(self, phone: Phone, grant: Admit) -> Decision:
        """Raises TableGone."""
        now = self._clock.now()
        before = self._inside.get(grant.session)
        if before and before.phone == phone and before.until > now.seconds:
            return self._prolong(phone, grant, now)
        for session in self._sessions_of(lambda other: other.ip == phone.ip) - {grant.session}:
            self._finish(session, REPLACED, self._enforcer.survey())
        if before:
            self._enforcer.close(grant.session)
        terms = Terms(grant.session, grant.seconds, Ceiling(grant.octets, grant.total), _rate(grant))
        if not self._enforcer.admit(phone, terms, grant.nonce):
            return Refuse(Reason.SPENT, grant.language)
        until = now.seconds + grant.seconds
        self._inside[grant.session] = Inside(phone, until, terms.rate)
        self._lately.entered(grant.session, phone)
        caps = grant.octets, grant.total, grant.longer
        self._journal.opened(Live(grant.session, now.boot, now.seconds, until, *caps))
        log.info("door opened", extra={"session": grant.session, "seconds": grant.seconds})
        return grant

    def _prolong(self, phone: Phone, grant: Admit, now: Moment) -> Decision:
        """A ticket of the session that this phone is in: what is more in it than before is given."""
        live = self._journal.live[grant.session]
        longer = _longer(live, grant, now)
        left_s = int(longer.until - now.seconds + ROUNDING_S)
        terms = Terms(grant.session, left_s, Ceiling(longer.octets, longer.total), _rate(grant))
        if longer == live or left_s < 1:
            spent = not self._enforcer.spend(grant.nonce)
            return Refuse(Reason.SPENT, grant.language) if spent else grant
        if not self._enforcer.prolong(phone, terms, grant.nonce):
            return Refuse(Reason.SPENT, grant.language)
        self._inside[grant.session] = Inside(phone, longer.until, terms.rate)
        self._journal.prolonged(longer)
        log.info("door stays open", extra={"session": grant.session, "seconds": left_s})
        return grant

    def _catch_up(self, standings: Mapping[str, Standing]) -> None:
        """We may have been killed between a prolongation and its note: what the kernel has holds."""
        for session, live in self._journal.live.items():
            if session not in self._inside:
                continue
            kernels = self._inside[session].until
            until = kernels if kernels > live.until + SLACK_S else live.until
            ceiling = standings[session].ceiling or Ceiling(live.octets, live.total)
            known = replace(live, until=until, octets=ceiling.here, total=ceiling.total)
            if known != live:
                self._journal.prolonged(known)

    def _finish(self, session: str, cause: str, standings: Mapping[str, Standing]) -> None:
        """Shut a door for good and note it."""
        event = self._ending(session, cause, standings.get(session, NOWHERE))
        if session in standings:
            self._enforcer.close(session)
        self._inside.pop(session, None)
        self._journal.closed(event)
        self._lately.ended(session, cause, self._clock.now())
        self.news.set()
        log.info("door shut", extra={"session": session, "cause": cause})

    def _ending(self, session: str, cause: str, standing: Standing) -> Event:
        now, live = self._clock.now(), self._journal.live.get(session)
        if live is None or live.boot != now.boot:
            return Event("closed", session, now.boot, 0.0 if cause == REBOOTED else now.seconds, cause=cause)
        end = Moment(now.boot, min(now.seconds, live.until))
        totals = _seconds(live, end), standing.octets_down, standing.octets_up
        return Event("closed", session, now.boot, end.seconds, *totals, cause)

    def _over(self, live: Live, standing: Standing, now: Moment) -> str:
        """Why a session that is on record is over; empty when it is not."""
        if live.boot != now.boot:
            return REBOOTED
        if standing.seconds_left is None:
            return EXPIRED if now.seconds >= live.until - 1 else LOST
        used = (standing.octets_up or 0) + (standing.octets_down or 0)
        return USED_UP if standing.used_up or 0 < live.octets <= used else ""

    def _survey(self) -> Mapping[str, Standing]:
        try:
            return self._enforcer.survey()
        except TableGone:
            log.error("the rules were removed by somebody; applied again, every door is shut")
            self._enforcer.start()
            return self._enforcer.survey()

    def _sessions_of(self, wanted: Callable[[Phone], bool]) -> set[str]:
        return {session for session, one in self._inside.items() if wanted(one.phone)}

    def _session_of(self, phone: Phone, now: Moment) -> str:
        # without the lock: whoever asks for the way does not wait for nft
        within = (
            name
            for name, one in tuple(self._inside.items())
            if one.phone == phone and one.until > now.seconds
        )
        return next(within, "")

    def _within(self) -> list[Inside]:
        now = self._clock.now().seconds
        return [one for one in self._inside.values() if one.until > now]


def _rate(grant: Admit) -> Rate:
    return Rate(grant.rate_down, grant.rate_up)


def _known_rate(before: Inside | None) -> Rate | None:
    return before.rate if before else None


def _seconds(live: Live, now: Moment) -> int:
    return max(0, int(now.seconds - live.at))


def _longer(live: Live, grant: Admit, now: Moment) -> Live:
    """The session after this ticket: never shorter than before, its cap higher by what the whole's is."""
    until = max(live.until, now.seconds + grant.seconds)
    octets, total = live.octets, live.total
    if not grant.octets:
        octets = total = 0
    elif octets and total < grant.total:
        # what an older portal or gateway did not tell raises nothing
        octets, total = (octets + grant.total - total if total else octets), grant.total
    return replace(live, until=until, octets=octets, total=total, longer=grant.longer)
