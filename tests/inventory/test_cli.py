"""`plaza inventory check` and `plaza inventory explain`, as processes."""

import os
import subprocess
from pathlib import Path

from tests import warm

ROOT = Path(__file__).parents[2]
GOOD = Path(__file__).parent / "good.yaml"


def plaza(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PLAZA_")}
    environ["PYTHONPATH"] = str(ROOT)
    return warm.run("controller.cli.main", ["inventory", *words], environ, cwd, timeout_s=120)


def test_check_of_the_shipped_inventory_is_one_line_and_exit_0() -> None:
    done = plaza("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "67 municipalities, 67 sites, 134 devices: no errors\n"


def test_check_of_a_broken_file_tells_everything_on_stderr_and_exits_2(tmp_path: Path) -> None:
    text = (
        GOOD.read_text(encoding="utf-8")
        .replace("role: switch", "role: router")
        .replace("10.2.0.11", "10.2.0.256")
    )
    (tmp_path / "mine.yaml").write_text(text, encoding="utf-8")
    done = plaza("check", "mine.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    one, other = done.stderr.splitlines()
    assert one.startswith("mine.yaml:66: devices.sw-08019.role: is not known, ")
    assert other.startswith("mine.yaml:67: devices.ap-school.address: '10.2.0.256' is no IP address, ")


def test_check_without_an_inventory_is_one_line_and_exits_2(tmp_path: Path) -> None:
    done = plaza("check", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "inventory.yaml:1: file: cannot be read: No such file or directory, name an existing, readable file\n"
    )


def test_explain_prints_the_value_the_level_and_the_line() -> None:
    done = plaza("explain", "ap-08019-1", "radios.5g.channel", "--file", str(GOOD))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"radios.5g.channel = 36  (device ap-08019-1, {GOOD}:65)\n"


def test_explain_tells_how_a_device_is_asked() -> None:
    said = {name: plaza("explain", name, "poll", "--file", str(GOOD)) for name in ("ap-08019-1", "ap-school")}
    assert said["ap-08019-1"].stdout == f"poll = ssh  (device ap-08019-1, {GOOD}:65)\n"
    assert said["ap-school"].stdout == "poll = snmp  (built-in default)\n"


def test_explain_of_a_map_prints_each_part_with_its_own_level() -> None:
    done = plaza("explain", "ap-08019-1", "radios.5g", "--file", str(GOOD))
    assert sorted(done.stdout.splitlines()) == [
        f"radios.5g.channel = 36  (device ap-08019-1, {GOOD}:65)",
        f"radios.5g.power_dbm = 20  (state defaults, {GOOD}:22)",
        f"radios.5g.width_mhz = 80  (profile plaza, {GOOD}:11)",
    ]


def test_explain_of_an_unknown_name_is_one_line_and_exits_2() -> None:
    done = plaza("explain", "ap-8019-1", "role")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "no device, site or municipality is called 'ap-8019-1', did you mean ap-08019-1?\n"
