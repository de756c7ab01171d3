"""`portal.languages`: a language that waits for its signatures may be named, and the check says so."""

from pathlib import Path

import pytest

from controller import inventory, inventory_languages
from tests.inventory.test_cli import GOOD, plaza


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The good file with two languages that nobody has signed."""
    text = GOOD.read_text(encoding="utf-8")
    plain = "portal: {duration: 2h}"
    assert plain in text
    path = tmp_path / "mine.yaml"
    path.write_text(
        text.replace(plain, "portal: {duration: 2h, languages: [tar, fr, es, en]}"), encoding="utf-8"
    )
    return path


def line_of(file: Path, words: str) -> int:
    """The number of the one line that holds these words."""
    (number,) = (n for n, line in enumerate(file.read_text().splitlines(), 1) if words in line)
    return number


def test_a_draft_and_a_language_without_catalogue_are_told_once_with_line_and_way_out(file: Path) -> None:
    at = f"{file}:{line_of(file, '[tar, fr')}: profiles.plaza.portal.languages"
    out = "have its speakers sign it (docs/languages.md), or delete it"
    assert [str(problem) for problem in inventory_languages.unsigned(file)] == [
        f"{at}[0]: tar is not served: it is a draft, {out}",
        f"{at}[1]: fr is not served: there is no catalogue of it, {out}",
    ]


def test_a_file_that_names_a_draft_loads_and_keeps_the_order_for_the_day_it_is_signed(file: Path) -> None:
    assert inventory.load(file).sites["08019-plaza"].portal.languages == ("tar", "fr", "es", "en")


def test_a_draft_that_two_levels_name_is_one_line(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    plain = "portal: {duration: 8h}"
    assert plain in text
    file.write_text(text.replace(plain, "portal: {duration: 8h, languages: [es, tar]}"), encoding="utf-8")
    first, _ = inventory_languages.unsigned(file)
    assert first.what == "tar is not served (nor at 1 more): it is a draft"
    assert first.line == line_of(file, "[tar, fr")


def test_check_warns_and_finds_no_error(file: Path) -> None:
    done = plaza("check", file.name, cwd=file.parent)
    first, second = done.stderr.splitlines()
    assert first.startswith("warning: mine.yaml:")
    assert ": tar is not served: it is a draft, have its speakers sign it " in first
    assert ": fr is not served: " in second
    assert (done.returncode, done.stdout.endswith("no errors\n")) == (0, True)


def test_the_languages_of_the_example_are_all_served() -> None:
    assert not list(inventory_languages.unsigned(Path(__file__).parents[2] / "inventory.yaml"))
