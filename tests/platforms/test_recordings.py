"""Values that a second system reads from outside recordings come out of `plaza platform try` as well."""

from collections import defaultdict
from pathlib import Path

import pytest

from tests.platforms.expected import TIER_1, Scored, expectations, reasons, scored, tried

LEAST_OF_ALL = 0.95
LEAST_OF_EACH = 0.90


@pytest.mark.xfail(reason="platforms are still being written", strict=True)
def test_every_outside_recording_is_recognised(recordings: Path) -> None:
    assert [file.stem for file in recordings.glob("*.snmprec") if not tried(file)["platform"]] == []


def test_nearly_all_expected_values_come_out(recordings: Path) -> None:
    assert _share(_recognised(recordings)) >= LEAST_OF_ALL, "see python -m tests.platforms.report"


def test_each_class_and_each_platform_of_the_first_tier_is_nearly_complete(recordings: Path) -> None:
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in _recognised(recordings):
        groups[one.expected.kind].append(one)
        for tier in TIER_1:
            if one.expected.name.startswith(tier):
                groups[tier].append(one)

    assert {name: _share(group) for name, group in groups.items() if _share(group) < LEAST_OF_EACH} == {}


def test_every_value_that_does_not_come_out_has_its_reason(recordings: Path) -> None:
    silent = [one.expected for one in _recognised(recordings) if not one.found and not one.reason]

    assert silent == []


def test_no_reason_is_kept_for_a_value_that_comes_out(recordings: Path) -> None:
    missing = {_key(one) for one in scored(recordings) if not one.found}

    assert reasons().keys() - missing == set()


def test_every_reason_is_of_a_value_that_is_expected(recordings: Path) -> None:
    assert reasons().keys() <= {(one.name, one.kind, one.descr) for one in expectations(recordings)}


def _recognised(folder: Path) -> list[Scored]:
    """Of those devices that some platform recognises; once all are there, of all."""
    return [one for one in scored(folder) if tried(folder / f"{one.expected.name}.snmprec")["platform"]]


def _share(group: list[Scored]) -> float:
    return sum(one.found for one in group) / max(1, len(group))


def _key(one: Scored) -> tuple[str, str, str]:
    return one.expected.name, one.expected.kind, one.expected.descr
