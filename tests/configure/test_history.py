"""What a device ran is kept without secrets for people, and sealed whole for the way back."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller import history
from controller.errors import NoSuchVersion, StoreError
from controller.history import KEPT, History, Seen
from controller.store.engine import open_engine
from controller.store.tables import metadata
from drivers.configurers.seam import Running
from drivers.model import Device, Endpoint, Role, Secret
from tests.configure.desk import CANARY, NewDesk, utc_now
from tests.configure.device import Ap

AT = Endpoint("192.0.2.1", 22)
DEVICE = Device("ap-1", Role.AP, "08019", "08019-plaza", "openwrt", "192.0.2.1", AT, AT, AT)


@pytest.fixture
def kept(tmp_path: Path) -> History:
    """An empty history."""
    engine = open_engine(f"sqlite:///{tmp_path / 'plaza.db'}")
    metadata.create_all(engine)
    return History(engine, history.load_key(tmp_path), "tecnica", utc_now)


def seen(text: str, fingerprint: str, reason: str = "before") -> Seen:
    """A configuration."""
    return Seen(Running(Secret(text), fingerprint), "shown", reason, "r1")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=st.binary(max_size=300))
def test_a_version_comes_back_octet_for_octet(octets: bytes, kept: History) -> None:
    text = octets.decode("utf-8", "surrogateescape")
    number = kept.keep(DEVICE, seen(text, octets.hex()[:64] or "none"))
    back = kept.running(DEVICE, number).text.reveal()
    assert back.encode("utf-8", "surrogateescape") == octets


def test_what_has_not_changed_is_kept_once(kept: History) -> None:
    assert [kept.keep(DEVICE, seen("a", fingerprint)) for fingerprint in ("f1", "f1", "f2", "f1")] == [
        1, 1, 2, 3,
    ]  # fmt: skip
    assert [version.number for version in kept.versions("ap-1")] == [3, 2, 1]
    assert kept.before(DEVICE, "f1") == 2
    assert kept.before(DEVICE, "something else") == 3


def test_the_oldest_versions_are_dropped(kept: History) -> None:
    for number in range(KEPT + 3):
        kept.keep(DEVICE, seen("a", f"f{number}"))
    assert [version.number for version in kept.versions("ap-1")] == list(range(KEPT + 3, 3, -1))


def test_a_version_that_is_not_there_is_said_with_those_that_are(kept: History) -> None:
    with pytest.raises(NoSuchVersion, match="nothing is kept of it yet"):
        kept.running(DEVICE, 1)
    kept.keep(DEVICE, seen("a", "f1"))
    with pytest.raises(NoSuchVersion, match="no version 7 of it; write one of 1"):
        kept.running(DEVICE, 7)
    with pytest.raises(NoSuchVersion, match="nothing to go back to"):
        kept.before(DEVICE, "f1")


def test_a_device_that_was_replaced_by_another_kind_cannot_go_back_to_the_old_one(kept: History) -> None:
    kept.keep(DEVICE, seen("a", "f1"))
    with pytest.raises(NoSuchVersion):
        kept.running(replace(DEVICE, platform="linux"), 1)


def test_a_history_without_its_key_says_so(kept: History) -> None:
    kept.keep(DEVICE, seen("a", "f1"))
    with pytest.raises(StoreError, match=r"sealed with another history\.key"):
        replace(kept, key=b"k" * 32).running(DEVICE, 1)


def test_a_secret_of_a_device_is_in_no_octet_of_the_store(one_ap: Ap, desk: NewDesk) -> None:
    at = desk(one_ap)
    at.want_staff()
    at.apply()
    (after, before) = at.works.history.versions(one_ap.name)
    assert (before.reason, after.reason) == ("before", "after")
    assert "La red de la tecnica" in before.text
    assert "Personal" in after.text
    assert "•••" in after.text
    text = at.works.history.running(one_ap.device, after.number).text.reveal()
    assert CANARY in text
    file = Path(str(at.engine.url.database))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    octets = file.read_bytes()
    assert CANARY.encode() not in octets
    assert b"hecha-a-mano" not in octets
