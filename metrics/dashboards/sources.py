"""How a dashboard names its data source: by a variable, so that the same file serves every installation."""

from typing import Any, Final

from metrics.dashboards.model import Flavour

Json = dict[str, Any]

_KINDS: Final = {Flavour.INFLUXDB: "influxdb", Flavour.VICTORIAMETRICS: "prometheus"}


def kind(flavour: Flavour) -> str:
    """Grafana's word for the plugin that asks this server."""
    return _KINDS[flavour]


def source(flavour: Flavour) -> Json:
    """Of a panel, a query or a variable."""
    return {"type": kind(flavour), "uid": "${fuente}"}
