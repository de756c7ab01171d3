"""Whatever phones, thieves, restarts and power cuts do: no door opens without a fresh ticket."""

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
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.ticket import unseal
from tests.gateway.conftest import KEY, SITE, Clock, Portal

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
        self.start()

    def start(self) -> None:
        directory = Path(self.directory.name)
        self.journal = Journal(directory / "journal")
        ledger = Ledger(directory / "ledger.json", self.clock)
        self.keeper = Doorkeeper(SiteKey(SITE, KEY), ledger, self.journal, self.clock, self.nonce)
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
        path = Path(self.directory.name) / "journal"
        before = path.read_bytes()
        self.stay_longer(data, seconds, octets)
        path.write_bytes(before)
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
            self.until[ip] = (self.clock.boot, until)
            left = self.keeper.seconds_left(self.phone(ip))
            assert left is not None
            assert abs(self.clock.seconds + left - until) <= 2.01, "what was promised, in whole seconds"

    def check_admission(self, ticket: str, ip: str) -> None:
        assert ticket in self.portal.tickets, "the portal signed it"
        fields = unseal(KEY, "ticket", ticket)
        assert fields["binding"] == self.phone(ip).binding(KEY), "it is this phone's"
        assert fields["nonce"] not in self.used, "it was never used"
        assert fields["session"] not in self.dismissed, "nobody dismissed it"
        boot, _, seconds = str(fields["stamp"]).partition(":")
        assert boot == self.clock.boot, "it answers an arrival of this boot"
        assert -0.01 <= self.clock.seconds - float(seconds) <= 60.01, "and of this minute"

    @rule(ip=st.sampled_from(IPS))
    def leave(self, ip: str) -> None:
        self.keeper.leave(self.phone(ip))
        assert self.keeper.seconds_left(self.phone(ip)) is None
        self.until.pop(ip, None)

    @rule(ticket=tickets)
    def dismiss(self, ticket: str) -> None:
        if ticket not in self.portal.tickets:
            return
        session = str(unseal(KEY, "ticket", ticket)["session"])
        self.keeper.dismiss([session])
        self.dismissed.add(session)
        assert session not in self.journal.live

    @rule(seconds=st.floats(0.01, 90))
    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds

    @rule()
    def reconcile(self) -> None:
        self.keeper.reconcile()

    @rule(share=st.integers(1, 5))
    def tell(self, share: int) -> None:
        self.journal.acknowledged([event.id for event in self.journal.pending(share)])

    @rule()
    def restart(self) -> None:
        self.start()

    @rule(target=tickets)
    def power_cut(self) -> object:
        self.clock.reboot()
        self.start()
        return multiple()

    @invariant()
    def nobody_is_in_without_leave_or_after_time(self) -> None:
        for ip in IPS if hasattr(self, "keeper") else ():
            left = self.keeper.seconds_left(self.phone(ip))
            if left is not None:
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
            self.directory.cleanup()


TestDoor = Door.TestCase
TestDoor.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
