"""A RouterOS device ends old or new whatever happens, over real SSH to a virtual one."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drivers import apply, ssh
from drivers.apply import Ending, Step, Timers
from drivers.configurers.seam import Phase, Trial, Wish
from drivers.errors import AuthFailed, ConfigRejected, HostKeyChanged, UnexpectedReply, VerifyFailed
from drivers.model import Manage, Secret, Security, SshLogin, Ssid
from simulator.vendors.device import Session
from simulator.vendors.routeros import SAFE_MODE
from tests.configure.device import wait_until
from tests.configure.ordeal import PATIENT, QUICK, Ordeal
from tests.configure.routerosbox import INTENT, LOGIN, RouterOsPeer, mikrotik, wishing

SMALL = Wish(replace(INTENT, radios=INTENT.radios[:1]))
SMALL_LINES = 3
SHORT = Timers(revert_s=6, settle_s=0.1, grace_s=60, command_s=3, longest_pause_s=0.5)
MANY = Wish(
    replace(INTENT, manage=Manage(ntp=tuple(f"ntp{number}.example.mx" for number in range(120)))),
)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[RouterOsPeer]:
    """A device with `/interface wifi`, as a technician left it."""
    with mikrotik(tmp_path) as made:
        yield made


def trial(peer: RouterOsPeer, token: str) -> Trial:
    """What the device says of it."""
    target = peer.target(PATIENT)
    with target.connect() as session:
        return target.configurer.status(target.talk(session), token)


def armed(peer: RouterOsPeer, wish: Wish, revert_s: int = 120) -> str:
    """A trial that is armed and not applied; its token."""
    target, token = peer.target(PATIENT), token_hex(16)
    planned = apply.plan(target, wish)
    with target.connect() as session:
        talk = target.talk(session)
        target.configurer.arm(talk, planned.change, planned.fingerprint, token, revert_s)
    return token


def schedulers(peer: RouterOsPeer) -> list[str]:
    """The names of its entries."""
    with peer.fake.box.lock:
        return [item["values"]["name"] for item in peer.fake.config.items("system scheduler")]


def backups(peer: RouterOsPeer) -> list[str]:
    """The backups on its flash."""
    return [name for name in list(peer.fake.box.flash) if name.endswith(".backup")]


def on_terminal(peer: RouterOsPeer, typed: str) -> ssh.SshShell:
    """A technician types at a terminal of his own, which stays open."""
    shell = ssh.connect(peer.device, LOGIN, peer.host_key, 10.0)
    transport = shell.client.get_transport()
    assert transport is not None
    channel = transport.open_session()
    channel.get_pty()
    channel.invoke_shell()
    channel.sendall(typed.encode())
    return shell


def test_a_change_is_armed_applied_verified_over_a_new_login_and_confirmed(peer: RouterOsPeer) -> None:
    ordeal = Ordeal(peer)
    assert ordeal.run(peer.wish(), PATIENT) is Ending.CONFIRMED
    assert ordeal.said == [Step.ARMED, Step.APPLIED, Step.VERIFIED]
    assert (
        peer.fake.value("interface wifi", "configuration.ssid", ("name", "plaza-2g4-1")) == "Chihuahua Gratis"
    )
    assert peer.fake.value("interface wifi", "channel.frequency", ("default-name", "wifi1")) == "2437"
    assert peer.fake.value("system identity", "name") == "ap-1"
    assert schedulers(peer) == backups(peer) == []
    assert peer.fake.reboots == 1


def test_a_second_apply_finds_nothing(peer: RouterOsPeer) -> None:
    Ordeal(peer).run(peer.wish(), PATIENT)
    assert not apply.plan(peer.target(PATIENT), peer.wish()).change


def test_confirming_again_is_the_same(peer: RouterOsPeer) -> None:
    target, token = peer.target(PATIENT), token_hex(16)
    apply.carry_out(target, apply.plan(target, SMALL), token, lambda step: None)
    settings = peer.fake.exported()
    with target.connect() as session:
        target.configurer.confirm(target.talk(session), token)
    assert peer.fake.exported() == settings
    assert apply.finish(target, token, None) is Ending.CONFIRMED
    assert apply.finish(target, "0" * 32, None) is Ending.ABSENT


def test_it_remembers_earlier_changes_while_another_one_is_open(peer: RouterOsPeer) -> None:
    target, first, second = peer.target(PATIENT), token_hex(16), token_hex(16)
    apply.carry_out(target, apply.plan(target, SMALL), first, lambda step: None)
    apply.carry_out(target, apply.plan(target, peer.wish()), second, lambda step: None)
    third = armed(peer, wishing(hostname="otro"))
    assert [trial(peer, token).ending for token in (first, second, third)] == ["confirmed", "confirmed", ""]
    assert trial(peer, first).token == third


def test_a_radio_that_was_silent_never_sends_its_makers_open_network(peer: RouterOsPeer) -> None:
    Ordeal(peer).run(peer.wish(), PATIENT)
    assert (
        peer.fake.value("interface wifi", "configuration.ssid", ("default-name", "wifi2"))
        == "Chihuahua Gratis"
    )
    Ordeal(peer).run(wishing(ssids=(Ssid("Otra", bands=INTENT.ssids[0].bands[:1]),)), PATIENT)
    assert peer.fake.value("interface wifi", "disabled", ("default-name", "wifi2")) == "yes"


@pytest.mark.parametrize(
    "lines",
    [pytest.param(n, marks=() if n in {1, 3, 5} else pytest.mark.soak) for n in range(1, SMALL_LINES + 4)],
)
def test_a_line_cut_anywhere_in_the_change_leaves_old_or_new(peer: RouterOsPeer, lines: int) -> None:
    def cut() -> None:
        peer.fake.box.faults.cut_after = lines

    Ordeal(peer).run(SMALL, QUICK, cut, Step.APPLIED)
    Ordeal(peer).again(wishing(ssids=(Ssid("Otra red"),)))


def test_a_silent_cut_is_undone_though_the_device_notices_it_late(peer: RouterOsPeer) -> None:
    peer.fake.keepalive_s = 2.0

    def fall_deaf() -> None:
        peer.fake.box.faults.deaf_after = 3

    assert Ordeal(peer).run(SMALL, SHORT, fall_deaf, Step.APPLIED) is not Ending.CONFIRMED
    assert peer.fake.safe is None


def test_safe_mode_that_was_not_left_is_never_confirmed(peer: RouterOsPeer) -> None:
    """All lines arrived, the key that leaves safe mode did not: what is undone later must not be believed."""

    def fall_deaf() -> None:
        peer.fake.box.faults.deaf_after = 1 + SMALL_LINES

    peer.fake.keepalive_s = 60.0
    assert Ordeal(peer).run(SMALL, SHORT, fall_deaf, Step.APPLIED) is not Ending.CONFIRMED


def test_more_than_a_hundred_actions_go_without_safe_mode(peer: RouterOsPeer) -> None:
    taken = watched_keys(peer)
    assert Ordeal(peer).run(MANY, PATIENT) is Ending.CONFIRMED
    assert len(taken) == 4  # arming and confirming look whether somebody else is in it


def test_more_than_a_hundred_actions_that_are_cut_go_back_by_the_timer(peer: RouterOsPeer) -> None:
    def cut() -> None:
        peer.fake.box.faults.cut_after = 110

    assert Ordeal(peer).run(MANY, Timers(10, 0.1, 60, 10, 0.5), cut, Step.APPLIED) is not Ending.CONFIRMED
    assert peer.fake.reboots > 1


def watched_keys(peer: RouterOsPeer) -> list[str]:
    """The times that Ctrl-X is pressed from now on."""
    seen: list[str] = []
    press = peer.fake.press

    def watching(session: object, key: str, typed: str) -> str:
        seen.append(key)
        return press(session, key, typed)  # type: ignore[arg-type]  # whatever the server gives

    peer.fake.press = watching  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize("step", [Step.APPLIED, Step.VERIFIED])
def test_power_lost_inside_the_window_ends_in_the_old_configuration(peer: RouterOsPeer, step: Step) -> None:
    ordeal = Ordeal(peer)
    slow = replace(PATIENT, command_s=5, revert_s=20)
    ending = ordeal.run(SMALL, slow, peer.lose_power, step)
    assert ending is not Ending.CONFIRMED
    assert peer.fake.reboots >= 3  # the power, then the backup


def test_a_backup_is_kept_where_it_survives_a_reboot(tmp_path: Path) -> None:
    with mikrotik(tmp_path, flash_folder=True) as peer:
        token = armed(peer, SMALL)
        assert backups(peer) == [f"file:flash/plaza-{token}.backup"]
        peer.lose_power()
        wait_until("the entry for startups loaded it", lambda: peer.fake.reboots == 3 and peer.fake.box.up)
        assert schedulers(peer) == []
        assert trial(peer, token).ending == "reverted"


def test_a_wrong_management_vlan_goes_back_by_the_timer(peer: RouterOsPeer) -> None:
    assert Ordeal(peer).run(peer.cutting(), SHORT) is not Ending.CONFIRMED
    assert peer.vlan() == "10"
    assert peer.fake.reboots == 2


def test_a_right_management_vlan_is_changed_though_it_cuts_the_login(peer: RouterOsPeer) -> None:
    wish = Wish(replace(INTENT, manage=Manage(vlan=11)))

    def cut_when_it_moves() -> bool:
        return peer.vlan() not in {"10", "11"}

    peer.fake.box.faults.unmanageable = cut_when_it_moves
    assert Ordeal(peer).run(wish, PATIENT) is Ending.CONFIRMED
    assert peer.vlan() == "11"


def test_of_two_technicians_one_is_refused(peer: RouterOsPeer) -> None:
    armed(peer, SMALL)
    with pytest.raises(ConfigRejected, match="another trial is open"):
        armed(peer, SMALL)


def test_nothing_is_armed_while_somebody_is_in_safe_mode(peer: RouterOsPeer) -> None:
    before = peer.settings()
    with on_terminal(peer, SAFE_MODE):
        wait_until("he is in safe mode", lambda: peer.fake.safe is not None)
        with pytest.raises(ConfigRejected, match="somebody is in safe mode"):
            armed(peer, SMALL)
        assert peer.fake.safe is not None
    assert peer.settings() == before
    assert schedulers(peer) == backups(peer) == []


def test_a_plan_that_somebody_overtook_is_refused(peer: RouterOsPeer) -> None:
    target = peer.target(PATIENT)
    planned = apply.plan(target, SMALL)
    with peer.fake.box.lock:
        peer.fake.config.put("ip firewall filter", {"chain": "forward", "action": "drop"})
    with pytest.raises(ConfigRejected, match="changed since the plan"):
        apply.carry_out(target, planned, token_hex(16), lambda step: None)
    assert schedulers(peer) == backups(peer) == []


def test_nothing_is_armed_where_no_scheduler_runs(peer: RouterOsPeer) -> None:
    with peer.fake.box.lock:
        peer.fake.config.items("system device-mode")[0]["values"]["scheduler"] = "no"
    with pytest.raises(ConfigRejected, match="runs no scheduler"):
        armed(peer, SMALL)
    assert schedulers(peer) == backups(peer) == []


def test_nothing_is_armed_where_the_timers_may_not_restart_the_device(peer: RouterOsPeer) -> None:
    peer.fake.config.policy = "read,write"  # of our user's group
    with pytest.raises(ConfigRejected, match="would not be allowed ftp, read, reboot, write"):
        armed(peer, SMALL)
    assert schedulers(peer) == backups(peer) == []


def test_nothing_is_armed_on_a_full_disk(peer: RouterOsPeer) -> None:
    before = peer.settings()
    peer.fill()
    with pytest.raises(ConfigRejected, match="not enough space on disk"):
        armed(peer, SMALL)
    assert peer.settings() == before
    assert schedulers(peer) == []


def test_a_refused_line_is_named_and_costs_no_reboot(peer: RouterOsPeer) -> None:
    before = peer.settings()
    target, token = peer.target(PATIENT), token_hex(16)
    planned = apply.plan(target, wishing(ssids=(Ssid("Chihuahua Gratis", vlan=30),)))
    with peer.fake.box.lock:  # as a radio whose driver has no VLANs
        peer.fake.config.refuses = frozenset({"datapath.vlan-id"})
    with pytest.raises(
        ConfigRejected, match=r"it refused '/interface wifi add name=\"plaza-2g4-1\".*vlan-id"
    ):
        apply.carry_out(target, planned, token, lambda step: None)
    assert peer.settings() == before
    assert peer.fake.reboots == 1
    assert apply.finish(target, token, None) is Ending.REVERTED


def test_what_the_device_says_of_a_refused_line_shows_no_secret(peer: RouterOsPeer) -> None:
    secret = 'muy "secreta" $1'
    wish = wishing({"clave": secret}, ssids=(Ssid("x", Security.WPA2, passphrase="clave"),))
    target = peer.target(PATIENT)
    planned = apply.plan(target, wish)
    execute = peer.fake.execute

    def refusing(session: Session, line: str) -> str:
        return f"failure: bad value {secret}\n" if "passphrase" in line else execute(session, line)

    peer.fake.execute = refusing  # type: ignore[method-assign]
    with pytest.raises(ConfigRejected, match="bad value •••") as caught:
        apply.carry_out(target, planned, token_hex(16), lambda step: None)
    assert "secreta" not in str(caught.value)


@pytest.mark.parametrize(
    "lines", [pytest.param(n, marks=() if n in {6, 7, 9} else pytest.mark.soak) for n in range(1, 16)]
)
def test_a_link_cut_anywhere_while_arming_leaves_the_old_configuration(
    peer: RouterOsPeer, lines: int
) -> None:
    def cut() -> None:
        peer.fake.box.faults.cut_after = lines

    ordeal = Ordeal(peer)
    ending = ordeal.run(SMALL, QUICK, cut, Step.ARMED)
    assert schedulers(peer) == []
    if ending is not Ending.CONFIRMED:
        ordeal.again(SMALL)


def test_two_who_arm_at_the_same_time_do_not_take_each_others_net_away(peer: RouterOsPeer) -> None:
    execute = peer.fake.execute
    tokens: list[str] = []

    def racing(session: Session, line: str) -> str:
        if line.startswith("/system backup save") and not tokens:
            tokens.append("")
            peer.fake.box.lock.release()  # the other one comes in between
            try:
                tokens[0] = armed(peer, SMALL)
            finally:
                peer.fake.box.lock.acquire()
        return execute(session, line)

    peer.fake.execute = racing  # type: ignore[method-assign]
    with pytest.raises(ConfigRejected, match="already have such name"):
        armed(peer, SMALL)
    assert schedulers(peer) == ["plaza-revert", "plaza-boot"]
    assert backups(peer) == [f"file:plaza-{tokens[0]}.backup"]
    assert trial(peer, tokens[0]).phase is Phase.OPEN


def test_the_key_of_our_own_login_stays_whatever_is_wished(peer: RouterOsPeer) -> None:
    private = paramiko.Ed25519Key(file_obj=io.StringIO(private_key()))
    line = f"{private.get_name()} {private.get_base64()}"
    peer.server.authorized_keys = (line,)
    peer.login = SshLogin("plaza", private_key=Secret(private_key()))
    assert Ordeal(peer).run(wishing(manage=Manage(ssh_keys=(line,))), PATIENT) is Ending.CONFIRMED
    assert peer.fake.value("user ssh-keys", "key") == line
    assert not apply.plan(peer.target(PATIENT), wishing(manage=Manage())).change


def private_key() -> str:
    """Of a controller."""
    made = Ed25519PrivateKey.from_private_bytes(b"p" * 32)
    return made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def test_a_trial_can_be_taken_back_before_its_timer(peer: RouterOsPeer) -> None:
    before = peer.settings()
    token = armed(peer, SMALL)
    target = peer.target(PATIENT)
    planned = apply.plan(target, SMALL)
    with target.connect() as session:
        target.configurer.apply(target.talk(session), planned.change, token)
    assert peer.settings() != before
    assert trial(peer, token).phase is Phase.OPEN
    apply.take_back(target, token)
    assert apply.await_end(target, token, 60) is Ending.REVERTED
    assert peer.settings() == before
    apply.take_back(target, token)


def test_what_was_not_applied_as_a_whole_is_not_confirmed(peer: RouterOsPeer) -> None:
    token, target = armed(peer, SMALL), peer.target(PATIENT)
    with target.connect() as session, pytest.raises(VerifyFailed, match="never applied as a whole"):
        target.configurer.confirm(target.talk(session), token)
    assert schedulers(peer) == ["plaza-revert", "plaza-boot"]


def test_nothing_is_confirmed_while_somebody_is_in_safe_mode(peer: RouterOsPeer) -> None:
    target, token = peer.target(PATIENT), token_hex(16)
    planned = apply.plan(target, SMALL)
    somebody: list[ssh.SshShell] = []

    def comes_and_goes(step: Step) -> None:
        if step is Step.VERIFIED and not somebody:
            somebody.append(on_terminal(peer, SAFE_MODE))
            wait_until("he is in safe mode", lambda: peer.fake.safe is not None)
        elif step is Step.VERIFIED:
            somebody[0].close()
            wait_until("he is gone", lambda: peer.fake.safe is None)

    apply.carry_out(target, planned, token, comes_and_goes)
    assert trial(peer, token).ending == "confirmed"
    assert schedulers(peer) == []


@pytest.mark.parametrize("lines", [6, 7, 8], ids=["note", "backup", "timers"])
def test_a_confirmation_that_is_cut_half_way_is_finished(peer: RouterOsPeer, lines: int) -> None:
    target, token = peer.target(PATIENT), token_hex(16)
    planned = apply.plan(target, SMALL)
    cuts = [lines]  # the status, two keys, the status, the scripts, the note, the backup, the timers

    def cut_once(step: Step) -> None:
        if step is Step.VERIFIED and cuts:
            peer.fake.box.faults.cut_after = cuts.pop()

    apply.carry_out(target, planned, token, cut_once)
    assert not cuts
    assert apply.finish(target, token, None) is Ending.CONFIRMED
    assert schedulers(peer) == backups(peer) == []


def test_what_was_decided_by_a_controller_that_died_is_finished(peer: RouterOsPeer) -> None:
    token = armed(peer, SMALL)
    with peer.fake.box.lock:
        note = {"name": "plaza-last", "comment": f"plaza confirmed {token}"}
        peer.fake.config.put("system script", note)
    assert trial(peer, token).phase is Phase.CONFIRMING
    assert apply.finish(peer.target(PATIENT), token, None) is Ending.CONFIRMED
    assert schedulers(peer) == backups(peer) == []


def test_a_slow_device_is_waited_for(peer: RouterOsPeer) -> None:
    peer.fake.box.faults.slow_s = 0.1
    assert Ordeal(peer).run(SMALL, PATIENT) is Ending.CONFIRMED


def test_another_host_key_is_no_timeout(peer: RouterOsPeer) -> None:
    target = peer.target(QUICK)
    peer.new_host_key()
    with pytest.raises(HostKeyChanged):
        apply.plan(target, SMALL)


def test_a_wrong_password_is_no_timeout(peer: RouterOsPeer) -> None:
    with pytest.raises(AuthFailed):
        ssh.connect(peer.device, SshLogin("plaza", password=Secret("otra")), peer.host_key, 5.0)


def test_a_half_open_line_ends_old_or_new(peer: RouterOsPeer) -> None:
    def go_deaf() -> None:
        peer.relay.deaf = True

    Ordeal(peer).run(SMALL, replace(QUICK, command_s=3), go_deaf, Step.APPLIED)
    Ordeal(peer).again(wishing(ssids=(Ssid("Otra red"),)))


def test_an_interface_that_is_not_on_the_air_is_never_confirmed(peer: RouterOsPeer) -> None:
    peer.fake.inactive = {"plaza-2g4-1"}
    ordeal = Ordeal(peer)
    assert ordeal.run(SMALL, SHORT) is not Ending.CONFIRMED
    assert "plaza-2g4-1 is not on the air" in str(ordeal.error)


def test_what_is_no_routeros_is_told(peer: RouterOsPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer.fake, "export", lambda **_: "% Invalid input\n")
    with pytest.raises(UnexpectedReply, match="is it really RouterOS"):
        apply.plan(peer.target(PATIENT), SMALL)


@pytest.mark.parametrize("version", ["6.49.10", "7.16.2", "7.18.1"])
def test_the_older_wireless_system_is_configured_too(tmp_path: Path, version: str) -> None:
    with mikrotik(tmp_path, version, wifi=False) as peer:
        wish = wishing({"clave": "ocho-o-mas"}, ssids=(Ssid("Chihuahua Gratis"), protected()))
        assert Ordeal(peer).run(wish, PATIENT) is Ending.CONFIRMED
        profile = peer.fake.value("interface wireless", "security-profile", ("name", "plaza-2g4-2"))
        menu = "interface wireless security-profiles"
        assert peer.fake.value(menu, "wpa2-pre-shared-key", ("name", profile)) == "ocho-o-mas"
        assert peer.fake.value("interface bridge port", "bridge", ("interface", "plaza-2g4-2")) == "bridge"
        assert Ordeal(peer).run(wishing(ssids=(Ssid("Otra"),)), PATIENT) is Ending.CONFIRMED
        assert peer.fake.value(menu, "name", ("name", "plaza-2g4-2")) == ""


def protected() -> Ssid:
    """A network with a passphrase."""
    return Ssid("Personal", Security.WPA2, vlan=20, passphrase="clave")
