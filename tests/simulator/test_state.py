"""What is configured over SSH is what SNMP shows; what is remembered and what is not."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.lab import REPOSITORY, Simulator, extend, names_on_air, rows, snmp, until, where

WIRELESS = """
config wifi-device 'radio0'
\toption band '2g'
\toption channel '6'
\toption htmode 'HT40'
\toption txpower '17'

config wifi-iface 'plaza'
\toption device 'radio0'
\toption mode 'ap'
\toption ssid 'Wi-Fi Público ñ'

config wifi-iface 'second'
\toption device 'radio0'
\toption mode 'ap'
\toption ssid 'Back\\"slash'

config wifi-iface 'off'
\toption device 'radio0'
\toption mode 'ap'
\toption ssid 'Off'
\toption disabled '1'

config wifi-device 'radio1'
\toption band '5g'
\toption disabled '1'

config wifi-iface 'five'
\toption device 'radio1'
\toption mode 'ap'
\toption ssid 'Nobody hears this'
"""


@pytest.fixture
def wrt(simulator: Simulator) -> dict[str, Any]:
    ap = simulator.ap("wrt")
    simulator.start()
    return ap


def write_wireless(simulator: Simulator, ap: dict[str, Any], then: str, text: str = WIRELESS) -> Any:
    script = f'cat > "$PLAZA_ROOT/etc/config/wireless"; {then}'
    ran = simulator.ssh(ap, script, text.encode())
    assert ran.returncode == 0, ran.stderr
    return ran


def test_a_new_ap_is_in_its_factory_state(simulator: Simulator, wrt: dict[str, Any]) -> None:
    assert names_on_air(where(wrt)) == {("2g4", "OpenWrt"), ("5g", "OpenWrt")}
    config = simulator.directory / "state/wrt/etc/config"
    assert sorted(path.name for path in config.iterdir()) == ["network", "system", "wireless"]
    assert "option hostname 'OpenWrt'" in (config / "system").read_text()
    wireless = (config / "wireless").read_text()
    assert "config wifi-device 'radio0'" in wireless
    assert "config wifi-device 'radio1'" in wireless


def test_an_applied_configuration_is_on_the_air(simulator: Simulator, wrt: dict[str, Any]) -> None:
    write_wireless(simulator, wrt, "wifi")
    assert names_on_air(where(wrt)) == {("2g4", "Wi-Fi%20P%C3%BAblico%20%C3%B1"), ("2g4", "Back%5C%22slash")}
    radios = [line for line in extend(where(wrt)) if line.startswith("radio ")]
    assert len(radios) == 1, "radio1 is off"
    assert " channel=6 frequency_mhz=2437 width_mhz=40 " in radios[0]
    assert " power_dbm=17 " in radios[0]
    names = rows(snmp("snmpbulkwalk", where(wrt), ".1.3.6.1.2.1.31.1.1.1.1").stdout).values()
    assert list(names) == ["lo", "eth0", "br-lan", "phy0-ap0", "phy0-ap1"]


def test_what_nobody_applied_is_not_on_the_air(simulator: Simulator, wrt: dict[str, Any]) -> None:
    write_wireless(simulator, wrt, "true")
    assert names_on_air(where(wrt)) == {("2g4", "OpenWrt"), ("5g", "OpenWrt")}
    assert simulator.ssh(wrt, "reload_config").returncode == 0
    assert ("2g4", "Back%5C%22slash") in names_on_air(where(wrt))


def test_wifi_down_silences_the_air_and_wifi_brings_it_back(
    simulator: Simulator, wrt: dict[str, Any]
) -> None:
    simulator.ssh(wrt, "wifi down")
    assert extend(where(wrt)) == ["plaza version=1"]
    simulator.ssh(wrt, "wifi up")
    assert len(names_on_air(where(wrt))) == 2


def test_a_changed_host_name_is_the_agent_s_name_once_applied(
    simulator: Simulator, wrt: dict[str, Any]
) -> None:
    change = "sed -i \"s/'OpenWrt'/'ap-08019-1'/\" \"$PLAZA_ROOT/etc/config/system\"; reload_config"
    assert simulator.ssh(wrt, change).returncode == 0
    seen = rows(snmp("snmpget", where(wrt), ".1.3.6.1.2.1.1.5.0").stdout)
    assert seen == {".1.3.6.1.2.1.1.5.0": "ap-08019-1"}


def test_configuration_survives_a_restart_and_tmp_does_not(simulator: Simulator, wrt: dict[str, Any]) -> None:
    write_wireless(simulator, wrt, 'echo x > "$PLAZA_ROOT/tmp/note"')
    simulator.stop()
    simulator.start()
    assert ("2g4", "Back%5C%22slash") in names_on_air(where(wrt)), "a boot applies what was committed"
    assert not (simulator.directory / "state/wrt/tmp/note").exists()


def test_boot_scripts_run_before_the_configuration_is_applied(
    simulator: Simulator, wrt: dict[str, Any]
) -> None:
    hook = 'cd "$PLAZA_ROOT"; mkdir -p etc/rc.d; cat > etc/rc.d/S11guard'
    script = '#!/bin/sh\n[ "$1" = boot ] && sed -i "s/OpenWrt/Reverted/" "$PLAZA_ROOT/etc/config/wireless"\n'
    simulator.ssh(wrt, hook, script.encode())
    simulator.stop()
    simulator.start()
    assert names_on_air(where(wrt)) == {("2g4", "Reverted"), ("5g", "Reverted")}


def test_a_daemon_outlives_its_login_and_dies_with_the_power(
    simulator: Simulator, wrt: dict[str, Any]
) -> None:
    pid_file = simulator.directory / "state/wrt/tmp/guard.pid"
    command = f"start-stop-daemon -S -b -m -p {pid_file} -x /bin/sh -- -c 'exec sleep 600'"
    assert simulator.ssh(wrt, command).returncode == 0
    pid = int(pid_file.read_text())
    os.kill(pid, 0)
    assert simulator.ssh(wrt, command).returncode == 1, "it runs already"
    simulator.stop()
    until(lambda: not Path(f"/proc/{pid}").exists() or zombie(pid), "the end of the daemon")


def zombie(pid: int) -> bool:
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_a_stopped_daemon_stops(simulator: Simulator, wrt: dict[str, Any]) -> None:
    start = "start-stop-daemon -S -b -m -p tmp/d.pid -x /bin/sleep -- 600"
    stop = "start-stop-daemon -K -p tmp/d.pid"
    asked = f"{start}; kill -0 $(cat tmp/d.pid) && {stop}; while kill -0 $(cat tmp/d.pid); do sleep 0.1; done"
    assert simulator.ssh(wrt, f"{asked}; echo gone").stdout == b"gone\n"


def test_ubus_knows_the_air_within_the_script_that_changed_it(
    simulator: Simulator, wrt: dict[str, Any]
) -> None:
    ran = write_wireless(simulator, wrt, "wifi; ubus call network.wireless status")
    status = json.loads(ran.stdout)
    assert [i["config"]["ssid"] for i in status["radio0"]["interfaces"]] == [
        "Wi-Fi Público ñ",
        'Back\\"slash',
    ]
    assert "radio1" not in status
    listed = simulator.ssh(wrt, "ubus list; ubus -S call system board; ubus call no such").stdout.decode()
    assert "hostapd.phy0-ap1\n" in listed
    assert '"distribution": "OpenWrt"' in listed
    refused = simulator.ssh(wrt, "ubus call no such")
    assert (refused.returncode, refused.stderr) == (4, b"Command failed: Not found\n")


def test_the_extend_s_own_script_measures_over_ssh_what_snmp_shows(
    simulator: Simulator, wrt: dict[str, Any]
) -> None:
    script = REPOSITORY / "drivers/platforms/openwrt/snmp/plaza.sh"
    if not script.exists():
        pytest.skip("no plaza.sh")
    write_wireless(simulator, wrt, "wifi")

    def same() -> bool:
        printed = simulator.ssh(wrt, "sh -s", script.read_bytes()).stdout.decode().splitlines()
        return bool(printed == extend(where(wrt)))

    until(same, "one second in which both were asked")


def test_the_log_of_an_ap_is_its_own(simulator: Simulator, wrt: dict[str, Any]) -> None:
    simulator.ssh(wrt, "logger -t plaza one two; echo three | logger")
    log = (simulator.directory / "state/wrt/tmp/log/messages").read_text()
    assert [line.split(": ", 1)[1] for line in log.splitlines()] == ["one two", "three"]
