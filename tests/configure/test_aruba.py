"""What is Aruba Instant's own: its commit, its parts of 4 KB, its words, what it cannot carry."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.apply import Step
from drivers.configurers import sections, unarmed
from drivers.configurers.aruba_instant import ArubaInstant
from drivers.configurers.aruba_instant.board import InstantBoard, batches
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import (
    Band,
    Captive,
    GatewayKind,
    Intent,
    Manage,
    Radio,
    Rate,
    Secret,
    Security,
    Ssid,
    Syslog,
)
from simulator.vendors import sectioned
from simulator.vendors.aruba_instant import ArubaInstant as Instant
from simulator.vendors.device import Session
from tests.configure.unarmed import ARUBA, PASSPHRASE, TOKENS, Bench, bench, small, whole

WHOLE = whole(GatewayKind.ARUBA_INSTANT)


@pytest.fixture
def at() -> Iterator[Bench]:
    """A conductor with a technician's own network."""
    yield from bench(ARUBA)


def instant(at: Bench) -> Instant:
    """The model."""
    assert isinstance(at.model, Instant)
    return at.model


def test_everything_an_intent_asks_for_is_there_after_one_cycle_and_saved(at: Bench) -> None:
    assert at.carry_out(at.plan(WHOLE)) == "confirmed"
    assert at.steps == [Step.ARMED, Step.APPLIED, Step.VERIFIED]
    assert at.running() == at.saved()
    now = "\n".join(at.saved())
    for line in (
        "essid \"Plaza $(ls) `ls` 🌵;'ñ' | x\"",
        f"wpa-passphrase {PASSPHRASE}",
        "opmode wpa3-sae-aes",
        "opmode enhanced-open",
        "captive-portal external profile plaza-portal",
        "rule alias *.gob.mx match any any any permit",
        "bandwidth-limit peruser downstream 4096",
        "time-range plaza-mon-0800-2000 periodic monday 08:00 to 20:00",
        "time-range plaza-sun-0800-2359 enable",
        "clock summer-time CDT recurring second sunday march 02:00 first sunday november 02:00",
        "allowed-channels 36",
        "snmp-server user plazamon sha clave-de-auth-1 aes clave-de-priv-2",
    ):
        assert line in now
    assert not at.plan(WHOLE).change


def test_only_the_changed_line_of_a_network_is_sent(at: Bench) -> None:
    at.carry_out(at.plan(WHOLE))
    planned = at.plan(whole(GatewayKind.ARUBA_INSTANT, "otra-clave-9000"))
    assert {path.rpartition(".")[2] for path in planned.change.paths if "." in path} == {"wpa-passphrase"}


def test_the_preview_is_the_devices_own_and_leaves_nothing_staged(at: Bench) -> None:
    planned = at.plan(WHOLE)
    before = at.running()
    with at.connect() as session:
        said = at.configurer.preview(at.target().talk(session), planned.change)
    assert " opmode enhanced-open\n" in said
    assert not any(
        secret in said for secret in (PASSPHRASE, "radius-secreto-3", "clave-de-auth-1", "preview")
    )
    assert instant(at).staged == []
    assert at.running() == before


def test_a_preview_of_removals_stages_what_may_be_staged_at_once(at: Bench) -> None:
    at.carry_out(at.plan(WHOLE))
    with at.connect() as session:
        said = at.configurer.preview(at.target().talk(session), at.plan(small()).change)
    assert "no wlan ssid-profile plaza-2\n" in said
    assert instant(at).staged == []


