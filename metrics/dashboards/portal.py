"""The portal: who got in, who did not and why."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from metrics.catalog import FAILED, REFUSED
from metrics.dashboards import ask, common
from metrics.dashboards.ask import Of, Scope
from metrics.dashboards.common import in_range
from metrics.dashboards.model import Dashboard, Panel, Row, Text

_HERE: Final = Scope(("mun", "site"), several=True)

_WORDS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "site_closed": Text("sitio cerrado", "site closed"),
        "site_full": Text("sitio lleno", "site full"),
        "not_recognised": Text("no se reconoció el equipo", "not recognised"),
        "day_used_up": Text("tiempo del día agotado", "day used up"),
        "no_internet": Text("sin Internet", "no Internet"),
        "voucher_needed": Text("hace falta un vale", "voucher needed"),
        "voucher_unknown": Text("vale desconocido", "voucher unknown"),
        "voucher_expired": Text("vale vencido", "voucher expired"),
        "voucher_used": Text("vale usado", "voucher used"),
        "voucher_wait": Text("vale: hay que esperar", "voucher: wait"),
        "gateway_failed": Text("falló la puerta de enlace", "gateway failed"),
        "gateway_away": Text("puerta de enlace fuera de alcance", "gateway away"),
        "store_failed": Text("falló la base de datos", "store failed"),
        "ticket_expired": Text("permiso caducado", "ticket expired"),
    }
)


def _of(field: str, es: str = "", en: str = "", measurement: str = "wifi_portal") -> Of:
    return Of(measurement, field, _HERE, legend=Text(es, en))


def _told(es: str, en: str) -> Text:
    return Text(
        f"{es} Un hueco: en esos minutos nadie llegó al portal, o no se sabe.",
        f"{en} A gap: nobody came to the portal in those minutes, or unknown.",
    )


_TOTALS: Final = (
    in_range(
        Text("Llegadas", "Arrivals"),
        _told("Primeras páginas servidas en el tiempo mostrado.", "First pages served in the time shown."),
        ask.in_all(_of("arrivals")),
    ),
    in_range(
        Text("Permisos", "Grants"),
        _told("Permisos dados en el tiempo mostrado.", "Grants given in the time shown."),
        ask.in_all(_of("grants")),
    ),
    in_range(
        Text("Permisos, de los toques", "Grants, of the taps"),
        _told("Permisos entre toques del botón.", "Grants by taps on the button."),
        ask.ratio_in_all(_of("grants"), "taps"),
        "percent",
    ),
    in_range(
        Text("Fallas nuestras, de los toques", "Failures of ours, of the taps"),
        _told("Toques que fallaron por causa nuestra entre toques.", "Taps that failed through us by taps."),
        ask.ratio_in_all(_of("failures"), "taps"),
        "percent",
    ),
    in_range(
        Text("Del toque a Internet", "From tap to Internet"),
        _told("Segundos de espera entre puertas abiertas.", "Seconds waited by doors opened."),
        ask.ratio_in_all(_of("online_s"), "online", times=1),
        "s",
    ),
    in_range(
        Text("Octetos de sesiones terminadas", "Octets of ended sessions"),
        _told("De las sesiones que terminaron.", "Of the sessions that ended."),
        ask.in_all(_of("octets", measurement="wifi_session")),
        "decbytes",
    ),
)

_FUNNEL: Final = Panel(
    Text("De la llegada a Internet", "From arrival to Internet"),
    _told(
        "En cada paso: primeras páginas, toques, permisos, puertas que abrieron.",
        "In each step: first pages, taps, grants, doors that opened.",
    ),
    (
        ask.counted(_of("arrivals", "llegadas", "arrivals")),
        ask.counted(_of("taps", "toques", "taps")),
        ask.counted(_of("grants", "permisos", "grants")),
        ask.counted(_of("online", "puertas abiertas", "doors opened")),
    ),
)

_SHARES: Final = Panel(
    Text("Permisos y fallas, de los toques", "Grants and failures, of the taps"),
    _told("De cada 100 toques del botón.", "Of 100 taps on the button."),
    (
        ask.ratio(_of("grants", "permisos", "grants"), "taps"),
        ask.ratio(_of("failures", "fallas nuestras", "failures of ours"), "taps"),
    ),
    "percent",
)

_WAIT: Final = Panel(
    Text("Espera del toque a Internet", "Wait from tap to Internet"),
    _told("Segundos de espera entre puertas abiertas.", "Seconds waited by doors opened."),
    (ask.ratio(_of("online_s", "espera", "wait"), "online", times=1),),
    "s",
    steps=((None, "green"), (5.0, "yellow"), (15.0, "red")),
)

_REFUSED: Final = Panel(
    Text("Rechazos por motivo", "Refusals by reason"),
    _told("Rechazos mostrados en cada paso.", "Refusals shown in each step."),
    tuple(ask.counted(replace(_of(f"refused_{word}"), legend=_WORDS[word])) for word in REFUSED),
    stacked=True,
)

_FAILED: Final = Panel(
    Text("Fallas nuestras por motivo", "Failures of ours by reason"),
    _told("Toques que fallaron en cada paso.", "Taps that failed in each step."),
    tuple(ask.counted(replace(_of(f"failed_{word}"), legend=_WORDS[word])) for word in FAILED),
    stacked=True,
)

_LENGTH: Final = Panel(
    Text("Duración media de las sesiones", "Mean length of sessions"),
    _told(
        "Segundos de las sesiones terminadas en el paso entre cuántas terminaron.",
        "Seconds of the sessions that ended in the step by how many ended.",
    ),
    (ask.ratio(_of("seconds", "duración", "length", "wifi_session"), "ended", times=1),),
    "s",
)

_OPENED: Final = Panel(
    Text("Sesiones abiertas y terminadas", "Sessions opened and ended"),
    _told("En cada paso.", "In each step."),
    (
        ask.counted(_of("opened", "abiertas", "opened", "wifi_session")),
        ask.counted(_of("ended", "terminadas", "ended", "wifi_session")),
    ),
)

DASHBOARD: Final = Dashboard(
    "portal",
    Text("Portal", "Portal"),
    Text(
        "El portal cautivo: cuántas personas llegan, cuántas entran, cuánto esperan, por qué no entran. "
        "Solo sumas por sitio y minuto; nada de una persona.",
        "The captive portal: how many come, how many get in, how long they wait, why not. Only sums by site "
        "and minute; nothing of a person.",
    ),
    (
        Row(Text("En el tiempo mostrado", "In the time shown"), _TOTALS),
        Row(Text("Entrar", "Getting in"), (_FUNNEL, _SHARES, _WAIT)),
        Row(Text("No entrar", "Not getting in"), (_REFUSED, _FAILED)),
        Row(Text("Sesiones", "Sessions"), (common.sessions(_HERE), _OPENED, _LENGTH)),
    ),
    (replace(common.MUNICIPALITY, several=True), replace(common.SITE, several=True)),
)
