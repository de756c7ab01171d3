"""One municipality: its sites beside each other."""

from typing import Final

from metrics.dashboards import ask, common
from metrics.dashboards.ask import Of, Scope
from metrics.dashboards.common import says
from metrics.dashboards.model import Column, Dashboard, Panel, Row, Shape, Text

_HERE: Final = Scope(("mun",))
_SITE: Final = Text("{site}", "{site}")

_POOL: Final = Panel(
    Text("Direcciones ocupadas, por sitio", "Addresses in use, by site"),
    says(
        "Direcciones dadas a teléfonos entre las que hay. Al 100 % nadie más puede entrar.",
        "Addresses given to phones by those that there are. At 100 % nobody else gets in.",
    ),
    (ask.ratio(Of("gateway", "pool_used", _HERE, ("site",), _SITE), "pool_size"),),
    "percent",
    steps=((None, "green"), (80.0, "yellow"), (95.0, "red")),
    most=100,
)

_DEVICES: Final = Panel(
    Text("Equipos", "Devices"),
    Text(
        "El último valor de los últimos 15 minutos; un equipo sin muestra en ese tiempo no aparece.",
        "The last value of the last 15 minutes; a device without a sample in that time is not listed.",
    ),
    ask.latest("wifi_ap", ("up", "clients", "uptime_s", "poll_ms"), _HERE, "ap"),
    shape=Shape.TABLE,
    width=24,
    key="ap",
    columns=(
        Column("up", Text("Contesta", "Answers"), words=common.YES_NO),
        Column("clients", Text("Clientes", "Clients")),
        Column("uptime_s", Text("Encendido desde hace", "Running for"), "s"),
        Column("poll_ms", Text("Tardó el sondeo", "The poll took"), "ms"),
    ),
    recent=True,
)

DASHBOARD: Final = Dashboard(
    "municipio",
    Text("Municipio", "Municipality"),
    Text("Un municipio y sus sitios.", "One municipality and its sites."),
    (
        Row(Text("Ahora", "Now"), common.figures(_HERE)),
        Row(
            Text("Uso", "Use"),
            (
                common.clients(_HERE, ("site",), _SITE),
                common.traffic(_HERE),
                common.sessions(_HERE),
                _POOL,
            ),
        ),
        Row(
            Text("Servicio", "Service"),
            (common.service(_HERE, ("site",), _SITE), common.measured(_HERE)),
        ),
        Row(Text("Equipos", "Devices"), (common.answers(_HERE, ("ap",), Text("{ap}", "{ap}")), _DEVICES)),
    ),
    (common.MUNICIPALITY,),
)
