"""What is Cambium cnPilot's own: numbered WLANs, secrets shown encrypted, its words, what it cannot carry."""

from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.apply import Earlier, Ending
from drivers.configurers import unarmed
from drivers.configurers.cnpilot import CnPilot
from drivers.configurers.cnpilot.board import STYLE, CnPilotBoard
from drivers.configurers.cnpilot.wanted import FIRST, LAST, mask, numbers
from drivers.configurers.seam import Wish
from drivers.configurers.unarmed import Mark, Marker
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Band, Captive, GatewayKind, Intent, Manage, Radio, Secret, Security, Ssid, Syslog
from simulator.vendors.cnpilot import CnPilot as Model
from simulator.vendors.device import Session
from tests.configure.unarmed import CAMBIUM, PASSPHRASE, TOKENS, Bench, bench, small, whole

WHOLE = whole(GatewayKind.CAMBIUM)


@pytest.fixture
def at() -> Iterator[Bench]:
    """An access point with a technician's own network."""
    yield from bench(CAMBIUM)


def test_everything_an_intent_asks_for_is_there_after_one_cycle_and_saved(at: Bench) -> None:
    assert at.carry_out(at.plan(WHOLE)) == "confirmed"
    assert at.running() == at.saved()
    now = "\n".join(at.saved())
    for line in (
        "ssid \"Plaza $(ls) `ls` 🌵;'ñ' | x\"",
        f"passphrase {PASSPHRASE}",
        "security wpa3-sae",
        "security enhanced-open",
        "guest-access external-page-url https://portal.chihuahua.example/entrar",
        "guest-access whitelist *.gob.mx",
        "rate-limit downlink 4096",
        "timezone America/Ojinaga",
        "logging syslog 10.9.0.2 514",
        "channel-width 80",
        "snmp-server user plazamon sha clave-de-auth-1 aes clave-de-priv-2",
    ):
        assert line in now
    assert not at.plan(WHOLE).change


@pytest.mark.parametrize("plainly", [True, False])
def test_one_new_secret_has_all_of_them_sent_again_and_then_nothing_is_left(at: Bench, plainly: bool) -> None:
    assert isinstance(at.model, Model)
    at.model.plainly = plainly
    at.carry_out(at.plan(WHOLE))
    planned = at.plan(whole(GatewayKind.CAMBIUM, "otra-clave-9000"))
    assert len(planned.change.secrets) == 5
    assert at.carry_out(planned, token=TOKENS[1]) == "confirmed"
    assert not at.plan(whole(GatewayKind.CAMBIUM, "otra-clave-9000")).change


def test_a_passphrase_that_is_shown_as_it_is_and_was_changed_by_hand_is_noticed(at: Bench) -> None:
    assert isinstance(at.model, Model)
    at.model.plainly = True
    at.carry_out(at.plan(WHOLE))
    wlan = at.model.running.sections["wireless wlan 10"]
    wlan[:] = [("passphrase", "a-mano-123") if line[0] == "passphrase" else line for line in wlan]
    assert at.plan(WHOLE).change


def test_numbers_that_somebody_uses_are_not_taken(at: Bench) -> None:
    at.model.running.sections["wireless wlan 9"] = [("ssid", "De otra persona")]
    with pytest.raises(ConfigRejected, match=r"somebody uses its WLAN 9; Plaza needs 9 to 16"):
        at.plan(small())


def by_hand(at: Bench, number: int) -> None:
    """Somebody makes a network and saves it."""
    with at.box.lock:
        at.model.running.sections[f"wireless wlan {number}"] = [("ssid", "De la tecnica")]
        at.box.flash["config"] = at.model.running.text()


def test_a_network_made_by_hand_beside_ours_is_left_alone(at: Bench) -> None:
    assert at.carry_out(at.plan(WHOLE)) == "confirmed"
    by_hand(at, 14)
    assert not at.plan(WHOLE).change
    assert at.carry_out(at.plan(small()), token=TOKENS[1]) == "confirmed"
    wlans = {head.split()[-1] for head in at.model.running.sections if head.startswith("wireless wlan")}
    assert wlans == {"1", "9", "14", "16"}


def test_a_number_that_somebody_took_after_our_change_is_refused_when_it_is_needed(at: Bench) -> None:
    earlier = [Earlier(at.plan(small()).running)]
    at.carry_out(at.plan(WHOLE))
    earlier.append(Earlier(at.plan(small()).running))
    at.carry_out(at.plan(small()), token=TOKENS[1])
    by_hand(at, 12)
    for goal in (WHOLE, earlier[1]):
        with pytest.raises(ConfigRejected, match=r"somebody uses its WLAN 12;"):
            at.plan(goal)
    assert at.carry_out(at.plan(earlier[0])) == "confirmed"
    assert "wireless wlan 12" in at.saved()
    assert "wireless wlan 9" not in at.saved()


def test_a_network_of_somebody_where_the_marker_would_be_is_refused(at: Bench) -> None:
    at.model.running.sections["wireless wlan 16"] = [("shutdown",)]
    assert at.plan(small()).change
    by_hand(at, 16)
    with pytest.raises(ConfigRejected, match=r"somebody uses its WLAN 16;"):
        at.plan(small())


