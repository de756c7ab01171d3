"""Both kinds of shelf, for the tests of what holds on each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.local.store import LocalStore
from tests.postgres import Cluster, cluster


@pytest.fixture(scope="module")
def servers() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture(params=["files", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a store may be."""
    if request.param == "files":
        return tmp_path / "metrics"
    servers: Cluster = request.getfixturevalue("servers")
    return servers.new()


@pytest.fixture
def either(where: Path | str) -> Iterator[LocalStore]:
    """A store of either kind, empty."""
    opened = LocalStore.open(where)
    yield opened
    opened.close()
