"""No value can become a command: templates print only what was quoted; quoting survives a shell and uci."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from drivers import render
from drivers.change import Change
from drivers.configurers.openwrt import uci
from drivers.configurers.openwrt.dialect import OPENWRT
from drivers.configurers.openwrt.diff import diff
from drivers.configurers.openwrt.names import htmode
from drivers.configurers.openwrt.rendering import rendered
from drivers.configurers.openwrt.uci import Config
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Band, Intent, Radio, Secret, Security, Ssid
from tests.configure.desk import CANARY
from tests.configure.device import FACTORY, NETWORK, STAND_IN, SYSTEM, WIRELESS

EVIL = (
    "x'; touch PWNED; echo '",
    "$(touch PWNED)",
    "`touch PWNED`",
    "a\\",
    'a"b',
    "a'b",
    "'",
    "# no comment",
    "; reboot",
    "Café Ñandú 😀",
    "=a.b=c",
    "END_x",
    " leading and trailing ",
)
INTENT = Intent("ap-1", "ap-1", "MX", (Radio(Band.GHZ_2), Radio(Band.GHZ_5)), (Ssid("Chihuahua Gratis"),))
ssids = st.text(min_size=1, max_size=32) | st.sampled_from(EVIL)


def shown(intent: Intent, before: Config, passphrases: Mapping[str, Secret]) -> Config:
    """What OpenWrt should hold."""
    return rendered(OPENWRT, Wish(intent, passphrases), before)


def running(wireless: str = WIRELESS, network: str = NETWORK) -> Config:
    """What a device has before."""
    return uci.parse(f"package system\n{SYSTEM}\npackage wireless\n{wireless}\npackage network\n{network}")


def test_a_template_cannot_print_what_no_filter_quoted() -> None:
    environment = render.environment("uci", uci.quote)
    for template in ("option ssid {{ ssid }}", "{{ 'constant' }}", "{{ ssid | uci | upper }}", "{{ 1 }}"):
        with pytest.raises(render.NotQuoted):
            environment.from_string(template).render(ssid="x")
    assert (
        environment.from_string("option ssid {{ ssid | uci }}").render(ssid="it's")
        == "option ssid 'it'\\''s'"
    )


def test_a_template_cannot_leave_its_sandbox_nor_print_what_is_not_there() -> None:
    environment = render.environment("uci", uci.quote)
    with pytest.raises(SecurityError):
        environment.from_string("{{ x.__class__.__mro__ | uci }}").render(x="")
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nothing | uci }}").render()


def test_a_sandbox_that_has_allowed_one_attribute_still_refuses_another() -> None:
    environment = render.environment("uci", uci.quote)
    radio = Radio(Band.GHZ_2, width_mhz=20)
    for _ in range(2):
        assert environment.from_string("{{ x.width_mhz | uci }}").render(x=radio) == "'20'"
        assert environment.from_string("{{ x.index(7) | uci }}").render(x=[7]) == "'0'"
        for attribute, value in (("__slots__", radio), ("append", [7]), ("mro", Radio)):
            with pytest.raises(SecurityError):
                environment.from_string(f"{{{{ x.{attribute}(1) | uci }}}}").render(x=value)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=ssids)
def test_an_ssid_goes_through_a_real_shell_and_uci_as_it_is_or_not_at_all(name: str, tmp_path: Path) -> None:
    wanted = replace(INTENT, ssids=(Ssid(name),))
    try:
        config = shown(wanted, running(), {})
    except ValueRefused:
        return
    change = diff(OPENWRT, "ap-1", running(), config)
    _through_uci(tmp_path, WIRELESS, change)
    assert _uci(tmp_path, "get wireless.plaza_2g4_1.ssid").removesuffix("\n") == name
    assert not (tmp_path / "PWNED").exists()


def _through_uci(folder: Path, wireless: str, change: Change) -> None:
    """Commit a diff from a here-document of a real shell."""
    config = folder / "config"
    shutil.rmtree(config, ignore_errors=True)
    config.mkdir()
    (config / "system").write_text(SYSTEM)
    (config / "wireless").write_text(wireless)
    (config / "network").write_text(NETWORK)
    script = "".join(f"{line.command.reveal()}\n" for line in change.lines)
    _uci(folder, f"batch <<'END'\n{script}END")
    _uci(folder, "commit")


def _uci(folder: Path, command: str) -> str:
    tool = shutil.which("uci") or str(STAND_IN)
    line = f"{tool} -c {folder}/config -t {folder}/stage {command}\n"
    done = subprocess.run(["sh", "-s"], input=line.encode(), capture_output=True, cwd=folder, check=True)
    assert done.stderr == b""
    return done.stdout.decode()


@settings(max_examples=120, deadline=None)
@given(st.text())
def test_quoting_is_read_back_by_our_own_parser_as_well(value: str) -> None:
    try:
        quoted = uci.quote(value)
    except ValueError:
        return
    read = uci.parse(f"package p\nconfig s n\n\toption o {quoted}\n").sections["p.n"].options["o"]
    assert read == value


@pytest.mark.parametrize(
    "value", ["a\nb", "a\rb", "a\0b", "a\x1b[2Jb", "a\x7fb", "a\x85b", "a\u2028b", "\ud800"]
)
def test_a_control_character_is_refused_and_named(value: str) -> None:
    with pytest.raises(ValueRefused, match=r"control character U\+|octets"):
        shown(replace(INTENT, ssids=(Ssid(value),)), running(), {})


def test_a_passphrase_that_cannot_be_one_is_refused_without_being_shown() -> None:
    staff = replace(INTENT, ssids=(Ssid("Personal", Security.WPA2, passphrase="staff"),))
    for word in (f"{CANARY}\nset x", "corta", f"{CANARY}ñ"):
        with pytest.raises(ValueRefused) as caught:
            shown(staff, running(), {"staff": Secret(word)})
        assert word not in str(caught.value)
    with pytest.raises(ValueRefused, match="no passphrase"):
        shown(staff, running(), {})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(INTENT, hostname="ap 1; reboot"), "host name"),
        (replace(INTENT, country="mx"), "country"),
        (replace(INTENT, ssids=(Ssid("ñ" * 17),)), "34 octets"),
        (replace(INTENT, ssids=(Ssid(""),)), "0 octets"),
    ],
)
def test_what_no_access_point_can_carry_is_refused(wrong: Intent, said: str) -> None:
    with pytest.raises(ValueRefused, match=said):
        shown(wrong, running(), {})


def test_a_wanted_radio_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigRejected, match="6g"):
        shown(replace(INTENT, radios=(Radio(Band.GHZ_6),)), running(), {})


@pytest.mark.parametrize(
    ("security", "encryption", "frames"),
    [
        (Security.OPEN, "none", None),
        (Security.OWE, "owe", "2"),
        (Security.WPA2, "psk2", None),
        (Security.WPA3, "sae", "2"),
    ],
)
def test_each_security_has_its_encryption(security: Security, encryption: str, frames: str | None) -> None:
    ssid = Ssid("Red", security, isolation=False, vlan=20, bands=(Band.GHZ_5,), passphrase="staff")
    config = shown(replace(INTENT, ssids=(ssid,)), running(), {"staff": Secret(CANARY)})
    section = config.sections["wireless.plaza_5g_1"]
    assert section.options["encryption"] == encryption
    assert section.options.get("ieee80211w") == frames
    assert section.options["isolate"] == "0"
    assert section.options["network"] == "vlan20"
    assert ("key" in section.options) == (security in {Security.WPA2, Security.WPA3})
    assert "wireless.plaza_2g4_1" not in config.sections


def test_a_width_keeps_the_generation_of_the_radio() -> None:
    assert htmode(Band.GHZ_5, 40, "HE80") == "HE40"
    assert htmode(Band.GHZ_5, 80, "HT40") == "VHT80"
    assert htmode(Band.GHZ_2, 20, "") == "HT20"
    assert htmode(Band.GHZ_2, 40, "HT40+") == "HT40"


def test_the_diff_touches_only_what_is_ours_and_shows_no_secret() -> None:
    ssid = Ssid("Personal", Security.WPA3, passphrase="staff")
    config = shown(replace(INTENT, ssids=(ssid,)), running(), {"staff": Secret(CANARY)})
    change = diff(OPENWRT, "ap-1", running(), config)
    assert CANARY not in change.text + repr(change) + repr(config)
    assert "hecha-a-mano" not in change.text
    assert "+\toption key '••• (new)'" in change.text
    paths = {".".join(op.path.split(".")[:2]) for op in change.lines}
    ours = {path for path in paths if path.startswith("wireless.plaza_")}
    assert paths - ours == {"system.@system[0]", "wireless.radio0", "wireless.radio1"}
    assert any(line.command.reveal() == f"set wireless.plaza_2g4_1.key='{CANARY}'" for line in change.lines)


def test_a_configuration_that_is_as_wanted_has_no_diff() -> None:
    config = shown(INTENT, running(), {})
    assert diff(OPENWRT, "ap-1", running(), config)
    assert not diff(OPENWRT, "ap-1", config, config)
    assert diff(OPENWRT, "ap-1", config, config).text == ""


def test_a_device_cannot_steer_the_terminal_through_its_configuration() -> None:
    text = WIRELESS.replace("De antes", "\x1b]0;owned\x07")
    before = running(text)
    change = diff(OPENWRT, "ap-1", before, shown(INTENT, before, {}))
    assert "\x1b" not in change.text
    assert "\\x1b]0;owned" in change.text


def test_a_device_cannot_put_commands_into_our_batch_through_its_names() -> None:
    text = WIRELESS.replace("'radio0'", "'radio0\nset system.x=y'", 1)
    with pytest.raises(uci.NotUci):
        uci.parse(f"package wireless\n{text}")


def test_a_factory_network_is_not_put_on_the_air_with_the_radio_we_switch_on(tmp_path: Path) -> None:
    before = running(FACTORY)
    change = diff(OPENWRT, "ap-1", before, shown(INTENT, before, {}))
    assert " config wifi-iface 'default_radio0'\n+\toption disabled '1'\n" in change.text
    foreign = {line.shown for line in change.lines if "iface" in line.path or "default" in line.path}
    assert foreign == {
        "set wireless.default_radio0.disabled='1'",
        "set wireless.@wifi-iface[2].disabled='1'",
    }
    _through_uci(tmp_path, FACTORY, change)
    after = uci.parse("".join(_uci(tmp_path, f"export {name}") for name in ("system", "wireless", "network")))
    on_air = [s for s in after.of_kind("wireless", "wifi-iface") if s.options.get("disabled", "0") == "0"]
    assert {section.options["ssid"] for section in on_air} == {"Chihuahua Gratis"}
    silenced = after.sections["wireless.default_radio0"].options
    assert silenced == {**before.sections["wireless.default_radio0"].options, "disabled": "1"}
    assert not diff(OPENWRT, "ap-1", after, shown(INTENT, after, {}))


def test_a_network_of_somebody_else_on_a_radio_that_was_on_the_air_is_left_alone() -> None:
    before = running(FACTORY.replace("\toption disabled '1'\n", "", 1))
    change = diff(OPENWRT, "ap-1", before, shown(INTENT, before, {}))
    assert "default_radio0" not in change.text
    assert not any("default_radio0" in op.path for op in change.lines)
    only_2g = replace(INTENT, radios=(Radio(Band.GHZ_2),))
    change = diff(OPENWRT, "ap-1", before, shown(only_2g, before, {}))
    assert not any("@wifi-iface" in op.path for op in change.lines)  # its radio stays off


@pytest.mark.parametrize(
    ("ssid", "network", "said"),
    [
        (Ssid("Personal", vlan=30), NETWORK, r"'Personal' goes to the interface vlan30.*`vlan: 30`"),
        (Ssid("Gratis"), "", r"'Gratis' goes to the interface lan.*config interface 'lan'"),
    ],
)
def test_a_network_name_without_a_network_is_refused(ssid: Ssid, network: str, said: str) -> None:
    with pytest.raises(ConfigRejected, match=said):
        shown(replace(INTENT, ssids=(ssid,)), running(network=network), {})


def test_what_a_platform_owns_is_said_by_its_dialect_alone() -> None:
    other = replace(OPENWRT, own_prefix="nobody_", own_options={}, packages=("wireless",))
    wanted = uci.parse("package wireless\nconfig wifi-device 'radio0'\n\toption channel '6'\n")
    change = diff(other, "ap-1", running(), wanted)
    assert [line.shown for line in change.lines] == ["set wireless.radio0.channel='6'"]
    assert change.text.startswith("--- ap-1/wireless\n")


def test_the_files_that_openwrt_is_configured_with_are_there() -> None:
    for name in (OPENWRT.template, OPENWRT.script, OPENWRT.guard):
        assert (render.PLATFORMS / name).is_file()


def test_what_is_on_the_air_is_read_from_the_devices_own_account() -> None:
    wanted = shown(INTENT, running(), {})
    radio = {"up": True, "pending": False, "interfaces": [{"section": "plaza_2g4_1", "ifname": "phy0-ap0"}]}
    other = {"up": True, "pending": False, "interfaces": [{"section": "plaza_5g_1", "ifname": "phy1-ap0"}]}
    assert OPENWRT.off_air(wanted, json.dumps({"radio0": radio, "radio1": other})) == ()
    for broken in ({}, {"up": False}, {"pending": True}, {"interfaces": [{"section": "plaza_5g_1"}]}):
        said = json.dumps({"radio0": radio, "radio1": {**other, **broken} if broken else None})
        assert OPENWRT.off_air(wanted, said) == ("Chihuahua Gratis",)
    with pytest.raises(ValueError, match="Expecting value"):
        OPENWRT.off_air(wanted, "Command failed")


def test_no_secret_of_a_network_is_shown() -> None:
    for option in ("preshared_key", "private_key", "password", "pincode"):
        assert CANARY not in repr(
            uci.parse(f"package network\nconfig interface wg\n\toption {option} {CANARY}\n")
        )
