"""A door that stays open longer: its time, its octets, what is noted, and what a kill leaves."""

import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from captive_portal.gateway import capport
from captive_portal.gateway.admission import SiteKey
from captive_portal.gateway.clock import KernelClock
from captive_portal.gateway.enforcer import Ceiling, Terms
from captive_portal.gateway.journal import Event, Journal, Live
from captive_portal.gateway.ledger import Ledger
from captive_portal.gateway.ticket import unseal
from tests import need
from tests.gateway import extends
from tests.gateway.conftest import KEY, PHONE, SITE, Clock, Portal
from tests.gateway.test_doorkeeper import Square
from tests.gateway.test_enforcers import Gateway, kernel_gateway, phone
from tests.gateway.test_program import Program

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="kernel")
def the_enforcer_that_filters() -> Iterator[Gateway]:
    with kernel_gateway() as made:
        yield made


@pytest.fixture(name="gateway", params=["ledger", "nft"])
def each_enforcer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    if request.param == "ledger":
        yield Gateway(lambda: Ledger(tmp_path / "ledger.json", KernelClock()))
    else:
        with kernel_gateway() as made:
            yield made


@pytest.fixture(name="square")
def a_doorkeeper(tmp_path: Path, site: SiteKey, clock: Clock) -> Square:
    return Square(tmp_path, site, clock)


@pytest.fixture(name="program")
def a_process(tmp_path: Path) -> Iterator[Program]:
    made = Program(tmp_path)
    made.start()
    yield made
    made.stop(signal.SIGKILL)


def left(made: Gateway, session: str = "session1") -> int:
    found = made.enforcer.survey()[session].seconds_left
    assert found is not None
    return found


def test_a_prolonged_door_is_open_longer_and_so_it_is_after_a_restart(gateway: Gateway) -> None:
    here = phone(gateway.enforcer)
    assert gateway.enforcer.admit(here, Terms("session1", 30, Ceiling(5, 5)), "nonce1")
    assert gateway.enforcer.prolong(here, Terms("session1", 900, Ceiling(7, 9)), "nonce2")
    assert 880 < left(gateway) <= 900
    gateway.again()
    assert 880 < left(gateway) <= 900
    standing = gateway.enforcer.survey()["session1"]
    assert (standing.phone, standing.ceiling) == (here, Ceiling(7, 9))


def test_a_spent_nonce_prolongs_nothing(gateway: Gateway) -> None:
    here = phone(gateway.enforcer)
    assert gateway.enforcer.admit(here, Terms("session1", 30), "nonce1")
    assert not gateway.enforcer.prolong(here, Terms("session1", 900), "nonce1")
    assert left(gateway) <= 30
    assert gateway.enforcer.prolong(here, Terms("session1", 900), "nonce2")
    assert not gateway.enforcer.prolong(here, Terms("session1", 1800), "nonce2")
    assert left(gateway) <= 900


def counts(made: Gateway, name: str, octets: int) -> None:
    """As if so many octets of the one session had passed, `up` or `down`."""
    listed = subprocess.run(
        [*made.nft, "list", "table", "inet", "plaza"], capture_output=True, text=True, check=True
    )
    mark = re.search(rf"set {name} {{.*?elements = {{ (0x[0-9a-f]+)", listed.stdout, re.DOTALL)
    assert mark is not None
    place = f"element inet plaza {name}"
    counted = f'{mark[1]} counter packets 3 bytes {octets} timeout 1h comment "session1"'
    text = f"delete {place} {{ {mark[1]} }}\nadd {place} {{ {counted} }}\n"
    subprocess.run([*made.nft, "-f", "-"], input=text, text=True, check=True)


def test_what_was_counted_is_kept(kernel: Gateway) -> None:
    here = phone(kernel.enforcer)
    kernel.enforcer.admit(here, Terms("session1", 30), "nonce1")
    for name in ("up", "down"):
        counts(kernel, name, 300)
    kernel.enforcer.prolong(here, Terms("session1", 900), "nonce2")
    standing = kernel.enforcer.survey()["session1"]
    assert (standing.octets_up, standing.octets_down) == (300, 300)


