"""A power cut throws nobody out wrongly, and lets nobody in wrongly."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from captive_portal.gateway.admission import Admit, Refuse, Renew, SiteKey
from captive_portal.gateway.clock import Moment
from captive_portal.gateway.doorkeeper import Doorkeeper
from captive_portal.gateway.enforcer import Enforcer, Terms
from captive_portal.gateway.journal import Journal, Live
from captive_portal.gateway.keyring import Keyring
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.nft import Nft
from captive_portal.gateway.phone import Phone
from captive_portal.gateway.resuming import USED, Minute, resumable, stood
from captive_portal.gateway.rounds import KEEP_S, Rounds
from captive_portal.gateway.shaping import Rate
from tests.gateway import netns
from tests.gateway.conftest import KEY, SITE, Clock, Portal
from tests.gateway.front import PORTAL, fronting
from tests.gateway.ruled import NOW, blocking, ruling, sealed
from tests.gateway.test_doorkeeper import Square
from tests.gateway.test_enforcers import TERRITORY, kernel_gateway


@pytest.fixture
def square(tmp_path: Path, site: SiteKey, clock: Clock) -> Square:
    return Square(tmp_path, site, clock)


def cut(square: Square) -> None:
    """Power off, and on again."""
    square.journal.close()
    square.clock.reboot()
    square.open()


def left(square: Square, last: int = 1) -> int | None:
    return square.keeper.seconds_left(square.phone(last))


def test_who_was_in_is_back_without_a_tap_with_the_time_that_was_left(square: Square) -> None:
    session = square.enter(seconds=600, rate_down=2000)
    square.clock.seconds += 100
    square.keeper.keep()
    square.clock.seconds += 50
    cut(square)
    assert left(square) is None, "nobody is in before the phone is seen"
    square.keeper.resume([square.phone()])
    assert left(square) == 499, "as of the last minute that was kept, and the second since"
    assert square.keeper.devices()[0].rate == Rate(2000, 0)
    assert square.told() == [("opened", session, "")], "to the controller it is the same session"
    square.clock.seconds += 499
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "Session-Timeout")
    assert square.last().seconds == 599, "100 before the cut, and 499 after it"


@pytest.mark.parametrize("killed", [False, True])
def test_who_waited_for_its_phone_through_a_boot_has_that_much_less_in_the_next(
    square: Square, killed: bool
) -> None:
    square.enter(seconds=600)
    square.keeper.keep()
    cut(square)
    square.clock.seconds += 100
    square.keeper.keep()
    if killed:
        square.journal.close()
        square.open()
        square.keeper.keep()
    cut(square)
    square.keeper.resume([square.phone()])
    assert 490 <= (left(square) or 0) <= 500


def test_who_is_blocked_while_its_phone_is_away_is_not_back_once_it_is_unblocked(square: Square) -> None:
    square.enter(seconds=600)
    cut(square)
    assert square.ruling.take(sealed(1, blocked=(blocking(square.phone()),)), NOW)
    assert square.ruling.take(sealed(2), NOW)
    square.keeper.resume([square.phone()])
    assert left(square) is None


def test_what_was_used_before_counts_on_and_the_cap_is_what_was_left(square: Square) -> None:
    session = square.enter(octets=1000, total=1000)
    square.meter.octets = 600
    square.keeper.keep()
    cut(square)
    square.keeper.resume([square.phone()])
    square.meter.octets = 399
    (usage,) = square.keeper.usage()
    assert usage.octets_down == 999
    assert square.keeper.devices()[0].octets_max == 1000
    square.keeper.reconcile()
    assert left(square) is not None
    square.meter.octets = 400
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "Octet-Limit")
    assert square.last().octets_down == 1000


def test_more_time_from_the_portal_is_added_to_a_session_that_was_resumed(square: Square) -> None:
    session = square.enter(octets=1000, total=1000)
    square.meter.octets = 600
    square.keeper.keep()
    cut(square)
    square.keeper.resume([square.phone()])
    square.meter.octets = 0
    square.enter(session=session, seconds=900, octets=900, total=1500)
    assert square.journal.live[session].octets == 900, "what was left, 400, and 500 more"
    assert left(square) == 900


def test_a_second_power_cut_goes_on_from_the_first(square: Square) -> None:
    square.enter(seconds=600)
    for _ in range(3):
        square.clock.seconds += 99
        square.keeper.keep()
        cut(square)
        square.keeper.resume([square.phone()])
    assert left(square) == 600 - 3 * 100
    assert square.keeper.usage()[0].seconds in {297, 298, 299}


@pytest.mark.parametrize(
    "thief", [Phone("02:00:7f:09:01:02", "127.9.1.1"), Phone("02:00:7f:09:01:01", "127.9.1.2")]
)
def test_another_phone_or_a_copied_mac_at_another_address_is_not_let_in(square: Square, thief: Phone) -> None:
    square.enter(1)
    cut(square)
    square.keeper.resume([thief])
    assert square.keeper.devices() == []
    assert square.keeper.waiting == 1
    square.keeper.resume([square.phone(1)])
    assert left(square, 1) is not None, "and it takes nothing from whose it is"


ENDS: dict[str, Callable[[Square, str], None]] = {
    "it was dismissed": lambda square, session: square.keeper.dismiss([session]),
    "it left": lambda square, _: square.keeper.leave(square.phone()),
    "its time was over": lambda square, _: setattr(square.clock, "seconds", square.clock.seconds + 600),
    "its data was used up": lambda square, _: setattr(square.meter, "octets", 5000),
    "another session took its place": lambda square, _: square.keeper.dismiss([square.enter(1)]),
}


@pytest.mark.parametrize("why", ENDS)
def test_who_was_not_in_any_more_is_not_let_in(square: Square, why: str) -> None:
    session = square.enter(seconds=600, octets=5000)
    ENDS[why](square, session)
    square.keeper.keep()
    cut(square)
    square.keeper.resume([square.phone()])
    assert square.keeper.devices() == []
    assert square.keeper.waiting == 0
    assert session not in square.journal.live


def test_the_dismissal_of_who_is_not_back_yet_holds(square: Square) -> None:
    session = square.enter()
    cut(square)
    square.keeper.dismiss([session])
    square.keeper.resume([square.phone()])
    assert left(square) is None
    assert square.told()[-1] == ("closed", session, "Admin-Reset")


def test_who_is_blocked_meanwhile_is_not_let_in(square: Square) -> None:
    session = square.enter()
    cut(square)
    square.ruling.take(sealed(1, blocked=(blocking(square.phone()),)), NOW)
    square.keeper.resume([square.phone()])
    assert left(square) is None
    assert square.told()[-1] == ("closed", session, "Admin-Reset")


def test_an_old_ticket_opens_nothing_after_a_power_cut(square: Square) -> None:
    square.enter()
    square.keeper.leave(square.phone())
    cut(square)
    assert isinstance(square.keeper.present(square.phone(), square.portal.tickets[-1]), Renew)
    assert left(square) is None


def test_a_new_tap_before_it_is_back_ends_the_former_session(square: Square) -> None:
    former = square.enter()
    cut(square)
    fresh = square.enter()
    assert square.told()[1:] == [("closed", former, "Lost-Carrier"), ("opened", fresh, "")]
    square.keeper.resume([square.phone()])
    assert [one.session for one in square.keeper.devices()] == [fresh]


def test_what_nobody_claims_in_its_time_is_told_as_ended_by_the_restart_with_what_was_used(
    square: Square,
) -> None:
    session = square.enter(seconds=600)
    square.meter.octets = 77
    square.clock.seconds += 100
    square.keeper.keep()
    cut(square)
    square.clock.seconds += 490
    square.keeper.reconcile()
    assert square.keeper.waiting == 1
    square.clock.seconds += 10
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "NAS-Reboot")
    assert (square.last().seconds, square.last().octets_down) == (100, 77)
    square.keeper.resume([square.phone()])
    assert left(square) is None


def test_its_time_runs_while_it_is_away_also_when_the_program_is_killed_meanwhile(square: Square) -> None:
    square.enter(seconds=600)
    cut(square)
    square.clock.seconds += 200
    square.journal.close()
    square.open()
    square.clock.seconds += 200
    square.keeper.resume([square.phone()])
    assert 595 - 400 <= (left(square) or 0) <= 600 - 400


@pytest.mark.parametrize(("down", "some_is_left"), [(399, True), (400, False), (9999, False)])
def test_a_session_whose_cap_was_reached_in_the_last_minute_has_nothing_left(
    down: int, some_is_left: bool
) -> None:
    live = Live("s1", "b1", 10.0, 610.0, 500, 500, binding="b" * 32)
    after = stood(live, Minute(70.0, {"s1": (down, 100)}), Moment("b2", 20.0), 20.0)
    assert resumable(live, after) is some_is_left


def test_what_was_not_kept_yet_is_told_as_unknown(square: Square) -> None:
    session = square.enter(seconds=60)
    cut(square)
    square.clock.seconds += 60
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "NAS-Reboot")
    assert (square.last().seconds, square.last().octets_down) == (None, None)


def test_nothing_on_the_disk_names_a_phone(square: Square) -> None:
    square.enter()
    square.keeper.keep()
    kept = b"".join(path.read_bytes() for path in square.directory.glob("journal*"))
    assert square.phone().binding(KEY).encode() in kept, "it was read"
    for name in ("02:00:7f:09:01:01", "02007f090101", "127.9.1.1"):
        assert name.encode() not in kept


@pytest.mark.parametrize("kept", ["{", "[]", '{"b": 5}', '{"b": [1, {"s": 5}]}'])
def test_damage_of_what_was_kept_throws_nobody_out(square: Square, kept: str) -> None:
    square.enter(seconds=600)
    square.journal.keep(USED, kept)
    cut(square)
    square.keeper.resume([square.phone()])
    assert left(square) is not None


def test_the_rounds_let_in_who_is_seen_and_keep_each_minute(square: Square) -> None:
    seen: list[Phone] = []
    borrowed = square.ruling._borrowed
    rounds = Rounds(square.keeper, square.ruling, borrowed, square.clock, lambda: seen)
    square.enter(seconds=600)
    rounds.step()
    first = square.journal.fact(USED)
    assert first
    square.clock.seconds += KEEP_S - 1
    rounds.step()
    assert square.journal.fact(USED) == first
    square.clock.seconds += 1
    rounds.step()
    assert square.journal.fact(USED) != first
    cut(square)
    rounds = Rounds(square.keeper, square.ruling, borrowed, square.clock, lambda: seen)
    rounds.step()
    assert left(square) is None
    seen.append(square.phone())
    rounds.step()
    assert left(square) is not None


def test_a_phone_that_asks_before_we_looked_is_in_at_once_and_sent_to_where_it_wanted(tmp_path: Path) -> None:
    with fronting(tmp_path) as front:
        front.box.enter(1, seconds=600)
        clock = front.box.clock
    clock.reboot()
    with fronting(tmp_path, clock=clock) as front:
        asked = "/hotspot-detect.html?q=a%20b"
        answer = front.ask(asked, host="captive.apple.com")
        assert (answer.status, answer.location) == (302, f"http://captive.apple.com{asked}")
        assert front.box.keeper.seconds_left(front.box.phone()) is not None
        assert front.ask("/", host="captive.apple.com", last=2).location.startswith(PORTAL)


STEPS = ("before the kernel", "before the note", "after the note")


class Dies(Journal):
    """A disk that is there until the note of a session that begins or goes on."""

    where = ""

    def opened(self, live: Live) -> None:
        self._dies("before the note")
        super().opened(live)
        self._dies("after the note")

    def prolonged(self, *lives: Live) -> None:
        self._dies("before the note")
        super().prolonged(*lives)
        self._dies("after the note")

    def _dies(self, where: str) -> None:
        if where == self.where:
            os.kill(os.getpid(), signal.SIGKILL)


class House:
    """A doorkeeper over any enforcer, on one disk."""

    def __init__(self, directory: Path, clock: Clock, made: Callable[[], Enforcer], where: str = "") -> None:
        self.journal = Dies(directory / "state.db")
        self.journal.where = where
        self.enforcer = made()
        rules, keys = ruling(self.journal, clock), Keyring(SiteKey(SITE, KEY))
        self.keeper = Doorkeeper(keys, self.enforcer, self.journal, clock, lambda: os.urandom(8).hex(), rules)
        if where == "before the kernel":
            self.enforcer.admit = self.dies  # type: ignore[method-assign]
        self.keeper.start()

    def dies(self, phone: Phone, terms: Terms, nonce: str) -> bool:
        os.kill(os.getpid(), signal.SIGKILL)
        return False


@dataclass
class Kernel:
    """Where doors are kept; `power_cut` makes it forget them."""

    made: Callable[[], Enforcer]
    power_cut: Callable[[], object]


@pytest.fixture(params=["ledger", "nft"])
def kernel(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Kernel]:
    if request.param == "ledger":
        yield Kernel(lambda: Ledger(tmp_path / "ledger.json", clock), clock.reboot)
        return
    with kernel_gateway() as real:
        opened = netns.sockets(real.nft[3])

        def power_cut() -> None:
            subprocess.run([*real.nft, "flush", "ruleset"], check=True)
            clock.reboot()

        power_cut()
        yield Kernel(lambda: Nft(TERRITORY, clock, real.nft, opened), power_cut)


@pytest.mark.parametrize("where", STEPS)
def test_a_kill_at_any_step_of_coming_back_leaves_one_door_with_no_more_than_was_left(
    kernel: Kernel, tmp_path: Path, clock: Clock, where: str
) -> None:
    house = House(tmp_path, clock, kernel.made)
    clock.seconds += 1
    phone = Phone("02:00:7f:09:01:01", "127.9.1.1")
    portal = Portal()
    token = portal.ticket(house.keeper.arrival(phone), 600, 5000, total=5000)
    assert isinstance(house.keeper.present(phone, token), Admit)
    house.keeper.keep()
    session = house.keeper.devices()[0].session
    house.journal.close()
    kernel.power_cut()
    pid = os.fork()
    if not pid:
        try:
            House(tmp_path, clock, kernel.made, where).keeper.resume([phone])
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    clock.seconds += 10
    after = House(tmp_path, clock, kernel.made)
    after.keeper.resume([phone])
    (device,) = after.keeper.devices()
    assert device.session == session
    assert 570 <= (after.keeper.seconds_left(phone) or 0) <= 600
    assert device.octets_max == 5000
    assert after.journal.live[session].boot == clock.boot
    assert isinstance(after.keeper.present(phone, token), Refuse | Renew), "and no replay"
    after.keeper.leave(phone)
    assert after.keeper.devices() == []
    after.journal.close()
