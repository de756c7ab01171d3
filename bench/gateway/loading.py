"""`python -m bench.gateway.loading`: phones load a page each, while one may download all it can.

Runs in the namespace of the phones; see Plan for what standard input holds. Standard output is a JSON list of
the seconds that each page took, from the first octet of its connection until its last; null where it failed.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bench.gateway import crowd
from bench.gateway.asking import exchange, request

PATIENCE_S: Final = 60.0
WARM_S: Final = 8.0
"""How long the download runs before the first page: its first seconds are slower for all."""

_FLOOD: Final = 100_000_000
_PIECE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Plan:
    """Phones 1 to `pages` load one page each of `octets`, `apart_s` one after the other.

    Phone 0 downloads over `bulk` connections at once meanwhile, of what `web` has below `sent`.
    """

    pages: int
    octets: int
    apart_s: float
    bulk: int
    sent: str
    web: str


async def load(plan: Plan) -> list[float | None]:
    """What the pages took."""
    floods = [asyncio.create_task(_flood(plan)) for _ in range(plan.bulk)]
    await asyncio.sleep(WARM_S if floods else 0)
    taken = await asyncio.gather(*(_page(plan, number) for number in range(plan.pages)))
    for flood in floods:
        flood.cancel()
    await asyncio.gather(*floods, return_exceptions=True)
    return list(taken)


async def _page(plan: Plan, number: int) -> float | None:
    await asyncio.sleep(number * plan.apart_s)
    begun_s = time.monotonic()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            said = await exchange(crowd.address(number + 1), f"http://{plan.web}/octets/{plan.octets}")
        if len(said.partition(b"\r\n\r\n")[2]) == plan.octets:
            return time.monotonic() - begun_s
    return None


async def _flood(plan: Plan) -> None:
    """A download that begins again when it is over."""
    while True:
        reader, writer = await asyncio.open_connection(plan.web, 80, local_addr=(crowd.address(0), 0))
        writer.write(request(plan.web, f"/{plan.sent}/{_FLOOD}"))
        try:
            while await reader.read(_PIECE):
                pass
        finally:
            writer.close()


def main() -> None:
    """Do what standard input says."""
    sys.stdout.write(json.dumps(asyncio.run(load(Plan(**json.load(sys.stdin))))) + "\n")


if __name__ == "__main__":
    main()
