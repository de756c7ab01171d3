"""Staff pages are written in Spanish and translated whole."""

from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

CONTROLLER = Path(__file__).parents[2] / "controller"
ENGLISH = CONTROLLER / "translations" / "en" / "LC_MESSAGES"
SOURCES = [("console/**.py", "python"), ("console/templates/**.html", "jinja2")]


def written() -> set[str | tuple[str, ...]]:
    """Every text in the pages and their code."""
    found = extract_from_dir(str(CONTROLLER), method_map=SOURCES)
    return {message for _file, _line, message, _comments, _context in found}


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="en")


def test_every_text_is_translated_into_english():
    messages = {message.id: message for message in catalogue(ENGLISH / "console.po") if message.id}
    strings = {
        key: message.string if isinstance(message.string, tuple) else (message.string,)
        for key, message in messages.items()
    }

    assert messages.keys() == written()
    assert [key for key, texts in strings.items() if not all(texts)] == []
    assert [key for key, message in messages.items() if message.fuzzy] == []
    assert [error for message in messages.values() for error in message.check()] == []


def test_the_compiled_catalogue_is_the_written_one():
    compiled = BytesIO()
    write_mo(compiled, catalogue(ENGLISH / "console.po"))

    assert (ENGLISH / "console.mo").read_bytes() == compiled.getvalue()


def test_the_template_for_new_languages_holds_every_text():
    template = catalogue(CONTROLLER / "translations" / "console.pot")

    assert {message.id for message in template if message.id} == written()
