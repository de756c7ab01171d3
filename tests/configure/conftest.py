"""Access points, a store and a controller's desk for the tests of configuring."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.configure.desk import NewDesk, make_desk
from tests.configure.device import Ap, Dropbear, OpenSsh, quickest, running
from tests.configure.keyboard import Plaza, keyboard


@pytest.fixture(params=[OpenSsh, Dropbear], ids=["openssh", "dropbear"])
def ap(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ap]:
    """One access point, behind each kind of SSH server."""
    yield from running(tmp_path, request.param())


@pytest.fixture
def one_ap(tmp_path: Path) -> Iterator[Ap]:
    """One access point behind whichever server this user can run; dropbear is the quicker."""
    yield from running(tmp_path, quickest())


@pytest.fixture
def openssh_ap(tmp_path: Path) -> Iterator[Ap]:
    """One access point behind OpenSSH, which needs no root."""
    yield from running(tmp_path, OpenSsh())


@pytest.fixture
def two_aps(tmp_path: Path) -> Iterator[tuple[Ap, Ap]]:
    """Two access points of a site."""
    first = running(tmp_path, quickest(), "ap-08019-1")
    second = running(tmp_path, quickest(), "ap-08019-2")
    yield next(first), next(second)
    for each in (first, second):
        next(each, None)


@pytest.fixture
def desk(tmp_path: Path) -> NewDesk:
    """A controller's desk over some access points."""
    return lambda *aps: make_desk(tmp_path / "controller", aps)


@pytest.fixture
def plaza(
    one_ap: Ap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Plaza:
    """Types a command; gives its exit code, its output and its errors."""
    return keyboard(one_ap, tmp_path, monkeypatch, capsys)
