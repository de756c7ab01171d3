"""A real PostgreSQL, alone in a folder, and databases in it that are at this program's version."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from sqlalchemy import text

from controller.store.engine import open_engine, open_store
from tests import need

PROGRAMS = Path("/usr/lib/postgresql")
OPTIONS = "-c listen_addresses='' -c fsync=off -c autovacuum=off"
OURS, TEMPLATE = "postgres", "plaza"


@dataclass
class Cluster:
    """One server, which is reached by a socket in its folder."""

    folder: Path
    number: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://{OURS}@/{database}?host={self.folder}"

    def new(self) -> str:
        """The URL of a database with every table, empty."""
        name = f"test{next(self.number)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return self.url(name)

    def run(self, statement: str) -> None:
        engine = open_engine(self.url("postgres"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server for as long as the block lasts; skips where PostgreSQL is absent (in CI: fails)."""
    need.program("psql", "postgresql")
    programs = max(PROGRAMS.glob("*/bin"), key=lambda found: int(found.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="plaza-pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, OURS)
    data, log = folder / "data", folder / "log"
    try:
        _as_server([programs / "initdb", "-D", data, "-U", OURS, "-A", "trust", "-N", "-E", "UTF8"])
        _as_server(
            [programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", f"-k {folder} {OPTIONS}", "start"]
        )
        try:
            made = Cluster(folder)
            made.run(f"CREATE DATABASE {TEMPLATE}")
            open_store(made.url(TEMPLATE)).dispose()
            yield made
        finally:
            _as_server([programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder)


def _as_server(command: list[Path | str]) -> None:
    """It refuses to run as root."""
    other = ["runuser", "-u", OURS, "--"] if os.geteuid() == 0 else []
    asked = [*other, *map(str, command)]
    done = subprocess.run(
        asked, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