def test_a_door_that_an_older_version_opened_is_known_and_its_cap_is_not_lifted(kernel: Gateway) -> None:
    opened = '02:00:0a:63:00:33 . 10.99.0.51 timeout 60s comment "session1" : 0x10'
    text = f"add element inet plaza door {{ {opened} }}\n"
    subprocess.run([*kernel.nft, "-f", "-"], input=text, text=True, check=True)
    standing = kernel.enforcer.survey()["session1"]
    assert standing.seconds_left is not None
    assert standing.ceiling is None


def test_a_ticket_of_the_same_session_makes_it_longer_and_tells_nobody(square: Square) -> None:
    session = square.enter(longer=1)
    square.clock.seconds += 500
    assert square.keeper.extensible(square.phone())
    assert square.enter(session=session, seconds=1000) == session
    assert square.keeper.seconds_left(square.phone()) == 1000
    assert square.told() == [("opened", session, "")]
    assert not square.keeper.extensible(square.phone()), "the portal says now that there is no more"
    square.open()
    assert square.keeper.seconds_left(square.phone()) == 999
    square.clock.seconds += 2000
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "Session-Timeout")
    assert square.last().seconds == 1500


def test_a_ticket_that_is_worth_less_shortens_nothing(square: Square) -> None:
    session = square.enter()
    square.enter(session=session, seconds=5)
    assert square.keeper.seconds_left(square.phone()) == 600


def test_the_cap_rises_by_what_the_whole_sessions_does_once(square: Square) -> None:
    session = square.enter(octets=1000, total=1000)
    square.meter.octets = 900
    for _ in range(3):
        square.enter(session=session, seconds=700, octets=1000, total=1900)
    assert square.journal.live[session].octets == 1900
    square.meter.octets = 1899
    square.keeper.reconcile()
    assert square.keeper.seconds_left(square.phone()) is not None
    square.meter.octets = 1900
    square.keeper.reconcile()
    assert square.told()[-1] == ("closed", session, "Octet-Limit")


def test_an_older_portal_that_tells_no_total_raises_no_cap(square: Square) -> None:
    session = square.enter(octets=1000)
    square.enter(session=session, seconds=700, octets=900)
    assert square.journal.live[session].octets == 1000


def test_another_phone_cannot_have_a_session_made_longer(square: Square) -> None:
    session = square.enter(1)
    stolen = square.portal.ticket(square.keeper.arrival(square.phone(1)), 9000, session=session)
    square.keeper.present(square.phone(2), stolen)
    assert square.keeper.seconds_left(square.phone(1)) == 600
    assert square.keeper.seconds_left(square.phone(2)) is None


def test_an_arrival_names_the_session_only_while_the_phone_is_in(square: Square) -> None:
    def told(last: int) -> object:
        return unseal(KEY, "arrival", square.keeper.arrival(square.phone(last))).get("session")

    session = square.enter(1)
    assert (told(1), told(2)) == (session, None)
    square.keeper.leave(square.phone(1))
    assert told(1) is None


