"""No value can become a command: templates print only what was quoted; quoting survives a shell and uci."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from drivers import render, uci
from drivers.diff import diff
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Band, Intent, Radio, Secret, Security, Ssid
from drivers.openwrt import htmode
from drivers.uci import Config
from tests.configure.desk import CANARY
from tests.configure.device import STAND_IN, SYSTEM, WIRELESS

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


def running() -> Config:
    """What a device has before."""
    return uci.parse(f"package system\n{SYSTEM}\npackage wireless\n{WIRELESS}")


def test_a_template_cannot_print_what_no_filter_quoted() -> None:
    environment = render.environment()
    for template in ("option ssid {{ ssid }}", "{{ 'constant' }}", "{{ ssid | uci | upper }}", "{{ 1 }}"):
        with pytest.raises(render.NotQuoted):
            environment.from_string(template).render(ssid="x")
    assert (
        environment.from_string("option ssid {{ ssid | uci }}").render(ssid="it's")
        == "option ssid 'it'\\''s'"
    )


def test_a_template_cannot_leave_its_sandbox_nor_print_what_is_not_there() -> None:
    environment = render.environment()
    with pytest.raises(SecurityError):
        environment.from_string("{{ x.__class__.__mro__ | uci }}").render(x="")
    with pytest.raises(UndefinedError):
        environment.from_string("{{ nothing | uci }}").render()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=ssids)
def test_an_ssid_goes_through_a_real_shell_and_uci_as_it_is_or_not_at_all(name: str, tmp_path: Path) -> None:
    wanted = replace(INTENT, ssids=(Ssid(name),))
    try:
        config = render.render(wanted, running(), {})
    except ValueRefused:
        return
    script = "".join(f"{op.line()}\n" for op in diff("ap-1", running(), config).ops)
    assert _through_uci(tmp_path, script) == name
    assert not (tmp_path / "PWNED").exists()


def _through_uci(folder: Path, script: str) -> str:
    """Stage a batch from a here-document of a real shell and read the SSID back."""
    config = folder / "config"
    shutil.rmtree(config, ignore_errors=True)
    config.mkdir()
    (config / "system").write_text(SYSTEM)
    (config / "wireless").write_text(WIRELESS)
    tool = shutil.which("uci") or str(STAND_IN)
    there = f"{tool} -c {config} -t {folder}/stage"
    shell = f"{there} batch <<'END' && {there} commit && {there} get wireless.plaza_2g4_1.ssid\n{script}END\n"
    done = subprocess.run(["sh", "-s"], input=shell.encode(), capture_output=True, cwd=folder, check=True)
    assert done.stderr == b""
    return done.stdout.decode().removesuffix("\n")


@settings(max_examples=300, deadline=None)
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
        render.render(replace(INTENT, ssids=(Ssid(value),)), running(), {})


def test_a_passphrase_that_cannot_be_one_is_refused_without_being_shown() -> None:
    staff = replace(INTENT, ssids=(Ssid("Personal", Security.WPA2, passphrase="staff"),))
    for word in (f"{CANARY}\nset x", "corta", f"{CANARY}ñ"):
        with pytest.raises(ValueRefused) as caught:
            render.render(staff, running(), {"staff": Secret(word)})
        assert word not in str(caught.value)
    with pytest.raises(ValueRefused, match="no passphrase"):
        render.render(staff, running(), {})


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
        render.render(wrong, running(), {})


def test_a_wanted_radio_that_is_not_there_is_said() -> None:
    with pytest.raises(ConfigRejected, match="6g"):
        render.render(replace(INTENT, radios=(Radio(Band.GHZ_6),)), running(), {})


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
    config = render.render(replace(INTENT, ssids=(ssid,)), running(), {"staff": Secret(CANARY)})
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
    config = render.render(replace(INTENT, ssids=(ssid,)), running(), {"staff": Secret(CANARY)})
    change = diff("ap-1", running(), config)
    assert CANARY not in change.text + repr(change) + repr(config)
    assert "hecha-a-mano" not in change.text
    assert "+\toption key '••• (new)'" in change.text
    paths = {".".join(op.path.split(".")[:2]) for op in change.ops}
    ours = {path for path in paths if path.startswith("wireless.plaza_")}
    assert paths - ours == {"system.@system[0]", "wireless.radio0", "wireless.radio1"}
    assert any(op.line() == f"set wireless.plaza_2g4_1.key='{CANARY}'" for op in change.ops)


def test_a_configuration_that_is_as_wanted_has_no_diff() -> None:
    config = render.render(INTENT, running(), {})
    assert diff("ap-1", running(), config)
    assert not diff("ap-1", config, config)
    assert diff("ap-1", config, config).text == ""


def test_a_device_cannot_steer_the_terminal_through_its_configuration() -> None:
    text = WIRELESS.replace("De antes", "\x1b]0;owned\x07")
    before = uci.parse(f"package system\n{SYSTEM}\npackage wireless\n{text}")
    change = diff("ap-1", before, render.render(INTENT, before, {}))
    assert "\x1b" not in change.text
    assert "\\x1b]0;owned" in change.text


def test_a_device_cannot_put_commands_into_our_batch_through_its_names() -> None:
    text = WIRELESS.replace("'radio0'", "'radio0\nset system.x=y'", 1)
    with pytest.raises(uci.NotUci):
        uci.parse(f"package wireless\n{text}")
