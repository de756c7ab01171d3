"""One site: the plaza, from the mains to the citizen."""

from typing import Final

from metrics.catalog import ALARMS, MEASUREMENTS
from metrics.dashboards import ask, common
from metrics.dashboards.ask import Of, Scope
from metrics.dashboards.common import says
from metrics.dashboards.model import Dashboard, Panel, Row, Text

_HERE: Final = Scope(("site",))
_AP: Final = Text("{ap}", "{ap}")
_STEPS: Final = tuple(
    name.removesuffix("_ms")
    for name in MEASUREMENTS["service"].fields
    if name.endswith("_ms") and name != "rtt_ms"
)


def _of(field: str, es: str, en: str) -> Of:
    return Of("gateway", field, _HERE, legend=Text(es, en))


_PROBE: Final = Panel(
    Text("Pasos de la prueba ciudadana", "Steps of the citizen probe"),
    says(
        "Cuánto tardó cada paso que funcionó, media del paso de tiempo.",
        "How long each step that worked took, mean over the step of time.",
    ),
    tuple(ask.mean(Of("service", f"{step}_ms", _HERE, legend=Text(step, step))) for step in (*_STEPS, "rtt")),
    "ms",
)

_STOPPED: Final = Panel(
    Text("En qué paso se detuvo la prueba", "Where the probe stopped"),
    Text(
        "Pruebas que se detuvieron en cada paso. Cero: ninguna. Un hueco: no se probó.",
        "Probes that stopped at each step. Zero: none. A gap: nothing was tried.",
    ),
    tuple(ask.counted(Of("service", f"failed_{step}", _HERE, legend=Text(step, step))) for step in _STEPS),
    stacked=True,
)

_DOWN: Final = Panel(
    Text("Descarga de la prueba", "The probe's download"),
    says(
        "Velocidad de una descarga pequeña después de entrar: la peor y la media del paso.",
        "Rate of a small download once online: the worst and the mean of the step.",
    ),
    (
        ask.mean(Of("service", "down_bps", _HERE, legend=Text("media", "mean"))),
        ask.lowest(Of("service", "down_bps", _HERE, legend=Text("peor", "worst"))),
    ),
    "bps",
)

_NAMES: Final = Panel(
    Text("Clientes por red", "Clients by network name"),
    says(
        "Suma sobre los equipos y bandas que cuentan por nombre de red.",
        "Sum over the devices and bands that count by network name.",
    ),
    (ask.level(Of("wifi_ssid", "clients", _HERE, ("ssid",), Text("{ssid}", "{ssid}"))),),
)

_ADDRESSES: Final = Panel(
    Text("Direcciones y puertas", "Addresses and doors"),
    says(
        "Como lo contó la puerta de enlace: direcciones dadas y las que hay, teléfonos con la puerta "
        "abierta.",
        "As the gateway told: addresses given and those that there are, phones whose door is open.",
    ),
    (
        ask.mean(_of("pool_used", "direcciones dadas", "addresses given")),
        ask.mean(_of("pool_size", "direcciones que hay", "addresses that there are")),
        ask.mean(_of("inside", "puertas abiertas", "open doors")),
        ask.mean(_of("neighbours", "teléfonos vistos", "phones seen")),
    ),
)

_BOX: Final = Panel(
    Text("Carga de la puerta de enlace", "The gateway's load"),
    says(
        "Conexiones que sigue el núcleo entre las que puede seguir, y carga de los procesadores (más de "
        "100: hay trabajo en espera).",
        "Connections that the kernel follows by those it can, and load of the processors (above 100: work "
        "waits).",
    ),
    (
        ask.ratio(_of("conntrack", "conexiones", "connections"), "conntrack_max"),
        ask.mean(_of("load_pct", "procesadores", "processors")),
    ),
    "percent",
)

_MEMORY: Final = Panel(
    Text("Memoria libre de la puerta de enlace", "The gateway's free memory"),
    says("La menor del paso, en kB.", "The smallest of the step, in kB."),
    (ask.lowest(_of("memory_kb", "libre", "free")),),
    "deckbytes",
)

_ALARMS: Final = Panel(
    Text("Alarmas de la puerta de enlace", "The gateway's alarms"),
    Text(
        "Alarmas en cada paso, por causa. Un hueco: ninguna de esa causa, o la puerta no contó nada.",
        "Alarms in each step, by cause. A gap: none of that cause, or the gateway told nothing.",
    ),
    tuple(ask.counted(_of(f"alarms_{word}", word, word)) for word in ALARMS),
    stacked=True,
)

_POWER: Final = Panel(
    Text("Corriente", "Power"),
    says(
        "En batería: de cada 100 muestras, en cuántas la carga salió de la batería. Carga: la menor del "
        "paso.",
        "On battery: of 100 samples, in how many the load was fed from it. Charge: the smallest of the step.",
    ),
    (
        ask.percentage(Of("power", "on_battery", _HERE, ("ap",), Text("{ap} en batería", "{ap} on battery"))),
        ask.lowest(Of("power", "battery_pct", _HERE, ("ap",), Text("{ap} carga", "{ap} charge"))),
    ),
    "percent",
    most=100,
)

_UPLINK: Final = Panel(
    Text("Enlace celular", "Cellular link"),
    says(
        "De cada 100 muestras del módem, en cuántas llevaba datos.",
        "Of 100 samples of the modem, in how many it carried data.",
    ),
    (ask.percentage(Of("uplink", "connected", _HERE, ("ap", "link"), Text("{ap} {link}", "{ap} {link}"))),),
    "percent",
    steps=common.GOOD_SHARE,
    most=100,
)

_SIGNAL: Final = Panel(
    Text("Señal del enlace celular", "Signal of the cellular link"),
    says("RSRP y RSSI, media del paso.", "RSRP and RSSI, mean of the step."),
    (
        ask.mean(Of("uplink", "rsrp_dbm", _HERE, ("ap",), Text("{ap} RSRP", "{ap} RSRP"))),
        ask.mean(Of("uplink", "rssi_dbm", _HERE, ("ap",), Text("{ap} RSSI", "{ap} RSSI"))),
    ),
    "dBm",
)

DASHBOARD: Final = Dashboard(
    "sitio",
    Text("Sitio", "Site"),
    Text(
        "Un sitio: equipos, puerta de enlace, corriente, enlace, y si una persona puede entrar.",
        "One site: devices, gateway, power, link, and whether a person gets online.",
    ),
    (
        Row(
            Text("¿Funciona?", "Does it work?"),
            (
                common.answers(_HERE, ("ap",), _AP),
                common.service(_HERE, ("site",), Text("{site}", "{site}")),
                _PROBE,
                _STOPPED,
                _DOWN,
            ),
        ),
        Row(
            Text("Uso", "Use"),
            (common.clients(_HERE, ("ap",), _AP), _NAMES, common.traffic(_HERE), common.sessions(_HERE)),
        ),
        Row(Text("Puerta de enlace", "Gateway"), (_ADDRESSES, _BOX, _MEMORY, _ALARMS)),
        Row(Text("Corriente y enlace", "Power and link"), (_POWER, _UPLINK, _SIGNAL)),
    ),
    (common.MUNICIPALITY, common.SITE),
)