def test_what_another_login_typed_is_neither_committed_nor_dropped(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    instant(at).staged.append(("", ("name", "a-mano")))
    assert at.carry_out(planned) == "refused"
    with at.connect() as session, pytest.raises(ConfigRejected, match="did not commit"):
        at.configurer.preview(at.target().talk(session), planned.change)
    assert instant(at).staged == [("", ("name", "a-mano"))]
    assert at.running() == before


def test_a_secret_that_another_login_typed_is_not_in_the_error(at: Bench) -> None:
    planned = at.plan(small())
    instant(at).staged.append(("wlan ssid-profile tecnica", ("wpa-passphrase", "la-de-la-otra")))
    with at.connect() as session, pytest.raises(ConfigRejected) as found:
        at.configurer.arm(at.target().talk(session), planned.change, planned.fingerprint, TOKENS[0], 60)
    assert "la-de-la-otra" not in str(found.value)


def test_what_a_lost_login_of_ours_left_staged_is_dropped(at: Bench) -> None:
    planned = at.plan(small())
    instant(at).staged.append(("", ("wlan", "access-rule", f"plaza-trial-{TOKENS[1]}")))
    assert at.carry_out(planned) == "confirmed"
    assert f"plaza-trial-{TOKENS[1]}" not in instant(at).running.text()


def test_passwords_of_its_own_users_are_not_in_its_history() -> None:
    text = 'version 8\nuser invitada clave-1 portal\nuser "la otra" "clave 2" radius\nams-identity clave-3\n'
    shown = ArubaInstant().redacted(unarmed.running(InstantBoard(), text))
    assert "clave" not in shown
    assert "user invitada ••• portal" in shown
    assert 'user "la otra" ••• radius' in shown


def test_a_refused_line_leaves_nothing_staged(at: Bench) -> None:
    planned, before = at.plan(WHOLE), at.running()
    instant(at).refuses = "set-role-pre-auth"
    with at.connect() as session, pytest.raises(ConfigRejected, match=r"'set-role-pre-auth plaza-guest'"):
        at.configurer.apply(at.target().talk(session), planned.change, TOKENS[0])
    assert instant(at).staged == []
    at.box.lose_power()
    assert at.running() == before


def test_a_member_of_the_cluster_refuses_and_stays_as_it_is(at: Bench) -> None:
    planned, before = at.plan(small()), at.running()
    instant(at).conductor = False
    with at.connect() as session, pytest.raises(ConfigRejected, match="on the conductor only"):
        at.configurer.apply(at.target().talk(session), planned.change, TOKENS[0])
    assert at.carry_out(planned) == "reverted"
    assert at.running() == before


def many() -> Wish:
    """More than waits for one commit."""
    ssids = tuple(
        Ssid(f"Plaza numero {number}", vlan=20 + number, rate=Rate(2048, 512)) for number in range(16)
    )
    return replace(WHOLE, intent=replace(WHOLE.intent, ssids=ssids))


@pytest.mark.parametrize("line", [90, 150, 190])
def test_a_change_in_parts_that_is_cut_between_them_ends_old_after_our_revert(at: Bench, line: int) -> None:
    planned, before = at.plan(many()), at.running()
    assert len(list(batches(planned.change.lines))) > 1
    at.box.faults.cut_after = line
    assert at.end(planned, many(), at.carry_out(planned)) == "reverted"
    assert at.running() == before == at.saved()
    assert at.carry_out(at.plan(many()), token=TOKENS[1]) == "confirmed"


def test_no_part_is_larger_than_what_may_wait_and_none_is_lost() -> None:
    board = InstantBoard()
    running = unarmed.running(board, "version 8\nname x\n")
    change = ArubaInstant().change("ap-1", running, many())
    parts = list(batches(change.lines))
    assert [line for part in parts for line in part] == list(change.lines)
    assert all(sum(len(line.command.reveal()) + 2 for line in part) <= 3000 for part in parts)
    assert all(part[-1].command.reveal() == "exit" or part[0].path == "name" for part in parts)


@pytest.mark.parametrize(
    ("intent", "why"),
    [
        (Intent("ap-1", "plaza_1", "MX", (), ()), "is no host name"),
        (Intent("ap-1", "plaza-1", "Mexico", (), ()), "is no country"),
        (Intent("ap-1", "plaza-1", "MX", (), (Ssid('dice "hola"'),)), "cannot take"),
        (Intent("ap-1", "plaza-1", "MX", (), (Ssid("hola\nreload"),)), "control character"),
        (Intent("ap-1", "plaza-1", "MX", (), (Ssid("a" * 33),)), "33 octets"),
        (Intent("ap-1", "plaza-1", "MX", (), (Ssid("x", rate=Rate(70000)),)), "65535"),
        (Intent("ap-1", "plaza-1", "MX", (), (Ssid("x", bands=(Band.GHZ_6,)),)), "these bands"),
        (Intent("ap-1", "plaza-1", "MX", (), (Ssid("x", Security.WPA2, passphrase="y"),)), "has no secret"),
        (Intent("ap-1", "plaza-1", "MX", (Radio(Band.GHZ_6),), ()), "band 6g"),
        (Intent("ap-1", "plaza-1", "MX", (), (), Manage(ntp=("10.0.0.1", "10.0.0.2"))), "one NTP server"),
        (Intent("ap-1", "plaza-1", "MX", (), (), Manage("Europe/Madrid")), "Europe/Madrid"),
        (Intent("ap-1", "plaza-1", "MX", (), (), Manage(syslog=Syslog("x", 6514, "tcp"))), "UDP port 514"),
        (
            Intent(
                "ap-1", "p", "MX", (), (Ssid("x", captive=True),), Manage(), Captive(GatewayKind.OPENNDS, "")
            ),
            "opennds is not in",
        ),
        (
            Intent(
                "ap-1",
                "p",
                "MX",
                (),
                (Ssid("x", captive=True),),
                Manage(),
                Captive(GatewayKind.ARUBA_INSTANT, "https://x"),
            ),
            "needs a RADIUS",
        ),
    ],
)
def test_what_it_cannot_carry_is_refused_before_anything_is_sent(intent: Intent, why: str) -> None:
    running = unarmed.running(InstantBoard(), "version 8\n")
    with pytest.raises(ValueRefused, match=why):
        ArubaInstant().change("ap-1", running, Wish(intent))


def test_a_line_of_a_person_that_cannot_be_typed_is_named_when_it_would_have_to_be() -> None:
    role = "version 8\nwlan access-rule plaza-1\n rule alias a?b match any any any permit\n"
    wish = Wish(Intent("ap-1", "p", "MX", (), (Ssid("x"),)))
    with pytest.raises(ValueRefused, match=r"'no rule alias a\?b match any any any permit'"):
        ArubaInstant().change("ap-1", unarmed.running(InstantBoard(), role), wish)


def test_our_own_gateway_at_the_site_asks_nothing_of_it() -> None:
    running = unarmed.running(InstantBoard(), "version 8\n")
    plaza = Captive(GatewayKind.PLAZA, "http://10.19.1.1:2060")
    wish = Wish(Intent("ap-1", "p", "MX", (), (Ssid("x", captive=True),), Manage(), plaza))
    text = ArubaInstant().change("ap-1", running, wish).text
    assert "captive-portal disable" in text
    assert "plaza-portal" not in text


@given(st.text())
@example("?")
@example('a" reload')
@example("a\rreload")
@example(" ")
@example("")
def test_a_quoted_word_is_that_word_to_the_device_or_it_is_refused(text: str) -> None:
    quoted = error = ""
    try:
        quoted = sections.quote(text)
    except ValueError as refused:
        error = str(refused)
    if error:
        assert len(text) < 3 or text not in error
        return
    assert quoted.isprintable() or not quoted.isascii()
    assert not any(ord(one) < 32 or one in "?\x7f\x85\u2028" for one in quoted)
    assert sectioned.split(f"essid {quoted} x") == ("essid", text, "x")
    assert sections.words(f" essid {quoted} x") == ("essid", text, "x")


HOSTILE = st.text(
    st.sampled_from("aé🌵 \"'`$();|&<>\\?!#\n\r\t\x16\x03\x00\u2028") | st.characters(codec="utf-8"),
    max_size=12,
)


@given(HOSTILE, HOSTILE)
@example("end", "reload--")
@example("x\nend\nreload\ny", "12345678")
@example('" reload', "12345678")
def test_no_name_and_no_passphrase_becomes_a_command(name: str, passphrase: str) -> None:
    model = Instant()
    before = model.running.copy().sections
    ssid = Ssid(name, Security.WPA2, passphrase="staff", isolation=False)
    wish = Wish(Intent("ap-1", "SetMeUp", "MX", (), (ssid,)), {"staff": Secret(passphrase)})
    running = unarmed.running(InstantBoard(), "\n".join(model._listed(plain=True)))
    error = ""
    try:
        change = ArubaInstant().change("ap-1", running, wish)
    except ValueRefused as refused:
        error = str(refused)
    if error:
        assert len(passphrase) < 8 or passphrase not in error
        return
    session = Session("plaza")
    model.greet(session)
    for line in (
        "configure terminal",
        *(line.command.reveal() for line in change.lines),
        "end",
        "commit apply",
    ):
        assert "%" not in model.execute(session, line)
    assert model.box.deaths == 0
    sections_now = model.running.sections
    assert sections_now.keys() - before.keys() == {"wlan access-rule plaza-1", "wlan ssid-profile plaza-1"}
    assert ("essid", name) in sections_now["wlan ssid-profile plaza-1"]
    assert ("wpa-passphrase", passphrase) in sections_now["wlan ssid-profile plaza-1"]
    assert sections_now["wlan ssid-profile tecnica"] == before["wlan ssid-profile tecnica"]
