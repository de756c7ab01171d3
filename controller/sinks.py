"""A [[sinks]] table of plaza.toml becomes the sink that it describes."""

from typing import TYPE_CHECKING

from controller.app import App
from controller.settings import SinkSettings

if TYPE_CHECKING:
    from metrics.influx import InfluxSink


def open_sink(app: App, wanted: SinkSettings) -> "InfluxSink":
    """The sink, its token looked up. Raises SecretError."""
    from metrics.influx import InfluxSink  # noqa: PLC0415  influxdb-client is for sinks only

    token = app.secrets.token(f"sink {wanted.name}", wanted.token).reveal() if wanted.token else ""
    return InfluxSink(
        name=wanted.name,
        url=wanted.url,
        token=token,
        org=wanted.org,
        bucket=wanted.bucket,
        dialect=wanted.dialect,
        gzip=wanted.gzip,
        ca_file=wanted.ca_file,
    )
