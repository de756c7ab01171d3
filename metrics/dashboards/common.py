"""Panels that more than one dashboard has."""

from collections.abc import Sequence
from typing import Final

from metrics.dashboards import ask
from metrics.dashboards.ask import Of, Scope
from metrics.dashboards.model import Choice, Panel, Query, Shape, Text, Word

_GAP: Final = Text(
    "Un hueco es que no hubo muestra: no se sabe, no es cero.",
    "A gap means that there was no sample: it is unknown, not zero.",
)
GOOD_SHARE: Final = ((None, "red"), (80.0, "yellow"), (95.0, "green"))
ANSWERS: Final = (
    Word(0, 0.999, Text("No responde", "No answer"), "red"),
    Word(0.999, 99.999, Text("A ratos", "On and off"), "yellow"),
    Word(99.999, 100, Text("Responde", "Answers"), "green"),
)
WORKS: Final = (
    Word(0, 0.999, Text("Nadie entra", "Nobody gets online"), "red"),
    Word(0.999, 99.999, Text("A ratos", "On and off"), "yellow"),
    Word(99.999, 100, Text("Se entra", "One gets online"), "green"),
)
YES_NO: Final = (
    Word(0, 0, Text("no", "no"), "red"),
    Word(1, 1, Text("sí", "yes"), "green"),
)

MUNICIPALITY: Final = Choice("mun", Text("Municipio", "Municipality"), "wifi_ap", "up")
SITE: Final = Choice("site", Text("Sitio", "Site"), "wifi_ap", "up", ("mun",))
DEVICE: Final = Choice("ap", Text("Equipo", "Device"), "wifi_ap", "up", ("site",))


def says(es: str, en: str) -> Text:
    """What a panel tells, and what a gap in it means."""
    return Text(f"{es} {_GAP.es}", f"{en} {_GAP.en}")


def traffic(scope: Scope, by: Sequence[str] = (), legend: Text = ask.NO_LEGEND) -> Panel:
    """Both ways, of all devices, or of each."""
    down = Text(f"{legend.es} hacia el público".strip(), f"{legend.en} to the public".strip())
    up = Text(f"{legend.es} desde el público".strip(), f"{legend.en} from the public".strip())
    return Panel(
        Text("Tráfico", "Traffic"),
        says(
            "Bits por segundo: lo que crecieron los contadores de octetos de los equipos, entre los "
            "segundos. Un reinicio pone el contador en cero: ese paso se omite, no hay pico.",
            "Bits per second: what the devices' counters of octets grew, by the seconds. A restart sets the "
            "counter to zero: that step is left out, there is no peak.",
        ),
        (
            ask.growth(Of("wifi_ap", "tx_octets", scope, tuple(by), down), times=8),
            ask.growth(Of("wifi_ap", "rx_octets", scope, tuple(by), up), times=8),
        ),
        "bps",
    )


def sessions(scope: Scope) -> Panel:
    """Who is in, and who of them does something."""
    return Panel(
        Text("Sesiones de la ciudadanía", "Citizens' sessions"),
        Text(
            "Sesiones admitidas al final de cada minuto (media del paso), y de ellas las activas: sus "
            "octetos crecieron en diez minutos. Un hueco: ninguna sesión en ese minuto, o no se sabe.",
            "Sessions admitted at the end of each minute (mean of the step), and of those the active: their "
            "octets grew within ten minutes. A gap: no session in that minute, or unknown.",
        ),
        (
            ask.level(Of("wifi_session", "admitted", scope, legend=Text("admitidas", "admitted"))),
            ask.level(Of("wifi_session", "active", scope, legend=Text("activas", "active"))),
        ),
        "none",
    )


def service(scope: Scope, by: Sequence[str] = (), legend: Text = ask.NO_LEGEND) -> Panel:
    """Would a citizen get online."""
    return Panel(
        Text("¿Se puede entrar? (prueba ciudadana)", "Can one get online? (citizen probe)"),
        says(
            "De cada 100 pruebas hechas en el sitio como lo haría una persona (dirección, DNS, portal, "
            "permiso, página), cuántas llegaron a Internet. Donde nada puede probar no hay dato.",
            "Of 100 probes made at the site as a person would (address, DNS, portal, grant, page), how many "
            "reached the Internet. Where nothing can probe there is no figure.",
        ),
        (ask.percentage(Of("service", "works", scope, tuple(by), legend)),),
        "percent",
        Shape.STATES if by else Shape.LINES,
        steps=GOOD_SHARE,
        words=WORKS if by else (),
        most=100,
    )


