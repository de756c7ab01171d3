"""No citizen is ever offered a language that its speakers have not signed; every page says which it is in."""

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from babel.messages.pofile import write_po

from captive_portal import languages, signatures, translating
from tests.portal.conftest import GUACHOCHI, World

ROOT = Path(__file__).parents[2]
DRAFTS = ("ntp", "pdt", "pia", "tac", "tar", "tcu", "thh", "twr", "var")
SIGNED = {
    "X-State": "reviewed",
    "X-Endonym": "Ralámuli raicha",
    "X-Speaker": "Una Hablante",
    "X-Reader": "Otro Hablante",
    "X-Signed": "2027-03-31",
}


def filled(header: Mapping[str, str], words: str = "⟦{}⟧", skip: int = 0) -> translating.Signed:
    """The catalogue of rarámuri with this header and, but for the first `skip`, every text in brackets."""
    with (languages.TRANSLATIONS / "tar/LC_MESSAGES/messages.po").open("rb") as file:
        catalogue = translating.read_po(file)
    catalogue.mime_headers = (dict(catalogue.header) | dict(header)).items()
    for message in [message for message in catalogue if message.id][skip:]:
        one, *more = (message.id,) if isinstance(message.id, str) else message.id
        message.string = tuple(words.format(text) for text in (one, *more)) if more else words.format(one)
    return catalogue


def compiled(folder: Path, catalogue: translating.Signed, code: str = "tar") -> Path:
    """The folder, with the catalogue compiled in it."""
    file = folder / code / "LC_MESSAGES" / "messages.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as octets:
        translating.write_compiled(octets, catalogue)
    return folder


def why(folder: Path, code: str = "tar") -> str:
    """Why the catalogue of a folder is not served."""
    served = code in languages.catalogues(folder)
    reason = signatures.read(folder, languages.TEXTS)[code].unserved
    assert served == (not reason)
    return reason


def test_every_language_of_the_state_is_shipped_as_an_empty_draft_that_names_nobody() -> None:
    assert sorted(set(languages.CATALOGUES) - set(languages.OURS)) == sorted(DRAFTS)
    for code in DRAFTS:
        with (languages.TRANSLATIONS / code / "LC_MESSAGES/messages.po").open("rb") as file:
            draft = translating.read_po(file)
        header = dict(draft.header)
        assert header["Language"] == code
        assert header["X-State"] == "draft"
        assert [header[field] for field in ("X-Speaker", "X-Reader", "X-Signed")] == ["", "", ""], code
        assert not any("".join(message.string or ()) for message in draft if message.id), code


@pytest.mark.parametrize("code", DRAFTS)
def test_a_draft_is_not_served_though_its_compiled_file_exists(code: str) -> None:
    assert (languages.TRANSLATIONS / code / "LC_MESSAGES/messages.mo").exists()
    assert code not in languages.ENDONYMS
    assert code not in languages.catalogues()
    assert languages.unserved(code) == "it is a draft"
    assert languages.choose((code, "es", "en"), code) == "es"
    assert languages.others((code, "es", "en"), "es") == ["en"]
    assert languages.choose((code,), code) == "es"


def test_a_catalogue_is_served_once_two_people_have_signed_and_it_is_complete(tmp_path: Path) -> None:
    folder = compiled(tmp_path, filled(SIGNED))
    assert why(folder) == ""
    assert languages.catalogues(folder)["tar"].gettext("Entrar a Internet") == "⟦Entrar a Internet⟧"
    assert signatures.read(folder, languages.TEXTS)["tar"].endonym == "Ralámuli raicha"


def test_a_complete_catalogue_that_nobody_signed_is_not_served(tmp_path: Path) -> None:
    assert why(compiled(tmp_path, filled({}))) == "it is a draft"


@pytest.mark.parametrize("field", signatures.FIELDS)
@pytest.mark.parametrize("value", ["", "-", "?"])
def test_a_catalogue_that_says_reviewed_and_lacks_any_part_of_the_signature_is_not_served(
    field: str, value: str, tmp_path: Path
) -> None:
    assert why(compiled(tmp_path, filled(SIGNED | {field: value})))


@pytest.mark.parametrize("reader", ["Una Hablante", "  una   HABLANTE "])
def test_the_second_reader_is_another_person(reader: str, tmp_path: Path) -> None:
    reason = why(compiled(tmp_path, filled(SIGNED | {"X-Reader": reader})))
    assert reason == "its speaker and its reader are the same person"


