"""The whole state on one page."""

from typing import Final

from metrics.dashboards import ask, common
from metrics.dashboards.ask import STATE, Of
from metrics.dashboards.common import says
from metrics.dashboards.model import Column, Dashboard, Panel, Row, Shape, Text

_MUNICIPALITIES: Final = Panel(
    Text("Municipios", "Municipalities"),
    Text(
        "El último valor de los últimos 15 minutos. Un municipio sin muestras en ese tiempo no aparece: no "
        "se sabe nada de él.",
        "The last value of the last 15 minutes. A municipality without samples in that time is not listed: "
        "nothing is known of it.",
    ),
    ask.latest("hotspot_mun", ("aps", "aps_up", "clients"), STATE, "mun"),
    shape=Shape.TABLE,
    width=12,
    key="mun",
    columns=(
        Column("aps", Text("Esperados", "Expected")),
        Column("aps_up", Text("Contestan", "Answer")),
        Column("clients", Text("Clientes", "Clients")),
    ),
    recent=True,
)

_KNOWN: Final = Panel(
    Text("Municipios con dato", "Municipalities with a figure"),
    Text(
        "De los 67 municipios, de cuántos hay muestra en el paso. Cero es que de ninguno; no hay huecos.",
        "Of the 67 municipalities, of how many there is a sample in the step. Zero: of none; no gaps.",
    ),
    (ask.present(Of("hotspot_mun", "aps", legend=Text("con dato", "with a figure"))),),
    "none",
    steps=((None, "red"), (67.0, "green")),
    most=67,
)

_PORTAL: Final = Panel(
    Text("Portal: permisos, rechazos, fallas", "Portal: grants, refusals, failures"),
    Text(
        "Cuántos en cada paso, de todos los sitios. Un hueco: nadie llegó al portal, o no se sabe.",
        "How many in each step, of all sites. A gap: nobody came to the portal, or unknown.",
    ),
    (
        ask.counted(Of("wifi_portal", "grants", legend=Text("permisos", "grants"))),
        ask.counted(Of("wifi_portal", "refusals", legend=Text("rechazos", "refusals"))),
        ask.counted(Of("wifi_portal", "failures", legend=Text("fallas nuestras", "failures of ours"))),
    ),
    "none",
)

_WORST: Final = Panel(
    Text("Contestan, por municipio", "Answer, by municipality"),
    says(
        "Equipos que contestaron entre los esperados, por clave de INEGI.",
        "Devices that answered by those expected, by INEGI's key.",
    ),
    (ask.ratio(Of("hotspot_mun", "aps_up", STATE, ("mun",), Text("{mun}", "{mun}")), "aps"),),
    "percent",
    steps=common.GOOD_SHARE,
    most=100,
)

DASHBOARD: Final = Dashboard(
    "estado",
    Text("Estado", "State"),
    Text(
        "Todo el estado: quién está conectado, qué contesta, dónde se puede entrar. Datos por municipio "
        "cada 5 min.",
        "The whole state: who is connected, what answers, where one gets online. Municipalities every 5 min.",
    ),
    (
        Row(Text("Ahora", "Now"), common.figures(STATE)),
        Row(
            Text("Uso", "Use"),
            (
                common.clients(STATE, (), Text("clientes", "clients"), "hotspot_mun"),
                common.sessions(STATE),
                _PORTAL,
            ),
        ),
        Row(Text("Servicio", "Service"), (common.service(STATE, (), Text("se entra", "online")), _WORST)),
        Row(Text("Por municipio", "By municipality"), (_MUNICIPALITIES, _KNOWN)),
        Row(
            Text("De todos los equipos, uno por uno (tarda)", "Over all devices, one by one (slow)"),
            (common.traffic(STATE), common.measured(STATE)),
            closed=True,
        ),
    ),
)
