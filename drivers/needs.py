"""Which objects of an agent a reading needs."""

from collections.abc import Iterator

from drivers.snmp.seam import Oid
from drivers.words import Reading, extend_column, extend_index


def scalar_of(reading: Reading) -> Iterator[Oid]:
    """The instance that a reading of a table's row needs."""
    yield from (reading.scalar,) if reading.scalar is not None else ()


def scalars_of(reading: Reading) -> Iterator[Oid]:
    """The instances that a reading of the device itself needs."""
    if reading.scalar is not None:
        yield reading.scalar
    if reading.extend is not None:
        yield (*extend_column(), *extend_index(reading.extend))
    if reading.share is not None:
        yield from (reading.share.total, *reading.share.free)
        yield from (reading.share.used,) if reading.share.used else ()
    yield from reading.of


def walked_of(reading: Reading) -> Iterator[Oid]:
    """The columns that a reading of the device itself needs."""
    if reading.column is not None:
        yield reading.column
    if reading.storage is not None:
        yield from (reading.storage.kind, reading.storage.used, reading.storage.size)


def columns_of(reading: Reading) -> Iterator[Oid]:
    """The columns that a reading of a table needs."""
    if reading.column is not None:
        yield reading.column
    if reading.extend is not None:
        yield extend_column()
    if reading.share is not None:
        yield from (reading.share.total, *reading.share.free)
        yield from (reading.share.used,) if reading.share.used else ()
    if reading.pair is not None:
        yield reading.pair.theirs
        yield from (reading.pair.ours,) if isinstance(reading.pair.ours, tuple) else ()
    yield from reading.of
    yield from (step for step in reading.at or () if isinstance(step, tuple))
