"""The peer of our store: what most would write, one table with a rowid and an index by access point."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from metrics.catalog import MEASUREMENTS
from metrics.sample import Sample

_WIFI_AP = MEASUREMENTS["wifi_ap"]
_COLUMNS = ("time", *_WIFI_AP.tags, *_WIFI_AP.fields)


class PlainStore:
    """As durable as ours: a transaction per slot, on the disk at its end."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        fields = ", ".join(f"{name} NUMERIC" for name in _WIFI_AP.fields)
        tags = ", ".join(f"{name} TEXT" for name in _WIFI_AP.tags)
        self.connection.execute(f"CREATE TABLE wifi_ap (time INTEGER, {tags}, {fields})")
        self.connection.execute("CREATE INDEX wifi_ap_by_ap ON wifi_ap (ap, time)")
        marks = ", ".join("?" * len(_COLUMNS))
        self._insert = f"INSERT INTO wifi_ap ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608

    def write(self, samples: Sequence[Sample]) -> None:
        """One slot."""
        fields = tuple(_WIFI_AP.fields)
        rows = [(one.time, *one.tags.values(), *(one.fields.get(name) for name in fields)) for one in samples]
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(self._insert, rows)
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Give the file back."""
        self.connection.close()
