"""A change at an airOS radio: applied from memory, verified, then written to flash; or back as it was."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.apply import Earlier, Ending, Plan, Step, await_end, carry_out, finish, plan, take_back
from drivers.configurers import shell
from drivers.configurers.airos import cfg, names
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, DriverError, Unreachable, ValueRefused, VerifyFailed
from drivers.model import Band, Captive, GatewayKind, Intent, Manage, Secret, Security, SnmpV3, Ssid, Syslog
from drivers.model import Radio as Wished
from tests import need
from tests.configure.airosbox import SYSTEM_CFG, Radio, running_radio
from tests.configure.desk import CANARY, IMPATIENT, PATIENT
from tests.configure.device import Dropbear, OpenSsh, quickest
from tests.configure.shellbox import at, cut_the_line, kill_guard, nothing, stop

KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAAplaza tecnica@plaza"
INTENT = Intent(
    device="enlace-08019-1",
    hostname="enlace-uno",
    country="MX",
    radios=(Wished(Band.GHZ_5, 149, 20, 20),),
    ssids=(Ssid("Plaza ñ 😀 & más", Security.WPA2, bands=(Band.GHZ_5,), passphrase="staff"),),
    manage=Manage(ntp=("10.0.0.1",), syslog=Syslog("10.0.0.5", 5514), ssh_keys=(KEY,)),
)
WISH = Wish(INTENT, {"staff": Secret(CANARY)})
CUT_OFF = replace(WISH, intent=replace(INTENT, country="ES"))
"""Takes the device's management away."""


@pytest.fixture(params=[OpenSsh, Dropbear], ids=["openssh", "dropbear"])
def radio(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Radio]:
    """One radio, behind each kind of SSH server and shell."""
    yield from running_radio(tmp_path, request.param())


@pytest.fixture
def one_radio(tmp_path: Path) -> Iterator[Radio]:
    """One radio behind whichever server this user can run."""
    yield from running_radio(tmp_path, quickest())


def planned(radio: Radio, wish: Wish = WISH) -> Plan:
    """A plan, as a technician would see it."""
    return plan(radio.target(PATIENT), wish)


def test_a_change_is_applied_verified_and_only_then_written_to_flash(radio: Radio) -> None:
    target = radio.target(PATIENT)
    kept = radio.flash()
    seen: list[bytes] = []
    carry_out(target, planned(radio), "t1", at(Step.VERIFIED, lambda: seen.append(radio.flash())))
    assert seen == [kept]
    assert radio.flash() != kept
    assert radio.value("resolv.host.1.name") == "enlace-uno"
    assert radio.value("wireless.1.ssid") == radio.value("aaa.1.ssid") == "Plaza ñ 😀 & más"
    assert radio.value("aaa.1.wpa.psk") == CANARY
    assert (radio.value("radio.1.freq"), radio.value("radio.1.ieee_mode")) == ("5745", "11naht20")
    assert radio.value("ntpclient.2.server") is None
    assert radio.value("sshd.auth.key.2.comment") == "plaza:tecnica@plaza"
    assert await_end(target, "t1", 30) is Ending.CONFIRMED
    assert radio.restarts() == 1
    assert not planned(radio).change
    radio.lose_power()
    radio.boot()
    assert not planned(radio).change
    assert await_end(target, "t1", 30) is Ending.CONFIRMED


def test_what_somebody_set_by_hand_survives(one_radio: Radio) -> None:
    carry_out(one_radio.target(PATIENT), planned(one_radio), "t1", nothing)
    untouched = [line for line in SYSTEM_CFG.splitlines() if line.partition("=")[0] not in names.OWNED]
    assert [line for line in one_radio.cfg().splitlines() if line in untouched] == untouched
    assert (one_radio.root / "etc/persistent/rc.poststart").read_text() == "# de la tecnica\n"


def test_no_secret_shows_in_what_a_person_reads(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)
    found = plan(target, WISH, stage=True)
    assert "+aaa.1.wpa.psk=•••" in found.staged
    assert "+aaa.1.wpa.psk=•••" in found.change.text
    carry_out(target, found, "t1", nothing)
    again = planned(one_radio, CUT_OFF)
    redacted = target.configurer.redacted(again.running)
    shown = [
        found.change.text,
        found.staged,
        repr(found),
        redacted,
        *(line.shown for line in found.change.lines),
    ]
    for secret in (CANARY, "publica-hecha-a-mano", "jhG7EaVx"):
        assert not [text for text in shown if secret in text]
    assert "users.1.password=•••" in redacted


def test_a_preview_leaves_nothing_behind(one_radio: Radio) -> None:
    plan(one_radio.target(PATIENT), WISH, stage=True)
    assert one_radio.cfg() == SYSTEM_CFG
    assert list((one_radio.root / "tmp").glob("plaza*")) == []


