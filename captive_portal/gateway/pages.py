"""The few sentences that the gateway itself tells a citizen, in Spanish and English."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from captive_portal.gateway.admission import Reason
from captive_portal.gateway.web import Response

STATUS: Final[Mapping[Reason, HTTPStatus]] = {
    Reason.INVALID: HTTPStatus.FORBIDDEN,
    Reason.SPENT: HTTPStatus.FORBIDDEN,
    Reason.INSIDE: HTTPStatus.FORBIDDEN,
    Reason.UNKNOWN_PHONE: HTTPStatus.FORBIDDEN,
    Reason.FAILED: HTTPStatus.SERVICE_UNAVAILABLE,
}

SENTENCES: Final[Mapping[str, Mapping[Reason, str]]] = {
    "es": {
        Reason.INVALID: "Este permiso no vale en este teléfono.",
        Reason.SPENT: "Este permiso ya se usó.",
        Reason.INSIDE: "Ya tienes Internet. Puedes cerrar esta página.",
        Reason.UNKNOWN_PHONE: "No vemos tu teléfono. Apaga y enciende el wifi, y vuelve a intentar.",
        Reason.FAILED: "No pudimos abrirte la puerta. Espera un momento y vuelve a intentar.",
    },
    "en": {
        Reason.INVALID: "This permit is not for this phone.",
        Reason.SPENT: "This permit was used already.",
        Reason.INSIDE: "You are online. You can close this page.",
        Reason.UNKNOWN_PHONE: "We cannot see your phone here. Turn Wi-Fi off and on, then try again.",
        Reason.FAILED: "We could not let you in. Wait a moment and try again.",
    },
}
AGAIN: Final = {"es": "Empezar de nuevo", "en": "Start again"}

HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_PAGE: Final = """<!DOCTYPE html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body{{font:1.25rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:32rem;padding:1rem}}
body{{color:#000;background:#fff}}
a{{display:inline-block;min-height:3rem;line-height:3rem;color:#003b71}}
</style></head>
<body><main>{sentences}</main></body></html>
"""


def refusal(reason: Reason, language: str) -> Response:
    """A page that says why, with the way back; in both languages when we do not know the citizen's."""
    languages = (language,) if language in SENTENCES else tuple(SENTENCES)
    sentences = "".join(_section(one, reason) for one in languages)
    page = _PAGE.format(lang=languages[0], title=SENTENCES[languages[0]][reason], sentences=sentences)
    return Response(STATUS[reason], HEADERS, page.encode())


def _section(language: str, reason: Reason) -> str:
    sentence, again = SENTENCES[language][reason], AGAIN[language]
    return f'<section lang="{language}"><h1>{sentence}</h1><p><a href="/">{again}</a></p></section>'
