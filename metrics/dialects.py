"""How each kind of server is written to, counted and looked at."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from metrics.catalog import Measurement
from metrics.exchange import Answered
from metrics.looking import Looked, buckets, exports, measurements, retention_policies
from metrics.readback import Fetch, influxql, metricsql
from metrics.sink import Cell, Window


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where points go: InfluxDB 2 has organisations with buckets, InfluxDB 3 databases."""

    org: str
    name: str

    @property
    def database(self) -> dict[str, str]:
        """InfluxDB 1 has databases with retention policies: `database` or `database/policy`."""
        database, _, policy = self.name.partition("/")
        return {"db": database, "rp": policy} if policy else {"db": database}


@dataclass(frozen=True, slots=True)
class Dialect:
    """`look` asks without a write whether points would be taken, see metrics.looking.

    `settle_s`: for how long a killed server may take back what it acknowledged.

    `scheme` is what stands before the token; a token `user:password` of InfluxDB 1 goes as Basic. `settled`
    makes what was written last countable, where that takes a request of its own.
    """

    write_path: str
    write_query: Callable[[Bucket], dict[str, str]]
    tally: Callable[[Fetch, Bucket, Measurement, Window], dict[Cell, int]]
    look: Callable[[Fetch, Bucket], Looked]
    scheme: str = "Token"
    passwords: bool = False
    settle_s: float = 0.0
    settled: Callable[[Fetch], None] = lambda _fetch: None


def _influxql(fetch: Fetch, bucket: Bucket, measurement: Measurement, window: Window) -> dict[Cell, int]:
    return influxql(fetch, bucket.database, measurement, window)


def _metricsql(fetch: Fetch, _bucket: Bucket, measurement: Measurement, window: Window) -> dict[Cell, int]:
    return metricsql(fetch, measurement, window)


def _flush(fetch: Fetch) -> None:
    """What was written last is found only after a flush; where that is forbidden, counts lag some seconds."""
    with suppress(Answered), fetch("/internal/force_flush", {}):
        pass


def _org_and_bucket(bucket: Bucket) -> dict[str, str]:
    return {"org": bucket.org, "bucket": bucket.name}


def _policies(fetch: Fetch, bucket: Bucket) -> Looked:
    return retention_policies(fetch, bucket.database["db"], bucket.database.get("rp", ""))


def _buckets(fetch: Fetch, bucket: Bucket) -> Looked:
    return buckets(fetch, bucket.org, bucket.name)


def _measurements(fetch: Fetch, bucket: Bucket) -> Looked:
    return measurements(fetch, bucket.name)


def _exports(fetch: Fetch, _bucket: Bucket) -> Looked:
    return exports(fetch)


def _bucket(bucket: Bucket) -> dict[str, str]:
    return {"bucket": bucket.name}


# InfluxDB syncs its log before it answers. VictoriaMetrics collects rows and then small parts in memory and
# writes those every 5 s: kill -9 lost acknowledged points of the last 7 s.
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "v3": Dialect("/api/v2/write", _bucket, _influxql, _measurements, scheme="Bearer"),
        "v2": Dialect("/api/v2/write", _org_and_bucket, _influxql, _buckets),
        "v1": Dialect("/write", lambda bucket: bucket.database, _influxql, _policies, passwords=True),
        "victoriametrics": Dialect(
            "/api/v2/write", _org_and_bucket, _metricsql, _exports, settle_s=30.0, settled=_flush
        ),
    }
)
