"""kill -9 at any moment: no acknowledged session is lost."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import select, text

from captive_portal.tables import metadata, sessions
from controller.store.engine import open_engine


def acknowledged_before_kill(store: Path, name: str, wanted: int) -> list[str]:
    """Session ids that a process printed before it was killed, in the middle of opening more."""
    command = [sys.executable, "-m", "tests.portal.opens", str(store), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(wanted)]
        process.kill()
        lines += process.stdout.readlines()
    assert process.returncode == -9
    return [line.strip() for line in lines if line.endswith("\n")]


def test_every_acknowledged_session_survives_kill_9(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    engine = open_engine(f"sqlite:///{store}")
    metadata.create_all(engine)
    acknowledged: list[str] = []
    for number, wanted in enumerate((1, 17, 40)):
        acknowledged += acknowledged_before_kill(store, f"life-{number}", wanted)
    with engine.connect() as connection:
        kept = set(connection.execute(select(sessions.c.acctuniqueid)).scalars())
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert connection.execute(text("SELECT count(*) FROM pseudonym_key")).scalar() == 1
    engine.dispose()
    assert len(acknowledged) >= 58
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + 3  # at most the one each life was at when it ended
