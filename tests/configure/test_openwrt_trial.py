"""A trial on a device: two technicians, a full disk, lost power, a killed guard, rpcd's timer beside ours."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.errors import RolloutHalted
from drivers.apply import Ending
from drivers.configurers.seam import Phase, Wish
from drivers.errors import ConfigRejected, DriverError, VerifyFailed
from drivers.model import Manage, Secret, Security, Ssid
from tests import need
from tests.configure.desk import CANARY, NewDesk
from tests.configure.device import Ap, Dropbear, proc, wait_until
from tests.configure.openwrt import (
    KEY,
    OTHER,
    TOKEN,
    Bench,
    file,
    intent,
    program,
    renamed,
    with_manage,
    with_rpcd,
    write_program,
)
from tests.configure.test_openwrt_intent import BRIDGE, MANAGED

ARMED_AND_APPLIED = ("armed", "applied")


@pytest.fixture
def bench(ap: Ap, desk: NewDesk) -> Bench:
    """One access point, behind each kind of SSH server."""
    return Bench(ap, desk(ap))


@pytest.fixture
def one(one_ap: Ap, desk: NewDesk) -> Bench:
    """One access point behind the quicker server."""
    return Bench(one_ap, desk(one_ap))


@pytest.fixture
def rpcd(one: Bench) -> Bench:
    """One that runs rpcd."""
    with_rpcd(one.ap)
    return one


def guard(ap: Ap) -> int:
    """The process that would revert."""
    return int(file(ap, "tmp/plaza/guard.pid"))


def kill_guard(ap: Ap) -> None:
    """As a device that ran out of memory does."""
    pid = guard(ap)
    os.kill(pid, signal.SIGKILL)
    wait_until("the guard is gone and buried", lambda: not Path(f"/proc/{pid}").exists())


def ubus(ap: Ap, *words: str) -> subprocess.CompletedProcess[bytes]:
    """What a program on the device would hear."""
    return ap.server.run(ap.root, "sh", "-c", 'exec "$@"', "sh", *words)


def test_a_revert_brings_the_old_configuration_back_at_once(bench: Bench) -> None:
    before = bench.ap.configuration()
    fingerprint = bench.read().fingerprint
    bench.apply(with_manage(bench.ap, Manage(ssh_keys=(KEY,))))
    assert bench.ap.configuration() != before
    bench.revert()
    bench.await_reverted()
    assert bench.ap.configuration() == before
    assert bench.read().fingerprint == fingerprint
    assert not (bench.ap.root / "etc/dropbear/authorized_keys").exists()
    assert bench.status().phase is Phase.NONE
    with pytest.raises(VerifyFailed):
        bench.confirm()


def test_a_revert_of_no_trial_or_of_another_does_nothing(one: Bench) -> None:
    one.revert()
    assert one.status().phase is Phase.NONE
    one.apply(renamed(one.ap))
    one.revert(OTHER)
    assert one.status().phase is Phase.OPEN
    one.confirm()
    one.revert()
    assert one.status().ending == Ending.CONFIRMED


def test_confirming_again_and_again_is_the_same(one: Bench) -> None:
    one.keep(renamed(one.ap))
    one.confirm()
    one.confirm()
    assert one.ap.history().count("confirmed") == 1


def test_a_second_technician_is_told_that_a_trial_is_open(bench: Bench) -> None:
    bench.arm(renamed(bench.ap))
    with pytest.raises(ConfigRejected, match="another trial is open"):
        bench.arm(renamed(bench.ap, "De otra persona"), token=OTHER)
    assert bench.status().token == TOKEN
    assert bench.status().phase is Phase.OPEN


def test_of_two_technicians_in_the_same_moment_one_is_refused(one: Bench) -> None:
    wish = renamed(one.ap)
    change, running = one.change(wish)
    said: list[str] = []

    def technician(token: str) -> None:
        try:
            with one.talk() as talk:
                one.openwrt.arm(talk, change, running.fingerprint, token, 300)
            said.append(token)
        except DriverError as error:
            said.append(error.reason)

    both = [threading.Thread(target=technician, args=(token,), daemon=True) for token in (TOKEN, OTHER)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    won = [word for word in said if word in {TOKEN, OTHER}]
    assert len(won) == 1
    assert one.status().token == won[0]
    with one.talk() as talk:
        one.openwrt.apply(talk, change, won[0])
    one.confirm(won[0])
    assert one.ap.option("wireless.plaza_2g4_1.ssid") == "Otra red"


def test_what_somebody_has_staged_is_not_committed_with_ours(bench: Bench) -> None:
    tool = "/sbin/uci" if isinstance(bench.ap.server, Dropbear) else "uci"
    bench.ap.server.run(bench.ap.root, tool, "set", "wireless.radio0.channel=13")
    before = bench.ap.configuration()
    with pytest.raises(ConfigRejected, match="uncommitted changes of somebody else"):
        bench.arm(renamed(bench.ap))
    assert bench.ap.configuration() == before
    assert not (bench.ap.root / "etc/plaza").exists()


def test_a_lock_of_a_login_that_is_gone_holds_nobody_up(one: Bench) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    lock = one.ap.root / "tmp/plaza.lock"
    lock.mkdir()
    (lock / str(gone.pid)).touch()
    one.arm(renamed(one.ap))
    assert one.status().phase is Phase.OPEN
    assert [path.name for path in lock.iterdir()] == ["nobody"]


@pytest.mark.parametrize("point", ARMED_AND_APPLIED)
def test_power_that_goes_brings_everything_back(one: Bench, point: str) -> None:
    before = one.ap.configuration()
    mine = file(one.ap, "etc/crontabs/root", "0 4 * * * reboot\n")
    wish = with_manage(one.ap, Manage(ssh_keys=(KEY,)))
    if point == "armed":
        one.arm(wish)
    else:
        one.apply(wish)
    one.ap.lose_power()
    one.ap.boot()
    assert one.status().ending == "reverted"
    assert one.ap.configuration() == before
    assert file(one.ap, "etc/crontabs/root") == mine
    assert not (one.ap.root / "etc/dropbear/authorized_keys").exists()


def test_power_that_goes_in_the_middle_of_a_revert_ends_in_the_old_configuration(one: Bench) -> None:
    before = one.ap.configuration()
    one.apply(renamed(one.ap))
    kept = one.ap.root / "etc/plaza/rollback.tgz"
    kept.rename(kept.with_name("reverting"))  # decided, not yet done
    (one.ap.root / "etc/config/wireless").write_text("half of it")
    one.ap.lose_power()
    one.ap.boot()
    assert one.ap.configuration() == before
    assert one.status().ending == "reverted"


def test_a_revert_that_fails_at_boot_goes_on_until_it_succeeds(one: Bench) -> None:
    before = one.ap.configuration()
    one.apply(renamed(one.ap))
    one.ap.lose_power()
    write_program(one.ap, "tar", "exit 1")
    one.ap.boot()
    assert one.status().phase is Phase.REVERTING
    assert len(reverting(one.ap)) == 1
    program(one.ap, "tar").unlink()
    one.await_reverted()
    assert one.ap.configuration() == before


def test_power_that_goes_as_it_is_confirmed_keeps_the_new_configuration(one: Bench) -> None:
    one.apply(renamed(one.ap))
    kept = one.ap.root / "etc/plaza/rollback.tgz"
    kept.rename(kept.with_name("confirmed"))  # decided, not yet noted
    assert one.status().phase is Phase.CONFIRMING
    one.ap.lose_power()
    one.ap.boot()
    assert one.status().ending == "confirmed"
    assert one.ap.option("wireless.plaza_2g4_1.ssid") == "Otra red"


def test_a_trial_whose_guard_was_killed_reverts_as_soon_as_anybody_asks(bench: Bench) -> None:
    before = bench.ap.configuration()
    bench.apply(renamed(bench.ap))
    kill_guard(bench.ap)
    bench.await_reverted()
    assert bench.ap.configuration() == before


def test_nothing_is_applied_once_the_guard_was_killed(one: Bench) -> None:
    before = one.ap.configuration()
    change = one.arm(renamed(one.ap))
    kill_guard(one.ap)
    with pytest.raises(ConfigRejected, match="guard does not run"), one.talk() as talk:
        one.openwrt.apply(talk, change, TOKEN)
    assert one.ap.configuration() == before
    one.await_reverted()


def test_a_revert_whose_guard_was_killed_is_ended_by_another(one: Bench) -> None:
    before = one.ap.configuration()
    one.apply(renamed(one.ap))
    write_program(one.ap, "tar", "exit 1")
    one.revert()
    wait_until("it tries", lambda: one.status().phase is Phase.REVERTING)
    kill_guard(one.ap)
    program(one.ap, "tar").unlink()
    one.await_reverted()
    assert one.ap.configuration() == before


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("tar", 'case "$*" in *-czf*) echo "No space left on device" >&2; exit 1;; esac'),
        ("tar", 'case "$*" in *-czf*) : >"$4"; exit 0;; esac'),  # as one that does not notice
        ("mv", 'case "$*" in *rollback.tgz) exit 1;; esac'),
        ("cp", "exit 1"),
        ("ln", "exit 1"),
    ],
    ids=["tar", "unnoticed", "mv", "cp", "ln"],
)
def test_a_full_disk_arms_nothing_and_changes_nothing(
    openssh_ap: Ap, desk: NewDesk, name: str, body: str
) -> None:
    bench = Bench(openssh_ap, desk(openssh_ap))
    before = bench.ap.configuration()
    write_program(bench.ap, name, f'{body}\nexec /bin/{name} "$@"')
    with pytest.raises(ConfigRejected, match="a command failed"):
        bench.arm(renamed(bench.ap))
    assert bench.ap.configuration() == before
    assert not (bench.ap.root / "etc/plaza/rollback.tgz").exists()
    assert not (bench.ap.root / "tmp/plaza").exists()
    program(bench.ap, name).unlink()
    bench.keep(renamed(bench.ap))


@pytest.fixture
def full(one: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A device whose flash is a few kilobytes."""
    need.root()
    flash = one.ap.root / "etc"
    kept = tmp_path / "etc"
    subprocess.run(["cp", "-a", flash, kept], check=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", flash], check=False).returncode:
        need.missing("needs to mount a tmpfs: a container must allow it")
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", flash], check=True)
        yield one
    finally:
        one.ap.lose_power()
        subprocess.run(["umount", "-l", flash], check=True)


def fill(ap: Ap) -> Path:
    """Take all room there is."""
    ballast = ap.root / "etc/ballast"
    with ballast.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(512))
        except OSError:
            return ballast


