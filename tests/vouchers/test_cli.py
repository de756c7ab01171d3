"""`plaza voucher`, as staff use it: on paper and nowhere else."""

import csv
import os
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from captive_portal.model import Plan, Refusal, RefusalReason
from captive_portal.voucher_codes import normalised, printed
from captive_portal.vouchers import Vouchers
from controller import audit
from controller.demo import make_secrets
from controller.inventory import load
from controller.secrets import voucher_key
from controller.store.engine import open_engine
from tests.town import Town, town, wait_for
from tests.vouchers.pdf import codes, texts
from tests.vouchers.test_redeem import SITE

LAST_DAY = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"
WISH = ("--duration", "2h", "--octets", "500MB", "--expires", LAST_DAY, "--why", "feria")
PLAN = Plan("", timedelta(hours=2), octets=500_000_000)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, "127.77.2") as made:
        make_secrets(load(tmp_path / "inventory.yaml"), tmp_path / "var" / "secrets")
        made.environ["PLAZA_PORTAL_URL"] = "https://portal.example.gob.mx"
        yield made


def made(place: Town, *more: str, where: str = "08027-plaza", count: int = 3) -> str:
    """The name of a new batch."""
    said = place.plaza("voucher", "make", where, "--count", str(count), *WISH, *more)
    assert said.returncode == 0, said.stderr
    return said.stdout.partition(":")[0]


def redeemed(place: Town, code: str, site: str = "08027-plaza") -> Plan | Refusal:
    """What the portal of a site gives for a code."""
    data = Path(place.environ["PLAZA_DATA_DIR"])
    master = (data / "secrets" / "gateway-key").read_bytes().strip()
    here = replace(SITE, key=site, voucher_key=voucher_key(master, "08027"))
    engine = open_engine(f"sqlite:///{data / 'plaza.db'}")
    given = Vouchers(engine).redeem(here, code, "phone", datetime.now(UTC))
    engine.dispose()
    return given


def test_printed_codes_give_their_plan_and_are_nowhere_but_on_paper(place: Town) -> None:
    said = place.plaza("voucher", "make", "08027-plaza", "--count", "9", *WISH, "-o", "sheets.pdf")
    assert said.returncode == 0, said.stderr
    batch, file = said.stdout.partition(":")[0], place.directory / "sheets.pdf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = codes(file)
    assert len(set(found)) == 9
    given = redeemed(place, found[8])
    assert isinstance(given, Plan)
    assert replace(given, name="") == PLAN
    elsewhere = [path for path in place.directory.rglob("*") if path.is_file() and path != file]
    kept = b"".join(path.read_bytes() for path in elsewhere) + (said.stdout + said.stderr).encode()
    assert batch.encode() in kept
    for code in found:
        assert code.encode() not in kept
        assert normalised(code).encode() not in kept
    assert "1 used, 8 unused, 0 revoked" in place.plaza("voucher", "show", batch).stdout


def test_what_changes_vouchers_is_in_the_audit_log(place: Town) -> None:
    batch = made(place, "-o", "sheets.pdf")
    assert place.plaza("voucher", "revoke", batch, "2", "--why", "perdido").returncode == 0
    rows = place.rows("select action, subject, detail from audit order by seq")
    assert [row[:2] for row in rows] == [("vouchers-made", batch), ("vouchers-revoked", batch)]
    assert "feria" in rows[0][2]
    assert '"number": "2"' in rows[1][2]
    data = Path(place.environ["PLAZA_DATA_DIR"])
    assert audit.verify(open_engine(f"sqlite:///{data / 'plaza.db'}"), audit.load_key(data)).broken_at == 0


def test_a_revoked_voucher_gives_nothing_and_then_the_whole_batch(place: Town) -> None:
    batch = made(place, "-o", "sheets.pdf")
    first, second, third = codes(place.directory / "sheets.pdf")
    revoke = ("voucher", "revoke", batch, "--why", "perdido")
    assert place.plaza(*revoke, "2").returncode == 0
    assert redeemed(place, second) == Refusal(RefusalReason.VOUCHER_EXPIRED)
    assert isinstance(redeemed(place, first), Plan)
    assert "1 used, 1 unused, 1 revoked" in place.plaza("voucher", "list").stdout
    assert place.plaza(*revoke).returncode == 0
    assert redeemed(place, third) == Refusal(RefusalReason.VOUCHER_EXPIRED)
    assert "1 used, 0 unused, 2 revoked" in place.plaza("voucher", "list").stdout
    assert "before" in place.plaza(*revoke).stdout


def test_a_municipality_s_vouchers_are_worth_something_at_each_site_and_carry_no_link(place: Town) -> None:
    text = (place.directory / "inventory.yaml").read_text()
    site = text[text.index("  08027-plaza: {") : text.index("devices:")]
    school = site.replace("08027-plaza", "08027-school").replace("Plaza principal", "Escuela")
    (place.directory / "inventory.yaml").write_text(text.replace(site, site + school))
    made(place, "--csv", "table.csv", where="08027")
    rows = list(csv.DictReader((place.directory / "table.csv").read_text().splitlines()))
    assert [row["link"] for row in rows] == ["", "", ""]
    assert isinstance(redeemed(place, rows[0]["code"], "08027-plaza"), Plan)
    assert isinstance(redeemed(place, rows[1]["code"], "08027-school"), Plan)


