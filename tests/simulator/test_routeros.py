"""The virtual RouterOS device behaves as its manual says."""

from collections.abc import Iterator

import paramiko
import pytest

from simulator.vendors.device import Box, Cut, Session
from simulator.vendors.routeros import LEAVE, SAFE_MODE, RouterOs
from simulator.vendors.server import VendorServer
from tests.configure.device import wait_until


@pytest.fixture
def device() -> Iterator[RouterOs]:
    """A device whose minute is a second, with one radio and a bridge."""
    made = RouterOs(Box(minute_s=1.0))
    made.config.put("interface bridge", {"name": "bridge"})
    made.config.put("interface wifi", {"default-name": "wifi1", "channel.band": "2ghz-ax"}, fixed=True)
    made.keep()
    yield made
    made.box.close()


def login(device: RouterOs, kind: str = "shell", suffix: str = "ct") -> Session:
    """A session of a technician."""
    session = Session("admin", kind, suffix)
    with device.box.lock:
        device.greet(session)
    return session


def say(device: RouterOs, line: str, session: Session | None = None) -> str:
    """What it answers to one line."""
    with device.box.lock:
        return device.execute(session or login(device), line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/quatsch add", "bad command name quatsch (line 1 column 1)\n"),
        ("/interface quatsch", "bad command name quatsch (line 1 column 12)\n"),
        ("/system identity set nombre=x", "expected end of command (line 1 column 22)\n"),
        ("/export quatsch", "expected end of command (line 1 column 9)\n"),
        (
            "/interface wifi set [find default-name=wifi1] channel.band=7ghz",
            "input does not match any value of channel.band\n",
        ),
        (
            "/interface wifi set [find default-name=wifi1] channel.frequency=ab",
            "invalid value for argument channel.frequency\n",
        ),
        ("/interface wifi add name=x", "failure: missing value(s) of argument(s) master-interface\n"),
        ("/interface bridge add name=bridge", "failure: already have such name\n"),
        ("/interface bridge set otro comment=x", "no such item\n"),
        ("/interface bridge get [find name=otro] name", "no such item\n"),
        (':put "abc', "syntax error, string is never closed (line 1 column 10)\n"),
        (":put [", "syntax error, expected ']' (line 1 column 7)\n"),
        ("/system backup load name=nada", "failure: no such file\n"),
        ("/safe-mode/take", "bad command name take (line 1 column 1)\n"),
    ],
)
def test_what_it_refuses_it_refuses_in_words(device: RouterOs, line: str, said: str) -> None:
    before = device.exported()
    assert say(device, line) == said
    assert device.exported() == before


def test_a_script_that_names_what_is_not_there_is_not_begun(device: RouterOs) -> None:
    assert say(device, "/system identity set name=x; /quatsch").startswith("bad command name")
    assert device.value("system identity", "name") == "MikroTik"


def test_one_that_fails_on_its_way_keeps_what_it_did(device: RouterOs) -> None:
    assert (
        say(device, "/system identity set name=x; /interface bridge set otro comment=y") == "no such item\n"
    )
    assert device.value("system identity", "name") == "x"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"a b"', "a b"),
        (r'"\"\\\$\?\n\_\41\C3\A9"', '"\\$?\n Aé'),
        ('"a$x"', "a"),
        ('"a$[/system identity get name]"', "aMikroTik"),
        ('("a" . "b")', "ab"),
        ("[/system identity get name]", "MikroTik"),
        ("bare", "bare"),
    ],
)
def test_strings_variables_and_commands_in_a_value(device: RouterOs, written: str, value: str) -> None:
    assert say(device, f"/interface bridge set bridge comment={written}") == ""
    assert device.value("interface bridge", "comment") == value