def test_a_signed_catalogue_that_lacks_texts_is_not_served(tmp_path: Path) -> None:
    texts = len(languages.TEXTS)
    assert (
        why(compiled(tmp_path / "one", filled(SIGNED, skip=1)))
        == f"1 of its {texts} texts are not translated"
    )
    half = why(compiled(tmp_path / "half", filled(SIGNED, skip=texts // 2)))
    assert half == f"{texts // 2} of its {texts} texts are not translated"


def test_a_signed_catalogue_whose_counting_lacks_one_form_is_not_served(tmp_path: Path) -> None:
    catalogue = filled(SIGNED)
    catalogue["%(num)s hora"].string = ("⟦%(num)s hora⟧", "")
    assert "1 of its" in why(compiled(tmp_path, catalogue))


def test_a_language_that_counts_in_its_own_way_is_served(tmp_path: Path) -> None:
    catalogue = filled(SIGNED | {"Plural-Forms": "nplurals=1; plural=0;"})
    for one in ("%(num)s hora", "%(num)s minuto"):
        catalogue[one].string = (f"⟦{one}⟧",)
    folder = compiled(tmp_path, catalogue)
    assert why(folder) == ""
    assert (
        languages.catalogues(folder)["tar"].ngettext("%(num)s hora", "%(num)s horas", 2) == "⟦%(num)s hora⟧"
    )


@pytest.mark.parametrize("said", ["Ya", "%(tiempo)s", "%(time)s 100 %", "%(time)d"])
def test_a_text_that_no_page_can_fill_in_keeps_its_catalogue_from_being_served(
    said: str, tmp_path: Path
) -> None:
    catalogue = filled(SIGNED)
    catalogue["Dura %(time)s. Después puedes entrar otra vez."].string = said
    assert why(compiled(tmp_path, catalogue)).startswith("the placeholders of 'Dura %(time)s. ")


@pytest.mark.parametrize("octets", [b"", b"no catalogue", b"\xde\x12\x04\x95\0\0"])
def test_a_compiled_file_that_is_broken_costs_its_own_language_and_no_other(
    octets: bytes, tmp_path: Path
) -> None:
    folder = compiled(compiled(tmp_path, filled(SIGNED)), filled(SIGNED), "ntp")
    (folder / "ntp/LC_MESSAGES/messages.mo").write_bytes(octets)
    assert why(folder, "ntp") == "its messages.mo cannot be read"
    assert why(folder, "tar") == ""


def test_updating_and_compiling_keeps_the_signatures_and_the_way_to_count(tmp_path: Path) -> None:
    file = tmp_path / "tar" / "LC_MESSAGES" / "messages.po"
    file.parent.mkdir(parents=True)
    catalogue = filled(SIGNED | {"Plural-Forms": "nplurals=2; plural=(n > 1);"})
    catalogue.add("A text that no page has any more", "⟦gone⟧")
    with file.open("wb") as octets:
        write_po(octets, catalogue)
    translating.main(tmp_path)
    assert why(tmp_path) == ""
    spoken = languages.catalogues(tmp_path)["tar"]
    assert spoken.info()["x-speaker"] == "Una Hablante"
    assert spoken.ngettext("%(num)s hora", "%(num)s horas", 0) == "⟦%(num)s hora⟧"
    assert "gone" not in file.read_text(encoding="utf-8")


def test_a_text_that_is_new_takes_its_language_out_until_it_is_translated(tmp_path: Path) -> None:
    folder = compiled(tmp_path, filled(SIGNED))
    wanted = languages.TEXTS | {signatures.Text("Un texto nuevo")}
    assert (
        signatures.read(folder, wanted)["tar"].unserved == f"1 of its {len(wanted)} texts are not translated"
    )


class Fragments(HTMLParser):
    """The language of the page, the links to it in others, and what else of it has a language of its own."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.page: dict[str, str | None] = {}
        self.links: list[dict[str, str | None]] = []
        self.others: list[str] = []
        self._link: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "html":
            self.page = given
        elif tag == "a" and "hreflang" in given:
            self._link = given | {"text": ""}
            self.links.append(self._link)
        elif "lang" in given:
            self.others.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._link = {} if tag == "a" else self._link

    def handle_data(self, data: str) -> None:
        if self._link:
            self._link["text"] = f"{self._link['text']}{data}"


def check_languages(html: str, chosen: str, offered: list[str], endonyms: Mapping[str, str]) -> None:
    """The page is in the chosen language, and its chooser holds the others, each in its own and in order."""
    found = Fragments(html)
    assert found.page["lang"] == chosen
    assert found.page.get("dir", "ltr") == "ltr", "all of them are written from left to right"
    assert [link["hreflang"] for link in found.links] == [code for code in offered if code != chosen]
    for link in found.links:
        assert link["lang"] == link["hreflang"]
        assert parse_qs(urlsplit(str(link["href"])).query)["lang"] == [link["hreflang"]]
        assert link["text"] == endonyms[str(link["hreflang"])]
    assert found.others == []


@pytest.mark.parametrize("code", languages.OURS)
def test_every_page_says_its_language_and_the_chooser_each_of_its_own(code: str, world: World) -> None:
    asked = [
        f"/p/{GUACHOCHI}?a={world.token()}",
        f"/p/{GUACHOCHI}?",
        f"/p/{GUACHOCHI}/online?",
        "/?",
        "/p/none?",
    ]
    for path in asked:
        answer = world.phone.get(f"{path}&lang={code}")
        check_languages(answer.text, code, ["es", "en"], languages.ENDONYMS)


@pytest.mark.parametrize("code", [*DRAFTS, "xx", "es-MX", "../en", "ES", ""])
def test_asking_for_a_language_that_is_not_served_gets_the_first_of_the_site(code: str, world: World) -> None:
    pages = [
        world.phone.get(f"/p/{GUACHOCHI}", query_string={"a": world.token(), "lang": code}),
        world.phone.get("/", query_string={"lang": code}),
    ]
    for page in pages:
        check_languages(page.text, "es", ["es", "en"], languages.ENDONYMS)
    assert world.ticket(world.tap(lang=code))["lang"] == "es"


PORTAL = """
import dataclasses, json, pathlib, sys
from captive_portal import languages, pages
from tests.portal.conftest import GUACHOCHI, JUAREZ, make_world
world = make_world(pathlib.Path(sys.argv[1]))
world.sites[GUACHOCHI] = dataclasses.replace(world.sites[GUACHOCHI], languages=("tar", "ntp", "es", "en"))
world.sites[JUAREZ] = dataclasses.replace(world.sites[JUAREZ], languages=("en", "es", "tar"))
ask = lambda site, lang: world.phone.get(f"/p/{site}?a={world.token(site)}&lang={lang}").text
print(json.dumps({
    "room": str(pathlib.Path(pages.__file__).parent),
    "first": ask(GUACHOCHI, ""),
    "spanish": ask(GUACHOCHI, "es"),
    "asked": ask(JUAREZ, "tar"),
    "city": ask(JUAREZ, ""),
    "draft": ask(GUACHOCHI, "ntp"),
    "ticket": world.ticket(world.tap(lang="tar"))["lang"],
}))
"""


@pytest.fixture(scope="module")
def signed_portal(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a portal answers whose rarámuri was signed: a copy of the room, in a process of its own."""
    folder = tmp_path_factory.mktemp("signed")
    room = folder / "captive_portal"
    shutil.copytree(languages.TRANSLATIONS.parent, room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(room / "translations/tar")
    compiled(room / "translations", filled(SIGNED))
    (folder / "store").mkdir()
    environ = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", PORTAL, str(folder / "store")]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=True, timeout=120
    )
    answers: dict[str, str] = json.loads(done.stdout)
    assert answers["room"] == str(room)
    return answers


@pytest.mark.parametrize(
    ("page", "chosen", "offered"),
    [
        ("first", "tar", ["tar", "es", "en"]),
        ("spanish", "es", ["tar", "es", "en"]),
        ("asked", "tar", ["en", "es", "tar"]),
        ("city", "en", ["en", "es", "tar"]),
        ("draft", "tar", ["tar", "es", "en"]),
    ],
)
def test_a_signed_language_is_offered_by_its_own_name_in_the_order_of_the_municipality(
    page: str, chosen: str, offered: list[str], signed_portal: dict[str, str]
) -> None:
    endonyms = dict(languages.ENDONYMS) | {"tar": SIGNED["X-Endonym"]}
    check_languages(signed_portal[page], chosen, offered, endonyms)
    assert ("⟦Entrar a Internet⟧" in signed_portal[page]) == (chosen == "tar")


def test_the_gateway_is_told_the_signed_language(signed_portal: dict[str, str]) -> None:
    assert signed_portal["ticket"] == "tar"


def test_the_header_of_a_catalogue_survives_being_written_and_read() -> None:
    octets = io.BytesIO()
    write_po(octets, filled(SIGNED))
    octets.seek(0)
    assert SIGNED.items() <= dict(translating.read_po(octets).header).items()