def test_a_change_that_cuts_the_management_link_reverts_by_itself(radio: Radio) -> None:
    target, kept = radio.target(IMPATIENT), radio.flash()
    with pytest.raises((Unreachable, VerifyFailed)):
        carry_out(target, planned(radio, CUT_OFF), "t1", nothing)
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert (radio.cfg(), radio.flash()) == (SYSTEM_CFG, kept)
    assert radio.restarts() == 2


@pytest.mark.parametrize("step", [Step.APPLIED, Step.VERIFIED])
def test_a_line_that_is_cut_in_the_middle_costs_nothing(radio: Radio, step: Step) -> None:
    target = radio.target(PATIENT if step is Step.VERIFIED else IMPATIENT)
    acts = (stop,) if step is Step.VERIFIED else ()
    with pytest.raises((Unreachable, VerifyFailed)):
        carry_out(target, planned(radio), "t1", at(step, lambda: cut_the_line(radio), *acts))
    if step is Step.VERIFIED:
        assert finish(target, "t1", WISH) is Ending.CONFIRMED
        assert not planned(radio).change
    else:
        assert await_end(target, "t1", 60) is Ending.REVERTED
        assert radio.cfg() == SYSTEM_CFG


@pytest.mark.parametrize("step", [Step.APPLIED, Step.VERIFIED])
def test_a_power_cycle_inside_a_trial_brings_back_what_flash_holds(one_radio: Radio, step: Step) -> None:
    target, kept = one_radio.target(PATIENT), one_radio.flash()
    with pytest.raises((ConfigRejected, VerifyFailed)):
        carry_out(target, planned(one_radio), "t1", at(step, one_radio.lose_power, one_radio.boot))
    assert await_end(target, "t1", 30) is Ending.ABSENT
    assert (one_radio.cfg(), one_radio.flash()) == (SYSTEM_CFG, kept)
    carry_out(target, planned(one_radio), "t2", nothing)


def test_power_lost_after_the_decision_and_before_flash_is_written_ends_old(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)

    def decided() -> None:
        (one_radio.root / "tmp/plaza/rollback.cfg").rename(one_radio.root / "tmp/plaza/confirmed")
        one_radio.lose_power()
        one_radio.boot()

    with pytest.raises(VerifyFailed):
        carry_out(target, planned(one_radio), "t1", at(Step.VERIFIED, decided))
    assert await_end(target, "t1", 30) is Ending.ABSENT
    assert one_radio.cfg() == SYSTEM_CFG


def test_flash_that_is_full_leaves_the_trial_to_be_confirmed_later(one_radio: Radio) -> None:
    target, full = one_radio.target(PATIENT), one_radio.root / "flash/full"
    full.touch()
    with pytest.raises(ConfigRejected, match="could not write it to flash"):
        carry_out(target, planned(one_radio), "t1", nothing)
    with pytest.raises(ConfigRejected, match="could not write it to flash"):
        finish(target, "t1", WISH)
    full.unlink()
    assert finish(target, "t1", WISH) is Ending.CONFIRMED
    one_radio.lose_power()
    one_radio.boot()
    assert not planned(one_radio).change


def test_a_controller_that_died_after_verifying_is_taken_over(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)
    with pytest.raises(VerifyFailed):
        carry_out(target, planned(one_radio), "t1", at(Step.VERIFIED, stop))
    assert finish(target, "t1", WISH) is Ending.CONFIRMED
    assert finish(target, "t1", WISH) is Ending.CONFIRMED


def test_a_second_technician_is_refused_while_a_trial_is_open(one_radio: Radio) -> None:
    target, other = one_radio.target(PATIENT), planned(one_radio, CUT_OFF)

    def second() -> None:
        with pytest.raises(ConfigRejected, match="another trial is open"):
            carry_out(target, other, "t2", nothing)

    carry_out(target, planned(one_radio), "t1", at(Step.VERIFIED, second))
    assert not planned(one_radio).change


def test_what_somebody_else_staged_is_not_applied_with_ours(one_radio: Radio) -> None:
    (one_radio.root / "tmp/system.cfg").write_text(SYSTEM_CFG + "pwdog.status=enabled\n")
    with pytest.raises(ConfigRejected, match="changes of somebody else"):
        carry_out(one_radio.target(PATIENT), planned(one_radio), "t1", nothing)
    assert one_radio.cfg() == SYSTEM_CFG + "pwdog.status=enabled\n"