def test_a_menu_can_be_entered_and_left(device: RouterOs) -> None:
    session = login(device)
    assert say(device, "/interface bridge", session) == ""
    assert device.prompt(session) == "[admin@MikroTik] /interface/bridge> "
    assert say(device, "add name=otro", session) == ""
    assert say(device, "/", session) == ""
    assert device.prompt(session) == "[admin@MikroTik] > "
    assert device.value("interface bridge", "name", ("name", "otro")) == "otro"


def test_the_prompt_is_coloured_unless_the_user_said_otherwise(device: RouterOs) -> None:
    assert "\x1b[" in device.prompt(login(device, suffix=""))
    assert "\x1b[" not in device.prompt(login(device, suffix="ct511w"))


def test_an_export_leaves_defaults_and_secrets_out_and_can_be_typed_again(device: RouterOs) -> None:
    made = (
        '/interface wifi add name=x master-interface=wifi1 configuration.ssid="a \\"b\\" \\C3\\A9" '
        "security.passphrase=ocho-o-mas disabled=yes"
    )
    assert say(device, made) == ""
    shown = say(device, "/export terse")
    assert "passphrase" not in shown
    assert "disabled" not in shown
    line = next(one for one in say(device, "/export terse show-sensitive").splitlines() if "name=x" in one)
    assert ".passphrase" in line or "security.passphrase=ocho-o-mas" in line
    before = device.exported()
    assert say(device, "/interface wifi remove [find name=x]") == ""
    assert say(device, line) == ""
    assert device.exported() == before


def test_version_6_shows_secrets_by_itself(device: RouterOs) -> None:
    old = RouterOs(version="6.49.10")
    old.config.put("snmp community", {"name": "x", "authentication-password": "secreta"})
    assert say(old, "/export show-sensitive") == "expected end of command (line 1 column 9)\n"
    assert "secreta" in say(old, "/export terse")
    assert "secreta" not in say(old, "/export terse hide-sensitive")
    assert say(old, "/interface wifi print").startswith("bad command name")


def test_items_are_found_by_conditions(device: RouterOs) -> None:
    for name in ("uno", "dos", "tres"):
        say(device, f'/system script add name={name} comment="plaza {name}"')
    count = ":put [:len [/system script find where "
    assert say(device, count + 'comment~"^plaza" and name!=dos]]') == "2\n"
    assert say(device, count + "name=uno or name=dos]]") == "2\n"
    assert say(device, '/system script print terse where name="dos"') == " 0 R   name=dos comment=plaza dos\n"


def test_what_somebody_refers_to_cannot_be_removed(device: RouterOs) -> None:
    say(device, "/interface wifi add name=x master-interface=wifi1 datapath.bridge=bridge")
    assert say(device, "/interface bridge remove bridge") == "failure: bridge is used by interface wifi\n"
    assert say(device, "/interface wifi remove wifi1") == "failure: can not remove this item\n"


def test_every_change_is_kept_through_power_loss(device: RouterOs) -> None:
    say(device, "/system identity set name=nuevo")
    device.box.lose_power()
    assert device.value("system identity", "name") == "nuevo"


def test_safe_mode_undoes_what_a_lost_session_did_and_others_did_meanwhile(device: RouterOs) -> None:
    before = device.exported()
    session, other = login(device), login(device)
    assert device.press(session, SAFE_MODE, "") == "[Safe Mode taken]\n"
    assert device.prompt(session) == "[admin@MikroTik] <SAFE> "
    say(device, "/system identity set name=uno", session)
    say(device, "/interface bridge add name=otro", other)
    device.leave(session)
    assert device.exported() == before


def test_safe_mode_that_is_left_keeps_everything(device: RouterOs) -> None:
    session = login(device)
    device.press(session, SAFE_MODE, "")
    say(device, "/system identity set name=uno", session)
    assert device.press(session, SAFE_MODE, "") == "[Safe Mode released]\n"
    device.leave(session)
    assert device.value("system identity", "name") == "uno"


