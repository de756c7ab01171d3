"""The audit log is a chain: no row can be edited, taken out, put in or cut off unseen."""

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, update

from controller import audit
from controller.audit import Entry
from controller.errors import StoreError
from controller.store.engine import open_engine
from controller.store.tables import audit as table
from controller.store.tables import metadata
from tests import need

ROOT = Path(__file__).parents[2]
KEY = b"k" * 32
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A store."""
    made = open_engine(f"sqlite:///{tmp_path / 'plaza.db'}")
    metadata.create_all(made)
    return made


def entry(device: str) -> Entry:
    """Something that was done to a device."""
    return Entry("tecnica", "push", device, {"ñ": "é\u2028"}, NOW)


def fill(engine: Engine, rows: int) -> audit.Head:
    """The head after this many rows."""
    with engine.begin() as connection:
        connection.execute(delete(table))
        for number in range(rows):
            head = audit.record(connection, KEY, entry(f"ap-{number}"))
    return head


def test_what_was_recorded_can_be_read_and_verified(engine: Engine) -> None:
    pinned = Entry("tecnica", "host-key-pinned", "ap-1", {"fingerprint": "SHA256:x"}, NOW)
    head = audit.record(engine, KEY, pinned)
    with engine.connect() as connection:
        (row,) = connection.execute(select(table)).all()
    assert (row.at, row.actor, row.action, row.subject) == (1772366400, "tecnica", "host-key-pinned", "ap-1")
    assert json.loads(row.detail) == {"fingerprint": "SHA256:x"}
    assert audit.verify(engine, KEY, head) == audit.Verdict(1)


def test_a_row_goes_away_with_the_transaction_it_describes(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        audit.record(connection, KEY, entry("ap-1"))
        transaction.rollback()
    assert audit.verify(engine, KEY) == audit.Verdict(0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(2, 8),
    where=st.integers(0, 7),
    how=st.sampled_from(["detail", "actor", "action", "subject", "at", "mac", "delete", "cut", "insert"]),
)
def test_every_tampering_is_found(engine: Engine, rows: int, where: int, how: str) -> None:
    head = fill(engine, rows)
    assert audit.verify(engine, KEY, head) == audit.Verdict(rows)
    seq = where % rows + 1
    with engine.begin() as connection:
        if how == "delete":
            connection.execute(delete(table).where(table.c.seq == seq))
        elif how == "cut":
            connection.execute(delete(table).where(table.c.seq >= seq))
        elif how == "insert":
            forged = {"at": 1, "actor": "x", "action": "x", "subject": "x", "detail": "{}", "mac": "0" * 64}
            connection.execute(insert(table).values(seq=rows + 1, **forged))
        else:
            value = 1 if how == "at" else "x"
            connection.execute(update(table).where(table.c.seq == seq).values({how: value}))
    assert audit.verify(engine, KEY, head).broken_at > 0


def test_another_key_makes_no_valid_chain(engine: Engine) -> None:
    fill(engine, 3)
    assert audit.verify(engine, b"x" * 32).broken_at == 1


def test_the_key_is_made_once_and_only_ours_to_read(tmp_path: Path) -> None:
    key = audit.load_key(tmp_path)
    assert len(key) == 32
    assert audit.load_key(tmp_path) == key
    file = tmp_path / audit.KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [audit.KEY_FILE]
    file.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        audit.load_key(tmp_path)


def test_a_user_without_a_name_is_known_by_its_number() -> None:
    need.root()
    unnamed = 59_999
    ask = f"from controller.audit import actor; import os; os.setuid({unnamed}); print(actor())"
    command = [sys.executable, "-c", ask]
    done = subprocess.run(command, env={}, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == f"uid {unnamed}\n", done.stderr
