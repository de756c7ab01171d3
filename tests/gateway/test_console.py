"""What a technician hears of the program: who is in, and why a phone is not."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from captive_portal.gateway import seen
from captive_portal.gateway.admission import Refuse
from captive_portal.gateway.backhaul import PATIENCE_S
from captive_portal.gateway.errors import CannotDo
from captive_portal.gateway.lately import AT_MOST
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.sync import Pace
from tests.gateway.box import MAC, Box
from tests.gateway.town import wait_for


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.stop.set()


def test_who_is_in_is_shown_with_what_is_left(box: Box) -> None:
    assert box.ask("devices") == {"devices": [], "left_out": 0}
    box.enter(1, seconds=600, octets=5_000_000, rate_down=2000)
    box.enter(2, seconds=60)
    first, second = box.ask("devices")["devices"]
    assert (first["ip"], second["ip"]) == ("127.9.1.2", "127.9.1.1"), "the first to go first"
    assert (second["mac"], second["seconds_left"], second["octets_max"]) == (MAC, 600, 5_000_000)
    assert second["rate"] == {"down_kbps": 2000, "up_kbps": 0}


def test_a_phone_is_let_in_by_hand_and_the_controller_is_told(box: Box) -> None:
    box.seen = [box.phone(1), box.phone(2)]
    session = box.ask("admit", mac=MAC, minutes=5)["session"]
    assert box.keeper.seconds_left(box.phone(1)) == 300
    assert box.keeper.seconds_left(box.phone(2)) is None
    (event,) = box.journal.pending(10)
    assert (event.kind, event.session, event.seconds) == ("admitted", session, 300)
    assert box.keeper.news.is_set()
    with pytest.raises(CannotDo, match="in already"):
        box.ask("admit", mac=MAC, minutes=5)


@pytest.mark.parametrize("minutes", [0, -1, 1441, "5", None, 1.5])
def test_nobody_is_let_in_for_more_than_a_day_or_for_nonsense(box: Box, minutes: object) -> None:
    box.seen = [box.phone()]
    with pytest.raises(CannotDo, match="--minutes: write 1 to 1440"):
        box.ask("admit", mac=MAC, minutes=minutes)
    assert box.ask("status")["inside"] == 0


def test_a_phone_that_is_not_seen_is_not_let_in(box: Box) -> None:
    with pytest.raises(CannotDo, match="sees no such phone"):
        box.ask("admit", mac=MAC, minutes=5)


def test_with_two_addresses_one_must_be_chosen(box: Box) -> None:
    box.seen = [Phone(MAC, "127.9.1.1"), Phone(MAC, "127.9.1.9")]
    with pytest.raises(CannotDo, match="--address"):
        box.ask("admit", mac=MAC, minutes=5)
    assert "another device has copied its MAC" in box.why()
    box.ask("admit", mac=MAC, minutes=5, address="127.9.1.1")
    assert box.ask("status")["inside"] == 1


@pytest.mark.parametrize("by", ["mac", "session"])
def test_a_phone_is_dismissed_by_its_mac_or_its_session(box: Box, by: str) -> None:
    box.enter(1)
    box.enter(2)
    mine = box.ask("devices")["devices"][0]
    assert box.ask("dismiss", who=mine[by]) == {"dismissed": [mine["session"]]}
    assert box.ask("status")["inside"] == 1
    assert (box.journal.pending(10)[-1].kind, box.journal.pending(10)[-1].cause) == ("closed", "Admin-Reset")
    assert "staff dismissed it" in box.why(mine["mac"])


@pytest.mark.parametrize("who", ["nobody", "02:00:00:00:00:99", "", "no session!"])
def test_whoever_is_not_in_cannot_be_dismissed(box: Box, who: str) -> None:
    box.enter()
    with pytest.raises(CannotDo):
        box.ask("dismiss", who=who)
    assert [event.kind for event in box.journal.pending(10)] == ["opened"]


def test_why_says_first_what_to_do_first(box: Box) -> None:
    def unreachable() -> None:
        raise ConnectionRefusedError

    assert "This gateway does not see the phone" in box.why()
    box.seen = [box.phone()]
    assert "Its door is shut: open any http:// page on the phone and tap again" in box.why()
    box.reach = box.beyond = unreachable
    box.lookout.step()
    assert "ask again in half a minute" in box.why()
    box.clock.seconds += PATIENCE_S + 100
    box.lookout.step()
    box.internet.step()
    assert box.why().splitlines()[1:] == [
        "The portal has been out of reach for 2 min: mend the uplink first. Nobody new gets in."
    ]


def test_why_shows_a_door_with_what_is_left_of_it(box: Box) -> None:
    box.seen = [box.phone()]
    box.enter(session="session9", seconds=4000, octets=5_000_000, rate_down=2000, rate_up=500)
    assert (
        "Its door at 127.9.1.1 stays open for 1 h 6 min: octets not counted, 5.0 MB at most, "
        "at most 2,000 kbit/s down and 500 kbit/s up; session session9."
    ) in box.why()
    box.seen = [Phone(MAC, "127.9.1.77")]
    assert "Its door is open for another address than it has now" in box.why()
    box.seen = []
    assert "is it away or asleep?" in box.why()


def test_why_knows_the_last_refusals_and_ends_of_this_phone_alone(box: Box) -> None:
    box.keeper.present(box.phone(1), "garbage")
    box.clock.seconds += 120
    box.enter(1, seconds=60)
    box.enter(2, seconds=60)
    box.clock.seconds += 100
    box.keeper.reconcile()
    lately = box.ask("why", mac=MAC)["lately"]
    assert lately == [{"what": "Session-Timeout", "ago_s": 0}, {"what": "invalid", "ago_s": 220}]
    assert "3 min ago its ticket was made for another phone" in box.why()
    assert "its time was over" in box.why()


def test_why_knows_the_end_of_who_was_in_before_the_program_started_anew(box: Box) -> None:
    box.enter(1, seconds=600)
    token = box.portal.tickets[-1]
    box.stop.set()
    again = Box(box.directory, box.clock, box.portal)
    again.keeper.present(again.phone(1), token)
    assert "no rate limit" in again.why(), "it was noted"
    again.clock.seconds += 700
    again.keeper.reconcile()
    assert [one["what"] for one in again.ask("why", mac=MAC)["lately"]] == ["Session-Timeout", "inside"]
    again.stop.set()


def test_what_is_remembered_of_phones_is_little_and_names_no_mac(box: Box) -> None:
    for last in range(1, AT_MOST + 6):
        assert isinstance(box.keeper.present(box.phone(last), "garbage"), Refuse)
    assert box.ask("why", mac=MAC)["lately"] == []
    notes = box.keeper.why("02:00:7f:09:01:40")
    assert len(notes) == 1
    assert "02:00" not in repr(notes)


def test_a_controller_that_is_away_is_told_with_its_time(box: Box) -> None:
    assert box.ask("status")["controller_away_s"] is None
    box.keeper.news.set()
    stop = threading.Event()
    thread = threading.Thread(target=box.sync.run, args=(stop, Pace(0.01, 0.01, 0.01)))
    thread.start()
    wait_for(lambda: box.ask("status")["controller_away_s"] is not None, "the first failed call")
    stop.set()
    thread.join(30)
    box.clock.seconds += 7200
    assert "The controller has not answered for 2 h: doors work, reports wait." in box.why()


def test_the_kernels_table_of_neighbours_is_read_for_one_interface() -> None:
    text = (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "10.99.0.51       0x1         0x2         02:CA:fe:5e:00:01     *        br-lan\n"
        "10.99.0.52       0x1         0x0         00:00:00:00:00:00     *        br-lan\n"
        "198.51.100.1     0x1         0x2         02:ca:fe:5e:00:09     *        wan\n"
        "broken line\n"
    )
    assert seen.phones(text, "br-lan") == [Phone("02:ca:fe:5e:00:01", "10.99.0.51")]
