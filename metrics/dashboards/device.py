"""One access point, or another device: everything that it tells."""

from typing import Final

from metrics.dashboards import ask, common
from metrics.dashboards.ask import Of, Scope
from metrics.dashboards.common import says
from metrics.dashboards.model import Dashboard, Panel, Row, Text

_HERE: Final = Scope(("ap",))
_RADIO: Final = ("band", "radio")


def _device(field: str, es: str, en: str) -> Of:
    return Of("wifi_ap", field, _HERE, legend=Text(es, en))


def _radio(field: str, what: str = "") -> Of:
    name = f"{{band}} {{radio}} {what}".strip()
    return Of("wifi_radio", field, _HERE, _RADIO, Text(name, name))


def _port(field: str, what: str = "") -> Of:
    name = f"{{port}} {what}".strip()
    return Of("wired_port", field, _HERE, ("port",), Text(name, name))


_GOT: Final = Panel(
    Text("Muestras recibidas, de las esperadas", "Samples got, of those expected"),
    Text(
        "Muestras del paso entre las que caben en él, al ritmo de «Segundos entre sondeos» (30 en el perfil "
        "normal, 300 en enlaces lentos o caros). Cero es que no llegó ninguna; no hay huecos. El primer "
        "paso y el último están a medias.",
        "Samples of the step by those that fit into it at the pace of 'Seconds between polls' (30 in the "
        "normal profile, 300 on slow or costly links). Zero means that none came; no gaps. The first step "
        "and the last are partial.",
    ),
    (ask.completeness(_device("up", "recibidas", "got")),),
    "percent",
    steps=common.GOOD_SHARE,
)

_UPTIME: Final = Panel(
    Text("Tiempo encendido", "Running for"),
    says(
        "Lo que dice el agente. Una caída a cero es un reinicio.",
        "What the agent says. A fall to zero is a restart.",
    ),
    (ask.highest(_device("uptime_s", "encendido", "running")),),
    "s",
)

_LOAD: Final = Panel(
    Text("Procesador y memoria", "Processor and memory"),
    says("Media del paso.", "Mean of the step."),
    (
        ask.mean(_device("cpu_pct", "procesador", "processor")),
        ask.mean(_device("memory_pct", "memoria", "memory")),
    ),
    "percent",
    most=100,
)

_HEAT: Final = Panel(
    Text("Temperatura", "Temperature"),
    says("El sensor más caliente, el máximo del paso.", "The hottest sensor, the maximum of the step."),
    (ask.highest(_device("temperature_c", "sensor", "sensor")),),
    "celsius",
)

_POLL: Final = Panel(
    Text("Duración del sondeo", "How long a poll takes"),
    says("Media y máximo del paso.", "Mean and maximum of the step."),
    (ask.mean(_device("poll_ms", "media", "mean")), ask.highest(_device("poll_ms", "máximo", "maximum"))),
    "ms",
)

_RADIOS: Final = (
    Panel(
        Text("Clientes por radio", "Clients by radio"),
        says("Media del paso.", "Mean of the step."),
        (ask.mean(_radio("clients")),),
    ),
    Panel(
        Text("Uso del aire", "Airtime in use"),
        says(
            "Parte del tiempo en que el canal está ocupado; «ajeno» es lo que ocupan otros.",
            "Share of the time in which the channel is busy; 'others' is what others use.",
        ),
        (
            ask.mean(_radio("utilisation_pct")),
            ask.mean(
                Of(
                    "wifi_radio",
                    "utilisation_other_pct",
                    _HERE,
                    _RADIO,
                    Text("{band} {radio} ajeno", "{band} {radio} others"),
                )
            ),
        ),
        "percent",
        steps=((None, "green"), (60.0, "yellow"), (80.0, "red")),
        most=100,
    ),
    Panel(
        Text("Señal y ruido", "Signal and noise"),
        says(
            "Nivel recibido, media sobre los clientes, y piso de ruido.",
            "Received level, mean over the clients, and noise floor.",
        ),
        (ask.mean(_radio("rssi_dbm", "RSSI")), ask.mean(_radio("noise_dbm", "N"))),
        "dBm",
    ),
    Panel(
        Text("Canal", "Channel"),
        says("El mayor del paso: un escalón es un cambio de canal.", "The largest: a stair is a change."),
        (ask.highest(_radio("channel")),),
    ),
    Panel(
        Text("Tramas repetidas y fallidas", "Frames repeated and failed"),
        says(
            "Por segundo: lo que crecieron los contadores. Un reinicio se omite.",
            "Per second: what the counters grew. A restart is left out.",
        ),
        (ask.growth(_radio("retries", "↻")), ask.growth(_radio("errors", "✕"))),
        "cps",
    ),
    Panel(
        Text("Clientes por red", "Clients by network name"),
        says("Suma sobre las bandas, media del paso.", "Sum over the bands, mean of the step."),
        (ask.level(Of("wifi_ssid", "clients", _HERE, ("ssid",), Text("{ssid}", "{ssid}"))),),
    ),
)

