"""What admission decides, one sentence at a time."""

import pytest

from captive_portal.gateway import admission
from captive_portal.gateway.admission import Admit, Reason, Refuse, Renew, SiteKey, decide
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.ticket import seal, unseal
from tests.gateway.conftest import KEY, OTHER, PHONE, SITE, Clock, Portal


class Memory:
    """A memory of spent nonces."""

    def __init__(self, since: Moment, *names: str) -> None:
        self.since = since
        self.names = set(names)

    def spent(self, name: str) -> bool:
        return name in self.names


@pytest.fixture
def memory(clock: Clock) -> Memory:
    return Memory(Moment(clock.boot, 5.0))


@pytest.fixture
def arrival(site: SiteKey, clock: Clock) -> str:
    return admission.arrival(site, PHONE, clock.now(), "nonce-1")


def test_an_arrival_names_no_mac_and_no_address(arrival: str) -> None:
    fields = unseal(KEY, "arrival", arrival)
    assert fields.keys() == {"site", "device", "binding", "stamp", "nonce"}
    assert PHONE.mac not in str(fields)
    assert PHONE.ip not in str(fields)
    assert PHONE.mac not in repr(PHONE)


def test_a_fresh_ticket_of_the_same_phone_admits(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str
) -> None:
    decision = decide(site, portal.ticket(arrival, 600, 5), PHONE, clock.now(), memory)
    assert decision == Admit("session1", 600, 5, "nonce-1", "es")


@pytest.mark.parametrize("age_s", [0, 59.9])
def test_a_ticket_is_fresh_for_a_minute_after_the_arrival(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str, age_s: float
) -> None:
    clock.seconds += age_s
    assert isinstance(decide(site, portal.ticket(arrival), PHONE, clock.now(), memory), Admit)


@pytest.mark.parametrize("age_s", [60.1, 86400])
def test_after_that_it_is_renewed(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str, age_s: float
) -> None:
    ticket = portal.ticket(arrival)
    clock.seconds += age_s
    assert decide(site, ticket, PHONE, clock.now(), memory) == Renew(ticket)


def test_when_the_portal_issued_it_makes_no_difference(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str
) -> None:
    for issued in (0, 4_000_000_000):
        decision = decide(site, portal.ticket(arrival, issued=issued), PHONE, clock.now(), memory)
        assert isinstance(decision, Admit)


def test_a_ticket_from_before_the_reboot_is_renewed(
    site: SiteKey, clock: Clock, portal: Portal, arrival: str
) -> None:
    ticket = portal.ticket(arrival)
    clock.reboot()
    clock.seconds = 1001.0
    assert decide(site, ticket, PHONE, clock.now(), Memory(Moment(clock.boot, 5.0))) == Renew(ticket)


def test_a_ticket_from_before_our_memory_begins_is_renewed(
    site: SiteKey, clock: Clock, portal: Portal, arrival: str
) -> None:
    ticket = portal.ticket(arrival)
    assert decide(site, ticket, PHONE, clock.now(), Memory(Moment(clock.boot, 1000.5))) == Renew(ticket)


def test_a_stamp_of_the_future_is_renewed(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory
) -> None:
    later = admission.arrival(site, PHONE, Moment(clock.boot, 2000.0), "nonce-2")
    assert isinstance(decide(site, portal.ticket(later), PHONE, clock.now(), memory), Renew)


@pytest.mark.parametrize("age_s", [0, 600])
def test_a_spent_nonce_is_refused_whatever_its_age(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str, age_s: float
) -> None:
    memory.names.add("nonce-1")
    clock.seconds += age_s
    assert decide(site, portal.ticket(arrival), PHONE, clock.now(), memory) == Refuse(Reason.SPENT, "es")


def test_a_ticket_of_a_dismissed_session_is_refused(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str
) -> None:
    memory.names.add(admission.dismissed("session1"))
    assert decide(site, portal.ticket(arrival), PHONE, clock.now(), memory) == Refuse(Reason.SPENT, "es")


@pytest.mark.parametrize("thief", [OTHER, Phone(PHONE.mac, OTHER.ip), Phone(OTHER.mac, PHONE.ip)])
def test_another_phone_or_address_cannot_use_it(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str, thief: Phone
) -> None:
    assert decide(site, portal.ticket(arrival), thief, clock.now(), memory) == Refuse(Reason.INVALID, "es")


def test_a_ticket_of_another_site_is_refused(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str
) -> None:
    ticket = portal.ticket(arrival, site="08037-plaza")
    assert decide(site, ticket, PHONE, clock.now(), memory) == Refuse(Reason.INVALID, "es")


def test_an_arrival_is_no_ticket(site: SiteKey, clock: Clock, memory: Memory, arrival: str) -> None:
    assert decide(site, arrival, PHONE, clock.now(), memory) == Refuse(Reason.INVALID)


@pytest.mark.parametrize(
    "changed",
    [
        {"session": ""},
        {"session": 'x" }; flush ruleset'},
        {"session": "x" * 33},
        {"session": 7},
        {"seconds": 0},
        {"seconds": -5},
        {"seconds": True},
        {"seconds": "600"},
        {"seconds": 10**9},
        {"octets": -1},
        {"nonce": ""},
        {"lang": "<script>"},
        {"stamp": "b00700000001"},
        {"stamp": "b00700000001:now"},
        {"stamp": "b00700000001:1e9"},
    ],
)
def test_a_signed_ticket_with_nonsense_in_it_is_refused(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str, changed: dict[str, str | int]
) -> None:
    ticket = seal(KEY, "ticket", unseal(KEY, "ticket", portal.ticket(arrival)) | changed)
    assert decide(site, ticket, PHONE, clock.now(), memory) == Refuse(Reason.INVALID)


@pytest.mark.parametrize("token", ["", ".", "a.b", "ñ.ñ", "x" * 5000, "e30.AAAA"])
def test_garbage_is_refused(site: SiteKey, clock: Clock, memory: Memory, token: str) -> None:
    assert decide(site, token, PHONE, clock.now(), memory) == Refuse(Reason.INVALID)


def test_a_changed_octet_is_refused(
    site: SiteKey, clock: Clock, portal: Portal, memory: Memory, arrival: str
) -> None:
    ticket = portal.ticket(arrival)
    for place in range(len(ticket)):
        forged = ticket[:place] + ("A" if ticket[place] != "A" else "B") + ticket[place + 1 :]
        decision = decide(site, forged, PHONE, clock.now(), memory)
        assert decision == Refuse(Reason.INVALID), place


def test_a_ticket_of_another_key_is_refused(clock: Clock, memory: Memory) -> None:
    stranger = SiteKey(SITE, bytes(32))
    arrival = admission.arrival(stranger, PHONE, clock.now(), "n")
    ticket = Portal(bytes(32)).ticket(arrival)
    assert decide(SiteKey(SITE, KEY), ticket, PHONE, clock.now(), memory) == Refuse(Reason.INVALID)
