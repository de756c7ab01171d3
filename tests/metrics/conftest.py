"""Stores and servers for the metrics room's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.local.store import LocalStore
from tests.metrics.servers import Influxd, Server, VictoriaMetrics


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    opened = LocalStore.open(tmp_path / "metrics")
    yield opened
    opened.close()


def _running(server: Server) -> Iterator[Server]:
    server.start()
    yield server
    server.kill()


@pytest.fixture
def victoria(tmp_path: Path) -> Iterator[Server]:
    yield from _running(VictoriaMetrics(tmp_path))


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Server]:
    yield from _running(Influxd(tmp_path))


@pytest.fixture(params=["victoria", "influxd"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each real server, one after the other."""
    found: Server = request.getfixturevalue(request.param)
    return found
