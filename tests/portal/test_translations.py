"""Every text of the pages is in every language, and what is compiled is what was translated."""

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog, extract
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from captive_portal import languages, pages
from tests.portal.conftest import GUACHOCHI, World

ROOM = Path(pages.__file__).parent
CODES = sorted(languages.ENDONYMS.keys() - {languages.SOURCE})


def source() -> Catalog:
    """What the templates say, as `pybabel extract` with translations/babel.cfg finds it."""
    texts = Catalog()
    options = {"templates/**.html": {"encoding": "utf-8", "trimmed": "true"}}
    methods = [("templates/**.html", "jinja2")]
    for _, _, message, _, context in extract.extract_from_dir(str(ROOM), methods, options):
        texts.add(message if isinstance(message, str) else tuple(message[:2]), context=context)
    return texts


def translated(code: str) -> Catalog:
    with (ROOM / "translations" / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def ids(catalog: Catalog) -> set[object]:
    return {message.id for message in catalog if message.id}


def texts_of(catalog: Catalog) -> set[tuple[str, str]]:
    return {(str(message.id), str(message.string)) for message in catalog if message.id}


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated_and_no_translation_is_left_over(code: str) -> None:
    catalog = translated(code)
    assert ids(catalog) == ids(source())
    assert not catalog.obsolete
    for message in catalog:
        texts = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(texts), message.id
        assert not message.fuzzy or not message.id, message.id
        assert not list(message.check(catalog)), message.id


@pytest.mark.parametrize("code", CODES)
def test_compiled_catalogue_is_what_was_translated(code: str) -> None:
    with (ROOM / "translations" / code / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        compiled = read_mo(file)
    fresh = io.BytesIO()
    write_mo(fresh, translated(code))
    fresh.seek(0)
    assert texts_of(compiled) == texts_of(read_mo(fresh))


def test_every_language_of_a_folder_is_offered_and_the_source_has_none() -> None:
    assert sorted(path.parent.name for path in (ROOM / "translations").glob("*/LC_MESSAGES")) == CODES
    assert languages.SOURCE not in CODES


def test_language_nobody_translated_is_never_served() -> None:
    assert languages.choose(("tar", "es", "en"), "tar") == "es"
    assert languages.choose((), "") == "es"
    assert languages.others(("tar", "es", "en"), "es") == ["en"]


def test_catalogue_of_a_language_that_no_locale_database_knows_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "tar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.mo").write_bytes(pseudo(source()))
    tarahumara = languages.catalogues(tmp_path, ("es", "tar"))["tar"]
    assert tarahumara.gettext("Entrar a Internet") == "⟦Entrar a Internet⟧"


def pseudo(texts: Catalog) -> bytes:
    """A compiled catalogue that puts every text in brackets."""
    marked = Catalog(locale="en")
    for message in texts:
        if message.id:
            words = message.id if isinstance(message.id, str) else message.id[0]
            marked.add(message.id, f"⟦{words}⟧" if isinstance(message.id, str) else (f"⟦{words}⟧",) * 2)
    file = io.BytesIO()
    write_mo(file, marked)
    return file.getvalue()


class VisibleText(HTMLParser):
    """What a reader sees or hears of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.inside != "style":
            self.texts.append(data.strip())


def bare_words(html: str) -> Iterator[str]:
    """Visible words that stand in no brackets."""
    for text in VisibleText(html).texts:
        innermost, left = re.compile(r"⟦[^⟦⟧]*⟧"), text
        while innermost.search(left):
            left = innermost.sub("", left)
        yield from re.findall(r"\w[\w ]*", left)


def test_no_text_of_any_page_escapes_the_translators(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "messages.mo").write_bytes(pseudo(source()))
    pages.set_up(world.app, languages.catalogues(tmp_path))
    phone, token = world.phone, world.token()
    answers = [
        phone.get(f"/p/{GUACHOCHI}?a={token}&lang=en"),
        phone.get(f"/p/{GUACHOCHI}/online?lang=en"),
        phone.get(f"/p/{GUACHOCHI}/online?lang=en", base_url="https://portal.example"),
        phone.get(f"/p/{GUACHOCHI}?lang=en"),
        phone.get(f"/p/{GUACHOCHI}?a=forged&lang=en"),
        phone.get("/?lang=en"),
        phone.get("/p/none?lang=en"),
        phone.put(f"/p/{GUACHOCHI}?lang=en"),
    ]
    world.closed.add(GUACHOCHI)
    answers.append(phone.get(f"/p/{GUACHOCHI}?a={token}&lang=en"))
    allowed = {"Plaza de Armas", "Guachochi", "Español"}
    for answer in answers:
        assert "⟦" in answer.text, answer.request.path
        assert set(bare_words(answer.text)) <= allowed, answer.request.path
