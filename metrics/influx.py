"""InfluxDB and VictoriaMetrics as sinks: bytes in one synchronous request, errors by what comes next."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from influxdb_client import InfluxDBClient
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from metrics.catalog import MEASUREMENTS, Measurement
from metrics.dialects import DIALECTS, Bucket, Dialect
from metrics.errors import SinkRefused, SinkUnavailable
from metrics.exchange import (
    Answered,
    Deadline,
    Garbage,
    TooSlow,
    answered,
    clean,
    gzipped,
    lines,
    pools,
    without,
)
from metrics.line_protocol import halves
from metrics.looking import Looked
from metrics.readback import AnswerRefused, counted
from metrics.sink import Cell, Window

_REFUSALS: Final = frozenset({400, 422})
_TOO_LARGE: Final = 413
_LARGEST_REQUEST: Final = 8 * 2**20
_LEAST_REQUEST: Final = 16 * 2**10
_BOLDER: Final = 16  # what a line bears is found out slowly: each time too much costs a whole deadline
_QUERY_TURNS: Final = 6
_LATER_S: Final = 5.0  # a socket's own timeout comes after the deadline, which says what happened
_METRICS_LINES: Final = 100_000


@dataclass(slots=True)
class InfluxSink:
    """A server that takes line protocol; not for several threads at once.

    In dialect v1 `bucket` is `database` or `database/policy` and `token` is `user:password` or empty.
    `timeout_s` is for a whole write; a query may take six times as long. `gzip` spares a thin line three
    quarters of the octets and costs half as much again. `ca_file` holds the only CA that is trusted, empty
    means those of the system. `settle_s` < 0 means the dialect's own, see Sink.
    """

    name: str
    url: str = field(repr=False)  # nobody is kept from writing a password into it
    token: str = field(repr=False)
    org: str
    bucket: str
    dialect: str = "v2"
    timeout_s: float = 10.0
    settle_s: float = -1.0
    gzip: bool = False
    ca_file: str = ""
    _speaks: Dialect = field(init=False, repr=False)
    _client: InfluxDBClient = field(init=False, repr=False)
    _deadline: Deadline = field(init=False, repr=False, default_factory=Deadline)
    _accepted: int = field(init=False, repr=False, default=_LARGEST_REQUEST)
    _in_time: int = field(init=False, repr=False, default=_LARGEST_REQUEST)
    _failures: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        self._speaks = DIALECTS[self.dialect]
        if self.settle_s < 0:
            self.settle_s = self._speaks.settle_s
        basic = self._speaks.passwords and ":" in self.token
        self._client = InfluxDBClient(
            url=self.url,
            token=self.token,
            org=self.org,
            timeout=(int(self.timeout_s * 1000), int((self.timeout_s * _QUERY_TURNS + _LATER_S) * 1000)),
            auth_basic=basic,
            ssl_ca_cert=self.ca_file or None,
        )
        api = self._client.api_client
        api.rest_client.pool_manager.pool_classes_by_scheme = pools(self._deadline)
        if self.token and not basic:
            api.set_default_header("Authorization", f"{self._speaks.scheme} {self.token}")

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def write(self, lines: bytes) -> None:
        """One request, or as many as the server's size limit and the line's pace ask for. See Sink."""
        waiting = [lines]
        while waiting:
            part = waiting.pop()
            parts = halves(part) if len(part) > min(self._accepted, self._in_time) else []
            if not parts and not self._post(part):
                parts = halves(part)
                if not parts:
                    raise SinkRefused(self.name, "413: one line is too large for the server")
                self._accepted = max(map(len, parts))
            waiting += reversed(parts)
        self._in_time = min(self._in_time + self._in_time // _BOLDER, _LARGEST_REQUEST)

    def _post(self, lines: bytes) -> bool:
        """False when the server finds the request too large."""
        try:
            with self._translated():
                self._write(lines)
        except _TooLarge:
            return False
        except _Late as error:
            self._in_time = max(len(lines) // 2, _LEAST_REQUEST)
            raise SinkUnavailable(self.name, error.reason) from error
        return True

    def _write(self, lines: bytes) -> None:
        query = {**self._speaks.write_query(Bucket(self.org, self.bucket)), "precision": "s"}
        body, headers = lines, {"Content-Type": "text/plain; charset=utf-8"}
        if self.gzip:
            body, headers["Content-Encoding"] = gzipped(lines), "gzip"
        with (
            self._deadline.after(self.timeout_s),
            self._request("POST", self._speaks.write_path, query, headers, body) as response,
        ):
            if response.status != 204:  # a page of somebody between us and the server is no acknowledgement
                raise answered(response)

    def started(self) -> str:
        """The server's own start time, or where it does not tell, how often it has failed us. See Sink.

        That time is in whole seconds: a run is known by it only when no other can begin in the same second.
        """
        with self._translated():
            told = self._metrics(b"vm_app_uptime_seconds", b"process_start_time_seconds")
            uptime_s = float(told.get(b"vm_app_uptime_seconds", b"inf"))
        if uptime_s < 2:
            raise SinkUnavailable(self.name, "started just now", retry_after_s=1.0)
        untold = b"untold, %d failures" % self._failures
        return told.get(b"process_start_time_seconds", untold).decode(errors="replace")

    def _metrics(self, *names: bytes) -> dict[bytes, bytes]:
        """What the server tells about itself; nothing where that is forbidden."""
        found: dict[bytes, bytes] = {}
        try:
            with self._fetch("/metrics", {}) as told:
                for _, line in zip(range(_METRICS_LINES), told, strict=False):
                    name, _, value = line.partition(b" ")
                    if name in names:
                        found[name] = value.strip()
        except Answered as error:
            if error.status not in {401, 403, 404}:
                raise
        return found

    def counts(self, window: Window) -> Mapping[str, int]:
        """See Sink."""
        with self._translated():
            self._speaks.settled(self._fetch)
            return counted(self._ask, window)

    def tally(self, window: Window) -> Mapping[Cell, int]:
        """See Sink."""
        found: dict[Cell, int] = {}
        with self._translated():
            self._speaks.settled(self._fetch)
            for measurement in MEASUREMENTS.values():
                found |= self._ask(measurement, window)
        return found

    def look(self) -> Looked:
        """Whether points would be taken, as far as that shows without a write, within `timeout_s`.

        Raises SinkUnavailable.
        """
        with self._translated():
            looked = self._speaks.look(partial(self._fetch, turns=1), Bucket(self.org, self.bucket))
        return replace(looked, told=without(self.token, looked.told))

    def _ask(self, measurement: Measurement, window: Window) -> dict[Cell, int]:
        return self._speaks.tally(self._fetch, Bucket(self.org, self.bucket), measurement, window)

    @contextmanager
    def _fetch(
        self, path: str, query: Mapping[str, str], turns: int = _QUERY_TURNS
    ) -> Iterator[Iterable[bytes]]:
        with (
            self._deadline.after(self.timeout_s * turns),
            self._request("GET", path, query, {"Content-Type": "text/plain"}) as response,
        ):
            yield lines(response.stream(2**16))

    @contextmanager
    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: dict[str, str],
        body: bytes | None = None,
    ) -> Iterator[Any]:
        """The answer, not read yet. Raises Answered, and what influxdb_client and urllib3 raise."""
        response = self._client.api_client.call_api(
            path,
            method,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            _preload_content=False,
            _return_http_data_only=True,
        )
        try:
            yield response
            if response.status == 204:
                response.drain_conn()  # which has no body: the connection is free again
        finally:
            response.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Answered as error:
            raise self._meaning(error) from error
        except (AnswerRefused, Garbage) as error:
            told = without(self.token, str(error))
            raise SinkUnavailable(self.name, f"{told}{self._remedy(told)}") from error
        except TooSlow as error:
            self._failures += 1
            raise _Late(self.name, f"{self._origin()}: {error}") from error
        except (
            HTTPError,
            InfluxDBError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:
            self._failures += 1
            raise SinkUnavailable(self.name, f"{self._origin()}: {self._cause(error)}") from error

    def _meaning(self, error: Answered) -> Exception:
        if error.status == _TOO_LARGE:
            return _TooLarge()
        told = without(self.token, error.told)
        if error.status in _REFUSALS:
            return SinkRefused(self.name, told)
        self._failures += 1
        return SinkUnavailable(self.name, f"{told}{self._remedy(told)}", error.retry_after_s)

    def _remedy(self, told: str) -> str:
        """InfluxDB 1 makes no database by itself."""
        if "database not found" not in told:
            return ""
        return f'; make it there: CREATE DATABASE "{self.bucket.partition("/")[0]}"'

    def _cause(self, error: Exception) -> str:
        """The library wraps what TLS says, with the reason only in its text."""
        wrapped = error.__context__ if isinstance(error, ApiException) else None
        said = clean(wrapped or error)
        if not said.startswith("TLS"):
            return said
        trusted = self.ca_file or "the authorities of this system"
        return f"{said}; checked against {trusted} (ca_file)"

    def _origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class _TooLarge(Exception):
    """413: halve and try again."""


class _Late(SinkUnavailable):
    """Not in time: try again with less."""