def test_a_table_holds_what_the_cards_say(place: Town) -> None:
    batch = made(place, "--csv", "table.csv", count=2)
    rows = list(csv.DictReader((place.directory / "table.csv").read_text().splitlines()))
    assert [row["number"] for row in rows] == ["1", "2"]
    assert {(row["batch"], row["last_day"]) for row in rows} == {(batch, LAST_DAY)}
    code = normalised(rows[1]["code"])
    assert rows[1]["code"] == printed(code)
    assert rows[1]["link"] == f"https://portal.example.gob.mx/p/08027-plaza?c={code}"


def test_a_file_that_cannot_be_written_leaves_no_batch(place: Town) -> None:
    too_long = "n" * 250  # its temporary name is longer than any file system of ours takes
    said = place.plaza("voucher", "make", "08027-plaza", "--count", "3", *WISH, "-o", too_long)
    assert said.returncode == 2
    assert "no batch was made" in said.stderr
    assert place.rows("select count(*) from voucher_batch") == [(0,)]


def test_a_store_that_fails_leaves_no_file(place: Town) -> None:
    place.plaza("voucher", "list")
    refuse = "create trigger no before insert on voucher begin select raise(abort, 'disk trouble'); end"
    with closing(sqlite3.connect(place.directory / "var" / "plaza.db")) as store:
        store.execute(refuse)
    said = place.plaza("voucher", "make", "08027-plaza", "--count", "3", *WISH, "-o", "sheets.pdf")
    assert said.returncode == 2
    assert "disk trouble" in said.stderr
    assert not (place.directory / "sheets.pdf").exists()
    assert place.rows("select count(*) from voucher_batch") == [(0,)]
    assert place.rows("select count(*) from audit") == [(0,)]


def test_a_command_killed_before_the_store_has_the_batch_had_said_what_to_throw_away(place: Town) -> None:
    place.plaza("voucher", "list")
    argv = [*place.program, "voucher", "make", "08027-plaza", "--count", "3", *WISH, "-o", "sheets.pdf"]
    file = place.directory / "sheets.pdf"
    with closing(sqlite3.connect(place.directory / "var" / "plaza.db", isolation_level=None)) as store:
        store.execute("begin immediate")  # the command waits here, its file written
        making = subprocess.Popen(
            argv, env=place.environ, cwd=place.directory, stderr=subprocess.PIPE, text=True
        )
        wait_for(lambda: file.exists() or making.poll() is not None, "the sheets")
        making.kill()
        _, said = making.communicate(timeout=60)
    assert file.exists()
    assert "throw sheets.pdf away if plaza voucher list does not show it" in said
    assert place.plaza("voucher", "list").stdout == "0 batches\n"


def test_sheets_that_are_there_are_never_overwritten(place: Town) -> None:
    (place.directory / "sheets.pdf").write_text("codes")
    said = place.plaza("voucher", "make", "08027-plaza", "--count", "3", *WISH, "-o", "sheets.pdf")
    assert said.returncode == 2
    assert (place.directory / "sheets.pdf").read_text() == "codes"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (("voucher", "make", "08099-plaza", "--count", "1", *WISH, "-o", "a.pdf"), "08099-plaza"),
        (("voucher", "make", "08027", "--count", "1", *WISH), "--csv"),
        (("voucher", "make", "08027", "--count", "1", *WISH, "--duration", "2x", "-o", "a.pdf"), "2h"),
        (("voucher", "make", "08027", "--count", "1", *WISH, "--octets", "2x", "-o", "a.pdf"), "500MB"),
        (
            ("voucher", "make", "08027", "--count", "1", *WISH, "--expires", "2020-01-31", "-o", "a.pdf"),
            "over",
        ),
        (("voucher", "show", "nothing"), "plaza voucher list"),
        (("voucher", "revoke", "nothing", "--why", "x"), "plaza voucher list"),
    ],
)
def test_what_cannot_be_is_refused_with_what_mends_it(
    place: Town, wrong: tuple[str, ...], named: str
) -> None:
    said = place.plaza(*wrong)
    assert said.returncode == 2
    assert named in said.stderr
    assert "Traceback" not in said.stderr
    assert not os.path.lexists(place.directory / "a.pdf")


def test_a_card_says_in_spanish_and_english_what_it_gives_and_until_when(place: Town) -> None:
    made(place, "--devices", "3", "--down-kbps", "4000", "-o", "sheets.pdf", count=1)
    said = " ".join(texts((place.directory / "sheets.pdf").read_bytes()))
    for words in ("2 horas de internet.", "Hasta 500 MB de datos.", "Sirve en 3 aparatos.", "Úsalo hasta el"):
        assert words in said
    for words in ("2 hours of internet.", "Up to 500 MB of data.", "For 3 devices.", "Chihuahua Gratis"):
        assert words in said