def test_leaving_with_ctrl_d_undoes(device: RouterOs) -> None:
    session = login(device)
    device.press(session, SAFE_MODE, "")
    say(device, "/system identity set name=uno", session)
    with pytest.raises(Cut):
        device.press(session, LEAVE, "")
    assert device.value("system identity", "name") == "MikroTik"


def test_a_session_that_went_silent_is_undone_only_once_that_is_noticed(device: RouterOs) -> None:
    device.keepalive_s = 30.0
    session = login(device)
    device.press(session, SAFE_MODE, "")
    say(device, "/system identity set name=uno", session)
    device.leave(session)
    assert device.value("system identity", "name") == "uno"
    wait_until("it is undone", lambda: device.value("system identity", "name") == "MikroTik")


def test_more_than_a_hundred_actions_end_safe_mode_and_stay(device: RouterOs) -> None:
    session = login(device)
    device.press(session, SAFE_MODE, "")
    for number in range(101):
        say(device, f"/system script add name=s{number}", session)
    assert device.prompt(session) == "[admin@MikroTik] > "
    device.leave(session)
    assert device.value("system script", "name", ("name", "s100")) == "s100"


@pytest.mark.parametrize(
    ("key", "name", "owner"), [("u", "MikroTik", "second"), ("r", "uno", "second"), ("d", "uno", "first")]
)
def test_a_second_technician_is_asked_about_safe_mode(
    device: RouterOs, key: str, name: str, owner: str
) -> None:
    first, second = login(device), login(device)
    device.press(first, SAFE_MODE, "")
    say(device, "/system identity set name=uno", first)
    device.press(second, SAFE_MODE, "")
    assert device.prompt(second).startswith("Hijacking Safe Mode from someone")
    say(device, "", second)
    assert device.prompt(second).startswith("Hijacking Safe Mode from someone")
    say(device, key, second)
    assert device.value("system identity", "name") == name
    assert device.safe is not None
    assert device.safe.owner is {"first": first, "second": second}[owner]


def test_safe_mode_can_be_scripted_since_7_18() -> None:
    device = RouterOs(version="7.18.1")
    session, other = login(device), login(device)
    assert say(device, "/safe-mode/take", session) == ""
    assert say(device, "/safe-mode/take", other) == "failure: someone else already in safe mode\n"
    say(device, "/system identity set name=uno", session)
    assert say(device, "/safe-mode/unroll", session) == ""
    assert device.value("system identity", "name") == "MikroTik"
    assert say(device, "/safe-mode/release", session) == "failure: not in safe mode\n"


def test_an_entry_runs_after_each_interval_until_it_is_removed(device: RouterOs) -> None:
    event = '"/system script add name=[/system identity get name]; /system identity set name=otra-vez"'
    assert say(device, f"/system scheduler add name=x interval=30s on-event={event}") == ""
    wait_until("it ran", lambda: device.value("system script", "name") == "MikroTik")
    wait_until("it ran again", lambda: device.value("system script", "name", ("name", "otra-vez")) != "")
    say(device, "/system scheduler remove [find name=x]")
    assert not device._alarms


def test_an_entry_for_startups_runs_after_a_start_only_without_an_interval(device: RouterOs) -> None:
    named = '"/system identity set name=arrancado"'
    say(device, f"/system scheduler add name=x start-time=startup on-event={named}")
    say(
        device,
        '/system scheduler add name=y start-time=startup interval=1d on-event="/system script add name=y"',
    )
    device.box.lose_power()
    wait_until("it ran", lambda: device.value("system identity", "name") == "arrancado")
    assert device.value("system script", "name") == ""


def test_loading_a_backup_reboots_into_it_and_takes_what_came_later_away(device: RouterOs) -> None:
    before = device.exported()
    assert "saved" in say(device, "/system backup save name=x dont-encrypt=yes")
    say(device, "/system scheduler add name=s interval=1h")
    say(device, ':execute script="/system backup load name=x.backup password=\\"\\""')
    wait_until("it rebooted", lambda: device.reboots == 2)
    assert device.exported() == before
    assert [one["name"] for one in device.files()] == ["x.backup"]


