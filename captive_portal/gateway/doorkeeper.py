"""The keeper of a site's door: carries out what admission and the policy decide."""

import logging
import threading
from collections.abc import Callable, Iterable

from captive_portal.gateway import admission, continuing
from captive_portal.gateway.admission import Admit, Decision, Reason, Refuse, Renew
from captive_portal.gateway.clock import Clock
from captive_portal.gateway.devices import Device, inside
from captive_portal.gateway.enforcer import Enforcer
from captive_portal.gateway.errors import TableGone
from captive_portal.gateway.journal import BY_HAND, Event, Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.lately import Noted
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Blocked, Policy, Terms
from captive_portal.gateway.register import Register
from captive_portal.gateway.roll import Inside
from captive_portal.gateway.ruling import Ruling
from captive_portal.gateway.signers import Signers
from captive_portal.gateway.stays import DISMISSED, LEFT, NOWHERE, ending, usage

log = logging.getLogger(__name__)

NO_ADDRESS = ""


class Doorkeeper:
    """One per gateway; safe from several threads. `news` is set when the controller should hear at once."""

    def __init__(
        self,
        keyring: Keyring,
        enforcer: Enforcer,
        journal: Journal,
        clock: Clock,
        nonce: Callable[[], str],
        ruling: Ruling,
    ) -> None:
        self._marker = keyring.marker
        self._signers = Signers(keyring)
        self._names_key = keyring.current.names
        self._enforcer = enforcer
        self._journal = journal
        self._clock = clock
        self._nonce = nonce
        self._ruling = ruling
        self._register = Register(self._names_key, enforcer, journal, clock, ruling)
        self._once = continuing.Once(journal)
        self._lock = threading.RLock()
        self.news = self._register.news
        ruling.on_change.append(self._obey)

    def start(self) -> None:
        """Shut what must be shut; note what happened while we were away."""
        with self._lock:
            self._register.start()
            self._dismiss_barred()

    def neighbour(self, ip: str) -> Phone | None:
        """The phone that uses this address now."""
        return self._enforcer.neighbour(ip)

    def arrival(self, phone: Phone) -> str:
        """The signed arrival of a phone, fresh; it names the session that the phone is in."""
        now = self._clock.now()
        newest = self._signers.now(now)[0]
        mark = self._marker.mark(phone.mac)
        return admission.arrival(newest, phone, now, self._nonce(), self._session_of(phone), mark)

    def seconds_left(self, phone: Phone) -> int | None:
        """How long this phone may still stay; None when it is not in."""
        found = self._found(phone)
        return int(found[1].until - self._clock.now().seconds) if found else None

    def extensible(self, phone: Phone) -> bool:
        """Whether this phone is in, and the portal said that it may give it more time."""
        live = self._journal.live.get(self._session_of(phone))
        return live is not None and live.longer

    def blocked(self, mac: str) -> Blocked | None:
        """What the policy says of this MAC."""
        return self._ruling.blocked(Phone(mac, NO_ADDRESS).device(self._names_key))

    def barred(self, phone: Phone) -> Blocked | None:
        """Why this phone is kept out; None when it is not, as everybody in an emergency."""
        return None if self._ruling.emergency_left else self.blocked(phone.mac)

    def present(self, phone: Phone, token: str) -> Decision:
        """A phone shows its ticket: open the door for it, or say why not."""
        with self._lock:
            return self._noted(phone, self._judge(phone, token))

    def invitation(self, phone: Phone) -> str:
        """What lets this phone in without the portal, once; "" when it had that already."""
        now = self._clock.now()
        with self._lock:
            used_up = self._once.used(phone.device(self._names_key), self._register.lives, now)
        return "" if used_up else continuing.invitation(self._signers.now(now)[0], phone, now, self._nonce())

    def carry_on(self, phone: Phone, token: str, terms: Terms) -> Decision:
        """A phone pressed the button of our own page: open the door for it, or say why not."""
        with self._lock:
            return self._noted(phone, self._continue(phone, token, terms))

    def admit_by_hand(self, phone: Phone, seconds: int) -> str:
        """Open the door without a ticket, for who stands before it; the session, "" when it is in already."""
        with self._lock:
            if self.seconds_left(phone) is not None:
                return ""
            self.reconcile()
            nonce = self._nonce()
            grant = Admit(f"{BY_HAND}{nonce}", seconds, 0, nonce, "")
            self._register.enter(phone, grant)
            self.news.set()
        log.info("admitted by hand", extra={"session": grant.session, "seconds": seconds})
        return grant.session

    def resume(self, phones: Iterable[Phone]) -> int:
        """Let those of them in who were in when the power went; how many."""
        # without the lock: whoever was not in does not wait for nft
        bindings = {one.binding for one in tuple(self._register.waiting.values())}
        known = [one for one in phones if bindings and one.binding(self._names_key) in bindings]
        if not known:
            return 0
        with self._lock:
            try:
                return self._register.resume(known, self.barred)
            except TableGone:
                self.reconcile()
        return 0

    @property
    def waiting(self) -> int:
        """How many were in when the power went and are not back."""
        return len(self._register.waiting)

    @property
    def tampered(self) -> int:
        """How often somebody had removed the rules, since our start."""
        return self._register.tampered

    def devices(self) -> list[Device]:
        """Everybody who is in, the first to go first."""
        with self._lock:
            rates = {session: one.rate for session, one in self._register.inside.items()}
            return inside(self._register.survey(), rates, self._journal.live)

    def why(self, mac: str) -> list[Noted]:
        """What lately went against this phone, the newest first."""
        with self._lock:
            return self._register.lately.of(mac)

    def leave(self, phone: Phone) -> None:
        """A phone ends its own session."""
        with self._lock:
            for session in self._register.of(phone):
                self._register.finish(session, LEFT)

    def dismiss(self, sessions: Iterable[str]) -> None:
        """End these sessions at once, and let no ticket of theirs open a door again."""
        with self._lock:
            for session in sessions:
                self._enforcer.spend(admission.dismissed(session))
                if session in self._journal.live:
                    self._register.finish(session, DISMISSED)
                elif not self._journal.closing(session):
                    self._journal.closed(ending(session, DISMISSED, None, NOWHERE, self._clock.now()))
                    self.news.set()

    def informed(self, phone: Phone) -> None:
        """This phone was shown the notice of the emergency."""
        with self._lock:
            self._enforcer.informed(phone)

    def reconcile(self) -> None:
        """Note which doors the kernel has shut, and shut those that have used up their octets."""
        with self._lock:
            self._signers.now(self._clock.now())  # so that the former key's minute begins with the change
            self._register.reconcile()

    def keep(self) -> None:
        """Keep what everybody has used, for after a power cut."""
        with self._lock:
            self._register.reconcile()  # so that who is out is kept as out
            self._register.keep()

    def usage(self) -> list[Event]:
        """What everybody inside has used so far."""
        with self._lock:
            now, live = self._clock.now(), self._journal.live
            standings = self._register.survey()
            return [usage(live[name], one, now) for name, one in standings.items() if name in live]

    def _obey(self, _policy: Policy) -> None:
        """Another policy holds, or something in it has ended."""
        with self._lock:
            self._register.survey()
            self._register.govern()
            self._dismiss_barred()

    def _dismiss_barred(self) -> None:
        if self._ruling.emergency_left:
            return
        self.dismiss([name for name, one in self._register.lives.items() if self._ruling.blocked(one.device)])

    def _judge(self, phone: Phone, token: str) -> Decision:
        if self.barred(phone):
            return Refuse(Reason.BLOCKED)
        now = self._clock.now()
        decision = admission.decide_by(self._signers.now(now), token, phone, now, self._enforcer)
        return self._entered(phone, decision, token) if isinstance(decision, Admit) else decision

    def _continue(self, phone: Phone, token: str, terms: Terms) -> Decision:
        if self.barred(phone):
            return Refuse(Reason.BLOCKED)
        if self.seconds_left(phone) is not None:
            return Refuse(Reason.INSIDE)
        now = self._clock.now()
        pressed = continuing.decide_by(self._signers.now(now), token, phone, now, self._enforcer)
        if not isinstance(pressed, Admit):
            return pressed
        device = phone.device(self._names_key)
        grant = self._once.grant(pressed, device, terms, self._register.rest(device), now)
        if grant is None:
            return Refuse(Reason.SPENT)
        decision = self._entered(phone, grant, token)
        if isinstance(decision, Admit):
            self._once.gave(device, now, grant.seconds)
            self.news.set()
        return decision

    def _entered(self, phone: Phone, grant: Admit, token: str) -> Decision:
        try:
            return self._register.enter(phone, grant)
        except TableGone:
            self.reconcile()
            return Renew(token)

    def _noted(self, phone: Phone, decision: Decision) -> Decision:
        if not isinstance(decision, Refuse):
            return decision
        if decision.reason is Reason.SPENT and self.seconds_left(phone):
            decision = Refuse(Reason.INSIDE, decision.language)
        self._register.lately.refused(phone, decision.reason.value, self._clock.now())
        return decision

    def _session_of(self, phone: Phone) -> str:
        found = self._found(phone)
        return found[0] if found else ""

    def _found(self, phone: Phone) -> tuple[str, Inside] | None:
        # without the lock: whoever asks for the way does not wait for nft
        now, here = self._clock.now().seconds, self._register.inside.at(phone.ip)
        return next(((name, one) for name, one in here if one.phone == phone and one.until > now), None)
