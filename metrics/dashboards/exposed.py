"""Panels over what the controller tells of itself at /metrics, where VictoriaMetrics scrapes that.

InfluxDB scrapes nothing, so these are asked in PromQL only. Two controllers may tell the same: the larger
figure counts, never the sum.
"""

from typing import Final

from metrics.dashboards.common import says
from metrics.dashboards.model import Panel, Query, Row, Shape, Text, Word

_PREFIX: Final = "plaza_"


def _now(name: str, legend: Text, by: str = "", **labels: str) -> Query:
    """The last value within the step."""
    chosen = ",".join(f'{label}="{value}"' for label, value in labels.items())
    metric = f"{_PREFIX}{name}{{{chosen}}}" if chosen else f"{_PREFIX}{name}"
    grouped = f" by ({by}) " if by else ""
    return Query("", f"max{grouped}(last_over_time({metric}[$__interval]))", legend)


_SINK: Final = Text("{sink}", "{sink}")
_WORKS: Final = (
    Word(0, 0, Text("funciona", "works"), "green"),
    Word(1, 1, Text("falla", "fails"), "red"),
)

_VERDICT: Final = Panel(
    Text("Edad del último dictamen", "Age of the newest verdict"),
    says(
        "Segundos desde que se dictaminó sobre algún equipo. Crece cuando los sondeos se detienen.",
        "Seconds since a verdict on any device. It grows when polling stands still.",
    ),
    (_now("newest_verdict_age_seconds", Text("edad", "age")),),
    "s",
    steps=((None, "green"), (300.0, "yellow"), (900.0, "red")),
)

_AGENTS: Final = Panel(
    Text("Equipos en servicio: su agente", "Devices in service: their agent"),
    says(
        "Cuántos contestan, cuántos callan y de cuántos no se sabe, según el controlador.",
        "How many answer, how many are silent, and of how many it is unknown, as the controller has it.",
    ),
    (
        _now("agents", Text("contestan", "answer"), state="answers"),
        _now("agents", Text("callan", "silent"), state="silent"),
        _now("agents", Text("no se sabe", "unknown"), state="unknown"),
    ),
)

_SERVICES: Final = Panel(
    Text("Sitios: lo que halla una persona", "Sites: what a person meets"),
    says(
        "En cuántos se entra, en cuántos no y de cuántos no se sabe, según la prueba.",
        "At how many one gets online, at how many not, and of how many it is unknown, by the probe.",
    ),
    (
        _now("services", Text("se entra", "works"), state="works"),
        _now("services", Text("no se entra", "fails"), state="fails"),
        _now("services", Text("no se sabe", "unknown"), state="unknown"),
    ),
)

_BEHIND: Final = Panel(
    Text("Atraso del envío, por destino", "Lag of the forwarding, by sink"),
    says(
        "Edad del punto más viejo que aún no está a salvo en el destino; 0 cuando todos lo están.",
        "Age of the oldest point that is not safe in the sink yet; 0 when all are.",
    ),
    (_now("sink_behind_seconds", _SINK, "sink"),),
    "s",
    steps=((None, "green"), (300.0, "yellow"), (3600.0, "red")),
)

_FAILING: Final = Panel(
    Text("¿Funciona el destino?", "Does the sink work?"),
    says("Lo que dijo el último intento de envío.", "What the last attempt to send met."),
    (_now("sink_failing", _SINK, "sink"),),
    shape=Shape.STATES,
    words=_WORKS,
)

_WAITING: Final = Panel(
    Text("Lotes que esperan, líneas rechazadas", "Batches waiting, lines refused"),
    says(
        "Lotes por enviar o por asentarse; líneas que el destino rechaza para siempre.",
        "Batches to be sent or to settle; lines that the sink refuses for ever.",
    ),
    (
        _now("sink_waiting_batches", Text("{sink}: lotes", "{sink}: batches"), "sink"),
        _now("sink_refused_lines", Text("{sink}: rechazadas", "{sink}: refused"), "sink"),
    ),
)

_ROOM: Final = Panel(
    Text("Espacio del almacén, por clase", "Room that the store takes, by kind"),
    says(
        "Octetos en disco de los días crudos, los comprimidos y los resúmenes.",
        "Octets on disk of raw days, compressed days and rollups.",
    ),
    (_now("store_bytes", Text("{kind}", "{kind}"), "kind"),),
    "decbytes",
)

_DISK: Final = Panel(
    Text("Disco libre", "Free disk"),
    says("Espacio libre entre todo el del disco de los datos.", "Free room by all room of the data's disk."),
    (
        Query(
            "",
            "100 * min(last_over_time(plaza_disk_free_bytes[$__interval]) "
            "/ last_over_time(plaza_disk_bytes[$__interval]))",
            Text("libre", "free"),
        ),
    ),
    "percent",
    steps=((None, "red"), (5.0, "yellow"), (15.0, "green")),
    most=100,
)

ROWS: Final = (
    Row(Text("El controlador mismo", "The controller itself"), (_VERDICT, _AGENTS, _SERVICES)),
    Row(Text("Envío", "Forwarding"), (_BEHIND, _FAILING, _WAITING)),
    Row(Text("Disco", "Disk"), (_ROOM, _DISK)),
)
