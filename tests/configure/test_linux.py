"""A change at a Linux device: applied, verified over a new login and confirmed, or back as it was."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.apply import Earlier, Ending, Plan, Step, await_end, carry_out, finish, plan, take_back
from drivers.change import Line
from drivers.configurers.linux import owned
from drivers.configurers.linux.state import parse
from drivers.configurers.seam import Phase, Wish
from drivers.errors import ConfigRejected, Unreachable, VerifyFailed
from drivers.model import (
    Band,
    Endpoint,
    GatewayKind,
    Intent,
    Manage,
    Radio,
    Secret,
    Security,
    SnmpV3,
    Ssid,
    Syslog,
)
from drivers.model import Captive as Portal
from tests import need
from tests.configure.desk import CANARY, IMPATIENT, PATIENT
from tests.configure.device import Dropbear, OpenSsh, quickest, wait_until
from tests.configure.linuxbox import CRON, SYSTEMD, SYSV, Box, running_box
from tests.configure.shellbox import at, cut_the_line, kill_guard, nothing, stop

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlAzAplAzAplAzAplAzAplAzAplAzAplAzAplAzAplA tecnica"
INTENT = Intent(
    device="caja-08019-1",
    hostname="plaza-uno",
    country="MX",
    radios=(Radio(Band.GHZ_2, 6), Radio(Band.GHZ_5, 149, 80, 20)),
    ssids=(Ssid("Chihuahua Gratis"), Ssid("Personal", Security.WPA3, vlan=20, passphrase="staff")),
    manage=Manage("America/Chihuahua", ("10.0.0.1", "10.0.0.2"), Syslog("10.0.0.5"), ("poller",), (KEY,)),
    captive=Portal(
        GatewayKind.COOVACHILLI, "https://wifi.example.mx/", ("example.mx", "*.gob.mx"), "portal",
        Endpoint("10.0.0.9", 1812),
    ),
)  # fmt: skip
POLLER = SnmpV3("poller", "sha256", Secret(CANARY), "aes128", Secret(CANARY + "-2"))
WISH = Wish(INTENT, {"staff": Secret(CANARY)}, {"poller": POLLER}, {"portal": Secret(CANARY)})
CUT_OFF = replace(WISH, intent=replace(INTENT, country="XX"))
"""Takes the device's management away."""

GATEWAY = replace(WISH, intent=replace(INTENT, radios=(), ssids=()))
"""For a device without Wi-Fi."""


@pytest.fixture(params=[OpenSsh, Dropbear], ids=["openssh", "dropbear"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Box]:
    """One device, behind each kind of SSH server and shell."""
    yield from running_box(tmp_path, request.param())


@pytest.fixture
def one_box(tmp_path: Path) -> Iterator[Box]:
    """One device behind whichever server this user can run."""
    yield from running_box(tmp_path, quickest())


@pytest.fixture
def openssh_box(tmp_path: Path) -> Iterator[Box]:
    """One device behind OpenSSH."""
    yield from running_box(tmp_path, OpenSsh())


@pytest.fixture(params=[SYSTEMD, SYSV, CRON], ids=["systemd", "sysv", "cron"])
def booting_box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Box]:
    """One device for each way to start a program at boot."""
    yield from running_box(tmp_path, quickest(), request.param)


def planned(box: Box, wish: Wish = WISH) -> Plan:
    """A plan, as a technician would see it."""
    return plan(box.target(PATIENT), wish)


def test_a_change_is_applied_verified_over_a_new_login_and_confirmed(box: Box) -> None:
    target = box.target(PATIENT)
    steps: list[Step] = []
    carry_out(target, planned(box), "t1", steps.append)
    assert steps == [Step.ARMED, Step.APPLIED, Step.VERIFIED]
    assert box.file("/etc/hostname") == "plaza-uno\n"
    assert 'ssid2=P"Chihuahua Gratis"' in box.file("/etc/hostapd/plaza-2g4.conf")
    assert "vht_oper_centr_freq_seg0_idx=155" in box.file("/etc/hostapd/plaza-5g.conf")
    assert f'createUser poller SHA-256 "{CANARY}" AES' in box.file("/etc/snmp/snmpd.conf.d/plaza.conf")
    assert (box.root / "etc/snmp/snmpd.conf.d/plaza.conf").stat().st_mode & 0o777 == 0o600
    assert (box.root / "etc/rsyslog.d/plaza.conf").stat().st_mode & 0o777 == 0o644
    assert "include /etc/chilli/plaza.conf" in box.file("/etc/chilli/local.conf")
    assert box.configuration()["etc/localtime"] == b"/usr/share/zoneinfo/America/Chihuahua"
    assert box.file("/etc/hostapd/mano.conf") == "interface=wlan9\nwpa_passphrase=hecha-a-mano\n"
    assert await_end(target, "t1", 30) is Ending.CONFIRMED
    assert not planned(box).change
    assert not (box.root / "etc/plaza-guard/rollback.tgz").exists()
    assert not (box.root / "run/plaza-guard").exists()