_WIRED: Final = (
    Panel(
        Text("Puertos con enlace", "Ports with a link"),
        says(
            "De cada 100 muestras, en cuántas hubo enlace.", "Of 100 samples, in how many there was a link."
        ),
        (ask.percentage(_port("up")),),
        "percent",
        most=100,
    ),
    Panel(
        Text("Tráfico por puerto", "Traffic by port"),
        says("Lo que crecieron los contadores, por segundo.", "What the counters grew, per second."),
        (ask.growth(_port("rx_octets", "←"), times=8), ask.growth(_port("tx_octets", "→"), times=8)),
        "bps",
    ),
    Panel(
        Text("Energía por puerto (PoE)", "Power by port (PoE)"),
        says("Media del paso.", "Mean of the step."),
        (ask.mean(_port("poe_w")),),
        "watt",
    ),
    Panel(
        Text("Tramas rotas por puerto", "Broken frames by port"),
        says("Lo que crecieron los contadores, por segundo.", "What the counters grew, per second."),
        (ask.growth(_port("rx_errors", "←")), ask.growth(_port("tx_errors", "→"))),
        "cps",
    ),
)

_SUPPLY: Final = (
    Panel(
        Text("Batería", "Battery"),
        says("Carga, la menor del paso, y carga de trabajo, la media.", "Charge (smallest) and load (mean)."),
        (
            ask.lowest(Of("power", "battery_pct", _HERE, legend=Text("batería", "battery"))),
            ask.mean(Of("power", "load_pct", _HERE, legend=Text("carga de trabajo", "load"))),
        ),
        "percent",
        most=100,
    ),
    Panel(
        Text("Voltajes", "Voltages"),
        says("De la red, de salida y de la batería, media del paso.", "Mains, output and battery, mean."),
        (
            ask.mean(Of("power", "input_v", _HERE, legend=Text("red", "mains"))),
            ask.mean(Of("power", "output_v", _HERE, legend=Text("salida", "output"))),
            ask.mean(Of("power", "battery_v", _HERE, legend=Text("batería", "battery"))),
        ),
        "volt",
    ),
)

DASHBOARD: Final = Dashboard(
    "equipo",
    Text("Equipo", "Device"),
    Text(
        "Un punto de acceso u otro equipo. Lo que el equipo no dice queda sin dato.",
        "One access point or other device. What it does not tell has no figure.",
    ),
    (
        Row(
            Text("¿Contesta?", "Does it answer?"),
            (common.answers(_HERE, ("ap",), Text("{ap}", "{ap}")), _GOT, _UPTIME),
        ),
        Row(
            Text("Uso", "Use"),
            (common.clients(_HERE, ("ap",), Text("{ap}", "{ap}")), common.traffic(_HERE)),
        ),
        Row(Text("Salud", "Health"), (_LOAD, _HEAT, _POLL)),
        Row(Text("Radios", "Radios"), _RADIOS),
        Row(Text("Puertos", "Ports"), _WIRED),
        Row(Text("Corriente", "Power"), _SUPPLY),
    ),
    (common.MUNICIPALITY, common.SITE, common.DEVICE),
    paces=True,
    least="1m",
)
