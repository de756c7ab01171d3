"""What the gateway itself tells while the portal is away, in an emergency, and to who is kept out."""

from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from captive_portal.gateway.pages import OFFLINE_ADVICE, OFFLINE_AGAIN, later, page, section, written
from captive_portal.gateway.policy import Blocked, Emergency, Filter, Terms
from captive_portal.gateway.web import Response

AWAY: Final = "/away"
CONTINUE: Final = "/continue"
EMERGENCY: Final = "/emergency"
BLOCKED: Final = "/blocked"
"""Their own addresses at the gateway: a probe is sent there, and never answered at its own address."""

Words = Mapping[str, str]
LANGUAGES: Final = ("es", "en")

SILENT: Final[Words] = {"es": "El portal no contesta", "en": "The portal does not answer"}
NOBODY_NEW: Final[Words] = {
    "es": "Ahora no puede entrar nadie más. Quien ya tiene Internet lo sigue teniendo.",
    "en": "Nobody else can come in now. Who is online stays online.",
}
OFFERED: Final[Words] = {
    "es": "Pero sí hay Internet. Toca el botón y úsalo {span}.",
    "en": "But there is Internet. Press the button and use it for {span}.",
}
AT_MOST: Final[Words] = {"es": "Son {amount} MB como máximo.", "en": "That is {amount} MB at most."}
USE: Final[Words] = {"es": "Usar Internet", "en": "Use the Internet"}
HAD: Final[Words] = {"es": "Ya usaste tu tiempo por ahora", "en": "You have used your time for now"}
SILENT_STILL: Final[Words] = {"es": "El portal no contesta.", "en": "The portal does not answer."}
ONLINE: Final[Words] = {"es": "Ya tienes Internet", "en": "You are online"}
CLOSE: Final[Words] = {"es": "Puedes cerrar esta página.", "en": "You can close this page."}

NOTICE: Final[Words] = {"es": "Aviso de Protección Civil", "en": "Civil protection notice"}
FREE: Final[Words] = {
    "es": "Mientras dura la emergencia, aquí hay Internet para todos. Puedes cerrar esta página.",
    "en": "During the emergency there is Internet for everybody here. You can close this page.",
}

KEPT_OUT: Final[Words] = {
    "es": "Este teléfono no puede entrar aquí",
    "en": "This phone cannot come in here",
}
REASON: Final[Words] = {"es": "Motivo: {reason}", "en": "Reason: {reason}"}
ENDS: Final[Words] = {"es": "Termina en {span} o antes.", "en": "It ends in {span} or sooner."}
NO_END: Final[Words] = {"es": "No tiene fecha de término.", "en": "It has no end date."}
APPEAL: Final[Words] = {
    "es": "Si crees que es un error: {appeal}",
    "en": "If you think that this is a mistake: {appeal}",
}

NOT_SHOWN: Final[Words] = {"es": "Esta página no se muestra aquí", "en": "This page is not shown here"}
BECAUSE: Final[Mapping[Filter, Words]] = {
    Filter.NONE: {
        "es": "Está en la lista de páginas que este lugar no muestra.",
        "en": "It is on this place's list of pages that are not shown.",
    },
    Filter.MALWARE: {
        "es": "Está en una lista de páginas que dañan teléfonos o engañan para robar datos.",
        "en": "It is on a list of pages that harm phones, or that trick people to steal their data.",
    },
    Filter.FAMILY: {
        "es": "Está en una lista de páginas que no son para niñas y niños, o que dañan teléfonos.",
        "en": "It is on a list of pages that are not for children, or that harm phones.",
    },
}
UNNOTED: Final[Words] = {
    "es": "No anotamos quién la pidió.",
    "en": "We do not note who asked for it.",
}

UNITS: Final = {
    "es": (("día", "días"), ("hora", "horas"), ("minuto", "minutos")),
    "en": (("day", "days"), ("hour", "hours"), ("minute", "minutes")),
}