def test_only_services_whose_files_changed_are_restarted(one_box: Box) -> None:
    carry_out(one_box.target(PATIENT), planned(one_box), "t1", nothing)
    (one_box.root / "tmp/systemctl").unlink()
    other = replace(WISH, intent=replace(INTENT, manage=replace(INTENT.manage, ntp=("10.0.0.7",))))
    carry_out(one_box.target(PATIENT), planned(one_box, other), "t2", nothing)
    assert one_box.restarted() == ["daemon-reload", "restart chrony"]


def test_no_secret_shows_in_what_a_person_reads(one_box: Box) -> None:
    target = one_box.target(PATIENT)
    found = plan(target, WISH, stage=True)
    assert "+++ /etc/hostname (wanted)" in found.staged
    assert "+wpa_passphrase=•••" in found.staged
    carry_out(target, found, "t1", nothing)
    again = planned(one_box, CUT_OFF)
    said = (found.change.text, found.staged, repr(found), again.change.text)
    shown = (target.configurer.redacted(again.running), *(line.shown for line in found.change.lines))
    assert not [text for text in (*said, *shown) if CANARY in text]
    assert "wpa_passphrase=•••" in target.configurer.redacted(again.running)


def test_a_file_that_looks_like_what_our_script_prints_is_read_as_a_file(one_box: Box) -> None:
    content = f"files\nplaza state\nbridge x\nfiles\ngone {owned.RSYSLOG}\n\n"
    (one_box.root / owned.RSYSLOG.lstrip("/")).write_text(content)
    before = planned(one_box)
    assert parse(before.running.text.reveal()).content(owned.RSYSLOG) == content
    carry_out(one_box.target(PATIENT), before, "t1", nothing)


def test_a_file_that_is_not_ours_is_never_staged(one_box: Box) -> None:
    target, before = one_box.target(PATIENT), planned(one_box)
    foreign = Line(Secret("gone - /etc/passwd -"), "/etc/passwd", "/etc/passwd")
    mixed = replace(before.change, lines=(*before.change.lines, foreign))
    with target.connect() as session, pytest.raises(ConfigRejected, match="refused a line: /etc/passwd "):
        target.configurer.arm(target.talk(session), mixed, before.fingerprint, "t1", 60)
    assert (one_box.root / "etc/passwd").exists()
    assert not (one_box.root / "etc/plaza-guard/rollback.tgz").exists()


def test_a_preview_leaves_nothing_behind(one_box: Box) -> None:
    before = one_box.configuration()
    plan(one_box.target(PATIENT), WISH, stage=True)
    assert one_box.configuration() == before
    assert list((one_box.root / "run").glob("plaza*")) == []


def test_a_change_that_cuts_the_management_link_reverts_by_itself(box: Box) -> None:
    before = box.configuration()
    target = box.target(IMPATIENT)
    with pytest.raises((Unreachable, VerifyFailed)):
        carry_out(target, planned(box, CUT_OFF), "t1", nothing)
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert box.configuration() == before
    assert "stop plaza-hostapd" in box.restarted()


@pytest.mark.parametrize("step", [Step.APPLIED, Step.VERIFIED])
def test_a_line_that_is_cut_in_the_middle_costs_nothing(box: Box, step: Step) -> None:
    before = box.configuration()
    target = box.target(PATIENT if step is Step.VERIFIED else IMPATIENT)
    acts = (stop,) if step is Step.VERIFIED else ()
    with pytest.raises((Unreachable, VerifyFailed)):
        carry_out(target, planned(box), "t1", at(step, lambda: cut_the_line(box), *acts))
    if step is Step.VERIFIED:
        assert finish(target, "t1", WISH) is Ending.CONFIRMED
        assert not planned(box).change
    else:
        assert await_end(target, "t1", 60) is Ending.REVERTED
        assert box.configuration() == before


