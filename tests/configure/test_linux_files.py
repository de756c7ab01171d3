"""What a wish becomes in files of a Linux device; no value can become anything but itself."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.configurers import shell
from drivers.configurers.linux import owned, quoting, trial
from drivers.configurers.linux.diff import diff
from drivers.configurers.linux.state import Entry, File, Link, NotState, State, parse
from drivers.configurers.linux.wishes import wanted
from drivers.configurers.seam import Running, Talk, Wish
from drivers.errors import ConfigRejected, UnexpectedReply, ValueRefused
from drivers.model import (
    Band,
    Captive,
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
from drivers.ssh import Output
from tests import need
from tests.configure.device import free_port, wait_until

NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.text(
    "a'\"`$(){};|&?\\\n\r\x00%#!~*<> ñ😀=", max_size=40
)
STATE = State(
    entries=dict.fromkeys(owned.PARTS),
    has=frozenset(owned.CONSULTED),
    radios={"wlan0": frozenset({Band.GHZ_2, Band.GHZ_5}), "wlan1": frozenset({Band.GHZ_5, Band.GHZ_6})},
    bridges=frozenset({"br-lan", "br-vlan20"}),
    uplink="/etc/systemd/network/20-cable.network.d/plaza-mgmt.conf",
    keys="/root/.ssh/authorized_keys",
    login="",
)
INTENT = Intent("caja", "plaza-uno", "MX", (Radio(Band.GHZ_2, 6),), (Ssid("Plaza"),))


def wish(intent: Intent, **secrets: str) -> Wish:
    """With these secrets for whatever asks for one."""
    known = {name: Secret(value) for name, value in secrets.items()}
    return Wish(intent, known, {}, known)


def hostapd(made: dict[str, Entry], band: Band = Band.GHZ_2) -> list[str]:
    """The lines of a hostapd file."""
    entry = made[owned.HOSTAPD[band]]
    assert isinstance(entry, File)
    return entry.content.splitlines()


def printf_decoded(quoted: str) -> bytes:
    """hostapd's own reading of P"…" (src/utils/common.c, printf_decode), as far as we write it."""
    assert quoted.startswith('P"')
    assert quoted.endswith('"')
    inside = quoted[2:-1]
    assert '"' not in inside
    found = re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), inside)
    return found.encode("latin-1")


@given(NASTY)
def test_a_network_name_is_whatever_octets_it_is_and_one_line_of_the_file(name: str) -> None:
    intent = replace(INTENT, ssids=(Ssid(name),))
    if not 1 <= len(name.encode()) <= 32 or re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", name):
        with pytest.raises(ValueRefused):
            wanted(wish(intent), STATE)
        return
    lines = hostapd(wanted(wish(intent), STATE))
    (said,) = [line.removeprefix("ssid2=") for line in lines if line.startswith("ssid2=")]
    assert printf_decoded(said) == name.encode()
    plain = hostapd(wanted(wish(INTENT), STATE))
    assert [line for line in lines if "ssid2" not in line] == [line for line in plain if "ssid2" not in line]


@given(NASTY | st.from_regex(r"[ -~]{8,63}", fullmatch=True))
def test_a_passphrase_is_the_rest_of_its_line_or_refused_without_being_said(value: str) -> None:
    intent = replace(INTENT, ssids=(Ssid("Plaza", Security.WPA2, passphrase="staff"),))
    if not re.fullmatch(r"[ -~]{8,63}", value):
        with pytest.raises(ValueRefused) as refused:
            wanted(wish(intent, staff=value), STATE)
        assert len(value) < 4 or value not in str(refused.value)
        return
    assert f"wpa_passphrase={value}" in hostapd(wanted(wish(intent, staff=value), STATE))


@given(NASTY, NASTY)
def test_keys_of_snmp_and_of_the_portal_stay_between_their_quotes_or_are_refused(key: str, url: str) -> None:
    user = SnmpV3("poller", "sha1", Secret(key), "aes128", Secret(key))
    intent = replace(
        INTENT,
        manage=Manage(snmp_users=("poller",)),
        captive=Captive(GatewayKind.COOVACHILLI, url, (), "portal"),
    )
    try:
        made = wanted(Wish(intent, {}, {"poller": user}, {"portal": Secret(key)}), STATE)
    except ValueRefused:
        return
    snmpd, chilli = made[owned.SNMPD], made[owned.CHILLI]
    assert isinstance(snmpd, File)
    assert isinstance(chilli, File)
    assert snmpd.content.splitlines()[1:] == [
        f'createUser poller SHA "{key}" AES "{key}"', "rouser poller authPriv"
    ]  # fmt: skip
    assert chilli.content.splitlines()[1:] == [f'uamserver "{url}"', f'uamsecret "{key}"']
    assert not set("\"\\'`\n") & set(key + url)