@given(st.frozensets(st.integers(FIRST, LAST)))
def test_the_numbers_that_are_ours_come_back_from_the_note(ours: frozenset[int]) -> None:
    assert len(mask(ours)) == 2
    assert numbers(f"{mask(ours)}123456") == ours


@pytest.mark.parametrize("goal", [small(), None])
def test_what_a_killed_controller_left_half_typed_is_ended_by_asking_alone(
    at: Bench, goal: Wish | None
) -> None:
    planned, before = at.plan(small()), at.running()
    marking = CnPilotBoard().marking("", Marker(Mark.STAGED, TOKENS[0]))
    with at.connect() as session:
        talk = at.target().talk(session)
        at.configurer.arm(talk, planned.change, planned.fingerprint, TOKENS[0], 60)
        unarmed.sent(talk, session.console(STYLE, 30), (*marking, *planned.change.lines[:4]))
    assert at.finish_alone(goal) is Ending.ABSENT
    assert at.running() == before == at.saved()
    assert at.carry_out(at.plan(small()), token=TOKENS[1]) == "confirmed"


def test_what_the_marker_knows_of_the_secrets_is_not_shown(at: Bench) -> None:
    at.carry_out(at.plan(WHOLE))
    running = at.plan(WHOLE).running
    marker = CnPilotBoard().marker(running.text.reveal())
    assert marker is not None
    assert numbers(marker.note) == {9, 10, 11, 12}
    assert marker.note[2:] != "000000"
    assert marker.note[2:] not in at.configurer.redacted(running)
    assert not any(marker.note[2:] in line.shown for line in CnPilotBoard().marking("", marker))


def test_a_community_for_traps_is_not_in_its_history() -> None:
    running = unarmed.running(CnPilotBoard(), "hostname x\nsnmp-server trap-host 10.0.0.5 clave-8\n")
    assert "snmp-server trap-host 10.0.0.5 •••" in CnPilot().redacted(running)


def test_the_marker_holds_in_an_ssid_and_comes_back_from_it() -> None:
    board = CnPilotBoard()
    for mark in Mark:
        lines = board.marking("", Marker(mark, TOKENS[0], "0a1b2c3d"))
        text = "\n".join(
            (" " if line.path.count(".") else "") + line.command.reveal() for line in lines if line.path
        )
        assert all(len(word) <= 32 for word in text.split())
        assert board.marker(text) == Marker(mark, board.tag(TOKENS[0]), "0a1b2c3d")


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        (Intent("ap-1", "plaza_1", "MX", (), ()), "is no host name"),
        (Intent("ap-1", "plaza-1", "MX", (), (Ssid('dice "hola"'),)), "cannot take"),
        (Intent("ap-1", "plaza-1", "MX", (), tuple(Ssid(str(one)) for one in range(8))), "not 8"),
        (Intent("ap-1", "plaza-1", "MX", (Radio(Band.GHZ_5, 36, 160),), ()), "160 MHz"),
        (Intent("ap-1", "plaza-1", "MX", (), (), Manage(syslog=Syslog("x", 514, "tcp"))), "UDP only"),
        (
            Intent(
                "ap-1", "p", "MX", (), (Ssid("x", captive=True),), Manage(), Captive(GatewayKind.USPOT, "")
            ),
            "uspot is not in",
        ),
    ],
)
def test_what_it_cannot_carry_is_refused_before_anything_is_sent(intent: Intent, why: str) -> None:
    running = unarmed.running(CnPilotBoard(), "hostname x\n")
    with pytest.raises(ValueRefused, match=why):
        CnPilot().change("ap-1", running, Wish(intent))


HOSTILE = st.text(
    st.sampled_from("aé🌵 \"'`$();|&<>\\?!#\n\r\t\x16\x03\x00\u2028") | st.characters(codec="utf-8"),
    max_size=12,
)


@given(HOSTILE, HOSTILE)
@example("reboot", "shutdown")
@example("x\nreboot\ny", "12345678")
@example("!", "exit----")
def test_no_name_and_no_passphrase_becomes_a_command(name: str, passphrase: str) -> None:
    model = Model()
    before = model.running.copy().sections
    ssid = Ssid(name, Security.WPA2, passphrase="staff", isolation=False)
    wish = Wish(Intent("ap-1", "E410", "MX", (), (ssid,)), {"staff": Secret(passphrase)})
    running = unarmed.running(CnPilotBoard(), "\n".join(model._listed(model.running)))
    error = ""
    try:
        change = CnPilot().change("ap-1", running, wish)
    except ValueRefused as refused:
        error = str(refused)
    if error:
        assert len(passphrase) < 8 or passphrase not in error
        return
    session = Session("plaza")
    model.greet(session)
    for line in (*(line.command.reveal() for line in change.lines), "apply"):
        assert model.execute(session, line) == ""
    assert model.box.deaths == 0
    now = model.running.sections
    assert now.keys() - before.keys() == {"wireless wlan 9"}
    assert ("ssid", name) in now["wireless wlan 9"]
    assert ("passphrase", passphrase) in now["wireless wlan 9"]
    assert now["wireless wlan 1"] == before["wireless wlan 1"]
