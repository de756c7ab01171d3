"""`plaza privacy`, as staff answer a request with it."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from captive_portal.gateway.ticket import pseudonym
from captive_portal.model import Arrival, Grant, PortalSite
from captive_portal.sessions import StoredSessions
from controller import audit, settings
from controller.app import App, build
from controller.data_requests import By, Request, erase, export
from controller.demo import make_secrets
from controller.errors import SelectorError
from controller.inventory import load
from controller.secrets import site_key
from controller.store.engine import open_store
from tests.portal.places import LIBRE, site_of
from tests.town import Town, town

SITE, MAC = "08027-plaza", "02:CA:FE:12:34:56"
VERSION = "d" * 32


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path, "127.77.6") as made:
        make_secrets(load(tmp_path / "inventory.yaml"), tmp_path / "var" / "secrets")
        yield made


def data_of(place: Town) -> Path:
    return Path(place.environ["PLAZA_DATA_DIR"])


def store_of(place: Town) -> Engine:
    return open_store(f"sqlite:///{data_of(place) / 'plaza.db'}")


@pytest.fixture
def app(place: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """What the commands work with; its SQLite overwrites nothing unless told, as some builds do."""
    for name, value in place.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(place.directory)
    made = build(settings.load())
    made.engine.dispose()
    event.listen(made.engine, "connect", lambda one, _: one.execute("PRAGMA secure_delete=OFF"))
    yield made
    made.engine.dispose()
    made.samples.close()


def tapped(engine: Engine, place: Town) -> str:
    """A session of the phone, opened as the portal would at a notice that it keeps."""
    key = site_key((data_of(place) / "secrets" / "gateway-key").read_bytes().strip(), SITE)
    here: PortalSite = site_of(SITE)
    arrival = Arrival(SITE, pseudonym(key, "device", MAC.lower()), "b", "", "")
    opened, now = StoredSessions(engine), datetime.now(UTC)
    opened.publish(VERSION, "08027", lambda: "Aviso de privacidad\n", now)
    granted = opened.open(here, arrival, LIBRE, now, notice=VERSION)
    assert isinstance(granted, Grant)
    return granted.session


def asked(place: Town, typed: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """The command, with a line on its standard input."""
    return subprocess.run(
        [*place.program, "privacy", *words],
        env=place.environ,
        cwd=place.directory,
        input=f"{typed}\n",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_phone_is_told_all_and_then_erased_and_nothing_is_left_of_it_anywhere(place: Town) -> None:
    engine = store_of(place)
    session = tapped(engine, place)
    with engine.connect() as connection:
        (device,) = connection.exec_driver_sql("select device from session").one()
    device_asked = ("--device", "--why", "folio 080144926000123")

    told = asked(place, MAC, "export", *device_asked)
    assert told.returncode == 0, told.stderr
    answer = json.loads(told.stdout)
    (row,) = answer["tables"]["session"]["rows"]
    assert (row["acctuniqueid"], row["notice"]) == (session, VERSION)
    assert answer["notices"] == {VERSION: "Aviso de privacidad\n"}

    early = asked(place, MAC, "erase", *device_asked)
    assert early.returncode == 2
    assert f"plaza session dismiss {session}" in early.stderr
    with engine.connect() as connection:
        (until,) = connection.exec_driver_sql("select expires_at from session").one()
    bound = datetime.fromtimestamp(until, UTC) + timedelta(minutes=15)
    assert early.stderr.endswith(f"; where it tells none, a minute after {bound.isoformat()}\n")
    StoredSessions(engine).ended(session, "User-Request", datetime.now(UTC))
    gone = asked(place, MAC, "erase", *device_asked)
    assert (gone.returncode, gone.stdout) == (0, "session: 1 erased\n")
    again = asked(place, MAC, "erase", *device_asked)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    engine.dispose()

    files = [path for path in place.directory.rglob("*") if path.is_file()]
    left = b"".join(path.read_bytes() for path in files).lower()
    assert [word for word in (session, device, MAC.lower()) if word.encode() in left] == []
    said = "".join(one.stdout + one.stderr for one in (told, early, gone, again)).lower()
    assert MAC.lower() not in said
    rows = place.rows("select action, subject, detail from audit order by seq")
    assert [row[:2] for row in rows] == [("data-exported", "data request"), ("data-erased", "data request")]
    assert all("080144926000123" in row[2] for row in rows)
    data = data_of(place)
    assert audit.verify(store_of(place), audit.load_key(data)).broken_at == 0


def test_an_erased_session_is_in_no_octet_of_the_store_while_its_processes_run(app: App, place: Town) -> None:
    session = tapped(app.engine, place)
    StoredSessions(app.engine).ended(session, "User-Request", datetime.now(UTC))
    erased = erase(app, Request(By.SESSION, session, "folio 1"), datetime.now(UTC))
    assert erased.rows == {"session": 1}
    files = list(data_of(place).glob("plaza.db*"))
    assert len(files) > 1
    assert [path.name for path in files if session.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "why",
    ["for 02:ca:fe:00:00:01", "02-CA-FE-00-00-01", "02ca.fe00.0001", "10.0.0.9", f"of {'a' * 32}", "typed"],
)
def test_what_names_somebody_is_refused_before_it_is_in_the_audit_log(app: App, why: str) -> None:
    with pytest.raises(SelectorError, match="audit log is kept"):
        export(app, Request(By.SESSION, "typed", why), datetime.now(UTC))
    with app.engine.connect() as connection:
        assert connection.exec_driver_sql("select count(*) from audit").scalar() == 0


def test_a_session_and_a_voucher_are_asked_for_and_what_is_none_is_one_line(place: Town) -> None:
    engine = store_of(place)
    session = tapped(engine, place)
    engine.dispose()
    told = asked(place, "", "export", "--session", session, "--why", "folio 1")
    assert len(json.loads(told.stdout)["tables"]["session"]["rows"]) == 1
    nothing = asked(place, "no code", "export", "--voucher", "--why", "folio 2")
    assert json.loads(nothing.stdout)["tables"] == {}
    assert (nothing.returncode, nothing.stderr) == (2, "nothing found: nothing is kept of that voucher\n")
    for typed, words in (
        ("no mac", ("--device", "--why", "f")),
        ("", ("--device", "--voucher", "--why", "f")),
        (MAC, ("--device", "--why", f"of {MAC}")),
    ):
        refused = asked(place, typed, "export", *words)
        assert refused.returncode == 2, refused.stdout
        assert MAC not in refused.stderr
        assert "Traceback" not in refused.stderr
    assert len(place.rows("select seq from audit")) == 2


def test_a_notice_is_printed_as_it_was_shown(place: Town) -> None:
    engine = store_of(place)
    tapped(engine, place)
    engine.dispose()
    shown = place.plaza("privacy", "notice", VERSION)
    assert (shown.returncode, shown.stdout) == (0, "Aviso de privacidad\n")
    unknown = place.plaza("privacy", "notice", "e" * 32)
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    listed = place.plaza("privacy", "notice")
    assert listed.stdout.startswith(f"{VERSION}  08027  first shown 20")


def test_a_site_shows_its_notice_before_anybody_tapped_without_the_label_of_a_button(place: Town) -> None:
    in_force = place.plaza("privacy", "notice", SITE)
    assert (in_force.returncode, in_force.stderr) == (0, "")
    assert in_force.stdout.startswith("Aviso de privacidad\n")
    assert "Leer el aviso completo" not in in_force.stdout
    listed = place.plaza("privacy", "notice")
    assert listed.stdout == "0 versions; plaza privacy notice SITE prints the one in force there\n"


def test_a_session_that_is_to_end_is_listed_as_such(place: Town) -> None:
    engine = store_of(place)
    session = tapped(engine, place)
    at = datetime.now(UTC).replace(microsecond=0)
    running = place.plaza("session", "list").stdout
    StoredSessions(engine).dismiss(session, at)
    dismissed = place.plaza("session", "list").stdout
    with engine.begin() as connection:
        connection.exec_driver_sql("update session set dismissed_at = null")
    StoredSessions(engine).leave(SITE, session, at)
    left = place.plaza("session", "list").stdout
    engine.dispose()
    assert running.endswith(" s left\n1 running\n")
    being = f" s left, {{}} (asked at {at.isoformat()})\n1 running, 1 of them being ended\n"
    assert dismissed.endswith(being.format("being dismissed"))
    assert left.endswith(being.format("left by its citizen"))
