"""What the doorkeeper does and what it notes for the controller."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from captive_portal.gateway.admission import Admit, Reason, Refuse, Renew, SiteKey
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.enforcer import Standing, Terms
from captive_portal.gateway.journal import Event, Journal
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.shaping import Rate
from captive_portal.gateway.ticket import seal, unseal
from tests.gateway.conftest import KEY, Clock, Portal
from tests.gateway.ruled import ruling


class Meter(Ledger):
    """A ledger that also knows what was used."""

    octets = 0

    def survey(self) -> Mapping[str, Standing]:
        found = super().survey()
        return {name: replace(one, octets_up=0, octets_down=self.octets) for name, one in found.items()}


class Square:
    """A doorkeeper with everything it stands on."""

    def __init__(self, directory: Path, site: SiteKey, clock: Clock) -> None:
        self.directory, self.site, self.clock = directory, site, clock
        self.portal = Portal()
        self.open()

    def open(self) -> None:
        self.journal = Journal(self.directory / "journal")
        self.meter = Meter(self.directory / "ledger.json", self.clock)
        self.ruling = ruling(self.journal, self.clock)
        self.keys = Keyring(self.site)
        self.keeper = Doorkeeper(
            self.keys, self.meter, self.journal, self.clock, lambda: os.urandom(8).hex(), self.ruling
        )
        self.keeper.start()
        self.clock.seconds += 1

    def phone(self, last: int = 1) -> Phone:
        found = self.keeper.neighbour(f"127.9.1.{last}")
        assert found is not None
        return found

    def enter(self, last: int = 1, **ticket: int | str) -> str:
        phone = self.phone(last)
        token = self.portal.ticket(self.keeper.arrival(phone), **ticket)  # type: ignore[arg-type]
        decision = self.keeper.present(phone, token)
        assert isinstance(decision, Admit), decision
        return decision.session

    def told(self) -> list[tuple[str, str, str]]:
        return [(event.kind, event.session, event.cause) for event in self.journal.pending(100)]

    def last(self) -> Event:
        return self.journal.pending(100)[-1]


@pytest.fixture
def square(tmp_path: Path, site: SiteKey, clock: Clock) -> Square:
    return Square(tmp_path, site, clock)


def test_an_opened_door_is_noted(square: Square) -> None:
    session = square.enter()
    assert square.told() == [("opened", session, "")]
    assert square.keeper.seconds_left(square.phone()) == 600


def test_a_phone_that_leaves_is_noted_with_how_long_it_stayed(square: Square) -> None:
    session = square.enter()
    square.clock.seconds += 42
    square.keeper.leave(square.phone())
    assert square.told()[-1] == ("closed", session, "User-Request")
    assert square.last().seconds == 42
    assert square.keeper.seconds_left(square.phone()) is None
    assert square.keeper.news.is_set(), "the controller hears at once"


def test_a_phone_that_is_not_in_cannot_leave(square: Square) -> None:
    square.enter(1)
    square.keeper.leave(square.phone(2))
    assert square.keeper.seconds_left(square.phone(1)) is not None


def test_a_door_that_the_kernel_shut_is_noted_at_the_moment_it_shut(square: Square) -> None:
    session = square.enter(seconds=60)
    square.clock.seconds += 300
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "Session-Timeout")
    assert square.last().seconds == 60
    assert square.journal.age_s(square.last(), square.clock.now()) == 240


def test_an_end_during_our_absence_is_noted_when_we_are_back(square: Square) -> None:
    session = square.enter(seconds=60)
    square.clock.seconds += 300
    square.open()
    assert square.told()[-1] == ("closed", session, "Session-Timeout")


def test_a_restart_notes_nothing_new(square: Square) -> None:
    session = square.enter()
    square.open()
    assert square.told() == [("opened", session, "")]
    assert square.keeper.seconds_left(square.phone()) is not None


def test_a_door_that_vanished_early_is_noted_as_lost(square: Square) -> None:
    session = square.enter()
    square.meter.close(session)
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "Lost-Service")


def test_a_door_that_nobody_noted_is_noted_after_all(square: Square) -> None:
    phone = square.phone()
    square.meter.admit(phone, Terms("session9", 60), "nonce9")
    square.keeper.reconcile()
    assert square.told() == [("opened", "session9", "")]
    assert square.keeper.seconds_left(phone) is not None


def test_a_session_ends_when_its_octets_are_used_up(square: Square) -> None:
    session = square.enter(octets=1000)
    square.meter.octets = 999
    square.keeper.reconcile()
    assert square.keeper.seconds_left(square.phone()) is not None
    square.meter.octets = 1000
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "Octet-Limit")
    assert square.last().octets_down == 1000
    assert square.keeper.seconds_left(square.phone()) is None


def test_usage_of_everybody_inside_can_be_asked_for(square: Square) -> None:
    session = square.enter()
    square.meter.octets = 77
    square.clock.seconds += 5
    (usage,) = square.keeper.usage()
    assert (usage.kind, usage.session, usage.seconds, usage.octets_down) == ("usage", session, 5, 77)


def test_a_dismissed_session_is_shut_and_its_unused_ticket_opens_nothing(square: Square) -> None:
    session = square.enter()
    unused = square.portal.ticket(square.keeper.arrival(square.phone()), session=session)
    square.keeper.dismiss([session])
    assert square.told()[-1] == ("closed", session, "Admin-Reset")
    assert square.keeper.present(square.phone(), unused) == Refuse(Reason.SPENT, "es")
    square.open()
    assert square.keeper.present(square.phone(), unused) == Refuse(Reason.SPENT, "es")


def test_the_dismissal_of_a_session_that_never_came_is_told_once(square: Square) -> None:
    for _ in range(3):
        square.keeper.dismiss(["session7"])
    assert square.told() == [("closed", "session7", "Admin-Reset")]


def test_a_second_tap_of_a_phone_that_is_in_changes_nothing(square: Square) -> None:
    session = square.enter()
    square.clock.seconds += 100
    assert square.enter(session=session, seconds=500) == session
    assert square.keeper.seconds_left(square.phone()) == 500
    assert square.told() == [("opened", session, "")]


def test_a_replay_by_a_phone_that_is_in_is_told_so_kindly(square: Square) -> None:
    square.enter()
    assert square.keeper.present(square.phone(), square.portal.tickets[-1]) == Refuse(Reason.INSIDE, "es")


def test_another_session_at_the_same_address_replaces_the_old_one(square: Square) -> None:
    first = square.enter()
    second = square.enter()
    assert [(kind, name) for kind, name, _ in square.told()] == [
        ("opened", first),
        ("closed", first),
        ("opened", second),
    ]
    assert square.told()[1][2] == "Lost-Carrier"


def test_a_phone_whose_address_changed_keeps_its_session(square: Square) -> None:
    session = square.enter(1)
    assert square.enter(2, session=session) == session
    assert square.keeper.seconds_left(square.phone(1)) is None
    assert square.keeper.seconds_left(square.phone(2)) is not None


def test_a_full_disk_keeps_nobody_offline(tmp_path: Path, site: SiteKey, clock: Clock) -> None:
    (tmp_path / "journal").mkdir()
    square = Square(tmp_path, site, clock)
    session = square.enter()
    assert square.told() == [("opened", session, "")], "it is still told"


def test_a_ticket_of_the_former_key_is_taken_for_a_minute_after_a_change_and_no_longer(
    square: Square,
) -> None:
    new = bytes(32)
    former = [square.portal.ticket(square.keeper.arrival(square.phone(last))) for last in (1, 2)]
    square.clock.seconds += 30
    assert square.keys.adopt(1, new)
    assert isinstance(square.keeper.present(square.phone(1), former[0]), Admit)
    square.clock.seconds += 31
    assert isinstance(square.keeper.present(square.phone(2), former[1]), Renew), "it is not fresh"
    square.clock.seconds += 30
    assert square.keeper.present(square.phone(2), former[1]) == Refuse(Reason.INVALID)
    square.portal.key = new
    arrival = square.keeper.arrival(square.phone(2))
    fields = unseal(new, "arrival", arrival)
    assert (fields["epoch"], fields["device"]) == (1, square.phone(2).device(KEY)), "names stay as they were"
    assert isinstance(square.keeper.present(square.phone(2), square.portal.ticket(arrival)), Admit)


def test_the_former_keys_minute_begins_though_nobody_comes(square: Square) -> None:
    square.keys.adopt(1, bytes(32))
    square.keeper.reconcile()
    square.clock.seconds += 70
    forged = seal(
        KEY, "ticket",
        {
            "site": square.site.site, "binding": square.phone().binding(KEY), "session": "s1", "seconds": 60,
            "octets": 0, "nonce": "n1", "lang": "es", "stamp": square.clock.now().stamp(),
        },
    )  # fmt: skip
    assert square.keeper.present(square.phone(), forged) == Refuse(Reason.INVALID)


def test_the_rate_of_a_session_is_known_after_a_restart(square: Square) -> None:
    square.enter(rate_down=2000, rate_up=500)
    square.open()
    assert square.keeper.devices()[0].rate == Rate(2000, 500)


def test_a_session_that_moves_to_another_address_tells_what_it_used_at_both(square: Square) -> None:
    session = square.enter(1)
    square.meter.octets = 70
    square.clock.seconds += 5
    square.enter(2, session=session)
    square.meter.octets = 7
    square.clock.seconds += 5
    (usage,) = square.keeper.usage()
    assert (usage.octets_down, usage.seconds) == (77, 10)
    assert square.told() == [("opened", session, "")], "to the controller it is one session"
