"""Values that a second system reads from outside recordings come out of `plaza platform try` as well."""

from collections import defaultdict
from pathlib import Path

from tests.platforms.chance import by_chance, explained
from tests.platforms.expected import TIER_1, Scored, expectations, reasons, scored, tried

LEAST_OF_ALL = 0.95
LEAST_OF_EACH = 0.90


def test_every_outside_recording_is_recognised(recordings: Path) -> None:
    assert [file.stem for file in recordings.glob("*.snmprec") if not tried(file)["platform"]] == []


def test_nearly_all_expected_values_come_out(recordings: Path) -> None:
    assert _share(list(scored(recordings))) >= LEAST_OF_ALL, "see python -m tests.platforms.report"


def test_each_class_and_each_platform_of_the_first_tier_is_nearly_complete(recordings: Path) -> None:
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in scored(recordings):
        groups[one.expected.kind].append(one)
        for tier in TIER_1:
            if one.expected.name.startswith(tier):
                groups[tier].append(one)

    assert {name: _share(group) for name, group in groups.items() if _share(group) < LEAST_OF_EACH} == {}


def test_every_value_that_does_not_come_out_has_its_reason(recordings: Path) -> None:
    silent = [one.expected for one in scored(recordings) if not one.found and not one.reason]

    assert silent == []


def test_no_reason_is_kept_for_a_value_that_comes_out(recordings: Path) -> None:
    missing = {one.expected.key for one in scored(recordings) if not one.found}

    assert reasons().keys() - missing == set()


def test_every_reason_is_of_a_value_that_is_expected(recordings: Path) -> None:
    assert reasons().keys() <= {one.key for one in expectations(recordings)}


def test_every_value_comes_out_of_the_object_that_tells_it(recordings: Path) -> None:
    assert {one.key for one in by_chance(recordings)} == explained().keys()


def _share(group: list[Scored]) -> float:
    return sum(one.found for one in group) / max(1, len(group))
