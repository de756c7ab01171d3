"""The few sentences that the gateway itself tells a citizen, in Spanish and English."""

from collections.abc import Iterable, Mapping
from html import escape
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
    Reason.BLOCKED: HTTPStatus.FORBIDDEN,
}

SENTENCES: Final[Mapping[str, Mapping[Reason, str]]] = {
    "es": {
        Reason.INVALID: "Este permiso no vale en este teléfono.",
        Reason.SPENT: "Este permiso ya se usó.",
        Reason.INSIDE: "Ya tienes Internet. Puedes cerrar esta página.",
        Reason.UNKNOWN_PHONE: "No vemos tu teléfono. Apaga y enciende el wifi, y vuelve a intentar.",
        Reason.FAILED: "No pudimos abrirte la puerta. Espera un momento y vuelve a intentar.",
        Reason.BLOCKED: "Este teléfono no puede entrar aquí por ahora.",
    },
    "en": {
        Reason.INVALID: "This permit is not for this phone.",
        Reason.SPENT: "This permit was used already.",
        Reason.INSIDE: "You are online. You can close this page.",
        Reason.UNKNOWN_PHONE: "We cannot see your phone here. Turn Wi-Fi off and on, then try again.",
        Reason.FAILED: "We could not let you in. Wait a moment and try again.",
        Reason.BLOCKED: "This phone cannot come in here for now.",
    },
}
AGAIN: Final = {"es": "Empezar de nuevo", "en": "Start again"}

OFFLINE: Final = "/offline"
"""The page's own address at the gateway: a probe is sent there, and never answered at its own address."""

OFFLINE_TITLE: Final = {"es": "Aquí no hay Internet ahora", "en": "There is no Internet here now"}
OFFLINE_ADVICE: Final = {
    "es": "Espera unos minutos. Luego intenta otra vez.",
    "en": "Wait a few minutes. Then try again.",
}
OFFLINE_AGAIN: Final = {"es": "Intentar otra vez", "en": "Try again"}
RETRY_S: Final = 60

HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_PAGE: Final = """<!DOCTYPE html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root{{color-scheme:light dark;--paper:#fcfaf5;--ink:#10302c;--tap:#0c4a42;--on:#fff}}
@media (prefers-color-scheme:dark){{:root{{--paper:#0d1917;--ink:#f5f1e6;--tap:#a8ead6;--on:#062019}}}}
*{{box-sizing:border-box}}
body{{font:1.25rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:30rem;padding:1rem 20px}}
body{{color:var(--ink);background:var(--paper);overflow-wrap:anywhere}}
h1{{font-size:1.75rem;line-height:1.25;margin:1rem 0}}
p{{margin:1rem 0}}
a,button{{display:flex;align-items:center;justify-content:center;min-height:72px}}
a,button{{width:100%;padding:.5rem 1rem}}
a,button{{font:inherit;font-weight:700;color:var(--on);background:var(--tap);text-align:center}}
a,button{{border:3px solid var(--tap);border-radius:1rem;flex-direction:column;cursor:pointer}}
a:focus-visible,button:focus-visible{{outline:4px solid var(--ink);outline-offset:4px}}
section+section{{border-top:1px solid;margin-top:2rem}}
@media print{{:root{{color-scheme:light;--paper:#fff;--ink:#000}}}}
</style></head>
<body><main>{sections}</main></body></html>
"""


def refusal(reason: Reason, language: str) -> Response:
    """A page that says why, with the way back; in both languages when we do not know the citizen's."""
    languages = (language,) if language in SENTENCES else tuple(SENTENCES)
    sections = [section(one, SENTENCES[one][reason], (), AGAIN[one]) for one in languages]
    return page(STATUS[reason], languages[0], SENTENCES[languages[0]][reason], sections)


def offline() -> Response:
    """The page that says, in both languages, that the site has no way to the Internet now."""
    sections = [
        section(one, title, (OFFLINE_ADVICE[one],), OFFLINE_AGAIN[one])
        for one, title in OFFLINE_TITLE.items()
    ]
    return later(page(HTTPStatus.SERVICE_UNAVAILABLE, "es", OFFLINE_TITLE["es"], sections))


def page(status: HTTPStatus, language: str, title: str, sections: Iterable[str]) -> Response:
    """A page of ours; its title is text, its sections are HTML."""
    body = _PAGE.format(lang=language, title=escape(title), sections="".join(sections))
    return Response(status, HEADERS, body.encode())


def section(language: str, title: str, paragraphs: Iterable[str], again: str = "") -> str:
    """What it says in one language, and the way back where there is one. Its paragraphs are HTML."""
    said = "".join(f"<p>{one}</p>" for one in paragraphs if one)
    back = f'<p><a href="/">{escape(again)}</a></p>' if again else ""
    return f'<section lang="{language}"><h1>{escape(title)}</h1>{said}{back}</section>'


def written(text: str, language: str) -> str:
    """HTML of what somebody of this place wrote, who writes Spanish, on a page in this language."""
    return escape(text) if language == "es" else f'<span lang="es">{escape(text)}</span>'


def later(response: Response) -> Response:
    """The same, and when it is worth to ask again."""
    return Response(response.status, {**response.headers, "Retry-After": str(RETRY_S)}, response.body)
