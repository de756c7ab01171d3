"""Whatever phones, thieves, restarts, power cuts and policies do: no door opens without a fresh ticket.

But that of who was in before the power cut, for what was left to it; and of who presses our own button, once.
"""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from captive_portal.gateway.admission import Admit, SiteKey
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.journal import Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.policy import Terms
from captive_portal.gateway.ticket import unseal
from tests.gateway.conftest import KEY, SITE, Clock, Portal
from tests.gateway.ruled import NOW, blocking, ruling, sealed

IPS = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


class Door(RuleBasedStateMachine):
    """A gateway with its real journal and ledger on disk; the model beside it is a few lines."""

    arrivals = Bundle("arrivals")
    tickets = Bundle("tickets")

    @initialize()
    def build(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.portal = Portal()
        self.nonces = 0
        self.used: set[str] = set()
        self.dismissed: set[str] = set()
        self.until: dict[str, tuple[str, float]] = {}  # address: boot, until
        self.opened: dict[str, float] = {}  # address: when, in seconds of this boot
        self.kept_s = 0.0
        self.session: dict[str, str] = {}
        self.away_until: dict[str, float] = {}
        self.serial = 0
        self.blocked: set[str] = set()
        self.start()

    def start(self) -> None:
        directory = Path(self.directory.name)
        self.journal = Journal(directory / "journal")
        ledger = Ledger(directory / "ledger.json", self.clock)
        self.ruling = rules = ruling(self.journal, self.clock)
        keys = Keyring(SiteKey(SITE, KEY))
        self.keeper = Doorkeeper(keys, ledger, self.journal, self.clock, self.nonce, rules)
        self.keeper.start()

    def nonce(self) -> str:
        self.nonces += 1
        return f"nonce{self.nonces}"

    def phone(self, ip: str) -> Phone:
        found = self.keeper.neighbour(ip)
        assert found is not None
        return found

    @rule(target=arrivals, ip=st.sampled_from(IPS))
    def arrive(self, ip: str) -> str:
        return self.keeper.arrival(self.phone(ip))

    @rule(target=tickets, arrival=arrivals, seconds=st.integers(1, 200))
    def tap(self, arrival: str, seconds: int) -> str:
        return self.portal.ticket(arrival, seconds)

    @rule(ip=st.sampled_from(IPS), seconds=st.integers(20, 200), octets=st.integers(0, 9))
    def enter(self, ip: str, seconds: int, octets: int) -> None:
        self.clock.seconds += 0.01  # what is stamped at the moment of a restart is renewed
        arrival = self.keeper.arrival(self.phone(ip))
        self.present(self.portal.ticket(arrival, seconds, octets, total=octets), ip)

    def insiders(self) -> list[str]:
        return [ip for ip in IPS if self.keeper.seconds_left(self.phone(ip))]

    @precondition(lambda self: self.insiders())
    @rule(data=st.data(), seconds=st.integers(1, 200), octets=st.integers(0, 9))
    def stay_longer(self, data: st.DataObject, seconds: int, octets: int) -> None:
        """The portal writes a ticket of the session that the phone is in."""
        ip = data.draw(st.sampled_from(self.insiders()))
        arrival = self.keeper.arrival(self.phone(ip))
        told = {"session": unseal(KEY, "arrival", arrival)["session"], "total": 10 * octets, "longer": 1}
        self.present(self.portal.ticket(arrival, seconds, octets, **told), ip)

    @precondition(lambda self: self.insiders())
    @rule(data=st.data(), seconds=st.integers(1, 200), octets=st.integers(0, 9))
    def stay_longer_and_be_killed_before_it_is_noted(
        self, data: st.DataObject, seconds: int, octets: int
    ) -> None:
        directory = Path(self.directory.name)
        before = {path: path.read_bytes() for path in directory.glob("journal*") if path.suffix != "-shm"}
        self.stay_longer(data, seconds, octets)
        self.journal.close()
        for path in directory.glob("journal*"):
            path.unlink()
        for path, octets_before in before.items():
            path.write_bytes(octets_before)
        self.start()

    @rule(target=tickets, ticket=tickets, place=st.integers(0, 400), letter=st.sampled_from("Ab3-."))
    def forge(self, ticket: str, place: int, letter: str) -> str:
        return ticket[:place] + letter + ticket[place + 1 :]

    @rule(ticket=tickets, ip=st.sampled_from(IPS))
    def present(self, ticket: str, ip: str) -> None:
        stays = str(unseal(KEY, "arrival", self.keeper.arrival(self.phone(ip))).get("session", ""))
        decision = self.keeper.present(self.phone(ip), ticket)
        if isinstance(decision, Admit):
            self.check_admission(ticket, ip)
            fields = unseal(KEY, "ticket", ticket)
            self.used.add(str(fields["nonce"]))
            until = self.clock.seconds + int(fields["seconds"])
            if stays == fields["session"]:
                until = max(until, self.until[ip][1])
                self.opened.setdefault(ip, self.clock.seconds)
            else:
                self.opened[ip] = self.clock.seconds
            self.until[ip], self.session[ip] = (self.clock.boot, until), str(fields["session"])
            left = self.keeper.seconds_left(self.phone(ip))
            assert left is not None
            assert abs(self.clock.seconds + left - until) <= 3.01, "what was promised, in whole seconds"

    def check_admission(self, ticket: str, ip: str) -> None:
        assert ticket in self.portal.tickets, "the portal signed it"
        fields = unseal(KEY, "ticket", ticket)
        assert fields["binding"] == self.phone(ip).binding(KEY), "it is this phone's"
        assert fields["nonce"] not in self.used, "it was never used"
        assert fields["session"] not in self.dismissed, "nobody dismissed it"
        assert ip not in self.blocked, "it is not blocked"
        boot, _, seconds = str(fields["stamp"]).partition(":")
        assert boot == self.clock.boot, "it answers an arrival of this boot"
        assert -0.01 <= self.clock.seconds - float(seconds) <= 60.01, "and of this minute"

    @rule(ip=st.sampled_from(IPS))
    def leave(self, ip: str) -> None:
        self.keeper.leave(self.phone(ip))
        assert self.keeper.seconds_left(self.phone(ip)) is None
        self.until.pop(ip, None)

    @rule(ip=st.sampled_from(IPS), seconds=st.integers(20, 200), octets=st.integers(0, 9))
    def press_our_own_button(self, ip: str, seconds: int, octets: int) -> None:
        self.clock.seconds += 0.01
        phone, now = self.phone(ip), self.clock.seconds
        decision = self.keeper.carry_on(phone, self.keeper.invitation(phone), Terms(seconds, octets))
        if isinstance(decision, Admit):
            assert ip not in self.blocked
            if decision.session == self.session.get(ip):
                return  # the rest of what it had when the power went
            assert self.away_until.get(ip, 0.0) <= now, "the first is not over"
            self.away_until[ip] = now + seconds
            self.until[ip], self.session[ip] = (self.clock.boot, now + seconds), decision.session
            self.opened[ip] = now

    @rule(ips=st.sets(st.sampled_from(IPS)))
    def block(self, ips: set[str]) -> None:
        self.serial += 1
        blocked = tuple(blocking(self.phone(ip)) for ip in ips)
        assert self.ruling.take(sealed(self.serial, blocked=blocked), NOW)
        self.blocked = ips
        for ip in ips:
            self.until.pop(ip, None)

    @rule(ticket=tickets)
    def dismiss(self, ticket: str) -> None:
        if ticket not in self.portal.tickets:
            return
        session = str(unseal(KEY, "ticket", ticket)["session"])
        self.keeper.dismiss([session])
        self.dismissed.add(session)
        for ip in [ip for ip, one in self.session.items() if one == session]:
            self.until.pop(ip, None)
        assert session not in self.journal.live

    @rule(seconds=st.floats(0.01, 90))
    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @rule()
    def reconcile(self) -> None:
        self.keeper.reconcile()

    @rule(share=st.integers(1, 5))
    def tell(self, share: int) -> None:
        told = self.journal.next(share)
        if told:
            self.journal.have(told[-1].seq)

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.start()

    @rule()
    def keep(self) -> None:
        self.keeper.keep()
        self.kept_s = self.clock.seconds

    @rule(target=tickets)
    def power_cut(self) -> object:
        """Who was in has, from now on, what it had when that was kept last."""
        self.journal.close()
        before = self.clock.boot
        self.clock.reboot()
        for ip, (boot, until) in tuple(self.until.items()):
            since = self.clock.seconds if boot != before else max(self.kept_s, self.opened[ip])
            self.until[ip] = (self.clock.boot, self.clock.seconds + max(0.0, until - since))
            self.opened[ip] = self.clock.seconds
        self.away_until = {}
        self.kept_s = 0.0
        self.start()
        return multiple()

    @rule(ips=st.sets(st.sampled_from(IPS)))
    def are_seen(self, ips: set[str]) -> None:
        self.keeper.resume([self.phone(ip) for ip in ips])

    @invariant()
    def nobody_is_in_without_leave_or_after_time(self) -> None:
        for ip in IPS if hasattr(self, "keeper") else ():
            left = self.keeper.seconds_left(self.phone(ip))
            if left is not None:
                assert ip not in self.blocked
                boot, until = self.until[ip]
                assert boot == self.clock.boot
                assert self.clock.seconds + left <= until + 0.01

    @invariant()
    def what_is_noted_is_as_long_as_the_door(self) -> None:
        for ip in IPS if hasattr(self, "keeper") else ():
            session = unseal(KEY, "arrival", self.keeper.arrival(self.phone(ip))).get("session")
            left = self.keeper.seconds_left(self.phone(ip))
            if session is not None and left is not None:
                noted = self.journal.live[str(session)].until
                assert abs(noted - self.clock.seconds - left) <= 3.01

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.journal.close()
            self.directory.cleanup()


TestDoor = Door.TestCase
TestDoor.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