def test_a_plan_of_what_is_no_longer_there_is_refused(one_radio: Radio) -> None:
    found = planned(one_radio)
    for name in ("system.cfg", "running.cfg"):
        (one_radio.root / "tmp" / name).write_text(SYSTEM_CFG + "pwdog.status=enabled\n")
    with pytest.raises(ConfigRejected, match="changed since the plan was made"):
        carry_out(one_radio.target(PATIENT), found, "t1", nothing)
    assert not (one_radio.root / "tmp/plaza").exists()


def test_nothing_is_applied_once_the_guard_was_killed(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)
    with pytest.raises(ConfigRejected, match="guard does not run"):
        carry_out(
            target,
            planned(one_radio),
            "t1",
            at(Step.APPLIED, lambda: kill_guard(one_radio.root / "tmp/plaza/guard.pid")),
        )
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_radio.cfg() == SYSTEM_CFG


def test_a_guard_killed_after_applying_is_started_again_by_whoever_asks(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)
    with pytest.raises(VerifyFailed):
        carry_out(
            target,
            planned(one_radio),
            "t1",
            at(Step.VERIFIED, lambda: kill_guard(one_radio.root / "tmp/plaza/guard.pid"), stop),
        )
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_radio.cfg() == SYSTEM_CFG


def test_a_guard_killed_while_it_restores_is_started_again_too(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)

    def half_restored() -> None:
        kill_guard(one_radio.root / "tmp/plaza/guard.pid")
        (one_radio.root / "tmp/plaza/rollback.cfg").rename(one_radio.root / "tmp/plaza/reverting")

    with pytest.raises(VerifyFailed):
        carry_out(target, planned(one_radio), "t1", at(Step.VERIFIED, half_restored))
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_radio.cfg() == SYSTEM_CFG


def test_a_trial_is_taken_back_at_once_when_asked(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)
    with pytest.raises(VerifyFailed):
        carry_out(target, planned(one_radio), "t1", at(Step.VERIFIED, stop))
    take_back(target, "t1")
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_radio.cfg() == SYSTEM_CFG


def test_a_radio_that_does_not_follow_its_file_is_never_confirmed(one_radio: Radio) -> None:
    (one_radio.root / "tmp/radio.cfg").write_text(SYSTEM_CFG)
    target = one_radio.target(replace(IMPATIENT, revert_s=10))
    with pytest.raises(VerifyFailed, match="is not on the air"):
        carry_out(target, planned(one_radio), "t1", nothing)
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_radio.cfg() == SYSTEM_CFG


def test_memory_that_is_full_ends_in_the_old_configuration(tmp_path: Path) -> None:
    need.root()
    for radio in running_radio(tmp_path, Dropbear()):
        folder = radio.root / "tmp/plaza"
        folder.mkdir()
        mounted = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(folder)]
        if subprocess.run(mounted, check=False).returncode:
            need.missing("needs to mount a tmpfs")
        try:
            (folder / "lleno").write_bytes(b"x" * 4096)
            with pytest.raises(DriverError):
                carry_out(radio.target(PATIENT), planned(radio), "t1", nothing)
            assert radio.cfg() == SYSTEM_CFG
            assert radio.restarts() == 0
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def test_a_rollback_writes_again_what_was_ours_and_nothing_else(one_radio: Radio) -> None:
    target = one_radio.target(PATIENT)
    first = planned(one_radio)
    carry_out(target, first, "t1", nothing)
    for name in ("system.cfg", "running.cfg"):
        with (one_radio.root / "tmp" / name).open("a") as file:
            file.write("pwdog.status=enabled\n")
    carry_out(target, plan(target, Earlier(first.running)), "t2", nothing)
    assert sorted(one_radio.cfg().splitlines()) == sorted([*SYSTEM_CFG.splitlines(), "pwdog.status=enabled"])
    assert not plan(target, Earlier(first.running)).change


def test_the_key_we_are_logged_in_with_stays_whatever_is_wished() -> None:
    slot = {"status": "enabled", "type": "ssh-rsa", "value": "AAAAentrada", "comment": "plaza:vieja"}
    running = dict(cfg.parse(SYSTEM_CFG)) | {f"sshd.auth.key.3.{name}": text for name, text in slot.items()}
    assert "sshd.auth.key.3.value" not in names.wanted(WISH, running, "AAAAentrada")
    assert names.wanted(WISH, running, "")["sshd.auth.key.3.value"] is None
    assert "sshd.auth.key.3.value" not in names.as_before(
        running, cfg.parse(SYSTEM_CFG), "AAAAentrada", frozenset()
    )


NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=32) | st.text(
    "a'\"`$(){};|&?\\\n\r\x00%#!~*<> ñ😀=-", max_size=32
)