def test_a_prolongation_is_noted_without_an_event(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.opened(Live("session1", "b1", 10.0, 70.0))
    longer = Live("session1", "b1", 10.0, 700.0, 5, 9, longer=True)
    journal.prolonged(longer)
    again = Journal(tmp_path / "journal")
    assert again.live == {"session1": longer}
    assert again.pending(9) == [Event("opened", "session1", "b1", 10.0)]


@pytest.fixture
def netns() -> Iterator[tuple[str, ...]]:
    """The command of nft in a network of its own."""
    need.root()
    nft, ip = need.program("nft", "nftables"), need.program("ip", "iproute2")
    name = f"plz-ext-{secrets.token_hex(3)}"
    subprocess.run([ip, "netns", "add", name], check=True)
    try:
        yield (ip, "netns", "exec", name, nft)
    finally:
        subprocess.run([ip, "netns", "delete", name], check=True)


@pytest.mark.root
@pytest.mark.parametrize(("where", "seconds", "octets"), [("before", 600, 300), ("between", 3000, 900)])
def test_a_kill_in_the_middle_leaves_the_old_terms_or_the_new_and_never_half(
    netns: tuple[str, ...], tmp_path: Path, where: str, seconds: int, octets: int
) -> None:
    """The session may use 500 octets in all and 200 were used before; then 1,100, so the cap rises by 600."""
    door = extends.keeper(netns, tmp_path)
    extends.enter(door, Portal(), 600, 300, 500)
    command = [sys.executable, "-m", "tests.gateway.extends", *netns, str(tmp_path), where]
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    after = extends.keeper(netns, tmp_path)
    stays = after.seconds_left(PHONE)
    assert stays is not None
    assert seconds - 60 < stays <= seconds
    live = Journal(tmp_path / "journal").live["session1"]
    assert (live.octets, live.total) == (octets, octets + 200)
    assert abs(live.until - live.at - seconds) < 60
    extends.enter(after, Portal(), 3000, 700, 1100)
    assert Journal(tmp_path / "journal").live["session1"].octets == 900, "asked again, it is the new once"


def enters(made: Program, **ticket: str | int) -> str:
    """The page after, as the gateway names it."""
    answer = made.grant(made.portal.ticket(made.arrival(), **ticket))  # type: ignore[arg-type]
    assert answer.status == 303
    return str(answer.getheader("Location"))


def test_the_page_after_has_the_portals_word_for_its_session(program: Program) -> None:
    assert parse_qs(urlsplit(enters(program, status="abc.DEF-_")).query)["s"] == ["abc.DEF-_"]
    assert "s" not in parse_qs(urlsplit(enters(program, status="a b&x=/y")).query)


def test_a_phone_that_is_in_is_sent_on_for_more_with_a_signed_arrival(program: Program) -> None:
    enters(program)
    answer = program.ask(f"/again?{urlencode({'s': 'abc.def', 'lang': 'en', 'next': 'https://evil.test'})}")
    to = urlsplit(answer.getheader("Location", ""))
    query = parse_qs(to.query)
    assert (answer.status, f"{to.scheme}://{to.netloc}{to.path}") == (
        303,
        f"http://127.0.0.1:8080/p/{SITE}/extend",
    )
    assert (query["s"], query["lang"], set(query)) == (["abc.def"], ["en"], {"a", "s", "lang"})
    assert unseal(KEY, "arrival", query["a"][0])["session"] == "session1"
    more = program.grant(program.portal.ticket(query["a"][0], 5000, session="session1"))
    assert more.status == 303
    assert '"door stays open"' in program.log


@pytest.mark.parametrize("asked", ["/again", "/again?s=", "/again?s=a%20b", "/again?s=%0d%0aSet-Cookie"])
def test_whoever_asks_for_more_with_nonsense_is_sent_to_the_first_page(program: Program, asked: str) -> None:
    enters(program)
    answer = program.ask(asked)
    assert (answer.status, urlsplit(answer.getheader("Location", "")).path) == (302, f"/p/{SITE}")


def test_whoever_is_outside_or_posts_is_sent_to_the_first_page(program: Program) -> None:
    outside = program.ask("/again?s=abc", caller="127.9.1.8")
    enters(program)
    posted = program.ask("/again?s=abc", "POST")
    for answer, status in ((outside, HTTPStatus.FOUND), (posted, HTTPStatus.SEE_OTHER)):
        assert answer.status == status
        assert urlsplit(answer.getheader("Location", "")).path == f"/p/{SITE}"


@pytest.mark.parametrize(("seconds_left", "extension"), [(None, False), (30, False), (30, True)])
def test_the_phones_system_is_told_whether_its_session_can_be_made_longer(
    seconds_left: int | None, extension: bool
) -> None:
    """RFC 8908 §5."""
    said = capport.state(seconds_left, "https://portal.test/p/x?a=y", extension).decode()
    assert f'"can-extend-session": {str(extension).lower()}' in said
    assert ('"seconds-remaining": 30' in said) == (seconds_left is not None)
