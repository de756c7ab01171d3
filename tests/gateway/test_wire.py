"""What the gateway's calls cost of the line, over TLS, counted with the headers of TCP and IP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.line import PACE, Line, line_in


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with line_in(tmp_path) as made:
        yield made


def test_an_idle_hour_costs_two_short_calls(line: Line) -> None:
    calls, octets = line.hour(come=0, stay=0)
    assert (calls, line.outpost.journal.waiting) == (2, 0)
    assert octets < calls * 3500, "as much as a handshake that is resumed, and a few words"


def test_a_busy_hour_has_no_more_calls_than_the_pace_allows(line: Line) -> None:
    calls, octets = line.hour(come=40, stay=20)
    assert 60 <= calls <= 3600 / PACE.soon_s
    assert octets < calls * 5000
