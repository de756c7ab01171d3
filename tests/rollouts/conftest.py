"""A fleet of simulated access points, and the keyboard in front of it."""

from collections.abc import Iterator

import pytest

from controller import rollout
from tests.configure.keyboard import Plaza, typing
from tests.rollouts import dying
from tests.rollouts.fleet import GATEWAY, Fleet, fleet


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two sites with two access points each; one of them carries the other and one of the other site."""
    behind = {"ap-000": f", parent: {GATEWAY}", "ap-002": f", parent: {GATEWAY}"}
    made = fleet(tmp_path_factory.mktemp("fleet"), 4, behind)
    yield made
    made.simulator.stop()


@pytest.fixture
def plaza(at: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Plaza:
    """Types a command; gives its exit code, its output and its errors."""
    monkeypatch.chdir(at.folder)
    monkeypatch.setattr(rollout, "works_of", dying.quick_works)
    return typing(monkeypatch, capsys)
