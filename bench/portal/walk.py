"""Telephones of a crowd, in one event loop: each walks from its gateway's door to the page after the tap."""

import asyncio
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from bench.portal import square as squares
from bench.portal.phone import BROWSER, GZIP
from bench.portal.square import PLAIN
from captive_portal.gateway.ticket import BadToken, unseal
from captive_portal.model import PortalSite

PATIENCE_S: Final = 15.0
"""For one request, with its connection."""

ONLINE: Final = "Ya tienes Internet"
PROBE: Final = "http://connectivitycheck.gstatic.com/generate_204"
_ACTION: Final = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS


class WrongAnswer(Exception):
    """Not what a telephone needs to go on; says what came, or that nothing did. `begun_s` is monotonic."""

    def __init__(self, why: str, begun_s: float) -> None:
        super().__init__(why)
        self.begun_s = begun_s


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request; `begun_s` is when it began, monotonic."""

    status: int
    location: str = field(repr=False)
    text: str = field(repr=False)
    begun_s: float

    def require(self, holds: bool, what: str) -> None:
        """Raises WrongAnswer."""
        if not holds:
            raise WrongAnswer(f"{what}: {self.status}", self.begun_s)


@dataclass(frozen=True, slots=True)
class Walked:
    """How one telephone fared, in monotonic seconds; `why` is empty where it got online.

    `wrong_s` is when the request began that went wrong.
    """

    came_s: float
    ended_s: float
    why: str = ""
    wrong_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Square:
    """The site that all of them are at; `portal` and `gateway` are origins.

    Every `every`th telephone passes the real gateway. For the others we are the gateway: we sign their
    arrivals and read their tickets, with its key.
    """

    site: PortalSite
    portal: str
    gateway: str
    every: int

    def passes(self, number: int) -> bool:
        """Whether this telephone passes the real gateway."""
        return number % self.every == 0


async def crowd(square: Square, phones: int, within_s: float) -> Sequence[Walked]:
    """That many telephones, which come one after the other at the same pace."""
    start_s = time.monotonic()
    return await asyncio.gather(
        *(_one(square, number, start_s + number * within_s / phones) for number in range(phones))
    )


async def _one(square: Square, number: int, at_s: float) -> Walked:
    await asyncio.sleep(max(0.0, at_s - time.monotonic()))
    came_s = time.monotonic()
    try:
        await _walk(square, number)
    except WrongAnswer as error:
        return Walked(came_s, time.monotonic(), str(error), error.begun_s)
    return Walked(came_s, time.monotonic())


async def _walk(square: Square, number: int) -> None:
    path = f"/p/{PLAIN}"
    first = f"{square.portal}{path}?{squares.arrival(square.site, number)}"
    if square.passes(number):
        probe = await _ask(PROBE, number, at=square.gateway)
        probe.require(probe.location.startswith(f"{square.portal}{path}?a="), "the gateway's way")
        first = probe.location
    page = await _ask(first, number)
    action = _ACTION.search(page.text)
    page.require(page.status == 200 and action is not None, "the page with the button")
    assert action is not None  # noqa: S101  just required
    form = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
    tap = await _ask(square.portal + unescape(action[1]), number, form)
    tap.require(tap.location.startswith(f"{square.gateway}/grant?g="), "the tap")
    after = await _ask(await _beyond(square, number, tap), number)
    after.require(after.status == 200 and ONLINE in after.text, "the page after")


async def _beyond(square: Square, number: int, tap: Answer) -> str:
    """Where the gateway sends whom it lets in."""
    if square.passes(number):
        grant = await _ask(tap.location, number)
        grant.require(grant.location.startswith(f"{square.portal}/p/{PLAIN}/online?"), "the grant")
        return grant.location
    ticket = parse_qs(urlsplit(tap.location).query)["g"][0]
    try:
        fields = unseal(square.site.wiring.key, "ticket", ticket)
    except BadToken as error:
        raise WrongAnswer("a ticket that no gateway believes", tap.begun_s) from error
    query = {name: fields[held] for name, held in (("lang", "lang"), ("s", "status")) if held in fields}
    return f"{square.portal}/p/{PLAIN}/online?{urlencode(query)}"


async def _ask(url: str, number: int, form: dict[str, str] | None = None, at: str = "") -> Answer:
    """One request over a connection of its own, from an address of its own. Raises WrongAnswer."""
    begun_s = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            return _read(await _exchange(url, number, form, at or url), begun_s)
    except TimeoutError:
        raise WrongAnswer(f"no answer within {PATIENCE_S:.0f} s", begun_s) from None
    except (OSError, ValueError) as error:
        raise WrongAnswer(type(error).__name__, begun_s) from error


async def _exchange(url: str, number: int, form: dict[str, str] | None, at: str) -> bytes:
    parts, place = urlsplit(url), urlsplit(at)
    ours = (f"127.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 0)
    reader, writer = await asyncio.open_connection(place.hostname, place.port or 80, local_addr=ours)
    try:
        writer.write(_request(parts.netloc, f"{parts.path or '/'}?{parts.query}".rstrip("?"), form))
        return await reader.read()
    finally:
        writer.close()


def _request(host: str, target: str, form: dict[str, str] | None) -> bytes:
    lines = {"Host": host, **BROWSER, **GZIP, "Connection": "close"}
    body = b"" if form is None else urlencode(form).encode()
    if form is not None:
        lines |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
    begun = f"{'GET' if form is None else 'POST'} {target} HTTP/1.1\r\n"
    return (begun + "".join(f"{name}: {text}\r\n" for name, text in lines.items()) + "\r\n").encode() + body


def _read(said: bytes, begun_s: float) -> Answer:
    """Raises ValueError for what is no whole answer, such as nothing."""
    head, end, body = said.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if not end or len(body) < int(headers.get("content-length", "0")):
        raise ValueError("cut off")
    packed = headers.get("content-encoding") == "gzip"
    try:
        text = (zlib.decompress(body, _GZIP_BITS) if packed else body).decode()
    except zlib.error as error:
        raise ValueError("not packed as said") from error
    return Answer(int(first.split()[1]), headers.get("location", ""), text, begun_s)
