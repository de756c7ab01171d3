"""Who is in, and who was when the power went: what the kernel, the disk and the controller know of each stay.

For one thread at a time: the doorkeeper has the lock.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from captive_portal.gateway import resuming, stays
from captive_portal.gateway.admission import ROUNDING_S, Admit, Decision, Reason, Refuse
from captive_portal.gateway.clock import Clock, Moment
from captive_portal.gateway.enforcer import Ceiling, Enforcer, Regime, Standing
from captive_portal.gateway.errors import TableGone
from captive_portal.gateway.journal import Journal, Live
from captive_portal.gateway.lately import Lately
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.resuming import Minutes
from captive_portal.gateway.roll import Inside, Roll
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.shaping import Rate
from captive_portal.gateway.stays import NOWHERE, REBOOTED, REPLACED

log = logging.getLogger(__name__)


class Register:
    """One per gateway. `news` is set when the controller should hear at once.

    `tampered` is how often the rules were found removed.
    """

    def __init__(
        self, names_key: bytes, enforcer: Enforcer, journal: Journal, clock: Clock, ruling: Ruling
    ) -> None:
        self.news = threading.Event()
        self.inside = Roll()
        self.waiting: dict[str, Live] = {}
        self.tampered = 0
        self.lately = Lately(names_key)
        self._names_key = names_key
        self._enforcer = enforcer
        self._journal = journal
        self._clock = clock
        self._ruling = ruling
        self._minutes = Minutes(journal)
        self._began_s = 0.0

    @property
    def lives(self) -> Mapping[str, Live]:
        """Every session that is not over, its end in seconds of this boot."""
        return {**self._journal.live, **self.waiting}

    def rest(self, device: str) -> Mapping[str, Live]:
        """The sessions of a device that are not over, each with what is left of its cap."""
        standings = self.survey()
        mine = {name: live for name, live in self.lives.items() if live.device == device}
        return {name: stays.rest(live, standings.get(name, NOWHERE)) for name, live in mine.items()}

    def of(self, phone: Phone) -> list[str]:
        """The sessions that this phone is in, or was when the power went."""
        binding = phone.binding(self._names_key)
        here = [name for name, one in self.inside.at(phone.ip) if one.phone == phone]
        return here + [name for name, one in self.waiting.items() if one.binding == binding]

    def start(self) -> None:
        """Shut what must be shut; note what happened while we were away."""
        self._enforcer.start()
        self.govern()
        now = self._clock.now()
        self._began_s = resuming.began_s(self._journal, now)
        for session, live in self._journal.live.items():
            if live.boot != now.boot:
                self.waiting[session] = self._stood(live, now)
        self.reconcile()

    def govern(self) -> None:
        """Have the policy hold in the kernel."""
        self._enforcer.govern(Regime(self._ruling.policy.ipv6, self._ruling.filtered))
        self._enforcer.open_to_all(self._ruling.emergency_left)

    def enter(self, phone: Phone, grant: Admit) -> Decision:
        """Open the door that was granted, or let it be open longer. Raises TableGone."""
        now, here = self._clock.now(), self.inside.get(grant.session)
        if here and here.phone == phone and here.until > now.seconds:
            return self._prolong(phone, grant, now)
        self._make_way(phone, grant.session)
        live = self._begun(phone, grant, now)
        if here:
            self._enforcer.close(grant.session)
        if not self._enforcer.admit(phone, stays.terms(live, grant.seconds), grant.nonce):
            return Refuse(Reason.SPENT, grant.language)
        self._note(phone, live)
        log.info("door opened", extra={"session": grant.session, "seconds": grant.seconds})
        return grant

    def resume(self, phones: Iterable[Phone], barred: Callable[[Phone], object]) -> int:
        """Open the doors of those that wait for it, but of who is `barred`; how many. Raises TableGone."""
        opened = 0
        for phone in phones:
            binding, now = phone.binding(self._names_key), self._clock.now()
            found = [one for one in self.waiting.values() if one.binding == binding]
            for live in found:
                if barred(phone):
                    self.finish(live.session, stays.DISMISSED)
                elif live.until - now.seconds >= 1:
                    opened += self._resume(phone, live, now)
        return opened

    def finish(self, session: str, cause: str, standings: Mapping[str, Standing] | None = None) -> None:
        """Shut a door for good and note it."""
        known = self._enforcer.survey() if standings is None else standings
        live = self.waiting.pop(session, None) or self._journal.live.get(session)
        event = stays.ending(session, cause, live, known.get(session, NOWHERE), self._clock.now())
        if session in known:
            self._enforcer.close(session)
        self.inside.pop(session, None)
        self._journal.closed(event)
        self.lately.ended(session, cause, self._clock.now())
        self.news.set()
        log.info("door shut", extra={"session": session, "cause": cause})

    def reconcile(self) -> None:
        """Note which doors the kernel has shut, and shut those that have used up their octets."""
        standings, now = self.survey(), self._clock.now()
        before, lives = self.inside, self._journal.live
        self.inside = Roll(
            {
                session: Inside(one.phone, now.seconds + one.seconds_left, _rate(session, before, lives))
                for session, one in standings.items()
                if one.phone is not None and one.seconds_left is not None
            }
        )
        for session in self.inside.keys() - before.keys():
            self.lately.entered(session, self.inside[session].phone)
        for session, one in self.inside.items():
            self._catch_up(lives.get(session), session, one, standings[session], now)
        for session, live in self._journal.live.items():
            cause = self._over(live, standings.get(session, NOWHERE), now)
            if cause:
                self.finish(session, cause, standings)
        for session in standings.keys() - self._journal.live.keys():
            self._enforcer.close(session)

    def survey(self) -> Mapping[str, Standing]:
        """How each session stands; the rules are made anew when somebody removed them."""
        try:
            return self._enforcer.survey()
        except TableGone:
            log.error("the rules were removed by somebody; applied again, every door is shut")
            self.tampered += 1
            self._enforcer.start()
            self.govern()
            return self._enforcer.survey()

    def keep(self) -> None:
        """Keep what has been used, for after a power cut."""
        standings = self.survey()
        self._minutes.keep(standings, self._journal.live.values(), self._clock.now(), self._began_s)

    def _stood(self, live: Live, now: Moment) -> Live:
        found = resuming.stood(live, self._minutes.of(live.boot), now, self._began_s)
        return found if resuming.resumable(live, found) else replace(found, until=self._began_s)

    def _make_way(self, phone: Phone, session: str) -> None:
        binding = phone.binding(self._names_key)
        here = {name for name, _ in self.inside.at(phone.ip)}
        back = {name for name, one in self.waiting.items() if one.binding == binding}
        for name in (here | back) - {session}:
            self.finish(name, REPLACED)

    def _begun(self, phone: Phone, grant: Admit, now: Moment) -> Live:
        """The session that this grant begins, or carries to another address or over a power cut."""
        made = Live(
            grant.session, now.boot, now.seconds, now.seconds + grant.seconds, grant.octets, grant.total,
            grant.longer, phone.binding(self._names_key), down_kbps=grant.rate_down,
            up_kbps=grant.rate_up, device=phone.device(self._names_key),
        )  # fmt: skip
        before = self.waiting.get(grant.session) or self._journal.live.get(grant.session)
        if before is None:
            return made
        standing = self._enforcer.survey().get(grant.session, NOWHERE)
        down, up, before_s = stays.carried(before, standing, now)
        return replace(made, down=down, up=up, before_s=before_s)

    def _note(self, phone: Phone, live: Live) -> None:
        known = live.session in self._journal.live
        self.waiting.pop(live.session, None)
        self.inside[live.session] = Inside(phone, live.until, stays.rate(live))
        self.lately.entered(live.session, phone)
        # to the controller it is no event that a session goes on at another address or after a power cut
        self._journal.prolonged(live) if known else self._journal.opened(live)

    def _prolong(self, phone: Phone, grant: Admit, now: Moment) -> Decision:
        """A ticket of the session that this phone is in: what is more in it than before is given."""
        live = self._journal.live[grant.session]
        longer = stays.longer(live, grant, now)
        left_s = int(longer.until - now.seconds + ROUNDING_S)
        if longer == live or left_s < 1:
            spent = not self._enforcer.spend(grant.nonce)
            return Refuse(Reason.SPENT, grant.language) if spent else grant
        if not self._enforcer.prolong(phone, stays.terms(longer, left_s), grant.nonce):
            return Refuse(Reason.SPENT, grant.language)
        self.inside[grant.session] = Inside(phone, longer.until, stays.rate(longer))
        self._journal.prolonged(longer)
        log.info("door stays open", extra={"session": grant.session, "seconds": left_s})
        return grant

    def _resume(self, phone: Phone, live: Live, now: Moment) -> bool:
        left_s = int(live.until - now.seconds)
        once = f"resumed {live.session} {now.boot}"
        if not self._enforcer.admit(phone, stays.terms(live, left_s), once):
            self.finish(live.session, REBOOTED)
            return False
        self._note(phone, replace(live, boot=now.boot, at=now.seconds))
        log.info("door open again", extra={"session": live.session, "seconds": left_s})
        return True

    def _catch_up(
        self, live: Live | None, session: str, here: Inside, standing: Standing, now: Moment
    ) -> None:
        """We may have been killed between a step in the kernel and its note: what the kernel has holds."""
        if live is None:
            ceiling = standing.ceiling or Ceiling()
            seconds = round(here.until - now.seconds)
            grant = Admit(session, seconds, ceiling.here, "", "", ceiling.total)
            self._journal.opened(replace(self._begun(here.phone, grant, now), until=here.until))
            return
        waited = self.waiting.pop(session, None)
        noted = replace(waited, boot=now.boot, at=now.seconds) if waited else live
        known = stays.caught_up(noted, here.until, standing)
        if known != live:
            self._journal.prolonged(known)

    def _over(self, live: Live, standing: Standing, now: Moment) -> str:
        """Why a session that is on record is over; empty when it is not."""
        if live.boot == now.boot:
            return stays.over(live, standing, now)
        waited = self.waiting.get(live.session)
        return "" if waited and waited.until > now.seconds else REBOOTED


def _rate(session: str, before: Mapping[str, Inside], lives: Mapping[str, Live]) -> Rate | None:
    if session in before:
        return before[session].rate
    return stays.rate(lives[session]) if session in lives else None
