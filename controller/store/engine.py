"""One engine factory for the relational store: SQLite by default, PostgreSQL by URL."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from controller.errors import StoreBusy, StoreError

HEAD = "0011"
_RESTORE = "put a backup in its place, or move it away to begin anew"
READ_ONLY = {"read_only": True}
"""Execution options of a connection that only reads: it waits for no writer."""


def open_engine(url: str) -> Engine:
    """An engine whose every transaction is BEGIN IMMEDIATE on SQLite, so none fails half-way for a lock.

    A connection with the READ_ONLY execution options begins deferred. Raises StoreError for a URL nobody
    can read.
    """
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, hide_parameters=True)  # a parameter may be a key
    except ArgumentError as error:
        raise StoreError(f"store_url: {error}; write sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    except ModuleNotFoundError as error:
        raise StoreError(f"store_url: {error}; install psycopg[binary], or write sqlite:///FILE") from None
    if _is_sqlite(engine):
        event.listen(engine, "connect", _pragmas)
        event.listen(engine, "begin", _begin)
    return engine


def open_store(url: str) -> Engine:
    """The engine of a store that is at this program's version; migrates an older one, refuses a newer one.

    Raises StoreError with one line that says which file and how to mend it; the file is left as it was.
    """
    engine = open_engine(url)
    shown = engine.url.database if _is_sqlite(engine) else engine.url.render_as_string()
    try:
        if _is_sqlite(engine):
            Path(str(shown)).parent.mkdir(parents=True, exist_ok=True)
        if version(engine) != HEAD:
            from controller.store.migrate import upgrade  # noqa: PLC0415  alembic costs 0.6 s, rarely needed

            upgrade(engine, str(shown))
    except OperationalError as error:
        if "locked" in str(error.orig):
            raise StoreBusy(f"{shown}: another process holds the store; try again") from None
        raise StoreError(f"{shown}: {error.orig}; check its owner and mode, or set store_url") from None
    except OSError as error:
        raise StoreError(f"{shown}: {error.strerror}; set data_dir to a place you may write") from None
    except DatabaseError as error:
        raise StoreError(f"{shown}: {error.orig}; {_RESTORE}") from None
    return engine


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def require_sound(engine: Engine) -> None:
    """Look at every page once, so that damage is told at the start and not at somebody's tap.

    Raises StoreError; the file is left as it is.
    """
    if not _is_sqlite(engine):
        return
    try:
        with engine.connect().execution_options(**READ_ONLY) as connection:
            said = str(connection.execute(text("PRAGMA quick_check(1)")).scalar()).splitlines()[-1]
    except DatabaseError as error:
        said = str(error.orig)
    if said != "ok":
        raise StoreError(f"{engine.url.database}: is damaged ({said}); {_RESTORE}")


def version(engine: Engine) -> str:
    """The migration a store is at; empty for a new one."""
    with engine.connect().execution_options(**READ_ONLY) as connection:
        if not connection.dialect.has_table(connection, "alembic_version"):
            return ""
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the begin event below decides, not pysqlite
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
