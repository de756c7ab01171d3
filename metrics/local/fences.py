"""The newest epoch that has written for each shard: who lost a shard can no longer write for it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from metrics.errors import StaleEpoch
from metrics.local.database import Table

FENCES: Final = Table("fences", {"shard": "INTEGER NOT NULL", "epoch": "INTEGER NOT NULL"}, ("shard",))


@contextmanager
def held(connection: sqlite3.Connection, shard: int, epoch: int) -> Iterator[None]:
    """Nobody takes the shard over while the block writes. Raises StaleEpoch.

    A higher epoch is on the disk before the first row written under it: no crash lets the old owner back in.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        while (newest := _newest(connection, shard)) < epoch:
            raise_to(connection, shard, epoch)
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
        if newest > epoch:
            raise StaleEpoch(shard, epoch, newest)
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def raise_to(connection: sqlite3.Connection, shard: int, epoch: int) -> None:
    """Epochs only grow."""
    connection.execute(
        "INSERT INTO fences (shard, epoch) VALUES (?, ?) "
        "ON CONFLICT DO UPDATE SET epoch = max(epoch, excluded.epoch)",
        (shard, epoch),
    )


def _newest(connection: sqlite3.Connection, shard: int) -> int:
    row = connection.execute("SELECT epoch FROM fences WHERE shard = ?", (shard,)).fetchone()
    return int(row[0]) if row else 0
