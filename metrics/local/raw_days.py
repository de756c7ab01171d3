"""Questions to a day as it came: its blocks lie stripe by stripe, each in the order of time."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.errors import StoreBroken
from metrics.local import blocks as packed
from metrics.local.blocks import STRIPE, Block
from metrics.local.schema import Tags
from metrics.local.shelf import Volume
from metrics.sink import Cell, Window

MINUTE_S: Final = 60
MEND: Final = "plaza store repair saves what can be read"


@contextmanager
def sound(volume: Volume) -> Iterator[None]:
    """What is wrong with a block is wrong with its day: ValueError becomes StoreBroken."""
    try:
        yield
    except ValueError as error:
        raise StoreBroken(volume.name, str(error), MEND) from error


def blocks(
    volume: Volume,
    measurement: str,
    window: Window,
    *,
    stripes: Collection[int] | None = None,
    wanted: Mapping[int, int] | None = None,
    after: int = 0,
) -> Iterator[Block]:
    """Those of the window by stripe, time and batch.

    Only of these `stripes`, only with members of the `wanted` bits of stripes, only of batches `after` one.
    """
    select = (
        f"SELECT stripe, time, batch, members, data FROM {measurement} "  # noqa: S608
        "WHERE stripe = ? AND time >= ? AND time < ? AND batch > ?"
    )
    order, values = " ORDER BY time, batch, number", (window.start, window.end, after)
    if wanted is not None:
        for stripe, bits in sorted(wanted.items()):
            with_bits = (stripe, *values, packed.signed(bits))
            yield from _blocks(volume, f"{select} AND (members & ?) <> 0{order}", with_bits)
        return
    for stripe in all_stripes(volume, measurement) if stripes is None else sorted(stripes):
        yield from _blocks(volume, f"{select}{order}", (stripe, *values))


def of_batches(volume: Volume, measurement: str, window: Window, batches: Sequence[int]) -> Iterator[Block]:
    """The same of these batches only."""
    marks = ", ".join("?" * len(batches))
    select = (
        f"SELECT stripe, time, batch, members, data FROM {measurement} "  # noqa: S608
        f"WHERE stripe = ? AND time >= ? AND time < ? AND batch IN ({marks}) ORDER BY time, batch, number"
    )
    for stripe in all_stripes(volume, measurement):
        yield from _blocks(volume, select, (stripe, window.start, window.end, *batches))


def _blocks(volume: Volume, select: str, values: Sequence[int]) -> Iterator[Block]:
    """A stripe's at a time are in memory."""
    for stripe, time, batch, members, data in volume.execute(select, values).fetchall():
        yield Block(stripe, time, batch, packed.unsigned(members), bytes(data))


def all_stripes(volume: Volume, measurement: str) -> range:
    """The stripes of the day's series."""
    return range(len(_all_series(volume, measurement)) // STRIPE + 1)


def _all_series(volume: Volume, measurement: str) -> range:
    """The numbers of the day's series: 1, 2, 3 and so on."""
    (last,) = volume.execute(f"SELECT max(id) FROM {measurement}_series").fetchone()  # noqa: S608
    return range(1, (last or 0) + 1)


def series(volume: Volume, measurement: str, wanted: Mapping[str, str]) -> dict[int, Tags]:
    """The tags of each series whose tags match, by its number."""
    tags = ", ".join(MEASUREMENTS[measurement].tags)
    equal = "".join(f" AND {tag} = ?" for tag in wanted)
    select = f"SELECT id, {tags} FROM {measurement}_series WHERE true{equal} ORDER BY id"  # noqa: S608
    rows = volume.execute(select, tuple(wanted.values()))
    return {number: tuple(values) for number, *values in rows}


def bits(numbers: Collection[int]) -> dict[int, int]:
    """The stripes of these series, and their bits there."""
    found: dict[int, int] = {}
    for number in numbers:
        stripe, bit = packed.of_series(number)
        found[stripe] = found.get(stripe, 0) | bit
    return found


def newest(volume: Volume, measurement: str, since: int) -> Iterator[tuple[Block, int]]:
    """The blocks with the newest row of each series, and the bits of those series.

    Most have one in the last slot: no data are read to find that out.
    """
    times = (
        f"SELECT time, batch, number, members FROM {measurement} "  # noqa: S608
        "WHERE stripe = ? AND time >= ? AND time < ? ORDER BY time DESC, batch, number"
    )
    data = f"SELECT data FROM {measurement} WHERE stripe = ? AND time = ? AND batch = ? AND number = ?"  # noqa: S608
    for stripe, missing in bits(_all_series(volume, measurement)).items():
        for begin, end in _back_to(volume, measurement, stripe, since):
            for time, batch, number, members in volume.execute(times, (stripe, begin, end)).fetchall():
                found = packed.unsigned(members) & missing
                if found:
                    key = (stripe, time, batch, number)
                    block = Block(stripe, time, batch, packed.unsigned(members), _data(volume, data, key))
                    yield block, found
                    missing &= ~found  # noqa: PLW2901
            if not missing:
                break


def _data(volume: Volume, select: str, key: tuple[int, ...]) -> bytes:
    return bytes(volume.execute(select, key).fetchone()[0])


def _back_to(volume: Volume, measurement: str, stripe: int, since: int) -> Iterator[tuple[int, int]]:
    """The stripe's last slot, two minutes before it, and at last everything since."""
    select = f"SELECT max(time) FROM {measurement} WHERE stripe = ?"  # noqa: S608
    (last,) = volume.execute(select, (stripe,)).fetchone()
    if last is None or last < since:
        return
    end = last + 1
    for begin in (last, max(since, last - 2 * MINUTE_S), since):
        if begin < end:
            yield begin, end
            end = begin


def count(volume: Volume, measurement: str, window: Window) -> int:
    """How many points there are in the window."""
    return sum(members.bit_count() for _, _, members in _members(volume, measurement, window))


def cells(volume: Volume, measurement: str, window: Window) -> Iterator[tuple[Cell, int]]:
    """How many points there are of each series and minute."""
    tags = series(volume, measurement, {})
    found: Counter[tuple[int, int]] = Counter()
    before = 0
    for stripe, time, members in _members(volume, measurement, window):
        if stripe != before:
            yield from _named(measurement, tags, found)
            found.clear()
            before = stripe
        minute, first = time // MINUTE_S * MINUTE_S, stripe * STRIPE
        found.update([(first + place, minute) for place in packed.places(members)])
    yield from _named(measurement, tags, found)


def _named(
    measurement: str, tags: Mapping[int, Tags], found: Mapping[tuple[int, int], int]
) -> Iterator[tuple[Cell, int]]:
    for (number, minute), points in found.items():
        yield Cell(measurement, tags[number], minute), points


def _members(volume: Volume, measurement: str, window: Window) -> Iterator[tuple[int, int, int]]:
    """Stripe, time and members of each block, without its data."""
    select = f"SELECT time, members FROM {measurement} WHERE stripe = ? AND time >= ? AND time < ?"  # noqa: S608
    for stripe in all_stripes(volume, measurement):
        for time, members in volume.execute(select, (stripe, window.start, window.end)).fetchall():
            yield stripe, time, packed.unsigned(members)
