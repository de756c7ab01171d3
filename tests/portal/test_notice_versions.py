"""The words that a session was shown can be read for ever, whatever the pages say by then."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select

import captive_portal.radius.tables  # noqa: F401  the purge looks into its table
from captive_portal import published
from captive_portal.local import Local, Responsible
from captive_portal.notice import version
from captive_portal.notice_words import words
from captive_portal.published import publish, text_of
from captive_portal.retention import Retention, purge
from captive_portal.tables import metadata, notices, sessions
from controller.store.engine import open_engine
from tests.portal.conftest import GUACHOCHI, JUAREZ, World
from tests.portal.leaflet_pages import FULL, KEEP, LEGAL, Read, html_of
from tests.portal.places import site_of

SITE = site_of("08027-plaza", local=FULL)


def kept(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return {row.version: row.text for row in connection.execute(select(notices))}


def named(world: World) -> set[str]:
    with world.engine.connect() as connection:
        return set(connection.execute(select(sessions.c.notice)).scalars())


def test_each_version_that_a_session_names_can_be_read_in_the_words_it_was_shown(world: World) -> None:
    world.tap()
    world.sites[JUAREZ] = replace(world.sites[JUAREZ], name="Plaza de la Mexicanidad")
    world.tap(JUAREZ)
    world.clock.forward(hours=2)
    before = world.sites[GUACHOCHI]
    world.sites[GUACHOCHI] = replace(before, local=Local(responsible=Responsible(name="Otro responsable")))
    world.tap()
    found = kept(world.engine)
    assert named(world) == set(found)
    assert len(found) == 3
    old, new = version(before, Retention()), version(world.sites[GUACHOCHI], Retention())
    assert "Otro responsable" in found[new]
    assert "Otro responsable" not in found[old]
    assert found[old] == words(before, Retention())


def test_the_words_are_kept_before_the_session_that_names_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words that cannot be made leave no session: nobody consents to what nobody can read."""
    monkeypatch.setattr("captive_portal.portal.words", lambda site, retention: 1 // 0)
    assert world.tap().status_code == 500
    assert named(world) == set()


def test_a_version_is_written_once_and_with_the_moment_of_the_first_session(world: World) -> None:
    world.tap()
    at = int(world.clock().timestamp())
    published._known.clear()
    world.clock.forward(hours=2)
    world.tap()
    with world.engine.connect() as connection:
        (row,) = connection.execute(select(notices)).all()
    assert (row.first_shown_at, row.municipality) == (at, "08027")


def test_many_processes_at_once_keep_one_row(world: World, tmp_path: Path) -> None:
    engines = [open_engine(f"sqlite:///{tmp_path}/store.db") for _ in range(6)]
    all_here = threading.Barrier(len(engines))

    def words() -> str:
        all_here.wait(60)
        return "Aviso"

    def one(engine: Engine) -> None:
        publish(engine, "d" * 32, "08027", words, world.clock())

    threads = [threading.Thread(target=one, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(world.engine) == {"d" * 32: "Aviso"}
    for engine in engines:
        engine.dispose()


def test_a_process_that_has_kept_a_version_asks_the_store_no_more(world: World) -> None:
    publish(world.engine, "d" * 32, "08027", lambda: "Aviso", world.clock())
    asked: list[str] = []
    event.listen(world.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    publish(world.engine, "d" * 32, "08027", lambda: "Aviso", world.clock())
    assert asked == []


def test_what_could_not_be_stored_is_tried_again(world: World) -> None:
    def failing() -> str:
        raise OSError("no template")

    with pytest.raises(OSError, match="no template"):
        publish(world.engine, "d" * 32, "08027", failing, world.clock())
    assert kept(world.engine) == {}
    publish(world.engine, "d" * 32, "08027", lambda: "Aviso", world.clock())
    with world.engine.connect() as connection:
        assert text_of(connection, "d" * 32) == "Aviso"
        assert text_of(connection, "e" * 32) is None


def test_a_notice_outlives_every_session(world: World) -> None:
    metadata.create_all(world.engine)
    world.tap()
    before = kept(world.engine)
    purge(world.engine, Retention(), world.clock.forward(days=4000))
    assert kept(world.engine) == before


BUTTON = "Leer el aviso completo"
"""What leads from one page to the other, and is no word of the notice."""


@pytest.mark.parametrize("local", [Local(), FULL, replace(FULL, legal=LEGAL)])
def test_the_words_are_all_that_a_person_reads_on_both_pages(local: Local) -> None:
    site = site_of("08027-plaza", local=local)
    said = " ".join(words(site, KEEP).split())
    for name in ("notice", "notice-full"):
        for text in Read(html_of(name, site)).texts:
            assert (" ".join(text.split()) in said) == (text.strip() != BUTTON), text


def test_the_words_are_lines_without_marks_of_a_page() -> None:
    lines = words(SITE, KEEP).splitlines()
    assert lines[0] == "Aviso de privacidad"
    assert "Aviso de privacidad completo" in lines
    assert "- El lugar donde te conectas." in lines
    assert [line for line in lines if "<" in line or "&" in line] == []
    assert f"- Versión: {version(SITE, KEEP)}" in lines
