"""Every recorded dialogue, replayed by a real server, comes to the samples that stand beside it."""

from pathlib import Path

import pytest

from drivers.collectors.ways import OVER_HTTP, OVER_SSH
from drivers.definition import load_platforms
from drivers.model import PollBy
from metrics import catalog
from tests.collectors.dialogue import load, names, shown
from tests.collectors.expect import HEAR

ALL = [name for way in HEAR for name in names(way)]


@pytest.mark.parametrize("name", ALL)
def test_a_replayed_dialogue_comes_to_the_expected_samples(name: str, tmp_path: Path) -> None:
    dialogue = load(name)
    collected = HEAR[dialogue.way](tmp_path, dialogue)
    assert shown(collected) == dialogue.expected
    for sample in collected.samples:
        catalog.check(sample)


@pytest.mark.parametrize("name", ALL)
def test_a_dialogue_says_which_document_it_was_made_from_and_that_nobody_tried_it(name: str) -> None:
    dialogue = load(name)
    assert "made up" in dialogue.document
    assert dialogue.content["verified"] is False


def test_every_platform_that_is_asked_without_snmp_exists_and_has_a_dialogue() -> None:
    for way, asked in ((PollBy.SSH, OVER_SSH), (PollBy.HTTP, OVER_HTTP)):
        recorded = {load(name).platform for name in names(way)}
        assert asked.keys() <= load_platforms().keys()
        assert asked.keys() - {"openwrt"} == recorded  # OpenWrt is the simulator's, over SSH and SNMP alike


def test_no_client_leaves_a_trace_in_any_sample() -> None:
    for name in ALL:
        text = load(name).file.with_suffix(".expected.json").read_text(encoding="utf-8")
        assert "02:00:00" not in text
        assert "02-00-00" not in text