@pytest.mark.parametrize("shell", ["dash", "busybox"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=NASTY)
def test_a_batch_gives_any_content_back_in_a_real_shell(shell: str, content: str, tmp_path: Path) -> None:
    program = [need.program(shell, shell)] + (["sh"] if shell == "busybox" else [])
    (line,) = diff("caja", {}, {"/etc/hostname": File(content)}).lines
    batch = tmp_path / "batch"
    batch.write_text(line.command.reveal() + "\n")
    script = 'while read -r verb mode path text; do printf "%b" "$text"; done <"$1"'
    done = subprocess.run([*program, "-c", script, shell, batch], capture_output=True, check=True)
    assert done.stdout == content.encode()
    assert quoting.unescaped(quoting.escaped(content)) == content


@given(NASTY, NASTY)
def test_our_block_comes_and_goes_and_what_others_wrote_stays(before: str, inside: str) -> None:
    lines = "".join(f"{line}\n" for line in inside.splitlines() if not line.startswith("# plaza"))
    written = owned.with_block(before, lines)
    assert owned.block(written) == lines
    assert owned.with_block(written, lines) == written
    assert owned.with_block(written, "").rstrip("\n") == before.rstrip("\n")


@given(st.dictionaries(st.sampled_from(sorted(owned.PARTS)), NASTY))
def test_any_files_are_read_back_as_they_are(files: dict[str, str]) -> None:
    text = "".join(f"file {path} {len(content.encode())}\n{content}\n" for path, content in files.items())
    assert parse(text).entries == {path: File(content) for path, content in files.items()}


@pytest.mark.parametrize(
    "text",
    [
        "file /etc/x 9\nshort\n",
        "file /etc/x 4294967296\n",
        "file ../x 0\n\n",
        "radio wlan0 7g\n",
        "hola\n",
        "\n",
    ],
)
def test_what_the_script_never_prints_is_not_believed(text: str) -> None:
    with pytest.raises(NotState):
        parse(text)


@dataclass(frozen=True)
class Saying:
    """A session at a device that answers the same to every script."""

    said: str
    public_key: ClassVar = ""

    def run(self, script: str, timeout_s: float) -> Output:
        return Output(0, self.said, "")


def read(said: str) -> Running:
    """What a device runs that says this."""
    return trial.read(Talk(Saying(said), "caja", 1))  # type: ignore[arg-type]  # all that is asked of a session


def test_a_greeting_before_what_our_script_prints_is_nothing() -> None:
    said = "plaza state\nkeys /root/.ssh/authorized_keys\nfiles\ngone /etc/hostname\n"
    assert read(f"Bienvenida\n{said}") == read(said)


@pytest.mark.parametrize("said", ["", "sh: not found\n", "plaza state\nkeys /x\n", "x plaza state\nfiles\n"])
def test_what_is_cut_short_or_of_another_program_is_an_unexpected_reply(said: str) -> None:
    with pytest.raises(UnexpectedReply, match="did not print its configuration"):
        read(said)


CHANNELS = [
    (Radio(Band.GHZ_2, 6, 40), ["hw_mode=g", "channel=6", "ht_capab=[HT40+]"]),
    (Radio(Band.GHZ_2, 11, 40), ["ht_capab=[HT40-]"]),
    (Radio(Band.GHZ_5, 44, 80), ["hw_mode=a", "ht_capab=[HT40+]", "vht_oper_centr_freq_seg0_idx=42"]),
    (
        Radio(Band.GHZ_5, 48, 160),
        ["ht_capab=[HT40-]", "vht_oper_chwidth=2", "vht_oper_centr_freq_seg0_idx=50"],
    ),
    (Radio(Band.GHZ_5, 157, 80), ["ht_capab=[HT40+]", "vht_oper_centr_freq_seg0_idx=155"]),
    (Radio(Band.GHZ_5, 0, 80), ["channel=0", "vht_oper_chwidth=1"]),
    (Radio(Band.GHZ_6, 37, 80), ["op_class=133", "he_oper_chwidth=1", "he_oper_centr_freq_seg0_idx=39"]),
]


@pytest.mark.parametrize(("radio", "said"), CHANNELS)
def test_channels_and_widths_become_blocks(radio: Radio, said: list[str]) -> None:
    ssid = Ssid("Plaza", Security.OWE, bands=(radio.band,))
    made = wanted(wish(replace(INTENT, radios=(radio,), ssids=(ssid,))), STATE)
    assert set(said) <= set(hostapd(made, radio.band))


SAID = {
    Security.OPEN: set(),
    Security.OWE: {"wpa_key_mgmt=OWE", "ieee80211w=2"},
    Security.WPA2: {"wpa_key_mgmt=WPA-PSK", "wpa_passphrase=12345678"},
    Security.WPA3: {"wpa_key_mgmt=SAE", "ieee80211w=2", "wpa_passphrase=12345678"},
}


@pytest.mark.parametrize("security", SAID)
def test_each_security_is_what_hostapd_calls_it(security: Security) -> None:
    ssid = Ssid("Plaza", security, vlan=20, isolation=False, passphrase="staff")
    lines = hostapd(wanted(wish(replace(INTENT, ssids=(ssid,)), staff="12345678"), STATE))
    assert {line for line in lines if line.startswith(("wpa_", "ieee80211w"))} == SAID[security]
    assert {"bridge=br-vlan20", "ap_isolate=0"} <= set(lines)


def test_a_psk_is_no_passphrase() -> None:
    ssid = Ssid("Plaza", Security.WPA2, passphrase="staff")
    lines = hostapd(wanted(wish(replace(INTENT, ssids=(ssid,)), staff="ab" * 32), STATE))
    assert f"wpa_psk={'ab' * 32}" in lines


REJECTED = [
    (replace(INTENT, radios=(Radio(Band.GHZ_6),)), {"radios": {}}, "no radio for the band 6g"),
    (replace(INTENT, ssids=(Ssid("X", vlan=30),)), {}, "the bridge br-vlan30"),
    (INTENT, {"has": frozenset()}, "need hostapd"),
    (replace(INTENT, radios=(), manage=Manage(ntp=("10.0.0.1",))), {"has": frozenset()}, "no chrony"),
    (replace(INTENT, radios=(), manage=Manage(syslog=Syslog("h"))), {"has": frozenset()}, "no rsyslog"),
    (replace(INTENT, radios=(), manage=Manage(snmp_users=("u",))), {"has": frozenset()}, "no snmpd"),
    (replace(INTENT, manage=Manage(vlan=9)), {"uplink": ""}, "does not keep its uplink"),
]


@pytest.mark.parametrize(("intent", "lacks", "said"), REJECTED)
def test_what_the_device_has_not_is_said(intent: Intent, lacks: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigRejected, match=said):
        wanted(wish(intent), replace(STATE, **lacks))  # type: ignore[arg-type]


def test_guests_without_a_vlan_stay_beside_a_management_that_moved_or_stayed_in_one() -> None:
    moved = wanted(wish(replace(INTENT, manage=Manage(vlan=99))), STATE)
    left = wanted(wish(INTENT), replace(STATE, entries={**STATE.entries, **moved}))
    for made in (moved, left):
        assert "bridge=br-lan" in hostapd(made)
    assert not {owned.NETDEV, owned.NETWORK, STATE.uplink} & left.keys()
    network = moved[owned.NETWORK]
    assert isinstance(network, File)
    assert "Bridge" not in network.content


REFUSED = [
    (replace(INTENT, hostname="a b"), "is no host name"),
    (replace(INTENT, country="mx"), "is no country"),
    (replace(INTENT, manage=Manage(zone="../../etc/passwd")), "is no time zone"),
    (replace(INTENT, manage=Manage(ntp=("a b",))), "is no host"),
    (replace(INTENT, manage=Manage(ssh_keys=("sin llave\nssh-rsa A",))), "is no key"),
    (replace(INTENT, manage=Manage(snmp_users=("nadie",))), "has no credential"),
    (replace(INTENT, ssids=(Ssid("X", Security.WPA2),)), "has no passphrase"),
    (replace(INTENT, radios=(Radio(Band.GHZ_2, 1, 80),)), "cannot be 80 MHz wide"),
    (replace(INTENT, radios=(Radio(Band.GHZ_6),), ssids=(Ssid("X", bands=(Band.GHZ_6,)),)), "6 GHz"),
    (replace(INTENT, captive=Captive(GatewayKind.OPENNDS, "https://x/")), "portal of kind opennds"),
]


@pytest.mark.parametrize(("intent", "said"), REFUSED)
def test_what_no_file_can_carry_is_refused(intent: Intent, said: str) -> None:
    with pytest.raises(ValueRefused, match=said):
        wanted(wish(intent), STATE)


def test_a_linked_authorized_keys_is_left_to_whoever_linked_it() -> None:
    linked = replace(STATE, entries={**STATE.entries, STATE.keys: Link("/srv/keys")})
    intent = replace(INTENT, manage=Manage(ssh_keys=("ssh-ed25519 AAAA plaza",)))
    with pytest.raises(ConfigRejected, match="is a link"):
        wanted(wish(intent), linked)


def test_our_own_gateway_needs_nothing_of_the_device() -> None:
    intent = replace(INTENT, captive=Captive(GatewayKind.PLAZA, "https://x/"))
    assert wanted(wish(intent), STATE) == wanted(wish(INTENT), STATE)


def test_a_network_that_is_no_longer_wished_takes_its_service_along() -> None:
    made = wanted(wish(replace(INTENT, ssids=())), STATE)
    assert [made[path] for path in (*owned.HOSTAPD.values(), owned.UNIT, owned.WANTED)] == [None] * 5


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[int]:
    """A real snmpd with the file of a wish; its port."""
    program = need.program("snmpd", "snmpd")
    need.program("snmpget", "snmp")
    user = SnmpV3("poller", "sha256", Secret("$(id) ; #"), "aes128", Secret("pa | ss & {x}"))
    made = wanted(Wish(replace(INTENT, manage=Manage(snmp_users=("u",))), {}, {"u": user}), STATE)[
        owned.SNMPD
    ]
    assert isinstance(made, File)
    file, port = tmp_path / "snmpd.conf", free_port()
    file.write_text(made.content)
    arguments = [program, "-f", "-C", "-c", str(file), f"udp:127.0.0.1:{port}"]
    process = subprocess.Popen(arguments, env={"SNMP_PERSISTENT_DIR": str(tmp_path / "state")})
    yield port
    process.kill()
    process.wait(60)


def test_a_real_snmpd_takes_the_users_as_they_are_wished(agent: int) -> None:
    keys = ["-a", "SHA-256", "-A", "$(id) ; #", "-x", "AES", "-X", "pa | ss & {x}"]
    ask = [
        "snmpget",
        "-v3",
        "-u",
        "poller",
        "-l",
        "authPriv",
        *keys,
        f"udp:127.0.0.1:{agent}",
        "1.3.6.1.2.1.1.3.0",
    ]
    assert shutil.which("snmpget")
    wait_until(
        "the agent answers", lambda: not subprocess.run(ask, capture_output=True, check=False).returncode
    )


@pytest.mark.parametrize(("radio", "_said"), CHANNELS)
def test_a_real_hostapd_understands_every_line(radio: Radio, _said: list[str], tmp_path: Path) -> None:
    program = need.program("hostapd", "hostapd")
    for security in SAID.keys() - (set() if radio.band is not Band.GHZ_6 else {Security.OPEN, Security.WPA2}):
        ssids = tuple(
            Ssid(name, security, vlan=vlan, bands=(radio.band,), passphrase="staff")
            for name, vlan in (("Pl\"aza ñ😀 $(x)\\ ;#'", None), ("Otra", 20))
        )
        made = wanted(wish(replace(INTENT, radios=(radio,), ssids=ssids), staff=" \"#$(id)\\ '1"), STATE)
        file = tmp_path / "hostapd.conf"
        file.write_text("\n".join(hostapd(made, radio.band)) + "\n")
        # Without a radio it gets no further than reading the whole file.
        done = subprocess.run([program, file], capture_output=True, text=True, timeout=60, check=False)
        assert "Line " not in done.stdout
        assert "errors found" not in done.stdout


def test_systemd_understands_our_units(tmp_path: Path) -> None:
    program = need.program("systemd-analyze", "systemd")
    made = wanted(wish(replace(INTENT, radios=(Radio(Band.GHZ_2, 6, power_dbm=20),))), STATE)[owned.UNIT]
    assert isinstance(made, File)
    script = (
        shell.file("linux/trial.sh").partition("unit_text() {\n    cat <<'END'\n")[2].partition("END\n")[0]
    )
    for name, text in (("plaza-hostapd.service", made.content), ("plaza-guard.service", script)):
        (tmp_path / name).write_text(text)
        done = subprocess.run(
            [program, "verify", tmp_path / name], capture_output=True, text=True, timeout=120, check=False
        )
        # it loads the units of others, too, and complains of those
        of_ours = [line for line in done.stderr.splitlines() if "plaza-" in line]
        assert (done.returncode, of_ours) == (0, [])
