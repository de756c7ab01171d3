"""The peers' way: influxdb-client's Point, and its batching."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from influxdb_client import InfluxDBClient, Point, WritePrecision
from influxdb_client.client.write_api import WriteOptions

from metrics.sample import Sample

BATCH: Final = WriteOptions(batch_size=5_000, flush_interval=1_000)
"""Larger batches than its default of 1,000: to its advantage."""


def point(sample: Sample) -> Point:
    """As its documentation makes one."""
    made = Point(sample.measurement).time(datetime.fromtimestamp(sample.time, UTC), WritePrecision.S)
    for tag, text in sample.tags.items():
        made.tag(tag, text)
    for name, value in sample.fields.items():
        made.field(name, value)
    return made


def lines(samples: Iterable[Sample]) -> Iterator[str]:
    """Line protocol by its encoder."""
    return (point(sample).to_line_protocol() for sample in samples)


def client(url: str) -> Any:
    """A client with its own ways of waiting and trying again."""
    return InfluxDBClient(url=url, token="", org="", timeout=10_000)
