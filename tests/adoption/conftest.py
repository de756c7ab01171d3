"""A technician's keyboard at a controller that has an edge."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.adoption.factory import ENTRY, Office, office
from tests.configure.keyboard import typing

Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def plaza(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """Types a command; gives its exit code, its output and its errors."""
    return typing(monkeypatch, capsys)


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