def test_a_flash_without_room_is_left_as_it_was(full: Bench) -> None:
    before = full.ap.configuration()
    ballast = fill(full.ap)
    with pytest.raises(ConfigRejected):
        full.arm(renamed(full.ap))
    assert full.ap.configuration() == before
    assert full.status().phase is Phase.NONE
    ballast.unlink()
    full.keep(renamed(full.ap))


def test_a_flash_that_fills_up_inside_the_trial_still_reverts(full: Bench) -> None:
    before = full.ap.configuration()
    full.apply(renamed(full.ap))
    ballast = fill(full.ap)
    full.revert()
    wait_until("it has ended", lambda: full.status().phase is Phase.NONE)
    assert full.ap.configuration() == before
    assert full.status().ending == "reverted"
    ballast.unlink()
    full.keep(renamed(full.ap), OTHER)


def test_a_revert_that_finds_no_room_goes_on_until_it_does(one: Bench) -> None:
    before = one.ap.configuration()
    one.apply(renamed(one.ap))
    write_program(one.ap, "tar", "exit 1")
    one.revert()
    wait_until("it tries", lambda: one.status().phase is Phase.REVERTING)
    program(one.ap, "tar").unlink()
    one.await_reverted()
    assert one.ap.configuration() == before


def test_of_two_guards_that_revert_neither_stays(one: Bench) -> None:
    one.apply(renamed(one.ap))
    write_program(one.ap, "tar", "exit 1")
    one.revert()
    wait_until("it tries", lambda: one.status().phase is Phase.REVERTING)
    second = '/bin/sh "$PLAZA_ROOT/etc/plaza/guard" again timer >/dev/null 2>&1 &'
    assert one.ap.server.run(one.ap.root, "sh", "-c", second).returncode == 0
    wait_until("both try", lambda: len(reverting(one.ap)) == 2)
    program(one.ap, "tar").unlink()
    one.await_reverted()
    wait_until("both are gone", lambda: not reverting(one.ap))


