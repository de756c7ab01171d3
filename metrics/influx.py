"""InfluxDB and VictoriaMetrics as sinks: bytes in one synchronous request, errors by what comes next."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from influxdb_client import InfluxDBClient
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from metrics.errors import SinkRefused, SinkUnavailable
from metrics.line_protocol import halves
from metrics.readback import AnswerRefused, Fetch, influxql, metricsql
from metrics.sink import Window

_REFUSALS: Final = frozenset({400, 422})
_TOO_LARGE: Final = 413
_LARGEST_REQUEST: Final = 8 * 2**20
_REASON_LENGTH: Final = 300


@dataclass(frozen=True, slots=True)
class _Bucket:
    org: str
    name: str

    @property
    def database(self) -> dict[str, str]:
        """InfluxDB 1 has databases with retention policies: `database` or `database/policy`."""
        database, _, policy = self.name.partition("/")
        return {"db": database, "rp": policy} if policy else {"db": database}


@dataclass(frozen=True, slots=True)
class Dialect:
    """`settle_s`: for how long a killed server may take back what it acknowledged."""

    write_path: str
    write_query: Callable[[_Bucket], dict[str, str]]
    count: Callable[[Fetch, _Bucket, Window], dict[str, int]]
    settle_s: float = 0.0


def _influxql(fetch: Fetch, bucket: _Bucket, window: Window) -> dict[str, int]:
    return influxql(fetch, bucket.database, window)


def _metricsql(fetch: Fetch, _bucket: _Bucket, window: Window) -> dict[str, int]:
    # What was written last is searched only after a flush; where that is forbidden, counts lag some seconds.
    try:
        with fetch("/internal/force_flush", {}):
            pass
    except ApiException:
        pass
    return metricsql(fetch, window)


def _org_and_bucket(bucket: _Bucket) -> dict[str, str]:
    return {"org": bucket.org, "bucket": bucket.name}


# InfluxDB syncs its log before it answers. VictoriaMetrics collects rows and then small parts in memory and
# writes those every 5 s: kill -9 lost acknowledged points of the last 7 s.
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "v2": Dialect("/api/v2/write", _org_and_bucket, _influxql),
        "v1": Dialect("/write", lambda bucket: bucket.database, _influxql),
        "victoriametrics": Dialect("/api/v2/write", _org_and_bucket, _metricsql, settle_s=30.0),
    }
)


@dataclass(slots=True)
class InfluxSink:
    """A server that takes line protocol; not for several threads at once.

    In dialect v1 `bucket` is `database` or `database/policy` and `token` is `user:password` or empty.
    `settle_s` < 0 means the dialect's own, see Sink.
    """

    name: str
    url: str
    token: str = field(repr=False)
    org: str
    bucket: str
    dialect: str = "v2"
    timeout_s: float = 10.0
    settle_s: float = -1.0
    _speaks: Dialect = field(init=False, repr=False)
    _client: InfluxDBClient = field(init=False, repr=False)
    _largest: int = field(init=False, repr=False, default=_LARGEST_REQUEST)
    _failures: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        self._speaks = DIALECTS[self.dialect]
        if self.settle_s < 0:
            self.settle_s = self._speaks.settle_s
        self._client = InfluxDBClient(
            url=self.url,
            token=self.token,
            org=self.org,
            timeout=int(self.timeout_s * 1000),
            auth_basic=self.dialect == "v1" and ":" in self.token,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def write(self, lines: bytes) -> None:
        """One request, or as many as the server's size limit asks for. See Sink."""
        waiting = [lines]
        while waiting:
            part = waiting.pop()
            parts = halves(part)
            if parts and len(part) > self._largest:
                waiting += reversed(parts)
            elif not self._post(part):
                if not parts:
                    raise SinkRefused(self.name, "413: one line is too large for the server")
                self._largest = max(map(len, parts))
                waiting += reversed(parts)

    def _post(self, lines: bytes) -> bool:
        """False when the server finds the request too large."""
        query = {**self._speaks.write_query(_Bucket(self.org, self.bucket)), "precision": "s"}
        try:
            with self._translated(), self._request("POST", self._speaks.write_path, query, lines):
                return True
        except _TooLarge:
            return False

    def started(self) -> str:
        """The server's own start time, or where it does not tell, how often it has failed us. See Sink.

        That time is in whole seconds: a run is known by it only when no other can begin in the same second.
        """
        with self._translated():
            told = self._metrics()
        if float(told.get(b"vm_app_uptime_seconds", b"inf")) < 2:
            raise SinkUnavailable(self.name, "started just now", retry_after_s=1.0)
        return told.get(b"process_start_time_seconds", b"untold, %d failures" % self._failures).decode()

    def _metrics(self) -> dict[bytes, bytes]:
        """What the server tells about itself; nothing where that is forbidden."""
        try:
            with self._request("GET", "/metrics", {}) as lines:
                pairs = [line.split() for line in lines]
        except ApiException as error:
            if error.status not in {401, 403, 404}:
                raise
            return {}
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}

    def counts(self, window: Window) -> Mapping[str, int]:
        """See Sink."""
        with self._translated():
            return self._speaks.count(self._fetch, _Bucket(self.org, self.bucket), window)

    def _fetch(self, path: str, query: Mapping[str, str]) -> Any:
        return self._request("GET", path, query)

    @contextmanager
    def _request(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None = None
    ) -> Iterator[Iterable[bytes]]:
        """The lines of the answer as they come. Raises what influxdb_client and urllib3 raise."""
        response = self._client.api_client.call_api(
            path,
            method,
            query_params=list(query.items()),
            header_params={"Content-Type": "text/plain; charset=utf-8"},
            body=body,
            _preload_content=False,
            _return_http_data_only=True,
        )
        try:
            yield _lines(response.stream(2**16))
        finally:
            response.drain_conn()
            response.release_conn()

    def _origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}:{parts.port}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            raise self._meaning(error) from error
        except AnswerRefused as error:
            raise SinkUnavailable(self.name, str(error)) from error
        except (HTTPError, InfluxDBError, OSError, ValueError) as error:
            self._failures += 1
            raise SinkUnavailable(self.name, f"{self._origin()}: {_cause(error)}") from error

    def _meaning(self, error: ApiException) -> Exception:
        reason = f"{error.status} {error.reason}: {_text(error.body)}".rstrip(": ")
        if error.status == _TOO_LARGE:
            return _TooLarge()
        if error.status in _REFUSALS:
            return SinkRefused(self.name, reason)
        self._failures += 1
        return SinkUnavailable(self.name, reason, _retry_after_s(error))


class _TooLarge(Exception):
    """413: halve and try again."""


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest:
        yield rest


def _text(body: bytes | str | None) -> str:
    """The server's words on one line."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    return re.sub(r"\s+", " ", text)[:_REASON_LENGTH]


def _cause(error: Exception) -> str:
    """urllib3 names the whole URL in its texts; the kind of failure is enough."""
    inner = getattr(error, "reason", None)
    return type(inner if isinstance(inner, Exception) else error).__name__


def _retry_after_s(error: ApiException) -> float | None:
    """RFC 9110 10.2.3: seconds or a date."""
    value = (error.headers or {}).get("Retry-After")
    if value is None:
        return None
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
