"""The part `weight`: octets of the first page and of the whole journey, over a real TLS socket."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from itertools import combinations
from typing import Final
from urllib.parse import urlencode, urlsplit

from bench.poll.child import ClientFailed
from bench.portal import square as squares
from bench.portal.goals import JOURNEY_OCTETS, JOURNEY_REQUESTS, PAGE_OCTETS, Figure
from bench.portal.phone import BROWSER, GZIP, Answer, AnswerBroken, Line
from bench.portal.serving import HOST, PORTAL, free_port, running, served
from bench.portal.square import LOOKS, PLAIN, Square
from captive_portal.languages import ENDONYMS
from captive_portal.modes import Mode
from tests.gateway import certificates

MODES: Final = tuple(".".join(some) for many in range(len(Mode) + 1) for some in combinations(Mode, many))
AS_PHONES: Final = "gzip"
"""Every phone's browser asks for it; what is sent to a program that does not is told beside."""
ENCODINGS: Final[Mapping[str, Mapping[str, str]]] = {AS_PHONES: GZIP, "no encoding": {}}
PROBE: Final = "http://connectivitycheck.gstatic.com/generate_204"
_ACTION: Final = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a journey: whom it asks, what came, and what TCP carried without a handshake."""

    origin: str
    answer: Answer
    wire: int


def part(rounds: int) -> tuple[Figure, ...]:
    """Octets are the same each time, so `rounds` changes nothing. Raises ClientFailed."""
    with _standing() as (square, portal):
        try:
            pages = {how: weigh(square, portal, headers) for how, headers in ENCODINGS.items()}
            steps = journey(square.sites[PLAIN].gateway_url)
        except AnswerBroken as error:
            raise ClientFailed(str(error)) from error
    return (*_pages(pages), *_journey(steps, portal))


@contextmanager
def _standing() -> Iterator[tuple[Square, str]]:
    """The square with its portal over TLS and the gateway of its plain site, which filters nothing."""
    gateway_port, portal_port = free_port(), free_port()
    portal = f"https://{HOST}:{portal_port}"
    square = squares.build("weight", list(ENDONYMS), f"http://{HOST}:{gateway_port}", portal)
    certificates.write(square.directory, "portal.example.mx")
    tls = [square.directory / "gateway.pem", square.directory / "gateway.key"]
    command = [sys.executable, "-m", "captive_portal.gateway", str(square.gateway(PLAIN))]
    with (
        served(PORTAL, portal_port, square.directory / "portal.log", square.environ, tls),
        running(command, gateway_port, square.directory / "gateway.log", square.environ),
    ):
        yield square, portal


def weigh(square: Square, portal: str, headers: Mapping[str, str]) -> dict[str, Step]:
    """The first page in every language, mode and look, each by what it is. Raises ClientFailed."""
    found = {}
    with Line(portal) as line:
        for number, key in enumerate(LOOKS):
            for language in ENDONYMS:
                for mode in MODES:
                    query = {"lang": language, "m": mode} if mode else {"lang": language}
                    arrival = squares.arrival(square.sites[key], number)
                    before = line.wire
                    answer = line.ask(f"/p/{key}?{arrival}&{urlencode(query)}", {**BROWSER, **headers})
                    if answer.status != 200 or not _ACTION.search(answer.text):
                        raise ClientFailed(f"{key}: answered {answer.status} without the page's form")
                    found[f"{key} {language} {mode or 'usual'}"] = Step(portal, answer, line.wire - before)
    return found


def journey(gateway: str) -> list[Step]:
    """From the probe of a phone to the page after the tap, wherever it is sent. Raises ClientFailed."""
    steps = [_go(PROBE, at=gateway)]
    page = _followed(steps)
    action, form = _ACTION.search(page.text), dict(_HIDDEN.findall(page.text))
    if action is None:
        raise ClientFailed(f"no form in the page, which answered {page.status}")
    steps.append(_go(steps[-1].origin + unescape(action[1]), form))
    last = _followed(steps)
    if last.status != 200:
        raise ClientFailed(f"the journey ended with {last.status}")
    return steps


def _followed(steps: list[Step]) -> Answer:
    """The first answer that leads no further; each on the way is another step."""
    while location := steps[-1].answer.headers.get("location"):
        steps.append(_go(location if "//" in location else steps[-1].origin + location))
    return steps[-1].answer


def _go(url: str, form: Mapping[str, str] | None = None, at: str = "") -> Step:
    """One request over a connection of its own, to the origin `at` whatever the address says."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    body = None if form is None else urlencode({name: unescape(text) for name, text in form.items()}).encode()
    origin = at or f"{parts.scheme}://{parts.netloc}"
    with Line(origin) as line:
        answer = line.ask(target, {"Host": parts.netloc, **BROWSER, **GZIP}, body)
        return Step(origin, answer, line.wire)


def _pages(pages: Mapping[str, Mapping[str, Step]]) -> Iterator[Figure]:
    for how, steps in pages.items():
        sizes = {what: step.answer.down for what, step in steps.items()}
        name = f"first page, the largest of {len(sizes)}, {how}"
        heaviest, lightest = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
        told = f"{heaviest}, on the wire {steps[heaviest].wire:,} B; least {sizes[lightest]:,} B: {lightest}"
        yield Figure(name, sizes[heaviest], "B", PAGE_OCTETS if how == AS_PHONES else None, told)


def _journey(steps: Sequence[Step], portal: str) -> tuple[Figure, ...]:
    ours = [step for step in steps if step.origin == portal]
    down, up = (sum(getattr(step.answer, way) for step in steps) for way in ("down", "up"))
    far = sum(step.answer.up + step.answer.down for step in ours)
    each = ", ".join(f"{step.answer.status} {step.answer.down:,} B" for step in steps)
    wire = sum(step.wire for step in steps)
    return (
        Figure("whole journey, gateway's answers too", down, "B", JOURNEY_OCTETS, each),
        Figure("whole journey, the phone's requests", up, "B", details=f"on the wire both ways {wire:,} B"),
        Figure("of it to and from the portal", far, "B", details="both ways; the rest stays at the site"),
        Figure("requests to the portal", len(ours), "", JOURNEY_REQUESTS, f"{len(steps)} with the gateway's"),
    )