@pytest.mark.parametrize("step", [Step.APPLIED, Step.VERIFIED])
def test_power_lost_inside_a_trial_ends_in_the_old_files(booting_box: Box, step: Step) -> None:
    before = booting_box.configuration()
    found = planned(booting_box, GATEWAY)

    def lose_power() -> None:
        assert (booting_box.configuration() == before) is (step is Step.APPLIED)
        booting_box.lose_power()
        booting_box.boot()

    with pytest.raises((ConfigRejected, VerifyFailed)):
        carry_out(booting_box.target(PATIENT), found, "t1", at(step, lose_power))
    assert await_end(booting_box.target(PATIENT), "t1", 30) is Ending.REVERTED
    assert booting_box.configuration() == before
    assert "boot" in booting_box.history()
    carry_out(booting_box.target(PATIENT), planned(booting_box, GATEWAY), "t2", nothing)


def test_power_lost_in_the_middle_of_applying_ends_in_the_old_files(one_box: Box) -> None:
    before = one_box.configuration()

    def half_applied() -> None:
        (one_box.root / "etc/plaza-guard/stage/1").rename(one_box.root / "etc/hostname")
        assert one_box.configuration() != before
        one_box.lose_power()
        one_box.boot()

    with pytest.raises(VerifyFailed):
        carry_out(one_box.target(PATIENT), planned(one_box), "t1", at(Step.APPLIED, half_applied))
    assert one_box.configuration() == before
    assert not (one_box.root / "etc/plaza-guard/stage").exists()


def test_power_lost_while_the_guard_restores_is_made_good_at_boot(one_box: Box) -> None:
    before = one_box.configuration()

    def half_restored() -> None:
        (one_box.root / "etc/plaza-guard/rollback.tgz").rename(one_box.root / "etc/plaza-guard/reverting")
        (one_box.root / "etc/rsyslog.d/plaza.conf").unlink()
        one_box.lose_power()
        one_box.boot()

    with pytest.raises(VerifyFailed):
        carry_out(one_box.target(PATIENT), planned(one_box), "t1", at(Step.VERIFIED, half_restored))
    assert one_box.configuration() == before


def test_a_revert_that_fails_at_boot_goes_on_until_it_succeeds(booting_box: Box) -> None:
    before = booting_box.configuration()
    target = booting_box.target(PATIENT)
    tar = booting_box.root / "bin/tar"

    def boot_on_a_full_disk() -> None:
        booting_box.lose_power()
        tar.unlink(missing_ok=True)
        tar.write_text("#!/bin/sh\nexit 1\n")
        tar.chmod(0o755)
        booting_box.boot()
        stop()

    with pytest.raises(VerifyFailed):
        carry_out(target, planned(booting_box, GATEWAY), "t1", at(Step.VERIFIED, boot_on_a_full_disk))
    assert booting_box.configuration() != before
    tar.unlink()
    if isinstance(booting_box.server, Dropbear):
        tar.symlink_to("busybox")
    wait_until("it goes on by itself", (booting_box.root / "etc/plaza-guard/history").exists)
    assert "boot" in booting_box.history()
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert booting_box.configuration() == before


def test_power_lost_as_it_is_confirmed_keeps_the_new_files(one_box: Box) -> None:
    target = one_box.target(PATIENT)

    def decided() -> None:
        (one_box.root / "etc/plaza-guard/rollback.tgz").rename(one_box.root / "etc/plaza-guard/confirmed")
        one_box.lose_power()
        one_box.boot()

    found = planned(one_box)
    with pytest.raises((Unreachable, VerifyFailed)):
        carry_out(target, found, "t1", at(Step.VERIFIED, decided, stop))
    assert await_end(target, "t1", 30) is Ending.CONFIRMED
    assert not planned(one_box).change


