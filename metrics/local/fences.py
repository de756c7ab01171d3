"""The newest epoch that has written for each shard: who lost a shard can no longer write for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from metrics.errors import StaleEpoch
from metrics.local.shelf import Table, Volume

FENCES: Final = Table("fences", {"shard": "INTEGER NOT NULL", "epoch": "INTEGER NOT NULL"}, ("shard",))


@contextmanager
def held(fences: Volume, shard: int, epoch: int) -> Iterator[None]:
    """Nobody takes the shard over while the block writes. Raises StaleEpoch.

    A higher epoch is on the disk before the first row written under it: no crash lets the old owner back in.
    """
    if newest(fences, shard) < epoch:
        with fences.writing():
            raise_to(fences, shard, epoch)
    with fences.writing():
        found = newest(fences, shard)
        if found > epoch:
            raise StaleEpoch(shard, epoch, found)
        yield


def raise_to(fences: Volume, shard: int, epoch: int) -> None:
    """Epochs only grow."""
    fences.execute(
        "INSERT INTO fences (shard, epoch) VALUES (?, ?) "
        "ON CONFLICT (shard) DO UPDATE SET epoch = excluded.epoch WHERE excluded.epoch > fences.epoch",
        (shard, epoch),
    )


def newest(fences: Volume, shard: int) -> int:
    """The highest epoch that wrote for the shard; 0 when none did."""
    row = fences.execute("SELECT epoch FROM fences WHERE shard = ?", (shard,)).fetchone()
    return int(row[0]) if row else 0
