"""A shelf that is a PostgreSQL database: one schema per volume."""

import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import errors, sql
from psycopg.types.numeric import NumericLoader

from metrics.errors import CatalogError, StoreBroken, StoreUnusable
from metrics.local.pg_text import copied, created, marked, typed, values_of
from metrics.local.shelf import Layout, Rows, Table, Values, Volume

PREFIX: Final = "plaza-"
WAIT_S: Final = 30
_LOCKS: Final = 0x506C617A
_FEW: Final = 20


class _Number(NumericLoader):
    """Sums of integers are of type numeric there; to us they are integers."""

    def load(self, data: Any) -> Any:
        number = super().load(data)
        return int(number) if number == number.to_integral_value() else float(number)


class _Answer:
    """Rows that were fetched at once. See Rows."""

    def __init__(self, cursor: "psycopg.Cursor[Any]") -> None:
        self.description = cursor.description
        self._rows = iter(cursor.fetchall() if cursor.description else ())

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        return list(self._rows)


class _Line:
    """One connection and what is prepared on it."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.connection = connection
        self.schema = ""
        self.stages: set[tuple[str, str]] = set()

    def turn_to(self, schema: str) -> None:
        """Names without a schema mean this one from now on."""
        if schema != self.schema:
            path = sql.SQL("SET search_path TO {}").format(sql.Identifier(schema))
            self.connection.execute(path)
            self.schema = schema


class _OfThread(threading.local):
    def __init__(self) -> None:
        self.free: list[_Line] = []
        self.volumes: dict[str, PostgresVolume] = {}


class PostgresVolume:
    """One schema as this thread holds it. See Volume."""

    def __init__(self, shelf: "PostgresShelf", name: str, identity: int) -> None:
        self._shelf = shelf
        self._name = name
        self.identity = identity
        self._line: _Line | None = None

    @property
    def name(self) -> str:
        """See Volume."""
        return self._name

    def execute(self, statement: str, values: Values = ()) -> Rows:
        """See Volume."""
        with self._speaking() as line:
            return _Answer(line.connection.execute(marked(statement).encode(), values))

    def executemany(self, statement: str, rows: Iterable[Values]) -> None:
        """See Volume."""
        with self._speaking() as line, line.connection.cursor() as cursor:
            cursor.executemany(marked(statement).encode(), rows)

    def load(
        self, table: Table, columns: tuple[str, ...], rows: Iterable[Values], conflict: str = ""
    ) -> None:
        """By COPY, where it is worth it. See Volume."""
        listed = list(rows)
        if len(listed) < _FEW or (conflict and _twice(table, columns, listed)):
            ways = values_of(table, columns)
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {conflict}"  # noqa: S608
            self.executemany(
                insert, [[way(value) for way, value in zip(ways, row, strict=True)] for row in listed]
            )
        else:
            with self._speaking() as line:
                self._copy(line, table, columns, listed, conflict)

    def _copy(
        self, line: _Line, table: Table, columns: tuple[str, ...], rows: list[Values], conflict: str
    ) -> None:
        """Where rows may be there already, by way of a table of this connection's own."""
        names = ", ".join(columns)
        target = f"stage_{table.name}" if conflict else table.name
        key = (self._shelf.schema(self._name), table.name)
        if conflict and key not in line.stages:
            line.connection.execute(f"DROP TABLE IF EXISTS pg_temp.{target}".encode())
            stage = f"CREATE TEMP TABLE {target} (LIKE {table.name}) ON COMMIT DELETE ROWS"
            line.connection.execute(stage.encode())
            for column in table.columns:
                free = f"ALTER TABLE pg_temp.{target} ALTER COLUMN {column} DROP NOT NULL"
                line.connection.execute(free.encode())
            line.stages = {one for one in line.stages if one[1] != table.name} | {key}
        with line.connection.cursor() as cursor:
            with cursor.copy(f"COPY {target} ({names}) FROM STDIN".encode()) as copy:
                for part in copied(table, columns, rows):
                    copy.write(part)
            if conflict:
                move = f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {target} {conflict}"  # noqa: S608
                cursor.execute(move.encode())
                cursor.execute(f"DELETE FROM {target}".encode())  # noqa: S608  the same table twice a batch

    def columns(self, table: str) -> list[str]:
        """See Volume."""
        with self._speaking() as line:
            return list(_columns(line, self._shelf.schema(self._name)).get(table, ()))

    def renew(self, table: Table) -> str:
        """Its key would keep the name that the new one's has. See Volume."""
        before = f"{table.name}_before"
        self.execute(f"ALTER TABLE {table.name} RENAME TO {before}")
        self.execute(f"ALTER INDEX {table.name}_pkey RENAME TO {before}_pkey")
        self.execute(created(table))
        return before

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See Volume."""
        with self._transaction("BEGIN") as line:
            line.connection.execute(
                "SELECT pg_advisory_xact_lock(%s, %s)", (_LOCKS, _lock_of(self._shelf.schema(self._name)))
            )
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See Volume."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
            yield

    @contextmanager
    def within(self, line: _Line) -> Iterator[None]:
        """Use a line whose transaction has begun."""
        self._line = line
        try:
            yield
        finally:
            self._line = None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[_Line]:
        with self._shelf.line(self._shelf.schema(self._name)) as line:
            line.connection.execute(begin.encode())
            try:
                with self.within(line):
                    yield line
                line.connection.execute("COMMIT")
            except BaseException:
                line.stages.clear()  # those made within are gone
                line.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _speaking(self) -> Iterator[_Line]:
        if self._line is not None:
            yield self._line
            return
        with self._shelf.line(self._shelf.schema(self._name)) as line:
            yield line


class PostgresShelf:
    """A database, in which each volume is a schema whose name begins with `space`. See Shelf."""

    def __init__(self, url: str, space: str = PREFIX) -> None:
        """Raises StoreUnusable when nobody answers."""
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._space = space
        self._own = _OfThread()
        self._lines: list[_Line] = []
        self._lock = threading.Lock()
        self._known: set[tuple[str, int, tuple[str, ...]]] = set()
        self.names()

    @property
    def place(self) -> str:
        """See Shelf."""
        parts = urlsplit(self._url)
        where = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, where, parts.path, "", ""))

    def schema(self, name: str) -> str:
        """The schema of a volume."""
        return self._space + name

    def names(self) -> list[str]:
        """See Shelf."""
        with self.line("public") as line:
            rows = line.connection.execute(
                "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", (self._space,)
            ).fetchall()
        return sorted(row[0].removeprefix(self._space) for row in rows)

    def open(self, name: str, layout: Layout) -> Volume:
        """See Shelf."""
        identity = self._identity(name)
        tables = tuple(table.name for table in layout.tables)
        if identity is None or (name, identity, tables) not in self._known:
            identity = self._make(name, layout)
            self._known.add((name, identity, tables))
        held = self._own.volumes.get(name)
        if held is None or held.identity != identity:
            held = self._own.volumes[name] = PostgresVolume(self, name, identity)
        return held

    def _identity(self, name: str) -> int | None:
        with self.line("public") as line:
            row = line.connection.execute(
                "SELECT oid FROM pg_namespace WHERE nspname = %s", (self.schema(name),)
            ).fetchone()
        return row[0] if row else None

    def _make(self, name: str, layout: Layout) -> int:
        """Make the schema, or what it lacks, in one transaction."""
        schema = self.schema(name)
        with self.line("public") as line:
            line.connection.execute("BEGIN")
            try:
                line.connection.execute(
                    "SELECT pg_advisory_xact_lock(%s, %s)", (_LOCKS, _lock_of(schema + "\n"))
                )
                line.connection.execute(
                    sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema))
                )
                path = sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema))
                line.connection.execute(path)
                with (volume := PostgresVolume(self, name, 0)).within(line):
                    _evolve(line, layout, volume, schema)
                line.connection.execute("COMMIT")
            except BaseException:
                line.connection.execute("ROLLBACK")
                raise
        identity = self._identity(name)
        return self._make(name, layout) if identity is None else identity  # dropped meanwhile

    def drop(self, name: str) -> None:
        """See Shelf."""
        with self.line("public") as line:
            schema = sql.Identifier(self.schema(name))
            line.connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
        self._own.volumes.pop(name, None)

    def set_aside(self, name: str, error: StoreBroken) -> bool:
        """The server mends its own files. See Shelf."""
        return False

    def octets(self, name: str) -> int:
        """See Shelf."""
        with self.line("public") as line:
            (octets,) = line.connection.execute(
                "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
                "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r'",
                (self.schema(name),),
            ).fetchone() or (0,)
        return int(octets)

    def check(self, name: str) -> list[str]:
        """Reads every row of every table, as pg_dump does. See Shelf."""
        schema = self.schema(name)
        with self.line("public") as line:
            tables = sorted(_columns(line, schema))
        found: list[str] = []
        for table in tables:
            whole = sql.SQL("SELECT sum(hashtext(t::text)::bigint) FROM {} t").format(
                sql.Identifier(schema, table)
            )
            try:
                with self.line("public") as line:
                    line.connection.execute(whole)
            except StoreUnusable as error:
                found.append(str(error))
        return found

    def close(self) -> None:
        """See Shelf."""
        with self._lock:
            for line in self._lines:
                line.connection.close()
            self._lines.clear()
        self._own.free.clear()
        self._own.volumes.clear()

    @contextmanager
    def line(self, schema: str) -> Iterator[_Line]:
        """A connection of this thread that nobody uses meanwhile. Raises StoreUnusable."""
        with self._translated():
            line = self._own.free.pop() if self._own.free else self._connect()
            try:
                line.turn_to(schema)
                yield line
            finally:
                if not line.connection.closed:
                    self._own.free.append(line)

    def _connect(self) -> _Line:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=WAIT_S)
        connection.execute(f"SET lock_timeout = '{WAIT_S}s'".encode())
        connection.adapters.register_loader("numeric", _Number)
        line = _Line(connection)
        with self._lock:
            self._lines = [one for one in self._lines if not one.connection.closed]
            self._lines.append(line)
        return line

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The server's complaints as StoreUnusable with what mends it; mistakes of ours as they are."""
        try:
            yield
        except errors.DataError as error:
            raise CatalogError(f"PostgreSQL cannot keep a value: {_sentence(error)}") from error
        except (errors.LockNotAvailable, errors.QueryCanceled) as error:
            hint = "another process has held it; see SELECT * FROM pg_stat_activity"
            raise StoreUnusable(self.place, _sentence(error), hint) from error
        except (errors.InsufficientPrivilege, errors.InvalidSchemaName) as error:
            hint = "let this user make schemas: GRANT CREATE ON DATABASE … TO …"
            raise StoreUnusable(self.place, _sentence(error), hint) from error
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            hint = "see that the server runs, that it lets this user in, and its log"
            raise StoreUnusable(self.place, _sentence(error), hint) from error