def reverting(ap: Ap) -> set[int]:
    """The processes that go on with a revert."""
    return {pid for pid in ap.server.processes(ap.root) if b"\0again\0" in proc(pid, "cmdline")}


def test_a_confirmation_that_cannot_be_noted_stands(full: Bench) -> None:
    full.apply(renamed(full.ap))
    fill(full.ap)
    full.confirm()
    assert full.status().phase is Phase.CONFIRMING or full.status().ending == "confirmed"
    full.ap.lose_power()
    full.ap.boot()
    assert full.ap.option("wireless.plaza_2g4_1.ssid") == "Otra red"


def test_a_wrong_management_vlan_takes_the_device_away_and_it_comes_back(one: Bench) -> None:
    hook = program(one.ap, "reload_config")
    cutting = hook.read_text().replace("option country 'XX'", "br-lan[.]30")
    hook.write_text(cutting.replace("config/wireless", "config/network"))
    guests = "\nconfig interface 'vlan20'\n\toption proto 'none'\n"
    file(one.ap, "etc/config/network", MANAGED + BRIDGE + guests)
    before = one.ap.configuration()
    one.desk.want(replace(one.ap.device, ssids=(Ssid("Gratis", vlan=20),), manage=Manage(vlan=30)))
    one.desk.hurry(5)
    with pytest.raises(RolloutHalted, match="its old configuration is back"):
        one.desk.apply()
    assert one.ap.configuration() == before
    assert one.ap.listening()


