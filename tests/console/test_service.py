"""The systemd unit keeps Plaza in a small box."""

import configparser
import subprocess
from pathlib import Path

from tests import need

UNIT = Path(__file__).parents[2] / "deploy" / "plaza.service"


def test_the_unit_is_hardened_by_systemds_own_count():
    systemd_analyze = need.program("systemd-analyze", "systemd")
    command = [systemd_analyze, "security", "--offline=true", "--no-pager", "--threshold=15", str(UNIT)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stdout[-200:] + done.stderr


def test_an_expected_error_is_not_tried_again_and_again():
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(UNIT)

    assert unit["Service"]["Restart"] == "on-failure"
    assert unit["Service"]["RestartPreventExitStatus"] == "2"
    assert unit["Service"]["ExecStart"].endswith("/plaza run")
