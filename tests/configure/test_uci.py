"""uci on this machine, the real one where there is one, behaves as our scripts count on."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from drivers.configurers.openwrt import uci
from tests import need
from tests.configure.device import STAND_IN, SYSTEM, WIRELESS


class Uci:
    """uci over a folder of its own."""

    def __init__(self, root: Path, command: list[str]) -> None:
        self.root = root
        self.command = command
        (root / "etc/config").mkdir(parents=True)
        (root / "etc/config/system").write_text(SYSTEM)
        (root / "etc/config/wireless").write_text(WIRELESS)

    def __call__(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """Run it, `said` on its standard input."""
        where = ["-c", f"{self.root}/etc/config", "-t", f"{self.root}/tmp/.uci"]
        return subprocess.run(
            [*self.command, *where, *arguments], input=said, capture_output=True, text=True, check=False
        )

    def file(self, package: str) -> str:
        """The committed file."""
        return (self.root / "etc/config" / package).read_text()


COMMANDS = ("dash", "busybox", "real")


@pytest.fixture(params=COMMANDS)
def tool(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Uci:
    """The stand-in under dash with mawk, under BusyBox with nothing else, and the real uci where it is."""
    if request.param == "real":
        real = shutil.which("uci") or pytest.skip("uci is not in Debian: the stand-in has its semantics")
        return Uci(tmp_path, [real])
    if request.param == "dash":
        return Uci(tmp_path, ["sh", str(STAND_IN)])
    busybox = need.program("busybox", "busybox")
    (tmp_path / "bin").mkdir()
    for applet in ("awk", "cat", "ls", "mkdir", "mv", "rm", "sh"):
        (tmp_path / "bin" / applet).symlink_to(busybox)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Uci(tmp_path, [busybox, "ash", str(STAND_IN)])


def test_batch_exits_0_although_lines_fail_and_keeps_the_others(tool: Uci) -> None:
    done = tool("batch", said="set wireless.radio0.channel='13'\nnonsense\nset wireless.nobody.a='1'\n")
    assert done.returncode == 0
    assert done.stderr
    assert tool("changes").stdout == "wireless.radio0.channel='13'\n"


def test_setting_the_present_value_leaves_no_change(tool: Uci) -> None:
    assert tool("set", "wireless.radio0.channel=1").returncode == 0
    assert tool("changes").stdout == ""


def test_nothing_is_written_before_commit_and_revert_forgets_it(tool: Uci) -> None:
    tool("set", "wireless.radio0.channel=13")
    assert tool("get", "wireless.radio0.channel").stdout == "13\n"
    assert tool.file("wireless") == WIRELESS
    tool("revert", "wireless")
    assert tool("changes").stdout == ""
    tool("set", "wireless.radio0.channel=13")
    tool("commit", "wireless")
    assert "option channel '13'" in tool.file("wireless")
    assert tool("changes").stdout == ""


def test_add_list_always_adds(tool: Uci) -> None:
    for _ in range(2):
        tool("add_list", "system.@system[0].server=a")
    assert tool("get", "system.@system[0].server").stdout == "a a\n"


def test_an_import_replaces_the_package_and_a_syntax_error_changes_nothing(tool: Uci) -> None:
    assert tool("import", "wireless", said="config wifi-device 'x'\n\tbogus\n").returncode == 1
    assert tool.file("wireless") == WIRELESS
    assert tool("import", "wireless", said="config wifi-device 'x'\n").returncode == 0
    assert tool("show", "wireless").stdout == "wireless.x=wifi-device\n"


def test_an_import_of_nothing_empties_the_package_without_a_word(tool: Uci) -> None:
    done = tool("import", "wireless")
    assert (done.returncode, done.stderr) == (0, "")
    assert tool("show", "wireless").stdout == ""


def test_a_merging_import_only_stages(tool: Uci) -> None:
    tool("-m", "import", "wireless", said="config wifi-device 'radio0'\n\toption channel '13'\n")
    assert tool("changes").stdout == "wireless.radio0.channel='13'\n"
    assert tool.file("wireless") == WIRELESS


def test_an_anonymous_section_is_shown_by_its_number(tool: Uci) -> None:
    assert "wireless.@wifi-iface[0].ssid='La red de la tecnica'" in tool("show", "wireless").stdout
    assert tool("get", "wireless.@wifi-iface[-1].ssid").stdout == "De antes\n"


def test_what_is_not_there_is_said_unless_quiet(tool: Uci) -> None:
    done = tool("get", "wireless.nobody.a")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "uci: Entry not found\n")
    assert tool("-q", "get", "wireless.nobody.a").stderr == ""


def test_what_it_exports_is_read_back_as_it_was(tool: Uci) -> None:
    value = """it's "a" $(b) `c` \\ ; # ñ 😀"""
    tool("set", f"wireless.radio0.note={value}")
    assert uci.parse(tool("export", "wireless").stdout).sections["wireless.radio0"].options["note"] == value
    tool("commit")
    assert tool("get", "wireless.radio0.note").stdout == f"{value}\n"
    assert os.listdir(tool.root / "tmp/.uci") == []


def test_sections_are_deleted_renamed_and_added(tool: Uci) -> None:
    tool("delete", "wireless.plaza_2g4_9")
    tool("rename", "wireless.radio1=radio5")
    assert tool("add", "wireless", "wifi-iface").stdout.startswith("cfg")
    tool("commit")
    shown = tool("show", "wireless").stdout
    assert "plaza_2g4_9" not in shown
    assert "wireless.radio5.band='5g'" in shown
    assert "wireless.@wifi-iface[1]=wifi-iface" in shown


def test_what_somebody_else_has_staged_is_committed_as_well(tool: Uci) -> None:
    tool("set", "wireless.radio0.channel=13")
    tool("set", "wireless.radio1.channel=44")
    tool("commit", "wireless")
    assert "option channel '13'" in tool.file("wireless")


def test_nothing_is_too_strange_to_be_stored(tool: Uci) -> None:
    assert tool("set", "wireless.radio0.encryption=psk9").returncode == 0
    assert tool("set", "wireless.radio0.note=a\nb").returncode == 0
    tool("commit")
    assert tool("get", "wireless.radio0.note").stdout == "a\nb\n"


def test_the_changes_of_an_anonymous_section_are_told_by_another_name(tool: Uci) -> None:
    tool("set", "wireless.@wifi-iface[0].ssid=Otra")
    said = tool("changes").stdout
    assert said.startswith("wireless.cfg")
    assert said.endswith(".ssid='Otra'\n")


def test_a_scratch_folder_shows_what_would_change_and_leaves_no_trace(tool: Uci) -> None:
    stage = str(tool.root / "scratch")
    done = tool(
        "-t", stage, "-m", "import", "wireless", said="config wifi-device 'radio0'\n\toption channel '13'\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert tool("-t", stage, "changes").stdout == "wireless.radio0.channel='13'\n"
    assert tool("changes").stdout == ""
    assert tool.file("wireless") == WIRELESS