def _columns(line: _Line, schema: str) -> dict[str, dict[str, bool]]:
    """The columns of each table that is there: whether it belongs to the primary key."""
    rows = line.connection.execute(
        "SELECT c.relname, a.attname, coalesce(a.attnum = ANY(i.indkey), false) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid "
        "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
        "WHERE n.nspname = %s AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
        (schema,),
    ).fetchall()
    found: dict[str, dict[str, bool]] = {}
    for table, column, in_key in rows:
        found.setdefault(table, {})[column] = in_key
    return found


def _evolve(line: _Line, layout: Layout, volume: PostgresVolume, schema: str) -> None:
    """Make what is missing; what is older than the layout comes up to it first."""
    present = _columns(line, schema)
    if any(_is_older(table, present.get(table.name)) for table in layout.tables):
        layout.upgrade(volume)
    now = _columns(line, schema)
    for table in layout.tables:
        for statement in _missing(table, now.get(table.name)):
            line.connection.execute(statement.encode())
    if not present:
        layout.fill(volume)


def _is_older(table: Table, present: dict[str, bool] | None) -> bool:
    """Whether its key has a column that older rows have no value for."""
    if present is None:
        return False
    return any("DEFAULT" not in table.columns[name] for name in table.key if name not in present)


def _missing(table: Table, present: dict[str, bool] | None) -> list[str]:
    """The statements that bring a table up to this version's."""
    if present is None:
        return [created(table)]
    statements = [
        f"ALTER TABLE {table.name} ADD COLUMN {name} {typed(declaration)}"
        for name, declaration in table.columns.items()
        if name not in present
    ]
    if {name for name, in_key in present.items() if in_key} != set(table.key):
        key = ", ".join(table.key)
        statements += [
            f"ALTER TABLE {table.name} DROP CONSTRAINT {table.name}_pkey",
            f"ALTER TABLE {table.name} ADD PRIMARY KEY ({key})",
        ]
    return statements


def _twice(table: Table, columns: tuple[str, ...], rows: list[Values]) -> bool:
    """Whether a key comes more than once, of which one statement can only take one."""
    places = [columns.index(column) for column in table.key]
    return len({tuple(row[place] for place in places) for row in rows}) < len(rows)


def _lock_of(schema: str) -> int:
    """A number of 31 bits for it; two that share one only wait for each other."""
    return zlib.crc32(schema.encode()) >> 1


def _sentence(error: psycopg.Error) -> str:
    """The server's first line, which never has a value of ours that is secret."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
