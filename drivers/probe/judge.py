"""What an answer means for a phone. Each function gives words for a technician, or raises Failed."""

import json
from typing import Final
from urllib.parse import urljoin

from drivers.probe import press
from drivers.probe.errors import Failed
from drivers.probe.fetch import Answer, split, without_query

REDIRECTS: Final = frozenset({302, 303, 307})
REPEATED: Final = frozenset({307, 308})
"""Redirects after which a form is sent once more."""

_FOR_EVER: Final = frozenset({301, 308})
_WAYS_ON: Final = (b"<form", b"<a ", b"<button")
API_TYPE: Final = "application/captive+json"


def redirect(answer: Answer) -> str:
    """The portal's address: the answer to a phone's question before anybody logged in."""
    if answer.status == 204:
        raise Failed("204: the internet is open to everybody, nobody is asked to log in")
    if answer.status == 200:
        raise Failed("200 with a page instead of a redirect: a phone takes it for the internet itself")
    if answer.status in _FOR_EVER:
        raise Failed(f"{answer.status}: a phone remembers this redirect for ever; it has to be 302")
    if answer.status not in REDIRECTS:
        raise Failed(f"{answer.status} instead of a redirect to the portal")
    where = answer.headers.get("location", "")
    if not where:
        raise Failed(f"{answer.status} without saying where the portal is")
    split(where)
    return where


def onward(answer: Answer) -> str:
    """Where an answer on the way to the portal's page sends the phone, "" when it is the page."""
    if answer.status not in REDIRECTS | _FOR_EVER:
        return ""
    where = urljoin(answer.url, answer.headers.get("location", ""))
    split(where)
    return where


def page(answer: Answer) -> str:
    """The portal's page."""
    shown = without_query(answer.url)
    if answer.status != 200:
        raise Failed(f"{shown} answers {answer.status}{_quoted(answer)}")
    if not answer.body:
        raise Failed(f"{shown} answers 200 with nothing in it")
    content = answer.body.lower()
    if not any(way in content for way in _WAYS_ON):
        raise Failed(f"{shown} shows {len(answer.body)} octets without anything to tap")
    return f"200, {len(answer.body)} octets, {'a form' if b'<form' in content else 'a link'}, {shown}"


def entered(answer: Answer) -> None:
    """The page after the tap."""
    if answer.status in {200, 204}:
        return
    raise Failed(f"not let in: {shown(answer)}{_quoted(answer)}")


def _quoted(answer: Answer) -> str:
    """What a page says to a citizen, where it says anything."""
    says = press.heading(answer)
    return f", “{says}”" if says else ""


def shown(answer: Answer) -> str:
    """A page in a few words."""
    return f"{answer.status} {without_query(answer.url)}"


def outside(answer: Answer) -> str:
    """What the Internet answers to a phone that is online."""
    if answer.status == 204 or (answer.status == 200 and not answer.url.endswith("/generate_204")):
        return f"online, {shown(answer)}"
    raise Failed(f"{shown(answer)} after the tap: something between answers in the Internet's place")


def api(answer: Answer) -> str:
    """The Captive Portal API (RFC 8908) of somebody who has not logged in."""
    shown = without_query(answer.url)
    if answer.status != 200:
        raise Failed(f"{shown} answers {answer.status}")
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != API_TYPE:
        raise Failed(f"{shown} answers something else than {API_TYPE}")
    try:
        told = json.loads(answer.body)
    except ValueError:
        raise Failed(f"{shown} answers with broken JSON") from None
    captive = told.get("captive") if isinstance(told, dict) else None
    if captive is not True:
        raise Failed(f"{shown} says captive: {json.dumps(captive)}, and nobody has logged in")
    portal = told.get("user-portal-url")
    if not isinstance(portal, str):
        raise Failed(f"{shown} does not say where the portal is")
    split(portal)
    return f"captive, portal at {without_query(portal)}"
