"""What a device says of itself: model, version, serial number, room, and what others left half done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers import hearing, ssh
from drivers.change import Line
from drivers.configurers import told
from drivers.configurers.airos import AirOs
from drivers.configurers.aruba_instant import ArubaInstant
from drivers.configurers.aruba_instant.board import serial
from drivers.configurers.cisco_ios.trial import STYLE
from drivers.configurers.linux import Linux
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.openwrt.trial import staged
from drivers.configurers.routeros import RouterOs
from drivers.configurers.seam import Configurer, Talk
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import UnexpectedReply, Unreachable
from drivers.facts import Facts
from drivers.model import Manage, Secret, SshLogin
from drivers.ssh import Output
from drivers.terminal import Answer, Style
from simulator.vendors.aruba_instant import ArubaInstant as Instant
from simulator.vendors.cisco_startup import Flavour
from tests.configure import airosbox, linuxbox
from tests.configure.cisco import Bench as CiscoBench
from tests.configure.cisco import bench_of
from tests.configure.desk import NewDesk
from tests.configure.device import Ap, Dropbear, OpenSsh, Server
from tests.configure.openwrt import Bench, file, with_manage, with_rpcd, write_program
from tests.configure.routerosbox import RouterOsPeer, mikrotik
from tests.configure.test_terminal import enter
from tests.configure.unarmed import ARUBA, CAMBIUM
from tests.configure.unarmed import bench as unarmed_bench

CANARY = "no-lo-digas-4711"
SERVERS = pytest.mark.parametrize("server", [OpenSsh, Dropbear], ids=["openssh", "dropbear"])


def facts_of(peer: Ap, configurer: Configurer) -> Facts:
    """Asked in a new login."""
    with ssh.connect(peer.device, peer.login, peer.host_key()) as shell:
        return configurer.facts(Talk(shell, peer.name, 60))


@pytest.fixture
def bench(ap: Ap, desk: NewDesk) -> Bench:
    """An access point with OpenWrt."""
    file(ap, "tmp/sysinfo/model", "TP-Link Archer C7 v2\n")
    file(ap, "tmp/sysinfo/board_name", "tplink,archer-c7-v2\n")
    file(
        ap,
        "etc/openwrt_release",
        "DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='23.05.5'\nDISTRIB_REVISION='r24106'\n",
    )
    file(ap, "overlay/upper", "")
    rows = "Filesystem 1K-blocks Used Available Use%% Mounted on\\n/dev/mtdblock6\\n  9 1 8 12%% /overlay"
    write_program(ap, "df", f'case "$2" in */overlay) printf "{rows}\\n" ;; esac')
    return Bench(ap, desk(ap))


def test_openwrt_tells_its_board_release_and_the_room_on_its_overlay(bench: Bench) -> None:
    file(bench.ap, "proc/device-tree/serial-number", "2158A0000123\0")
    assert facts_of(bench.ap, OpenWrt()) == Facts(
        "TP-Link Archer C7 v2 (tplink,archer-c7-v2)", "23.05.5", "2158A0000123", 8 * 1024
    )


def test_an_unreleased_openwrt_is_known_by_its_revision(bench: Bench) -> None:
    file(bench.ap, "etc/openwrt_release", "DISTRIB_RELEASE='SNAPSHOT'\nDISTRIB_REVISION='r28000-abc'\n")
    assert facts_of(bench.ap, OpenWrt()).version == "SNAPSHOT r28000-abc"


def test_openwrt_names_what_somebody_staged_and_no_value_of_it(bench: Bench) -> None:
    secret = f"uno'dos\nwireless.red.{CANARY}='x"
    uci = "/sbin/uci" if isinstance(bench.ap.server, Dropbear) else "uci"
    for words in (
        ("set", "wireless.red=wifi-iface"),
        ("set", f"wireless.red.key={secret}"),
        ("delete", "system.@system[0].timezone"),
    ):
        assert bench.ap.server.run(bench.ap.root, uci, *words).returncode == 0
    foreign = facts_of(bench.ap, OpenWrt()).foreign
    assert "wireless.red, wireless.red.key" in foreign
    assert "timezone" in foreign
    assert CANARY not in foreign


def test_openwrt_names_a_change_that_waits_for_luci_and_not_a_trial_of_ours(bench: Bench) -> None:
    with_rpcd(bench.ap)
    bench.apply(with_manage(bench.ap, Manage(zone="America/Chihuahua")))
    assert (bench.ap.root / "tmp/plaza/sid").exists()
    assert facts_of(bench.ap, OpenWrt()).foreign == ""
    bench.confirm()
    (bench.ap.root / "tmp/run/rpcd/pending").write_text("of-luci\n")
    assert "LuCI" in facts_of(bench.ap, OpenWrt()).foreign


@SERVERS
def test_linux_tells_its_maker_its_release_and_the_room_on_its_disk(
    tmp_path: Path, server: type[Server]
) -> None:
    for box in linuxbox.running_box(tmp_path, server()):
        file(box, "etc/os-release", 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
        file(box, "sys/class/dmi/id/sys_vendor", "PC Engines\n")
        file(box, "sys/class/dmi/id/product_name", "apu2\n")
        file(box, "sys/class/dmi/id/product_serial", "1234567\n")
        write_program(
            box,
            "df",
            'printf "Filesystem 1K-blocks Used Available Use%% Mounted on\\n/dev/sda1 9 1 8 12%% /\\n"',
        )
        assert facts_of(box, Linux()) == Facts(
            "PC Engines apu2", "Debian GNU/Linux 12 (bookworm)", "1234567", 8192
        )
        file(box, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")
        file(box, "proc/device-tree/serial-number", "10000000abcdef01\0")
        of_board = facts_of(box, Linux())
        assert (of_board.model, of_board.serial) == ("Raspberry Pi 4 Model B Rev 1.4", "10000000abcdef01")


def test_linux_counts_the_room_with_the_real_df_of_this_machine(tmp_path: Path) -> None:
    for box in linuxbox.running_box(tmp_path, OpenSsh()):
        free = facts_of(box, Linux()).free_octets
        assert free is not None
        assert free > 0


@SERVERS
def test_airos_tells_its_board_and_names_the_keys_that_somebody_did_not_put_to_work(
    tmp_path: Path, server: type[Server]
) -> None:
    for radio in airosbox.running_radio(tmp_path, server()):
        file(
            radio,
            "etc/board.info",
            "board.sysid=0xe845\nboard.name=NanoStation 5AC loco\nboard.hwaddr=0418D6A0B1C2\n",
        )
        file(radio, "etc/version", "WA.v8.7.11\n")
        expected = Facts("NanoStation 5AC loco", "WA.v8.7.11", "0418D6A0B1C2")
        assert facts_of(radio, AirOs()) == expected
        changed = radio.cfg().replace("wireless.1.ssid=ubnt", f"wireless.1.ssid={CANARY}")
        file(radio, "tmp/system.cfg", changed.replace("syslog.status=enabled\n", ""))
        assert facts_of(radio, AirOs()) == replace(expected, foreign="wireless.1.ssid, syslog.status")


@pytest.mark.parametrize("version", ["6.49.17", "7.16.2"])
def test_routeros_tells_its_board_version_serial_number_and_free_flash(tmp_path: Path, version: str) -> None:
    with mikrotik(tmp_path, version, wifi=version.startswith("7")) as peer:
        assert _routeros(peer) == Facts("cAPGi-5HaxD2HaxD", version, "HEX0A1B2C3D", int(93.5 * 2**20))
        peer.fill()
        peer.fake.is_board = False
        assert _routeros(peer) == Facts("CHR", version, "", 0)


def _routeros(peer: RouterOsPeer) -> Facts:
    login = SshLogin("plaza", password=Secret("plaza-secret"))
    suffix = peer.configurer.traits.user_suffix
    with ssh.connect(peer.device, login, peer.host_key, user_suffix=suffix) as shell:
        return RouterOs().facts(Talk(shell, "ap-1", 30))


def _cisco(bench: CiscoBench) -> Facts:
    with enter(bench.server) as shell:
        return bench.cisco.facts(bench.talk(shell))


@pytest.mark.parametrize(
    ("flavour", "model", "version", "number"),
    [
        (Flavour.AUTONOMOUS, "AIR-CAP2602E-A-K9", "15.3(3)JF12", "FTX1722R0AB"),
        (Flavour.CATALYST, "C9800-L-C-K9", "17.09.04a", "FCL2401Q0XY"),
    ],
)
def test_a_cisco_tells_its_model_version_serial_number_and_free_flash(
    flavour: Flavour, model: str, version: str, number: str
) -> None:
    bench = bench_of(flavour)
    with bench.server:
        assert _cisco(bench) == Facts(model, version, number, 6_862_336)


@pytest.mark.parametrize("flavour", list(Flavour))
def test_a_cisco_names_what_is_not_saved_without_its_values(flavour: Flavour) -> None:
    bench = bench_of(flavour)
    with bench.server:
        with enter(bench.server) as shell:
            _type(shell, "configure terminal", f"hostname {CANARY}", "end")
        assert _cisco(bench).foreign == "hostname"
        with enter(bench.server) as shell:
            _type(shell, "write memory")
        assert _cisco(bench).foreign == ""


def test_an_open_trial_of_ours_at_a_cisco_is_nobody_elses_work() -> None:
    bench = bench_of(Flavour.AUTONOMOUS)
    with bench.server:
        bench.try_out(bench.change())
        assert _cisco(bench).foreign == ""
        bench.confirm()
        assert _cisco(bench).foreign == ""


def test_a_change_that_somebody_else_tries_out_at_a_cisco_is_named() -> None:
    bench = bench_of(Flavour.CATALYST)
    with bench.server:
        with enter(bench.server) as shell:
            _type(shell, "configure terminal", "archive", "path flash:suyo", "end", "write memory")
            _type(shell, "configure terminal revert timer 5", "end")
        assert _cisco(bench).foreign == "a change that waits there to be confirmed"
        bench.device.has_archive = False  # an image without such timers
        assert _cisco(bench).foreign == ""


def _type(shell: ssh.SshShell, *commands: str) -> None:
    lines = [Line(Secret(command), command, command) for command in commands]
    assert not any(answer.refused for answer in shell.console(STYLE, 10).send(lines, 10))


def test_aruba_tells_the_conductor_and_names_what_is_not_committed() -> None:
    for bench in unarmed_bench(ARUBA):
        with bench.connect() as shell:
            found = ArubaInstant().facts(Talk(shell, "ap-1", 10))
            assert found == Facts("515", "8.10.0.6", "CNB0K9X222")
        assert isinstance(bench.model, Instant)
        bench.model.staged.append(("wlan ssid-profile tecnica", ("wpa-passphrase", CANARY)))
        with bench.connect() as shell:
            assert ArubaInstant().facts(Talk(shell, "ap-1", 10)).foreign == "wpa-passphrase"
        assert bench.model.staged  # left where it was


def test_cnpilot_tells_what_its_version_says() -> None:
    for bench in unarmed_bench(CAMBIUM):
        with bench.connect() as shell:
            found = bench.configurer.facts(Talk(shell, "ap-1", 10))
        assert found == Facts("cnPilot E410", "4.2.2-r3", "W8TG0AB12CDE")


@dataclass
class Saying:
    """A session at a device that answers the same to everything."""

    said: str
    user: ClassVar = "plaza"
    public_key: ClassVar = ""

    def run(self, script: str, timeout_s: float) -> Output:
        return Output(0, self.said, "")

    def ask(self, command: str, timeout_s: float) -> Any:
        return self.said if self._style else Output(0, self.said, "")

    _style: Style | None = None

    def console(self, style: Style, timeout_s: float) -> "Saying":
        return replace(self, _style=style)

    def send(self, lines: Sequence[Line], timeout_s: float) -> tuple[Answer, ...]:
        assert self._style is not None
        return tuple(Answer(line, self.said, hearing.refused(self._style, self.said)) for line in lines)


WORDS = st.sampled_from(
    [
        *(
            "plaza facts\n",
            "plaza end\n",
            "plaza-end\n",
            "model x\n",
            "free_kib 9\n",
            "rpcd\n",
            "='",
            "\n",
            "\0",
        ),
        *("Cisco IOS XE Software, Version 17\n", "PID: x SN: y\n", "(9 bytes free)", "end\n", "% no"),
        *("ArubaOS (MODEL: 515), Version 8\n", "Serial #", "IP Address", "10.0.0.1* x\n", "----\n"),
        *("free-hdd-space: 9MiB\n", "model: x\n", "Model : y\n", "\x1b[31m", "9" * 5000, "\ud800", "٣KiB"),
    ]
)
CUT_SHORT = " by RouterOS "
"""The beginning of an export: its device ended the session in the middle."""

TEXT = st.lists(WORDS | st.text(max_size=20), max_size=12).map("".join)


@pytest.mark.parametrize("platform", sorted(CONFIGURERS))
@given(said=TEXT)
@example(said="")
@example(said=CUT_SHORT)
def test_whatever_a_device_says_of_itself_is_read_or_is_an_unexpected_reply(platform: str, said: str) -> None:
    talk = Talk(Saying(said), "ap-1", 1)  # type: ignore[arg-type]  # all that is asked of a session
    try:
        found = CONFIGURERS[platform].facts(talk)
    except UnexpectedReply:
        return
    except Unreachable:
        assert not said.strip() or CUT_SHORT in said
        return
    for word in (found.model, found.version, found.serial):
        assert len(word) <= 64
        assert word.encode("utf-8").isascii() or word.isprintable()
    assert found.free_octets is None or 0 <= found.free_octets < 2**63
    assert "\n" not in found.foreign


@given(st.text(), st.text(alphabet="abc.", min_size=1))
def test_no_value_that_uci_lists_is_named(value: str, name: str) -> None:
    quoted = value.replace("'", "'\\''")
    assert staged(f"{name}='{quoted}'\n-{name}.x\n{name}.y+='{quoted}'\n") == told.names(
        (name, f"{name}.x", f"{name}.y")
    )


def test_sizes_and_serial_numbers_are_read_as_they_are_printed() -> None:
    assert told.octets("1808.0KiB") == 1808 * 1024
    assert told.octets("15.5GiB") == int(15.5 * 2**30)
    assert told.octets("98045952") == 98_045_952
    assert told.octets("1 808.0KiB") == 1808 * 1024
    assert [told.octets(text) for text in ("", "-1", "many", "1e9", "9" * 40)] == [None] * 5
    assert [told.serial(text) for text in ("To Be Filled By O.E.M.", "0", "FTX1")] == ["", "", "FTX1"]
    assert told.model("x" * 90, "tplink,archer-c7-v2").endswith(" (tplink,archer-c7-v2)")


def test_the_serial_number_of_a_lone_aruba_needs_no_star() -> None:
    listed = (
        "1 Access Point\n\nName  IP Address  Serial #\n----  ----------  --------\nap    10.0.0.1    CN1\n"
    )
    assert serial(listed) == "CN1"
    assert serial(listed + "other 10.0.0.2    CN2\n") == ""
