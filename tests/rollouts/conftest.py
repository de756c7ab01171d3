"""A fleet of simulated access points, and the keyboard in front of it."""

import io
import sys
from collections.abc import Callable, Iterator

import pytest

from controller import rollout
from controller.cli.main import main
from tests.rollouts import dying
from tests.rollouts.fleet import CANARY, GATEWAY, Fleet, fleet

Plaza = Callable[..., tuple[int, str, str]]


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

    def type_in(command: str, answer: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["plaza", *command.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert CANARY not in said.out + said.err
        return int(left.value.code or 0), said.out, said.err

    return type_in
