"""What `python -m bench.platforms` measures and how it judges."""

from bench.platforms.__main__ import OWN, judge
from bench.platforms.measure import Cost, Size, cost, size
from drivers.definition import load_platforms


def test_a_recorded_device_is_detected_and_collected_and_its_cpu_time_told() -> None:
    found = cost(OWN / "xirrus.snmprec", load_platforms())

    assert found is not None
    assert (found.recording, found.platform, found.samples) == ("xirrus", "xirrus", 3)
    assert found.cpu_ms > 0


def test_comments_and_empty_lines_are_no_lines_of_a_platform() -> None:
    found = size(load_platforms()["generic"])

    assert (found.lines, found.hooks) == (6, False)
    assert size(load_platforms()["cisco_wlc"]).hooks


def test_a_goal_that_is_not_reached_falls_short() -> None:
    costs = [Cost("a", "p", 1, 1), Cost("b", "p", 9, 1), Cost("c", "q", 5, 1)]
    sizes = [Size("p", 30, True), Size("q", 40, False)]

    assert [(one.value, one.words) for one in judge(costs, sizes)] == [
        (5, "falls short"),
        (0.5, "falls short"),
        (35, "meets"),
    ]