def test_the_device_says_itself_what_a_change_would_do_and_stages_nothing(bench: Bench) -> None:
    staff = Ssid("Personal", Security.WPA3, passphrase="staff")
    wish = Wish(replace(intent(bench.ap), ssids=(staff,)), {"staff": Secret(CANARY)})
    before = bench.ap.configuration()
    change, running = bench.change(wish)
    with bench.talk() as talk:
        said = bench.openwrt.preview(talk, change)
    assert "wireless.plaza_2g4_1.ssid='Personal'" in said
    assert "wireless.plaza_2g4_1.key" in said
    assert "-wireless.plaza_2g4_9" in said
    assert CANARY not in said
    assert bench.ap.configuration() == before
    assert bench.read().fingerprint == running.fingerprint
    assert not list((bench.ap.root / "tmp").glob("plaza*"))
    assert not (bench.ap.root / "tmp/.uci").exists() or not list((bench.ap.root / "tmp/.uci").iterdir())


def test_rpcd_and_the_guard_are_both_confirmed(rpcd: Bench) -> None:
    rpcd.apply(renamed(rpcd.ap))
    assert file(rpcd.ap, "tmp/run/rpcd/pending") == file(rpcd.ap, "tmp/plaza/sid") != ""
    rpcd.confirm()
    assert file(rpcd.ap, "tmp/run/rpcd/pending") == ""
    assert rpcd.ap.option("wireless.plaza_2g4_1.ssid") == "Otra red"
    assert rpcd.status().ending == "confirmed"
    rpcd.keep(renamed(rpcd.ap, "Otra más"), OTHER)


