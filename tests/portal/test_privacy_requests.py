"""Whoever asks is told all that is kept, and what is erased is nowhere any more."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, insert, select

from captive_portal import carried
from captive_portal.data_requests import by_code, by_device, by_session, erase, running, session_named, told
from captive_portal.gateway.ticket import pseudonym
from captive_portal.holdings import HOLDINGS, OF_NOBODY, Subject
from captive_portal.local import LegalRetention, Local
from captive_portal.model import Arrival, GatewayKind, Grant, Phone, Plan, Refusal, RefusalReason
from captive_portal.retention import Retention
from captive_portal.sessions import StoredSessions
from captive_portal.tables import (
    metadata,
)
from captive_portal.vouchers import Batch, Vouchers, issue
from controller.store.engine import open_store
from controller.store.migrate import METADATA
from tests.portal.clocks import Clock
from tests.portal.places import LIBRE, site_of

OURS, OMADA = "08027-plaza", "08037-omada"
MAC, OTHER = "02:ca:fe:12:34:56", "02:ca:fe:00:00:99"
CODE, SPARE = "0123456789A", "ZZZZZZZZZZZ"
KEPT = Retention()
LEGAL = LegalRetention("Ana", date(2026, 1, 1), "oficio 1", days=30)
VOUCHER_KEY = b"v" * 32


@dataclass
class Books:
    """Two sites over a real store at this program's version, with phones that came by their addresses."""

    engine: Engine
    file: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.sessions = StoredSessions(self.engine)
        self.sites = {
            OURS: replace(site_of(OURS), voucher_key=VOUCHER_KEY),
            OMADA: site_of(OMADA, kind=GatewayKind.OMADA),
        }

    def signed(self) -> None:
        """Somebody decided that addresses are kept."""
        self.sites[OMADA] = replace(self.sites[OMADA], local=Local(legal=LEGAL))

    def tap(self, site: str, mac: str = MAC) -> str:
        key = self.sites[site].wiring.key
        ours = self.sites[site].wiring.kind is GatewayKind.PLAZA
        device = pseudonym(key, "device", mac) if ours else pseudonym(key, mac)
        phone = None if ours else Phone(mac, "10.0.0.9")
        granted = self.sessions.open(
            self.sites[site], Arrival(site, device, "b", "", "", phone), LIBRE, self.clock()
        )
        assert isinstance(granted, Grant)
        return granted.session

    def printed(self, devices: int = 2) -> None:
        """A batch of two vouchers."""
        batch = Batch(
            "b", OURS, Plan("v", timedelta(hours=1)), devices, self.clock(), "ana",
            self.clock() + timedelta(days=9), "feria",
        )  # fmt: skip
        with self.engine.begin() as connection:
            issue(connection, VOUCHER_KEY, batch, [CODE, SPARE])

    def redeem(self, device: str) -> Plan | Refusal:
        return Vouchers(self.engine).redeem(self.sites[OURS], CODE, device, self.clock())

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, of all rooms."""
        with self.engine.connect() as connection:
            return {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for tables in METADATA
                for table in tables.sorted_tables
            }

    def of_session(self, session: str) -> Subject:
        with self.engine.connect() as connection:
            return by_session(connection, session).subject

    def of_device(self, mac: str = MAC) -> Subject:
        with self.engine.connect() as connection:
            return by_device(connection, self.sites, mac, KEPT, self.clock()).subject

    def told(self, subject: Subject) -> dict[str, Any]:
        with self.engine.connect() as connection:
            return told(connection, subject, KEPT)

    def octets(self) -> bytes:
        """The store's files, after the write-ahead log was put into them."""
        raw = self.engine.raw_connection()
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        return b"".join(path.read_bytes() for path in self.file.parent.glob(f"{self.file.name}*"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store at this program's version: to migrate one takes longer than any test here."""
    file = tmp_path_factory.mktemp("store") / "plaza.db"
    open_store(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture
def books(tmp_path: Path, empty: Path) -> Iterator[Books]:
    file = tmp_path / "plaza.db"
    shutil.copy(empty, file)
    engine = open_store(f"sqlite:///{file}")
    yield Books(engine, file)
    engine.dispose()


def everywhere(books: Books, names: tuple[str, str, str], number: int) -> None:
    """Rows of one citizen in every table, there or yet to be invented, that is not said to be of nobody."""
    session, device, voucher = names
    known: dict[str, object] = {"acctuniqueid": session, "device": device, "hash": voucher, "site": OURS}
    known |= {"event": f"seen-{session}", "association": device, "block": device[:16]}
    with books.engine.begin() as connection:
        for table in metadata.sorted_tables:
            if table not in OF_NOBODY:
                guess = {column.name: number if column.type.python_type is int else "w" for column in table.c}
                connection.execute(insert(table).values({**guess, **known_of(table, known)}))


def known_of(table: Table, known: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in known.items() if name in table.c}


def whole(books: Books) -> Subject:
    """All names of whom `MINE` names."""
    found = books.of_session(MINE[0])
    return replace(found, vouchers=frozenset({MINE[2]}), devices=frozenset({MINE[1]}))


MINE = ("a" * 32, "b" * 32, "c" * 64)
YOURS = ("1" * 32, "2" * 32, "3" * 64)


def mentions(row: dict[str, Any], *words: str) -> bool:
    return any(word in str(value) for value in row.values() for word in words)


def test_a_new_table_says_what_it_holds_of_a_citizen_or_that_it_holds_nothing() -> None:
    told_of = {one.table for one in HOLDINGS}
    assert told_of.isdisjoint(OF_NOBODY)
    assert told_of | OF_NOBODY == set(metadata.sorted_tables)


@pytest.mark.parametrize("one", HOLDINGS, ids=lambda one: one.table.name)
def test_every_column_that_is_told_says_what_it_is(one: Any) -> None:
    assert set(one.fields) == {column.name for column in one.table.columns}
    assert len(one.kept(KEPT)) > 0


def test_an_export_holds_every_row_that_names_the_citizen_and_no_row_of_another(books: Books) -> None:
    everywhere(books, MINE, 7)
    everywhere(books, YOURS, 8)
    subject = whole(books)
    answer = books.told(subject)["tables"]
    for name, rows in books.dump().items():
        mine = [row for row in rows if mentions(row, *MINE)]
        assert len(answer.get(name, {"rows": []})["rows"]) == len(mine), name
    assert not mentions({"all": answer}, *YOURS)


def test_after_an_erasure_nothing_names_the_citizen_and_nothing_of_another_is_gone(books: Books) -> None:
    everywhere(books, MINE, 7)
    everywhere(books, YOURS, 8)
    before = books.dump()
    subject = whole(books)
    with books.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
        erase(connection, subject, books.clock())
    for name, rows in books.dump().items():
        assert [row for row in rows if mentions(row, *MINE)] == [], name
        of_others = [row for row in before[name] if not mentions(row, *MINE)]
        assert [row for row in rows if row in of_others] == of_others, name
    octets = books.octets()
    assert [word for word in MINE if word.encode() in octets] == []
    assert YOURS[0].encode() in octets


def test_a_phone_is_found_at_every_kind_of_site_while_its_day_lasts_and_not_tomorrow(books: Books) -> None:
    here, there = books.tap(OURS), books.tap(OMADA)
    books.tap(OURS, OTHER)
    assert books.of_device().sessions == {here, there}
    for session in (here, there):
        books.sessions.ended(session, "User-Request", books.clock())
    books.clock.forward(days=1)
    assert books.of_device() == Subject()
    assert books.of_session(here).sessions == {here}


def test_a_session_finds_the_others_of_its_phone_of_that_day(books: Books) -> None:
    first = books.tap(OURS)
    books.sessions.ended(first, "User-Request", books.clock())
    books.clock.forward(minutes=5)
    second = books.tap(OURS)
    assert books.of_session(first).sessions == {first, second}
    assert books.of_session("f" * 32) == Subject()


def test_what_was_signed_to_be_kept_is_found_by_the_phone_for_all_its_days(books: Books) -> None:
    books.signed()
    session = books.tap(OMADA)
    books.sessions.ended(session, "User-Request", books.clock())
    books.clock.forward(days=20)
    assert books.of_device().sessions == {session}
    assert books.of_device(OTHER) == Subject()
    assert MAC not in str(books.told(books.of_device()))


def test_a_seal_of_another_key_is_counted_and_not_passed_over(books: Books) -> None:
    books.tap(OMADA)
    wiring = replace(books.sites[OMADA].wiring, key=b"x" * 32)
    books.sites[OMADA] = replace(books.sites[OMADA], wiring=wiring)
    with books.engine.connect() as connection:
        found = by_device(connection, books.sites, MAC, KEPT, books.clock())
    assert (found.subject, found.unread) == (Subject(), 1)


def test_what_was_signed_stays_sealed_to_its_day_and_leads_to_no_session(books: Books) -> None:
    books.signed()
    session = books.tap(OMADA)
    (granted,) = books.dump()["session"]
    books.sessions.ended(session, "User-Request", books.clock())
    with books.engine.begin() as connection:
        erased = erase(connection, by_session(connection, session).subject, books.clock())
    assert erased.by_law_until == books.clock() + timedelta(days=30)
    assert erased.rows == {"session": 1}
    (kept,) = books.dump()["legal_record"]
    everything = str(books.dump())
    assert session not in everything
    assert granted["device"] not in everything
    assert books.of_device().sessions == {kept["acctuniqueid"]}
    books.clock.forward(days=31)
    with books.engine.begin() as connection:
        again = erase(
            connection, Subject(frozenset({kept["acctuniqueid"]}), frozenset({OMADA})), books.clock()
        )
    assert again.by_law_until is None
    assert books.dump()["legal_record"] == []


def test_sums_stay_when_a_session_goes(books: Books) -> None:
    session = books.tap(OURS)
    books.sessions.ended(session, "User-Request", books.clock())
    before = books.dump()["portal_count"]
    with books.engine.begin() as connection:
        erase(connection, by_session(connection, session).subject, books.clock())
    assert books.dump()["portal_count"] == before
    assert books.dump()["session"] == []


def test_a_session_that_goes_on_is_named_as_running_until_its_end_is_told(books: Books) -> None:
    session = books.tap(OURS)
    with books.engine.connect() as connection:
        assert running(connection, books.of_device()) == [session]
    books.sessions.ended(session, "User-Request", books.clock())
    with books.engine.connect() as connection:
        assert running(connection, books.of_device()) == []


def test_a_voucher_is_found_by_its_code_only_and_only_once_it_was_used(books: Books) -> None:
    books.printed()
    with books.engine.connect() as connection:
        assert by_code(connection, books.sites, CODE).subject == Subject()
    books.redeem("phone")
    with books.engine.connect() as connection:
        found = by_code(connection, books.sites, "oi23-4567-89a").subject
        assert by_code(connection, books.sites, "no code").subject == Subject()
    assert len(found.vouchers) == 1
    assert set(books.told(found)["tables"]) == {"voucher", "voucher_use"}


def test_an_erased_voucher_stays_counted_and_its_code_gives_nothing(books: Books) -> None:
    books.printed()
    books.redeem("phone")
    books.redeem("another")
    before = {use["device"] for use in books.dump()["voucher_use"]}
    with books.engine.begin() as connection:
        subject = by_code(connection, books.sites, CODE).subject
        erase(connection, subject, books.clock())
    after = books.dump()
    assert books.redeem("phone") == Refusal(RefusalReason.VOUCHER_UNKNOWN)
    assert len(after["voucher_use"]) == 2
    assert len(after["voucher"]) == 2
    assert before.isdisjoint({use["device"] for use in after["voucher_use"]})
    assert [word for word in subject.vouchers if word in str(after)] == []


def test_a_session_is_named_by_its_number_its_token_or_the_address_of_its_page(books: Books) -> None:
    session = books.tap(OMADA)
    token = carried.seal_session(books.sites[OMADA], session)
    page = f"https://wifi.example.mx/p/{OMADA}/online?lang=es&s={token}"
    for said in (session, f" {session.upper()}\n", token, page):
        assert session_named(books.sites, said) == session
    for said in ("", "plaza", token[:-2], "http://[", f"https://x/?s={token}x"):
        assert session_named(books.sites, said) == ""


def test_an_export_tells_moments_periods_and_the_words_of_the_notice(books: Books) -> None:
    version = "d" * 32
    books.sessions.publish(version, "08027", lambda: "Aviso", books.clock())
    arrival = Arrival(OURS, "device", "b", "", "")
    granted = books.sessions.open(books.sites[OURS], arrival, LIBRE, books.clock(), notice=version)
    assert isinstance(granted, Grant)
    answer = books.told(books.of_session(granted.session))
    (row,) = answer["tables"]["session"]["rows"]
    assert row["granted_at"] == "2026-11-22T18:00:00+00:00"
    assert row["acctstoptime"] is None
    assert answer["tables"]["session"]["kept"].startswith("90 días")
    assert answer["notices"] == {version: "Aviso"}
