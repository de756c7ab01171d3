"""`python -m bench.gateway.asking AT_ONCE`: asks URLs from the addresses of many phones, so many at a time.

Runs in the namespace of the phones. Standard input is a JSON list of [address, URL]; standard output a list
of [status, location, begun_s, ended_s] in the same order, times monotonic. Each has a connection of its own
and says what Chrome on Android says, but for compression. Status 0 is no answer, with the reason where the
location would be.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from bench.portal.phone import BROWSER

PATIENCE_S: Final = 60.0
Told = tuple[int, str, float, float]


async def ask(source: str, url: str, patience_s: float = PATIENCE_S) -> Told:
    """One GET of one phone."""
    begun_s = time.monotonic()
    try:
        async with asyncio.timeout(patience_s):
            said = await exchange(source, url)
        status, location = understood(said)
    except (OSError, ValueError, TimeoutError) as error:
        status, location = 0, type(error).__name__
    return status, location, begun_s, time.monotonic()


async def exchange(source: str, url: str, form: bytes | None = None) -> bytes:
    """A request over a connection of its own: the whole answer, until its end. Raises OSError."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, local_addr=(source, 0))
    try:
        writer.write(request(parts.netloc, f"{parts.path or '/'}?{parts.query}".rstrip("?"), form))
        return await reader.read()
    finally:
        writer.close()


def request(host: str, target: str, form: bytes | None = None) -> bytes:
    """A GET, or the POST of a form."""
    lines = {"Host": host, **BROWSER, "Connection": "close"}
    if form is not None:
        lines |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form))}
    begun = f"{'GET' if form is None else 'POST'} {target} HTTP/1.1\r\n"
    head = begun + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    return head.encode() + (form or b"")


def understood(said: bytes) -> tuple[int, str]:
    """The status of an answer, and its location. Raises ValueError for what is no whole answer."""
    head, end, _ = said.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if not end:
        raise ValueError("cut off")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers.get("location", "")


async def all_of(asked: Sequence[tuple[str, str]], at_once: int) -> list[Told]:
    """All of them, so many at a time, in their order."""
    found: dict[int, Told] = {}
    waiting = iter(enumerate(asked))

    async def work(mine: Iterable[tuple[int, tuple[str, str]]]) -> None:
        for number, (source, url) in mine:
            found[number] = await ask(source, url)

    await asyncio.gather(*(work(waiting) for _ in range(at_once)))
    return [found[number] for number in range(len(asked))]


def main(at_once: str) -> None:
    """Ask what standard input says."""
    asked = [(source, url) for source, url in json.load(sys.stdin)]
    sys.stdout.write(json.dumps(asyncio.run(all_of(asked, int(at_once)))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