def test_a_controller_that_died_after_verifying_is_taken_over(one_box: Box) -> None:
    target = one_box.target(PATIENT)
    found = planned(one_box)
    with pytest.raises(VerifyFailed):
        carry_out(target, found, "t1", at(Step.VERIFIED, stop))
    assert finish(target, "t1", WISH) is Ending.CONFIRMED
    assert finish(target, "t1", WISH) is Ending.CONFIRMED


def test_a_second_technician_is_refused_while_a_trial_is_open(one_box: Box) -> None:
    other = planned(one_box, CUT_OFF)
    target = one_box.target(PATIENT)

    def second() -> None:
        with pytest.raises(ConfigRejected, match="another trial is open"):
            carry_out(target, other, "t2", nothing)

    carry_out(target, planned(one_box), "t1", at(Step.VERIFIED, second))
    assert not planned(one_box).change


def test_a_plan_of_what_is_no_longer_there_is_refused(one_box: Box) -> None:
    found = planned(one_box)
    (one_box.root / "etc/hostname").write_text("a mano\n")
    before = one_box.configuration()
    with pytest.raises(ConfigRejected, match="changed since the plan was made"):
        carry_out(one_box.target(PATIENT), found, "t1", nothing)
    assert one_box.configuration() == before
    assert not (one_box.root / "run/plaza-guard").exists()


def test_nothing_is_applied_once_the_guard_was_killed(one_box: Box) -> None:
    before = one_box.configuration()
    target = one_box.target(PATIENT)
    with pytest.raises(ConfigRejected, match="guard does not run"):
        carry_out(
            target,
            planned(one_box),
            "t1",
            at(Step.APPLIED, lambda: kill_guard(one_box.root / "run/plaza-guard/guard.pid")),
        )
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_box.configuration() == before


def test_a_guard_killed_after_applying_is_started_again_by_whoever_asks(one_box: Box) -> None:
    before = one_box.configuration()
    target = one_box.target(PATIENT)

    def killed() -> None:
        kill_guard(one_box.root / "run/plaza-guard/guard.pid")
        stop()

    with pytest.raises(VerifyFailed):
        carry_out(target, planned(one_box), "t1", at(Step.VERIFIED, killed))
    assert one_box.configuration() != before
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_box.configuration() == before


def test_a_guard_killed_while_it_restores_is_started_again_too(one_box: Box) -> None:
    before = one_box.configuration()
    target = one_box.target(PATIENT)

    def half_restored() -> None:
        kill_guard(one_box.root / "run/plaza-guard/guard.pid")
        (one_box.root / "etc/plaza-guard/rollback.tgz").rename(one_box.root / "etc/plaza-guard/reverting")
        (one_box.root / "etc/rsyslog.d/plaza.conf").unlink()

    with pytest.raises(VerifyFailed):
        carry_out(target, planned(one_box), "t1", at(Step.VERIFIED, half_restored))
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_box.configuration() == before


def test_a_trial_is_taken_back_at_once_when_asked(one_box: Box) -> None:
    before = one_box.configuration()
    target = one_box.target(PATIENT)
    with pytest.raises(VerifyFailed):
        carry_out(target, planned(one_box), "t1", at(Step.VERIFIED, stop))
    take_back(target, "t1")
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_box.configuration() == before
    take_back(target, "t1")


def test_a_service_that_does_not_run_is_never_confirmed(one_box: Box) -> None:
    before = one_box.configuration()
    (one_box.root / "tmp/down-plaza-hostapd").touch()
    target = one_box.target(replace(IMPATIENT, revert_s=10))
    with pytest.raises(VerifyFailed, match="plaza-hostapd does not run"):
        carry_out(target, planned(one_box), "t1", nothing)
    assert await_end(target, "t1", 60) is Ending.REVERTED
    assert one_box.configuration() == before


@pytest.mark.parametrize("full", ["etc/plaza-guard", "etc/rsyslog.d", "etc/hostapd"])
def test_a_full_disk_ends_in_the_old_files(tmp_path: Path, full: str) -> None:
    need.root()
    for box in running_box(tmp_path, Dropbear()):
        with small_disk(box.root / full):
            before = box.configuration()
            target = box.target(PATIENT)
            with pytest.raises(ConfigRejected, match="a command failed"):
                carry_out(target, planned(box), "t1", nothing)
            take_back(target, "t1")
            assert await_end(target, "t1", 60) in {Ending.REVERTED, Ending.ABSENT}
            assert box.configuration() == before


