"""Samples ↔ the payload of a frame: exact, compact, and bounded when it is read.

One octet of version, then zlib (level 1) over JSON: samples that know the same fields are a group of columns;
the tags of all samples are numbers in one list of words. JSON gives every float and every integer back as it
was.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from metrics.catalog import MEASUREMENTS, check
from metrics.errors import CatalogError, FrameUnknown, FrameUnreadable
from metrics.sample import Sample

VERSION: Final = 1
LARGEST_OCTETS: Final = 2 * 2**20
"""Of what a payload unpacks to."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a frame holds: `samples` that the catalogue knows, why others are `refused`, and `more`."""

    samples: tuple[Sample, ...]
    refused: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


def encode(samples: Iterable[Sample], more: Mapping[str, Any]) -> bytes:
    """`more` is whatever JSON can say.

    Raises CatalogError for a sample that has not the tags it should, and FrameUnreadable for so many that
    `decode` would refuse them: halve them.
    """
    words: dict[str, int] = {}
    groups = [_columns(key, group, words) for key, group in _grouped(samples).items()]
    said = {"words": list(words), "groups": groups, "more": more}
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    octets = text.encode("utf-8", "surrogatepass")
    if len(octets) > LARGEST_OCTETS:
        raise FrameUnreadable(f"it would unpack to more than {LARGEST_OCTETS} octets")
    return bytes([VERSION]) + zlib.compress(octets, 1)


def decode(payload: bytes) -> Batch:
    """Raises FrameUnknown for another version, FrameUnreadable for what `encode` never made."""
    if not payload:
        raise FrameUnreadable("it is empty")
    if payload[0] != VERSION:
        raise FrameUnknown(f"a frame of version {payload[0]}, this Plaza knows version {VERSION}")
    said = _unpacked(payload[1:])
    try:
        words, groups, more = said["words"], said["groups"], said["more"]
        found = [one for group in groups for one in _rows(group, words)]
        if not isinstance(more, dict):
            raise TypeError
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FrameUnreadable(f"not what a poller writes ({type(error).__name__})") from None
    good = tuple(one for one in found if isinstance(one, Sample))
    return Batch(good, tuple(one for one in found if isinstance(one, str)), more)


_Key = tuple[str, tuple[str, ...]]


def _grouped(samples: Iterable[Sample]) -> dict[_Key, list[Sample]]:
    found: dict[_Key, list[Sample]] = {}
    for sample in samples:
        found.setdefault((sample.measurement, tuple(sample.fields)), []).append(sample)
    return found


def _columns(key: _Key, samples: Sequence[Sample], words: dict[str, int]) -> list[Any]:
    name, fields = key
    if name not in MEASUREMENTS:
        raise CatalogError(f"unknown measurement {name!r}")
    try:
        tags = [
            [words.setdefault(sample.tags[tag], len(words)) for sample in samples]
            for tag in MEASUREMENTS[name].tags
        ]
    except KeyError as error:
        raise CatalogError(f"{name}: no tag {error.args[0]!r}") from None
    values = [[sample.fields[one] for sample in samples] for one in fields]
    return [name, MEASUREMENTS[name].tags, fields, [sample.time for sample in samples], tags, values]


def _unpacked(octets: bytes) -> Any:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(octets, LARGEST_OCTETS)
        if unpacking.unconsumed_tail or not unpacking.eof:
            raise FrameUnreadable(f"it unpacks to more than {LARGEST_OCTETS} octets, or is cut off")
        return json.loads(text.decode("utf-8", "surrogatepass"))
    except (zlib.error, ValueError, RecursionError) as error:
        raise FrameUnreadable(f"it cannot be unpacked ({type(error).__name__})") from None


def _rows(group: Any, words: Any) -> Iterator[Sample | str]:
    """Each row as a sample, or why it is none. Raises what says that this is no group at all."""
    name, tags, fields, times, tag_columns, value_columns = group
    if not isinstance(name, str) or not (len(tags) == len(tag_columns) and len(fields) == len(value_columns)):
        raise ValueError
    rows = len(times)
    each = zip(
        ([words[number] for number in numbers] for numbers in _transposed(tag_columns, rows)),
        _transposed(value_columns, rows),
        times,
        strict=True,
    )
    make = _trusted if _are_slots(times) and all(map(_are_numbers, value_columns)) else _sample
    for at, values, time in each:
        sample = make(name, dict(zip(tags, at, strict=True)), dict(zip(fields, values, strict=True)), time)
        yield sample


def _are_slots(column: Sequence[Any]) -> bool:
    return set(map(type, column)) == {int} and min(column) >= 0 and max(column) < 2**40


def _are_numbers(column: Sequence[Any]) -> bool:
    """Such as every store holds; a column is looked at far more quickly than each of its values."""
    if not set(map(type, column)) <= {int, float}:
        return False
    total = sum(column)
    return bool(total - total == 0 and max(column) < 2**63 and min(column) > -(2**63))


def _trusted(name: str, tags: dict[str, Any], fields: dict[str, Any], time: Any) -> Sample | str:
    """Its numbers are known to be good, so only its names are looked at, once for each of them."""
    try:
        problem = _names_problem(name, *fields, None, *tags, None, *tags.values())
    except TypeError:
        return f"{name}: a tag is no text"
    return problem or Sample(name, tags, fields, time)


@lru_cache(maxsize=2**15)
def _names_problem(name: str, *words: str | None) -> str:
    """What the catalogue says of a measurement with these fields, tags, and values of the tags."""
    end = words.index(None)
    fields, rest = words[:end], words[end + 1 :]
    middle = rest.index(None)
    tags = dict(zip(rest[:middle], rest[middle + 1 :], strict=True))
    sample = _sample(
        name, {str(tag): value for tag, value in tags.items()}, dict.fromkeys(map(str, fields), 1), 0
    )
    return sample if isinstance(sample, str) else ""


def _transposed(columns: Sequence[Sequence[Any]], rows: int) -> list[tuple[Any, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * rows


def _sample(name: str, tags: dict[str, Any], fields: dict[str, Any], time: Any) -> Sample | str:
    if type(time) is not int or not 0 <= time < 2**40:
        return f"{name}: its time is no slot"
    if not all(isinstance(value, str) for value in tags.values()):
        return f"{name}: a tag is no text"
    if not all(type(value) in (int, float) for value in fields.values()):
        return f"{name}: a field is no number"
    sample = Sample(name, tags, fields, time)
    try:
        check(sample)
    except CatalogError as error:
        return str(error)
    return sample
