"""A [[sinks]] table of plaza.toml becomes the sink that it describes; and how far each one is."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from controller.errors import SecretError
from controller.secrets import FileSecrets
from controller.sink_settings import SinkSettings
from metrics.forward import oldest_unsent, progress
from metrics.local.cursors import Cursors, Trouble
from metrics.local.store import LocalStore

if TYPE_CHECKING:
    from metrics.influx import InfluxSink

WRITE_S = 10.0


def open_sink(secrets: FileSecrets, wanted: SinkSettings, timeout_s: float = WRITE_S) -> "InfluxSink":
    """The sink, its token looked up. Raises SecretError."""
    from metrics.influx import InfluxSink  # noqa: PLC0415  influxdb-client is for sinks only

    return InfluxSink(
        name=wanted.name,
        url=wanted.url,
        token=token_of(secrets, wanted),
        org=wanted.org,
        bucket=wanted.bucket,
        dialect=wanted.dialect,
        timeout_s=timeout_s,
        gzip=wanted.gzip,
        ca_file=wanted.ca_file,
    )


def token_of(secrets: FileSecrets, wanted: SinkSettings) -> str:
    """What is sent with each request, empty for a server that asks for nothing. Raises SecretError."""
    if not wanted.token:
        return ""
    found = secrets.token(f"sink {wanted.name}", wanted.token).reveal()
    trouble = f"credential sink {wanted.name}: {wanted.token}"
    if wanted.dialect == "v1" and ":" not in found:
        raise SecretError(f"{trouble} holds no user:password, which dialect v1 takes, write both there")
    sendable = found.isprintable() and (wanted.dialect == "v1" or found.isascii())
    if not sendable:
        raise SecretError(f"{trouble} holds more than one line, or what no token holds, write it anew")
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a sink is, as the store knows without asking the server.

    `oldest` is the time of the oldest point that is not safe there (epoch seconds, None when all are),
    `behind_s` its age. `heard_of` says whether anything is known of it: a point safe there, or an error.
    """

    safe_points: int
    waiting_batches: int
    refused_lines: int
    oldest: int | None
    behind_s: int
    trouble: Trouble | None
    heard_of: bool

    @property
    def failing(self) -> str:
        """Why it fails now; empty when it does not."""
        return self.trouble.reason if self.trouble is not None and self.trouble.over is None else ""


def standing(samples: LocalStore, name: str, now: datetime) -> Standing:
    """How far the sink of this name is. Raises StoreUnusable."""
    at, oldest, book = progress(samples, name), oldest_unsent(samples, name), Cursors(samples, name)
    trouble = book.trouble()
    return Standing(
        safe_points=at.sent_points,
        waiting_batches=at.lag_batches,
        refused_lines=at.dead_letters,
        oldest=oldest,
        behind_s=0 if oldest is None else max(0, int(now.timestamp()) - oldest),
        trouble=trouble,
        heard_of=bool(book.load() or book.resets() or trouble or at.dead_letters),
    )
