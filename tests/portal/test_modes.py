"""Larger text and stronger contrast travel in the pages' own addresses, and nowhere else."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from captive_portal import languages
from captive_portal.modes import Mode, chosen, query, switched
from captive_portal.tables import metadata
from tests.portal.conftest import CAPPED, GUACHOCHI, World
from tests.portal.square import MODES

MOST_OCTETS = 4000
MOST_WORDS = 12


class Ways(HTMLParser):
    """Where a page's links and forms lead, and how it is to be seen."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.seen = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [str(given[name]) for name in ("href", "action") if name in given]
        if tag == "html":
            self.seen = given.get("class") or ""

    @property
    def ours(self) -> list[str]:
        """Those that lead to pages of the portal."""
        return [address for address in self.found if address.startswith(("/p/", "/?"))]


def mode_of(address: str) -> str:
    return parse_qs(urlsplit(address).query).get("m", [""])[0]


def answers(world: World, how: str) -> Iterator[TestResponse]:
    """Every page, asked for with `how` in its query."""
    phone, site = world.phone, f"/p/{GUACHOCHI}"
    yield phone.get(f"{site}?a={world.token()}&{how}")
    yield phone.get(f"/p/{CAPPED}?a={world.token(CAPPED)}&{how}")
    for path in (f"{site}?", f"{site}/online?", f"{site}?a=forged&", "/?", "/p/none?"):
        yield phone.get(path + how)
    yield phone.put(f"{site}?{how}")
    world.closed.add(GUACHOCHI)
    yield phone.get(f"{site}?a={world.token()}&{how}")
    yield world.told(phone.post(f"{site}/enter?{how}", data={"v": world.sealed()}))
    world.closed.clear()


@pytest.mark.parametrize("mode", MODES)
def test_every_link_and_form_of_every_page_keeps_the_mode_but_the_two_that_switch_it(
    world: World, mode: str
) -> None:
    for answer in answers(world, f"lang=es&m={mode}"):
        ways = Ways(answer.text)
        assert ways.seen == mode.replace(".", " ")
        language, big, bold, *more = ways.ours
        assert {mode_of(address) for address in (language, *more)} == {mode}
        assert [mode_of(big), mode_of(bold)] == [
            ".".join(switched(chosen(mode), one)) for one in (Mode.BIG, Mode.BOLD)
        ]
        assert "lang=es" in big
        assert "lang=es" in bold


def test_the_same_link_switches_on_and_off_again(world: World) -> None:
    first = f"/p/{GUACHOCHI}?a={world.token()}&lang=en"
    for place, word in ((1, "big"), (2, "bold")):
        on = Ways(world.phone.get(first).text).ours[place]
        off = Ways(world.phone.get(on).text).ours[place]
        assert (mode_of(on), mode_of(off)) == (word, "")
        assert parse_qs(urlsplit(off).query)["lang"] == ["en"]
        assert parse_qs(urlsplit(off).query)["v"] == parse_qs(urlsplit(on).query)["v"]


def test_reload_after_the_tap_is_seen_as_before(world: World) -> None:
    answer = world.phone.get(f"/p/{GUACHOCHI}/enter?m=big.bold")
    assert answer.headers["Location"] == f"/p/{GUACHOCHI}?m=big.bold"


@pytest.mark.parametrize(
    "asked", ["huge", "bigbold", "BIG", "big bold", "<b>", '"><b>', "\r\nX: y", "." * 500]
)
def test_nothing_else_that_an_address_says_reaches_the_page(world: World, asked: str) -> None:
    assert chosen(asked) == ()
    token = world.sealed()
    answer = world.phone.get(f"/p/{GUACHOCHI}", query_string={"v": token, "m": asked})
    plain = world.phone.get(f"/p/{GUACHOCHI}", query_string={"v": token})
    assert answer.text == plain.text
    assert 'class="' not in plain.text.partition("<head>")[0]


def test_an_address_says_each_mode_once_and_in_one_order() -> None:
    assert query(chosen("bold.big.bold.other")) == {"m": "big.bold"}
    assert query(chosen("")) == {}


def test_mode_is_neither_stored_nor_told_to_the_gateway_nor_left_in_the_phone(world: World) -> None:
    site = f"/p/{GUACHOCHI}"
    world.phone.get(f"{site}?a={world.token()}&m=big.bold")
    answer = world.phone.post(f"{site}/enter?m=big.bold", data={"v": world.sealed()})
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    told = " ".join(f"{name} {value}" for name, value in world.ticket(answer).items())
    with world.engine.connect() as connection:
        rows = [tuple(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    assert len(rows) >= 2
    for kept in (answer.headers["Location"].partition("g=")[0], told, str(rows)):
        assert not re.search(r"\b(big|bold|m=)", kept)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("language", ["es", "en"])
def test_every_page_with_its_headers_is_at_most_4000_octets(world: World, language: str, mode: str) -> None:
    client, packed = world.phone, {"Accept-Encoding": "gzip"}
    for path, site in product(("", "/online"), (GUACHOCHI, CAPPED)):
        answer = client.get(f"/p/{site}{path}?a={world.token(site)}&lang={language}&m={mode}", headers=packed)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert octets(answer) <= MOST_OCTETS, (path, octets(answer))


def octets(answer: TestResponse) -> int:
    """The whole answer on the wire, TLS apart, with the two headers that a server adds."""
    added = [("Date", "Sun, 22 Nov 2026 18:00:00 GMT"), ("Server", "granian")]
    lines = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in [*answer.headers, *added])]
    return sum(len(line) + 2 for line in lines) + 2 + len(answer.data)


@pytest.mark.parametrize("language", ["es", "en"])
def test_no_sentence_is_longer_than_twelve_words(language: str) -> None:
    spoken = languages.catalogues()[language]
    sentences = [
        sentence
        for text in languages.TEXTS
        for sentence in re.split(r"[.:!?]\s*", spoken.gettext(text.one))
        if sentence
    ]
    assert len(sentences) >= len(languages.TEXTS)
    counted = {sentence: len(re.sub(r"%\(\w+\)s", "30 minutos", sentence).split()) for sentence in sentences}
    assert {sentence for sentence, words in counted.items() if words > MOST_WORDS} == set()
