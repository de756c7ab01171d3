"""Every text of the pages is in every language, and what is compiled is what was translated."""

import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog, extract
from babel.messages.mofile import write_mo
from werkzeug.test import Client

from captive_portal import languages, pages, translating
from captive_portal.guest import create_app
from captive_portal.portal import Portal
from captive_portal.signatures import Text
from tests.portal.conftest import GUACHOCHI, World

ROOM = Path(pages.__file__).parent
ALL = sorted(path.parent.name for path in languages.TRANSLATIONS.glob("*/LC_MESSAGES"))
SERVED = sorted(languages.ENDONYMS.keys() - {languages.SOURCE})


def source() -> Catalog:
    """What the templates say, as Babel finds it."""
    texts = Catalog()
    options = {"templates/**.html": {"encoding": "utf-8", "trimmed": "true"}}
    methods = [("templates/**.html", "jinja2")]
    for _, _, message, _, context in extract.extract_from_dir(str(ROOM), methods, options):
        texts.add(message if isinstance(message, str) else tuple(message[:2]), context=context)
    return texts


def translated(code: str) -> translating.Signed:
    with (languages.TRANSLATIONS / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return translating.read_po(file)


def ids(catalog: Catalog) -> set[object]:
    return {message.id for message in catalog if message.id}


def texts_of(catalog: Catalog) -> set[tuple[str, str]]:
    return {(str(message.id), str(message.string)) for message in catalog if message.id}


def test_we_find_the_texts_of_the_pages_as_babel_does() -> None:
    theirs = {(text,) if isinstance(text, str) else text for text in ids(source())}
    assert {(text.one, text.many) if text.many else (text.one,) for text in languages.TEXTS} == theirs
    assert Text("%(num)s hora", "%(num)s horas") in languages.TEXTS


@pytest.mark.parametrize("code", ALL)
def test_every_catalogue_holds_the_texts_of_the_pages_and_no_others(code: str) -> None:
    catalogue = translated(code)
    assert ids(catalogue) == ids(source()), "make translations"
    assert not catalogue.obsolete


@pytest.mark.parametrize("code", SERVED)
def test_every_text_of_a_served_language_is_translated(code: str) -> None:
    for message in translated(code):
        texts = [message.string] if isinstance(message.string, str) else list(message.string or ())
        assert all(texts), message.id
        assert not message.fuzzy or not message.id, message.id
        assert not list(message.check()), message.id
        assert not any(mark in text for text in texts for mark in "<>&") or not message.id, message.id


@pytest.mark.parametrize("code", ALL)
def test_compiled_catalogue_is_what_was_translated(code: str) -> None:
    fresh = io.BytesIO()
    translating.write_compiled(fresh, translated(code))
    compiled = languages.TRANSLATIONS / code / "LC_MESSAGES" / "messages.mo"
    assert compiled.read_bytes() == fresh.getvalue(), "make translations"


def test_the_source_has_no_catalogue_and_english_has_one() -> None:
    assert languages.SOURCE not in ALL
    assert set(languages.OURS) - {languages.SOURCE} <= set(ALL)
    assert "en" in SERVED


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
    portal = Portal.over(
        world.engine,
        world.sites,
        world.clock,
        lambda site, _: site not in world.closed,
    )
    app = create_app(portal, tmp_path)
    phone, token = Client(app, use_cookies=False), world.token()
    answers = [
        phone.get(f"/p/{GUACHOCHI}?a={token}&lang=en"),
        phone.get(f"/p/{GUACHOCHI}/online?lang=en"),
        phone.get(f"/p/{GUACHOCHI}/online?lang=en", base_url="https://localhost"),
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