def test_a_script_that_loads_a_backup_must_give_a_password(device: RouterOs) -> None:
    say(device, "/system backup save name=x")
    without = login(device, kind="exec")
    assert say(device, "/system backup load name=x", without) == "missing value(s) of argument(s) password\n"
    assert device.reboots == 1


def test_in_a_mode_without_schedulers_an_entry_is_taken_and_never_runs(device: RouterOs) -> None:
    say(device, "/system device-mode set scheduler=no")
    assert "scheduler: no" in say(device, "/system device-mode print")
    assert (
        say(device, '/system scheduler add name=x start-time=startup on-event="/system identity set name=y"')
        == ""
    )
    device.startup_s = 0.0
    device.box.lose_power()
    say(device, '/system scheduler add name=z interval=1s on-event=":put 1"')
    wait_until(
        "the other entry's time has come", lambda: not any(one.left_s for one in device._alarms.values())
    )
    assert device.value("system identity", "name") == "MikroTik"


def test_a_person_is_asked_before_a_backup_is_loaded(device: RouterOs) -> None:
    say(device, "/system backup save name=x")
    session = login(device)
    assert say(device, "/system backup load name=x", session) == ""
    assert device.prompt(session) == "Restore and reboot? [y/N]: "
    assert say(device, "n", session) == ""
    say(device, "/system backup load name=x", session)
    with pytest.raises(Cut):
        say(device, "y", session)
    assert device.reboots == 2


def test_a_full_disk_takes_no_file_and_still_keeps_changes(device: RouterOs) -> None:
    device.box.faults.disk_full = True
    assert say(device, "/system backup save name=x") == "failure: not enough space on disk\n"
    assert say(device, "/file add name=x contents=y") == "failure: not enough space on disk\n"
    assert say(device, "/system identity set name=x") == ""
    assert device.files() == []


def test_files_beside_the_flash_folder_are_gone_after_a_reboot() -> None:
    device = RouterOs(flash_folder=True)
    say(device, "/file add name=x contents=1; /file add name=flash/y contents=2")
    device.box.lose_power()
    assert [one["name"] for one in device.files()] == ["flash", "flash/y"]
    assert say(device, ":put [/file get [/file find name=flash/y] contents]") == "2\n"
    say(device, "/file set [find name=flash/y] contents=3; /file remove [find name=nada]")
    assert say(device, ":put [/file get [/file find name=flash/y] contents]") == "3\n"
    device.box.close()


def test_a_file_can_be_imported_or_only_looked_over(device: RouterOs) -> None:
    say(device, '/file add name=x.rsc contents="/system identity set name=importado"')
    say(device, '/file add name=y.rsc contents="/quatsch"')
    assert say(device, "/import file-name=x.rsc verbose=yes dry-run") == ""
    assert device.value("system identity", "name") == "MikroTik"
    assert say(device, "/import file-name=y.rsc dry-run").startswith("bad command name quatsch")
    assert "executed successfully" in say(device, "/import file-name=x.rsc")
    assert device.value("system identity", "name") == "importado"
    assert say(device, "/import file-name=z.rsc") == "failure: no such file\n"


def test_it_is_reached_over_ssh_with_and_without_a_terminal(device: RouterOs) -> None:
    with VendorServer(device) as server, paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            "127.0.0.1", server.port, "plaza+ct", server.password, allow_agent=False, look_for_keys=False
        )
        _, said, _ = client.exec_command(":put hola")
        assert said.read() == b"hola\r\n"
        channel = client.invoke_shell(width=511)
        heard = b""
        channel.sendall(SAFE_MODE.encode() + b"/system identity set name=x\r")
        while b"[plaza@x] <SAFE> " not in heard:
            octets = channel.recv(4096)
            assert octets, heard
            heard += octets
    wait_until("the lost session is undone", lambda: device.value("system identity", "name") == "MikroTik")