@given(NASTY)
def test_a_network_name_stays_one_value_or_is_refused(name: str) -> None:
    wish = replace(WISH, intent=replace(INTENT, ssids=(replace(INTENT.ssids[0], name=name),)))
    running: dict[str, str | None] = dict(cfg.parse(SYSTEM_CFG))
    try:
        wanted = names.wanted(wish, cfg.parse(SYSTEM_CFG), "")
    except ValueRefused:
        long = len(name.encode()) > 32
        assert (
            not name or long or name != name.strip() or set("\"'`$\\") & set(name) or not name.isprintable()
        )
        return
    read_back = cfg.parse(cfg.edited(SYSTEM_CFG, wanted))
    assert read_back["wireless.1.ssid"] == read_back["aaa.1.ssid"] == name
    assert read_back == {key: wish for key, wish in (running | wanted).items() if wish is not None}


KEYS = st.sampled_from([*cfg.parse(SYSTEM_CFG), "nueva.1.clave", "otra"])
VALUES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\"'`$\\"), max_size=20
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.dictionaries(KEYS, st.none() | VALUES.map(str.strip), min_size=1))
def test_the_device_edits_the_file_as_we_foresee(wanted: dict[str, str | None], tmp_path: Path) -> None:
    change = cfg.diff("enlace", SYSTEM_CFG, wanted)
    (tmp_path / "tmp").mkdir(exist_ok=True)
    (tmp_path / "tmp/system.cfg").write_text(SYSTEM_CFG)
    (tmp_path / "batch").write_text("".join(f"{line.command.reveal()}\n" for line in change.lines))
    script = (
        f'{shell.file("ubiquiti_airos/trial.sh")}\nawk() {{ busybox awk "$@"; }}\nedit {tmp_path}/batch\n'
    )
    busybox = need.program("busybox", "busybox")
    done = subprocess.run(
        [busybox, "sh", "-s"],
        input=script.encode(),
        capture_output=True,
        check=True,
        env={"PLAZA_ROOT": str(tmp_path)},
    )
    changed = {key: wish for key, wish in wanted.items() if cfg.parse(SYSTEM_CFG).get(key) != wish}
    if changed:
        assert done.stdout.decode() == cfg.edited(SYSTEM_CFG, changed)


REJECTED = [
    (replace(INTENT, radios=(Wished(Band.GHZ_2),)), "no radio for the band 2g4"),
    (replace(INTENT, radios=INTENT.radios * 2), "it has one radio"),
    (replace(INTENT, ssids=(INTENT.ssids[0], Ssid("Otra"))), "carries one network name"),
]


@pytest.mark.parametrize(("intent", "said"), REJECTED)
def test_what_the_device_has_not_is_said(intent: Intent, said: str) -> None:
    with pytest.raises(ConfigRejected, match=said):
        names.wanted(replace(WISH, intent=intent), cfg.parse(SYSTEM_CFG), "")


REFUSED = [
    (replace(INTENT, hostname="a b"), "is no host name"),
    (replace(INTENT, country="ZZ"), "number of the country"),
    (replace(INTENT, radios=(Wished(Band.GHZ_5, 36, 80),)), "cannot be 80 MHz wide"),
    (replace(INTENT, manage=Manage(syslog=Syslog("logs.example.mx"))), "is no IPv4 address"),
    (replace(INTENT, manage=Manage(ntp=("a b",))), "is no host"),
    (replace(INTENT, manage=Manage(ssh_keys=('from="*" ssh-rsa AAAA',))), "no key that airOS can carry"),
    (replace(INTENT, ssids=(replace(INTENT.ssids[0], name="$(reboot)"),)), "holds a"),
    (replace(INTENT, ssids=(replace(INTENT.ssids[0], name=" Plaza"),)), "begins or ends with a space"),
    (replace(INTENT, ssids=(replace(INTENT.ssids[0], passphrase="otra"),)), "has no passphrase"),
]


@pytest.mark.parametrize(("intent", "said"), REFUSED)
def test_what_airos_cannot_carry_is_refused(intent: Intent, said: str) -> None:
    with pytest.raises(ValueRefused, match=said):
        names.wanted(replace(WISH, intent=intent), cfg.parse(SYSTEM_CFG), "")


UNABLE = [
    replace(INTENT, ssids=(Ssid("X", Security.OWE),)),
    replace(INTENT, manage=Manage(vlan=9)),
    replace(INTENT, manage=Manage(snmp_users=("poller",))),
    replace(INTENT, captive=Captive(GatewayKind.COOVACHILLI, "https://x/")),
]


@pytest.mark.parametrize("intent", UNABLE)
def test_what_plaza_cannot_set_on_airos_is_said_and_nothing_is_sent(one_radio: Radio, intent: Intent) -> None:
    with pytest.raises(ValueRefused, match="Plaza cannot set"):
        planned(one_radio, Wish(intent, WISH.passphrases, {"poller": SnmpV3("poller")}))
    assert one_radio.cfg() == SYSTEM_CFG