def answers(scope: Scope, by: Sequence[str], legend: Text) -> Panel:
    """Does the agent answer; that alone says nothing of the service."""
    return Panel(
        Text("¿Responde el equipo? (SNMP)", "Does the device answer? (SNMP)"),
        says(
            "De cada 100 sondeos hechos al equipo, cuántos contestó su agente. Que conteste no prueba que "
            "se pueda navegar: eso lo dice la prueba ciudadana.",
            "Of 100 polls of the device, how many its agent answered. That it answers does not prove that "
            "one can browse: the citizen probe tells that.",
        ),
        (ask.percentage(Of("wifi_ap", "up", scope, tuple(by), legend)),),
        "percent",
        Shape.STATES,
        width=24,
        steps=GOOD_SHARE,
        words=ANSWERS,
    )


def clients(scope: Scope, by: Sequence[str], legend: Text, measurement: str = "wifi_ap") -> Panel:
    """How many are associated."""
    return Panel(
        Text("Clientes conectados", "Associated clients"),
        says(
            "Suma de los clientes de los equipos que los cuentan, media del paso. Los equipos que no "
            "contestaron no suman: compare con «Equipos medidos y esperados».",
            "Sum of the clients of the devices that count them, mean of the step. Devices that did not "
            "answer add nothing: compare with 'Devices measured and expected'.",
        ),
        (ask.level(Of(measurement, "clients", scope, tuple(by), legend)),),
        "none",
    )


def measured(scope: Scope) -> Panel:
    """The completeness of everything else on the dashboard."""
    return Panel(
        Text("Equipos medidos y esperados", "Devices measured and expected"),
        Text(
            "Medidos: equipos con al menos una muestra en el paso; cero es que ninguno. Esperados: los "
            "activos del inventario. La diferencia es lo que las demás gráficas no ven. Un hueco: no se "
            "sabe cuántos se esperaban.",
            "Measured: devices with at least one sample in the step; zero means none. Expected: the active "
            "ones of the inventory. The difference is what the other charts do not see. A gap: unknown how "
            "many were expected.",
        ),
        (
            ask.present(Of("wifi_ap", "up", scope, legend=Text("medidos", "measured"))),
            ask.level(Of("hotspot_mun", "aps", scope, legend=Text("esperados", "expected"))),
            ask.level(Of("hotspot_mun", "aps_up", scope, legend=Text("contestaron", "answered"))),
        ),
        "none",
    )


def number(title: Text, told: Text, query: Query, unit: str = "none", *, share: bool = False) -> Panel:
    """One figure as it is now; nothing where the last minutes brought none."""
    steps = GOOD_SHARE if share else ()
    return Panel(title, told, (query,), unit, Shape.NUMBER, width=4, steps=steps, recent=True)


def in_range(title: Text, told: Text, query: Query, unit: str = "none") -> Panel:
    """One figure over the whole time that is shown."""
    return Panel(title, told, (query,), unit, Shape.NUMBER, width=4)


def figures(scope: Scope) -> tuple[Panel, ...]:
    """The present state of a municipality, or of all."""
    mun = "hotspot_mun"
    return (
        number(
            Text("Clientes ahora", "Clients now"),
            says("Suma de los equipos que contestaron.", "Sum over the devices that answered."),
            ask.level(Of(mun, "clients", scope)),
        ),
        number(
            Text("Equipos que contestan", "Devices that answer"),
            says("Equipos cuyo agente contestó.", "Devices whose agent answered."),
            ask.level(Of(mun, "aps_up", scope)),
        ),
        number(
            Text("Equipos esperados", "Devices expected"),
            says("Los activos del inventario.", "The active ones of the inventory."),
            ask.level(Of(mun, "aps", scope)),
        ),
        number(
            Text("Contestan, de los esperados", "Answer, of those expected"),
            says("Equipos que contestaron entre los esperados.", "Devices that answered by those expected."),
            ask.ratio(Of(mun, "aps_up", scope), "aps"),
            "percent",
            share=True,
        ),
        number(
            Text("Se puede entrar", "One can get online"),
            says(
                "Pruebas ciudadanas que llegaron a Internet entre las hechas.",
                "Citizen probes that reached the Internet by those made.",
            ),
            ask.percentage(Of("service", "works", scope)),
            "percent",
            share=True,
        ),
        number(
            Text("Sesiones activas", "Active sessions"),
            says("Sus octetos crecieron en diez minutos.", "Their octets grew within ten minutes."),
            ask.level(Of("wifi_session", "active", scope)),
        ),
    )
