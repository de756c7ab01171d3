"""The controller's own health: does it poll, does it write, does it lag."""

from typing import Final

from metrics.catalog import MEASUREMENTS
from metrics.dashboards import ask, common, exposed
from metrics.dashboards.ask import STATE, Of
from metrics.dashboards.common import says
from metrics.dashboards.model import Column, Dashboard, Panel, Query, Row, Shape, Text

_RATES: Final = Panel(
    Text("Muestras que llegaron, por medida", "Samples that came, by measurement"),
    Text(
        "Muestras en cada paso, contadas por un campo que toda muestra de la medida lleva; cero es que no "
        "llegó ninguna, no hay huecos. Si bajan todas a la vez, el controlador o el envío se detuvo; si "
        "baja una, quien la escribe.",
        "Samples in each step, counted by a field that every sample of the measurement has; zero means that "
        "none came, there are no gaps. If all fall at once, the controller or the forwarding stopped; if "
        "one falls, whoever writes it.",
    ),
    tuple(
        ask.samples(Of(name, field, legend=Text(name, name)))
        for name, field in (
            ("wifi_ap", "up"),
            ("wifi_radio", "clients"),
            ("wifi_session", "admitted"),
            ("wifi_portal", "arrivals"),
            ("gateway", "inside"),
            ("service", "works"),
            ("hotspot_mun", "aps"),
        )
        if field in MEASUREMENTS[name].fields
    ),
)

_AGE: Final = Panel(
    Text("Antigüedad de la última muestra", "Age of the last sample"),
    Text(
        "Segundos desde la última muestra de un equipo. Sin dato: ninguna en la última hora.",
        "Seconds since the last sample of a device. No data: none within the last hour.",
    ),
    (
        # InfluxQL cannot subtract from now; there the samples that came tell.
        Query("", "time() - max(tlast_over_time(wifi_ap_up[1h]))"),
    ),
    "s",
    Shape.NUMBER,
    width=6,
)

_POLLS: Final = Panel(
    Text("Duración de los sondeos", "How long polls take"),
    says(
        "Media y máximo de todos los equipos en el paso. Si sube en todos a la vez, le falta tiempo al "
        "controlador.",
        "Mean and maximum over all devices in the step. If it rises for all at once, the controller is "
        "starved.",
    ),
    (
        ask.mean(Of("wifi_ap", "poll_ms", legend=Text("media", "mean"))),
        ask.highest(Of("wifi_ap", "poll_ms", legend=Text("máximo", "maximum"))),
    ),
    "ms",
)

_COST: Final = Panel(
    Text("Octetos de los sondeos", "Octets of the polls"),
    says(
        "Octetos en el cable, en ambos sentidos, de los sondeos de cada paso; SSH y HTTPS no los cuentan.",
        "Octets on the wire, both ways, of the polls of each step; SSH and HTTPS do not count them.",
    ),
    (ask.counted(Of("wifi_ap", "poll_octets", legend=Text("octetos", "octets"))),),
    "decbytes",
)

_FOUND: Final = Panel(
    Text("Sondeos contestados", "Polls answered"),
    says(
        "De cada 100 sondeos, cuántos contestó el equipo.",
        "Of 100 polls, how many the device answered.",
    ),
    (ask.percentage(Of("wifi_ap", "up", legend=Text("contestados", "answered"))),),
    "percent",
    steps=common.GOOD_SHARE,
    most=100,
)

_AWAY: Final = Panel(
    Text("Puertas de enlace sin controlador", "Gateways without a controller"),
    says(
        "El tiempo más largo que una puerta de enlace dijo no haber alcanzado al controlador.",
        "The longest time for which a gateway said that it had not reached the controller.",
    ),
    (ask.highest(Of("gateway", "away_s", legend=Text("la peor", "the worst"))),),
    "s",
)

_SLOW: Final = Panel(
    Text("Último sondeo de cada equipo", "Last poll of each device"),
    Text(
        "Los últimos 15 minutos; ordene por «Tardó». Un equipo que falta no fue sondeado.",
        "The last 15 minutes; sort by 'Took'. A device that is missing was not polled.",
    ),
    ask.latest("wifi_ap", ("poll_ms", "poll_octets", "up"), STATE, "ap"),
    shape=Shape.TABLE,
    width=24,
    key="ap",
    columns=(
        Column("poll_ms", Text("Tardó", "Took"), "ms"),
        Column("poll_octets", Text("Octetos", "Octets"), "decbytes"),
        Column("up", Text("Contestó", "Answered"), words=common.YES_NO),
    ),
    recent=True,
)

DASHBOARD: Final = Dashboard(
    "controlador",
    Text("Controlador", "Controller"),
    Text(
        "La salud de Plaza misma: si sondea, si escribe, si se atrasa.",
        "Plaza's own health: whether it polls, writes, lags.",
    ),
    (
        Row(Text("¿Llega todo?", "Does everything come?"), (_RATES, common.measured(STATE), _AGE)),
        *exposed.ROWS,
        Row(Text("Sondeos", "Polls"), (_POLLS, _FOUND, _COST, _AWAY), closed=True),
        Row(Text("Equipos", "Devices"), (_SLOW,), closed=True),
    ),
    span="6h",
    refresh="5m",
)
