"""A Cisco device ends as it was or as it should be, whatever happens in between."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from drivers import ssh
from drivers.change import Change, Line
from drivers.configurers.cisco_ios.trial import STYLE, portions
from drivers.configurers.seam import Phase
from drivers.errors import ConfigRejected, HostKeyChanged, UnexpectedReply, Unreachable, VerifyFailed
from drivers.model import Secret, SshLogin
from simulator.vendors.cisco_startup import Flavour
from tests.configure.cisco import PASSPHRASE, THREE_MINUTES, TOKEN, WISH, Bench, bench_of, line_of
from tests.configure.test_terminal import device_at, enter


@pytest.fixture(params=list(Flavour), ids=lambda flavour: flavour.value)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    found = bench_of(request.param)
    with found.server:
        yield found


def test_a_change_is_tried_verified_and_kept(bench: Bench) -> None:
    before = bench.running()
    change = bench.change()
    bench.try_out(change)
    assert bench.status() == (Phase.OPEN, TOKEN, "")
    assert bench.startup() == before
    with enter(bench.server) as shell:
        talk = bench.talk(shell)
        assert not bench.cisco.change("ap-1", bench.cisco.read(talk), WISH)
        assert bench.cisco.trouble(talk, WISH) == ""
        bench.cisco.confirm(talk, TOKEN)
        bench.cisco.confirm(talk, TOKEN)
    assert bench.status() == (Phase.NONE, TOKEN, "confirmed")
    assert bench.startup() == bench.running() != before
    bench.device.box.lose_power()
    bench.settle()
    assert not bench.change()


def test_a_change_that_nobody_confirms_is_gone_when_its_timer_ends(bench: Bench) -> None:
    before = bench.device.running_text(), bench.running(), bench.startup()
    bench.try_out(bench.change())
    assert bench.running() != before[1]
    bench.settle()
    assert (bench.running(), bench.startup()) == before[1:]
    assert bench.status() == (Phase.NONE, "", "reverted")
    assert bench.status("another") == (Phase.NONE, "", "")
    with pytest.raises(VerifyFailed):
        bench.confirm()


def test_a_change_is_taken_back_at_once(bench: Bench) -> None:
    before = bench.running()
    bench.try_out(bench.change())
    with enter(bench.server) as shell:
        bench.cisco.revert(bench.talk(shell), "another")
        assert bench.device.pending()
        bench.cisco.revert(bench.talk(shell), TOKEN)
        bench.cisco.revert(bench.talk(shell), TOKEN)
    assert not bench.device.pending()
    assert bench.running() == before
    assert bench.status() == (Phase.NONE, "", "reverted")


SOAK = pytest.mark.soak
LINES = [pytest.param(line, marks=[SOAK] * (line not in {5, 8, 14, 24})) for line in range(1, 60)]


@pytest.mark.parametrize("line", LINES)
def test_a_link_cut_after_any_line_leaves_the_old_or_the_new(bench: Bench, line: int) -> None:
    change = bench.change()
    before = bench.running()
    bench.device.box.faults.cut_after = line
    try:
        bench.try_out(change)
        bench.confirm()
    except Unreachable:
        bench.settle()
        assert bench.running() == before == bench.startup()
    else:
        assert not bench.change()


@pytest.mark.parametrize("line", [2, pytest.param(12, marks=SOAK), 20])
def test_a_half_open_link_is_noticed_and_the_device_reverts(bench: Bench, line: int) -> None:
    change = bench.change()
    before = bench.running()
    bench.device.box.faults.deaf_after = line
    with pytest.raises(Unreachable):
        bench.try_out(change, timeout_s=2)
    bench.settle()
    assert bench.running() == before


def test_a_change_that_takes_the_management_away_comes_back_by_itself(bench: Bench) -> None:
    change = bench.change()
    before = bench.running()
    bench.device.box.faults.unmanageable = lambda: "vlan 20" in bench.device.running_text()
    with pytest.raises(Unreachable):
        bench.try_out(change, timeout_s=2)
    with pytest.raises(Unreachable):
        bench.status()
    bench.settle()
    assert bench.running() == before
    assert bench.status() == (Phase.NONE, "", "reverted")


def test_lines_that_arrive_when_the_timer_has_ended_do_nothing(bench: Bench) -> None:
    change = bench.change()
    before = bench.running()
    bench.try_out(change)
    bench.settle()
    for portion in portions(change.lines, TOKEN):
        with enter(bench.server) as shell, suppress(Unreachable):
            bench.talk(shell).session.console(STYLE, 5).send(portion, 5)
    assert bench.running() == before


def test_a_trial_leaves_no_door_open(bench: Bench) -> None:
    bench.make(WISH)
    assert "plaza_go" not in bench.device.running_text() + bench.device.startup_text()


def test_power_loss_in_a_trial_brings_the_old_configuration(bench: Bench) -> None:
    before = bench.running()
    bench.try_out(bench.change())
    bench.device.box.lose_power()
    bench.settle()
    assert bench.running() == before
    assert bench.status() == (Phase.NONE, "", "")


def test_a_full_flash_stops_a_change_before_it_begins(bench: Bench) -> None:
    change = bench.change()
    before = bench.running()
    bench.device.box.faults.disk_full = True
    with pytest.raises(ConfigRejected, match="its revert timer did not start"):
        bench.try_out(change)
    assert not bench.device.pending()
    assert bench.running() == before


def test_a_flash_that_fills_before_the_end_is_told_and_the_confirmation_can_be_repeated(bench: Bench) -> None:
    before = bench.startup()
    bench.try_out(bench.change())
    bench.device.box.faults.disk_full = True
    with pytest.raises(UnexpectedReply, match="cannot save it"):
        bench.confirm()
    assert bench.status() == (Phase.CONFIRMING, TOKEN, "")
    assert bench.startup() == before
    bench.device.box.faults.disk_full = False
    bench.confirm()
    assert bench.status() == (Phase.NONE, TOKEN, "confirmed")


def test_a_second_technician_is_turned_away(bench: Bench) -> None:
    change = bench.change()
    before = bench.running()
    with enter(bench.server) as other, enter(bench.server) as shell:
        mine = other.console(STYLE, 30)
        mine.send([line_of("configure terminal"), line_of("archive"), line_of("path flash:mio")], 30)
        mine.send([line_of("end"), line_of("configure terminal revert timer 120"), line_of("end")], 30)
        with pytest.raises(ConfigRejected, match="another change waits"):
            bench.arm(shell, change)
    assert bench.status() == (Phase.OPEN, "", "")
    with enter(bench.server) as shell:
        bench.cisco.revert(bench.talk(shell), TOKEN)
        with pytest.raises(VerifyFailed):
            bench.cisco.confirm(bench.talk(shell), TOKEN)
        with pytest.raises(VerifyFailed):
            bench.cisco.apply(bench.talk(shell), change, TOKEN)
    assert bench.device.pending()
    assert bench.running().replace("archive\n path flash:mio\n!\n", "") == before


def test_a_trial_of_somebody_else_is_not_ours_because_we_were_there_before(bench: Bench) -> None:
    bench.make(WISH)
    with enter(bench.server) as other:
        other.console(STYLE, 30).send([line_of("configure terminal revert timer 120"), line_of("end")], 30)
    assert bench.status() == (Phase.OPEN, "", "")
    with enter(bench.server) as shell:
        bench.cisco.revert(bench.talk(shell), TOKEN)
        with pytest.raises(VerifyFailed):
            bench.cisco.confirm(bench.talk(shell), TOKEN)
    assert bench.device.pending()


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("% Invalid input detected at '^' marker.", True),
        ("%Turn config archive on before using Rollback Confirmed Change", True),
        ("% Warning: this is slow", False),
        ("%SYS-5-CONFIG_I: Configured from console by plaza", False),
        ("%No Rollback Confirmed Change pending", False),
        ("Command rejected: not now", True),
    ],
)
def test_a_notice_is_no_refusal(said: str, refused: bool) -> None:
    assert bool(STYLE.refusal.search(said)) is refused


def test_a_device_that_changed_since_the_plan_is_not_touched(bench: Bench) -> None:
    change = bench.change()
    with enter(bench.server) as shell:
        fingerprint = bench.read().fingerprint
        shell.console(STYLE, 30).send([line_of("configure terminal"), line_of("hostname otro")], 30)
        shell.console(STYLE, 30).send([line_of("end")], 30)
        with pytest.raises(ConfigRejected, match="plan again"):
            bench.cisco.arm(bench.talk(shell), change, fingerprint, TOKEN, THREE_MINUTES)
    assert not bench.device.pending()


def test_what_is_none_of_ours_changes_no_fingerprint(bench: Bench) -> None:
    before = bench.read().fingerprint
    with enter(bench.server) as shell:
        lines = ["configure terminal", "alias exec ll show ip interface brief", "end", "write memory"]
        shell.console(STYLE, 30).send([line_of(one) for one in lines], 30)
    assert bench.read().fingerprint == before


def test_a_device_without_a_revert_timer_is_refused_with_the_reason(bench: Bench) -> None:
    bench.device.has_archive = False
    with pytest.raises(ConfigRejected, match="it has no revert timer"):
        bench.try_out(bench.change())


def test_a_refused_line_is_named_without_its_secret_and_everything_comes_back(bench: Bench) -> None:
    before = bench.running()
    secret = Line(Secret(f"wpa-psk ascii 9 {PASSPHRASE}"), "wpa-psk ascii 9 •••", "key")
    change = Change("ap-1", (line_of("hostname ap-nuevo"), secret), "")
    with pytest.raises(ConfigRejected, match=r"it refused `wpa-psk ascii 9 •••`: % Invalid input") as caught:
        bench.try_out(change)
    assert PASSPHRASE not in str(caught.value)
    with enter(bench.server) as shell:
        bench.cisco.revert(bench.talk(shell), TOKEN)
    assert bench.running() == before


def test_another_host_key_is_a_hard_stop(bench: Bench) -> None:
    device = device_at(bench.server.port)
    login = SshLogin(bench.server.user, password=Secret(bench.server.password))
    key = ssh.fetch_host_key(device)
    bench.server.change_host_key(9)
    with pytest.raises(HostKeyChanged):
        ssh.connect(device, login, key)


def test_a_slow_device_is_waited_for(bench: Bench) -> None:
    bench.device.box.minute_s = 60
    bench.device.box.faults.slow_s = 0.05
    bench.make(WISH)
    assert not bench.change()
