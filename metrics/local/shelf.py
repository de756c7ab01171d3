"""The seam to where samples are kept: sets of tables in files of SQLite or a PostgreSQL database."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from metrics.errors import StoreBroken

Values = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` maps names to declarations; later versions only ever add some. `key` is the primary key.

    A column that joins the key later declares the value that older rows have. Declarations are those that
    SQLite and PostgreSQL share: INTEGER (64 bits), REAL (a double), TEXT or BLOB, NOT NULL, DEFAULT. `large`
    rows lie in the order in which they came, with their keys beside them; the others in that of their keys.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    unique: tuple[str, ...] = ()
    large: bool = False

    @property
    def create(self) -> str:
        """The statement that makes it, in words that both understand."""
        parts = [f"{name} {declaration}" for name, declaration in self.columns.items()]
        parts.append(f"PRIMARY KEY ({', '.join(self.key)})")
        if self.unique:
            parts.append(f"UNIQUE ({', '.join(self.unique)})")
        return f"CREATE TABLE {self.name} ({', '.join(parts)})"


class Rows(Protocol):
    """The answer to a statement."""

    def __iter__(self) -> Iterator[Any]: ...

    def fetchone(self) -> Any:
        """The next row as a tuple, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """What is left of the rows, as tuples."""
        ...

    @property
    def description(self) -> Any:
        """A tuple for each column, its name first (PEP 249)."""
        ...


class Volume(Protocol):
    """One named set of tables, of one thread. Its statements have `?` for each value.

    Everything raises StoreUnusable where the file or the server is at fault.
    """

    @property
    def name(self) -> str:
        """Its name on the shelf."""
        ...

    def execute(self, statement: str, values: Values = ()) -> Rows:
        """One statement; outside of `writing` and `reading` a transaction of its own."""
        ...

    def executemany(self, statement: str, rows: Iterable[Values]) -> None:
        """The same statement for each row. Only inside `writing`."""
        ...

    def load(
        self, table: Table, columns: tuple[str, ...], rows: Iterable[Values], conflict: str = ""
    ) -> None:
        """Many new rows, the fast way; `conflict` is what follows the VALUES. Only inside `writing`.

        Numbers take the type of their column: 7.9 is 7 in one of INTEGER, True is 1.
        """
        ...

    def columns(self, table: str) -> list[str]:
        """Of a table, none when it is not there."""
        ...

    def renew(self, table: Table) -> str:
        """Move the table of this name away and make it anew; answer what the older one is called now.

        Only inside `writing`.
        """
        ...

    def writing(self) -> AbstractContextManager[None]:
        """One write transaction, all of it on the disk at the end or nothing; writers take turns."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """One state for several reads."""
        ...


Fill = Callable[[Volume], None]


def _nothing(_volume: Volume) -> None:
    """A new volume begins empty, an older one needs no more than the columns that it lacks."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a kind of volume consists of.

    `fill` puts the first rows into a new one, which nobody sees before. `upgrade` brings one of an older
    schema up to this one, within the transaction that then adds the tables and columns still missing.
    """

    tables: tuple[Table, ...]
    fill: Fill = _nothing
    upgrade: Fill = _nothing


class Shelf(Protocol):
    """Where volumes are. Any number of threads and processes may use it at once."""

    @property
    def place(self) -> str:
        """Where it is, for people: a directory or a URL without its password."""
        ...

    def names(self) -> list[str]:
        """The volumes that are there, sorted."""
        ...

    def open(self, name: str, layout: Layout) -> Volume:
        """This thread's hold of a volume, which is made whole when absent. Raises StoreUnusable."""
        ...

    def drop(self, name: str) -> None:
        """Give its space back; one that is not there is no mistake."""
        ...

    def set_aside(self, name: str, error: StoreBroken) -> bool:
        """Move a damaged day out of the way as it is; answer whether that name is free or whole now."""
        ...

    def octets(self, name: str) -> int:
        """How much room it takes; 0 when it is not there."""
        ...

    def check(self, name: str) -> list[str]:
        """What is wrong inside of it, one clear line each; none when it is whole."""
        ...

    def close(self) -> None:
        """Give up every thread's hold; the shelf is of no use afterwards."""
        ...
