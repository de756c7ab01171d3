"""Long files of tests start first, so that none runs last beside idle workers, and others beside them."""

from pathlib import Path

import pytest

from tests.conftest import LONG_FIRST, pytest_collection_modifyitems

HERE = Path(__file__).parent


class Item:
    """What the hook reads of a pytest item."""

    def __init__(self, name: str, test: int) -> None:
        self.path = HERE / name
        self.test = test


@pytest.mark.parametrize("name", LONG_FIRST)
def test_a_file_that_starts_first_exists(name: str) -> None:
    assert (HERE / name).is_file()


def test_long_files_and_those_of_most_tests_start_by_turns_each_in_its_own_order() -> None:
    names = ["a.py", "b.py", LONG_FIRST[1], "b.py", "b.py", LONG_FIRST[0], LONG_FIRST[1]]
    items = [Item(name, test) for test, name in enumerate(names)]
    pytest_collection_modifyitems(items)  # type: ignore[arg-type]
    assert [item.test for item in items] == [5, 1, 3, 4, 2, 6, 0]
