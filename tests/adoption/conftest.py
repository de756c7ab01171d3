"""A technician's keyboard at a controller that has an edge."""

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.cli.main import main
from tests.adoption.factory import ENTRY, Office, office

Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def plaza(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """Types a command; gives its exit code, its output and its errors."""

    def type_in(command: str, answer: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["plaza", *command.split()])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, said.err

    return type_in


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """No device yet."""
    made = office(tmp_path / "work")
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def expecting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    """One expected access point."""
    made = office(tmp_path / "work", ENTRY)
    monkeypatch.chdir(made.folder)
    return made
