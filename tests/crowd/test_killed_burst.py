"""kill -9 of the real role in a burst of taps: every grant that a phone was given is in the store, once."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from captive_portal.gateway.ticket import pseudonym, seal, unseal
from controller import settings
from controller.app import build, portal_sites
from controller.demo import make_secrets
from controller.inventory import load
from tests.town import Town, town, wait_for

SITE = "08027-plaza"
PHONES = 120
AT_ONCE = 6


@dataclass
class Burst:
    """Phones that tap at a portal; `granted` are the sessions of those who were answered, by phone."""

    town: Town
    key: bytes
    granted: dict[int, str] = field(default_factory=dict)
    is_in_the_middle: Event = field(default_factory=Event)

    @property
    def origin(self) -> str:
        return self.town.environ["PLAZA_PORTAL_LISTEN"]

    def tap(self, phone: int) -> bool:
        """Whether it was answered with a grant; not when nobody answers any more."""
        arrival = seal(
            self.key,
            "arrival",
            {
                "site": SITE,
                "device": pseudonym(self.key, "device", str(phone)),
                "binding": pseudonym(self.key, "binding", str(phone)),
                "stamp": "5f0c:812.4",
                "nonce": os.urandom(12).hex(),
            },
        )
        with suppress(OSError, HTTPException):
            page = self._ask("GET", f"/p/{SITE}?{urlencode({'a': arrival})}")[1]
            fields = re.findall(r'name="([^"]+)" value="([^"]*)"', page)
            form = urlencode([(name, unescape(value)) for name, value in fields])
            (token,) = parse_qs(urlsplit(self._ask("POST", f"/p/{SITE}/enter", form)[0]).query)["g"]
            session = str(unseal(self.key, "ticket", token)["session"])
            assert self.granted.setdefault(phone, session) == session, "one phone has one session"
            if len(self.granted) >= PHONES // 3:
                self.is_in_the_middle.set()
            return True
        return False

    def all_tap(self) -> None:
        """Several at once, until all have or nobody answers any more."""
        phones = iter(range(PHONES))

        def one_after_the_other() -> None:
            for phone in phones:
                if not self.tap(phone):
                    return

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(one_after_the_other) for _ in range(AT_ONCE)]:
                done.result()

    def _ask(self, method: str, path: str, form: str = "") -> tuple[str, str]:
        connection = HTTPConnection(self.origin, timeout=30)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            connection.request(method, path, form or None, headers)
            answer = connection.getresponse()
            return answer.getheader("Location", ""), answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def burst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Burst]:
    with town(tmp_path, "127.73.8") as made:
        make_secrets(load(tmp_path / "inventory.yaml"), tmp_path / "var" / "secrets")
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        app = build(settings.load())
        key = portal_sites(app)[SITE].wiring.key
        app.samples.close()
        app.engine.dispose()
        yield Burst(made, key)


def portal(made: Burst) -> "subprocess.Popen[bytes]":
    """`plaza run portal`, ready; whatever else was there is dead."""
    with (made.town.directory / "portal.log").open("ab") as log:
        role = subprocess.Popen(
            [*made.town.program, "run", "portal"],
            env=made.town.environ,
            cwd=made.town.directory,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: is_ready(made, role), "the portal")
    except BaseException:
        kill(role)
        raise
    return role


def is_ready(made: Burst, role: "subprocess.Popen[bytes]") -> bool:
    assert role.poll() is None, (made.town.directory / "portal.log").read_text()
    with suppress(OSError, HTTPException):
        return "ok" in made._ask("GET", "/healthz")[1]
    return False


def kill(role: "subprocess.Popen[bytes]") -> None:
    """The role and its workers, at once."""
    os.killpg(role.pid, signal.SIGKILL)
    role.wait(60)


def test_every_grant_that_was_answered_is_in_the_store_once_and_whole(burst: Burst) -> None:
    first = portal(burst)
    with ThreadPoolExecutor(1) as pool:
        tapping = pool.submit(burst.all_tap)
        try:
            assert burst.is_in_the_middle.wait(60)
        finally:
            kill(first)
        tapping.result()
    answered = dict(burst.granted)
    assert len(answered) < PHONES, "killed in the middle"

    second = portal(burst)
    try:
        burst.all_tap()
    finally:
        kill(second)
    assert set(burst.granted) == set(range(PHONES))
    assert {phone: burst.granted[phone] for phone in answered} == answered
    rows = burst.town.rows("SELECT acctuniqueid, device, expires_at - granted_at, notice FROM session")
    assert {row[0] for row in rows} == set(burst.granted.values())
    assert len(rows) == len({row[1] for row in rows}) == PHONES
    assert {row[2] for row in rows} == {3600}
    assert all(row[3] for row in rows)
    ((taps, grants),) = burst.town.rows("SELECT sum(taps), sum(grants) FROM portal_count")
    unanswered = grants - PHONES - len(answered)
    assert taps == grants
    assert 0 <= unanswered <= AT_ONCE, "a tap is stored with its session or not at all"
    assert burst.town.rows("PRAGMA integrity_check") == [("ok",)]