def test_the_guard_takes_rpcds_timer_with_it(rpcd: Bench) -> None:
    before = rpcd.ap.configuration()
    rpcd.apply(with_manage(rpcd.ap, Manage(ssh_keys=(KEY,))), revert_s=4)
    rpcd.await_reverted()
    assert file(rpcd.ap, "tmp/run/rpcd/pending") == ""
    assert rpcd.ap.configuration() == before
    assert not (rpcd.ap.root / "etc/dropbear/authorized_keys").exists()
    rpcd.keep(renamed(rpcd.ap), OTHER)


def test_what_rpcd_reverts_alone_ends_reverted(rpcd: Bench) -> None:
    before = rpcd.ap.configuration()
    rpcd.apply(with_manage(rpcd.ap, Manage(ssh_keys=(KEY,))), revert_s=8)
    kill_guard(rpcd.ap)
    wait_until("rpcd reverted", lambda: rpcd.ap.configuration() == before)
    rpcd.await_reverted()
    assert rpcd.ap.configuration() == before
    assert not (rpcd.ap.root / "etc/dropbear/authorized_keys").exists()


def test_what_rpcd_reverted_is_never_confirmed(rpcd: Bench) -> None:
    before = rpcd.ap.configuration()
    rpcd.apply(renamed(rpcd.ap))
    session = file(rpcd.ap, "tmp/plaza/sid").strip()
    message = f'{{"ubus_rpc_session":"{session}"}}'
    assert ubus(rpcd.ap, "ubus", "call", "uci", "rollback", message).returncode == 0
    assert rpcd.ap.configuration() == before
    with pytest.raises(VerifyFailed):
        rpcd.confirm()
    rpcd.await_reverted()
    assert rpcd.ap.configuration() == before


def test_the_guard_reverts_although_rpcd_was_restarted(rpcd: Bench) -> None:
    before = rpcd.ap.configuration()
    rpcd.apply(renamed(rpcd.ap), revert_s=6)
    assert ubus(rpcd.ap, "rpcd", "restart").returncode == 0
    rpcd.await_reverted()
    assert rpcd.ap.configuration() == before


def test_a_trial_is_confirmed_although_rpcd_was_restarted(rpcd: Bench) -> None:
    rpcd.apply(renamed(rpcd.ap))
    assert ubus(rpcd.ap, "rpcd", "restart").returncode == 0
    rpcd.confirm()
    assert rpcd.status().ending == "confirmed"
    assert rpcd.ap.option("wireless.plaza_2g4_1.ssid") == "Otra red"


def test_a_change_that_waits_in_luci_is_not_run_over(rpcd: Bench) -> None:
    said = ubus(rpcd.ap, "ubus", "call", "session", "create", '{"timeout":300}').stdout.decode()
    session = said.split('"ubus_rpc_session": "')[1].split('"')[0]
    folder = rpcd.ap.root / f"tmp/run/rpcd/uci-{session}"
    folder.mkdir(parents=True)
    (folder / "wireless").write_text("wireless.radio0.channel='13'\n")
    grant = f'{{"ubus_rpc_session":"{session}","scope":"uci","objects":[["*","read"],["*","write"]]}}'
    ubus(rpcd.ap, "ubus", "call", "session", "grant", grant)
    message = f'{{"ubus_rpc_session":"{session}","rollback":true,"timeout":300}}'
    assert ubus(rpcd.ap, "ubus", "call", "uci", "apply", message).returncode == 0
    before = rpcd.ap.configuration()
    with pytest.raises(ConfigRejected, match="somebody else waits there"):
        rpcd.arm(renamed(rpcd.ap))
    assert rpcd.ap.configuration() == before
    assert ubus(rpcd.ap, "ubus", "call", "uci", "confirm", message).returncode == 0
    rpcd.arm(renamed(rpcd.ap))


def test_a_whole_rollout_goes_over_rpcd(bench: Bench) -> None:
    with_rpcd(bench.ap)
    assert [outcome.detail for outcome in bench.desk.apply()] == [""]
    assert file(bench.ap, "tmp/run/rpcd/pending") == ""
    assert bench.ap.option("wireless.plaza_2g4_1.ssid") == "Chihuahua Gratis"