def silent() -> Response:
    """The portal does not answer, and nobody new is let in."""
    return later(_both(HTTPStatus.SERVICE_UNAVAILABLE, SILENT, (NOBODY_NEW, OFFLINE_ADVICE), OFFLINE_AGAIN))


def had() -> Response:
    """The portal does not answer, and this phone had its time without it."""
    return later(_both(HTTPStatus.SERVICE_UNAVAILABLE, HAD, (SILENT_STILL, OFFLINE_ADVICE), OFFLINE_AGAIN))


def online() -> Response:
    """This phone is in; there is nothing to press."""
    return _both(HTTPStatus.OK, ONLINE, (CLOSE,), {})


def offer(token: str, terms: Terms) -> Response:
    """One button, by which this phone gets in without the portal."""
    sections = [section(one, SILENT[one], _offered(one, terms)) for one in LANGUAGES]
    label = f'{escape(USE["es"])}<span lang="en">{escape(USE["en"])}</span>'
    form = f'<form method="post" action="{CONTINUE}?v={quote(token)}"><button>{label}</button></form>'
    return page(HTTPStatus.OK, "es", SILENT["es"], [sections[0], form, sections[1]])


def emergency(found: Emergency) -> Response:
    """What civil protection says, in Spanish, and in English where it does."""
    texts = {"es": found.es, "en": found.en}
    sections = [
        section(one, NOTICE[one], [*map(escape, texts[one].split("\n")), FREE[one]]) for one in LANGUAGES
    ]
    return page(HTTPStatus.OK, "es", NOTICE["es"], sections)


def blocked(found: Blocked, left_s: int, appeal: str) -> Response:
    """Why this phone is not let in, for how long at most, and whom to ask."""
    sections = [
        section(
            one, KEPT_OUT[one],
            [
                REASON[one].format(reason=written(found.reason, one)) if found.reason else "",
                ENDS[one].format(span=span(left_s, one)) if found.until else NO_END[one],
                _appeal(one, appeal),
            ],
        )
        for one in LANGUAGES
    ]  # fmt: skip
    return page(HTTPStatus.FORBIDDEN, "es", KEPT_OUT["es"], sections)


def filtered(why: Filter, appeal: str) -> Response:
    """The name that was asked for is not answered here."""
    sections = [
        section(one, NOT_SHOWN[one], [BECAUSE[why][one], UNNOTED[one], _appeal(one, appeal)])
        for one in LANGUAGES
    ]
    return page(HTTPStatus.FORBIDDEN, "es", NOT_SHOWN["es"], sections)


def span(seconds: int, language: str) -> str:
    """A length of time as one says it: begun minutes count, and from two days on begun days."""
    days, hours, minutes = UNITS[language]
    if seconds >= 2 * 86_400:
        return _count(-(-seconds // 86_400), days)
    in_minutes = max(1, -(-seconds // 60))
    parts = [
        _count(number, unit)
        for number, unit in zip(divmod(in_minutes, 60), (hours, minutes), strict=True)
        if number
    ]
    return " ".join(parts)


def _count(number: int, unit: tuple[str, str]) -> str:
    return f"{number} {unit[number != 1]}"


def _offered(language: str, terms: Terms) -> list[str]:
    told = [OFFERED[language].format(span=span(terms.seconds, language))]
    if terms.octets:
        told.append(AT_MOST[language].format(amount=max(1, terms.octets // 1_000_000)))
    return told


def _appeal(language: str, appeal: str) -> str:
    return APPEAL[language].format(appeal=written(appeal, language)) if appeal else ""


def _both(status: HTTPStatus, title: Words, texts: Sequence[Words], again: Words) -> Response:
    """In both languages; `again` is the way back, {} for none."""
    sections = [
        section(one, title[one], [text[one] for text in texts], again.get(one, "")) for one in LANGUAGES
    ]
    return page(status, "es", title["es"], sections)
