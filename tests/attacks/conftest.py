"""A portal of three sites, as the portal's own tests have it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal.conftest import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For tests that only throw things at the portal."""
    made = make_world(tmp_path_factory.mktemp("portal"))
    yield made
    made.engine.dispose()