def test_the_key_we_are_logged_in_with_stays_whatever_is_wished(tmp_path: Path) -> None:
    need.root()
    for box in running_box(tmp_path, Dropbear()):
        keys, target = box.root / "root/.ssh/authorized_keys", box.target(PATIENT)
        ours = keys.read_text()
        earlier = planned(box).running
        keys.write_text(
            f"# de antes\n# plaza begin\n{ours}ssh-ed25519 AAAAvieja vieja\n# plaza end\n# al final"
        )
        mode = keys.stat().st_mode
        carry_out(target, planned(box), "t1", nothing)
        assert keys.read_text() == f"# de antes\n# plaza begin\n{KEY}\n{ours}# plaza end\n# al final"
        assert keys.stat().st_mode == mode
        carry_out(target, plan(target, Earlier(earlier)), "t2", nothing)
        assert keys.read_text() == f"# de antes\n# plaza begin\n{ours}# plaza end\n# al final"


def test_a_rollback_writes_again_what_was_ours_and_nothing_else(one_box: Box) -> None:
    target = one_box.target(PATIENT)
    first = planned(one_box)
    before = one_box.configuration()
    carry_out(target, first, "t1", nothing)
    (one_box.root / "etc/rsyslog.d/60-nueva.conf").write_text("# de la tecnica\n")
    carry_out(target, plan(target, Earlier(first.running)), "t2", nothing)
    after = one_box.configuration()
    assert after.pop("etc/rsyslog.d/60-nueva.conf") == b"# de la tecnica\n"
    empty = {"etc/chilli/local.conf": b""}
    assert after == before | empty
    assert not plan(target, Earlier(first.running)).change


def test_the_management_vlan_rides_on_the_file_of_the_uplink(one_box: Box) -> None:
    manage = Wish(replace(INTENT, radios=(), ssids=(), captive=None, manage=Manage(vlan=30)))
    found = planned(one_box, manage)
    drop_in = "/etc/systemd/network/20-cable.network.d/plaza-mgmt.conf"
    assert drop_in in found.change.dangerous(one_box.target(PATIENT).configurer.traits.dangerous)
    carry_out(one_box.target(PATIENT), found, "t1", nothing)
    assert "VLAN=plaza-mgmt" in one_box.file(drop_in)
    assert "Id=30" in one_box.file("/etc/systemd/network/10-plaza-mgmt.netdev")
    assert "plaza-mgmt" in one_box.file("/proc/net/route")
    carry_out(one_box.target(PATIENT), plan(one_box.target(PATIENT), Earlier(found.running)), "t2", nothing)
    assert not (one_box.root / drop_in.lstrip("/")).exists()


def test_what_a_profile_says_at_login_is_no_part_of_an_answer(openssh_box: Box) -> None:
    sshd = openssh_box.root / "ssh/sshd.conf"
    sshd.write_text(sshd.read_text().replace("ForceCommand ", "ForceCommand echo plaza-hostapd; "))
    cut_the_line(openssh_box)
    carry_out(openssh_box.target(PATIENT), planned(openssh_box), "t1", nothing)
    assert not planned(openssh_box).change


def test_a_zone_that_the_device_does_not_know_is_refused_before_anything_is_changed(one_box: Box) -> None:
    before = one_box.configuration()
    wish = replace(WISH, intent=replace(INTENT, manage=Manage("America/Macondo")))
    with pytest.raises(ConfigRejected, match="does not know the time zone: America/Macondo"):
        carry_out(one_box.target(PATIENT), planned(one_box, wish), "t1", nothing)
    assert one_box.configuration() == before
    assert _phase(one_box) is Phase.NONE


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own, with what is in the folder and no room for more."""
    kept = {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}
    folder.mkdir(exist_ok=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], check=False)
    if made.returncode:
        need.missing("needs to mount a tmpfs")
    try:
        for name, octets in kept.items():
            (folder / name).write_bytes(octets)
        if not kept:
            (folder / "lleno").write_bytes(b"x" * 4096)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def _phase(box: Box) -> Phase:
    target = box.target(PATIENT)
    with target.connect() as session:
        return target.configurer.status(target.talk(session), "t1").phase
