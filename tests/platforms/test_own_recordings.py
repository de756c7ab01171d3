"""Every platform understands a small recording made from its published MIB."""

import json
from pathlib import Path

import pytest

from drivers.definition import load_platforms
from tests.platforms.expect import FOLDER, outcome

RECORDINGS = sorted(FOLDER.glob("*.snmprec"))


def name(path: Path) -> str:
    """How a recording is called in a test's name."""
    return path.stem


@pytest.mark.parametrize("recording", RECORDINGS, ids=name)
def test_a_platforms_own_recording_is_recognised_and_read_whole(recording: Path) -> None:
    expected = json.loads(recording.with_name(f"{recording.stem}.expected.json").read_text("utf-8"))

    assert outcome(recording) == expected
    assert expected["platform"] == recording.stem.partition("-")[0]


@pytest.mark.parametrize("recording", RECORDINGS, ids=name)
def test_every_object_of_an_own_recording_is_named(recording: Path) -> None:
    lines = recording.read_text("utf-8").splitlines()
    enterprise = [line for line in lines if line.startswith("1.3.6.1.4.1.")]

    assert enterprise or recording.stem == "generic", "it holds nothing of its vendor"
    assert any(line.startswith("# ") and "MIB" in line for line in lines), "say which MIB in a comment"


def test_every_platform_that_is_recognised_has_a_recording_of_its_own() -> None:
    have = {path.stem.partition("-")[0] for path in RECORDINGS}
    platforms = load_platforms()
    named = {name for name, one in platforms.items() if not any(i.model_fields_set for i in one.identify)}

    assert platforms.keys() - have == named - have
    assert named - have == {"cisco_9800", "cisco_ios", "linux"}  # asked like others that have
