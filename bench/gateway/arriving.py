"""`python -m bench.gateway.arriving`: new phones come, tap and go online, while those that are in load pages.

Runs in the namespace of the phones, in one event loop; see Plan for what standard input holds. Standard
output is one JSON object: `came` has a Came for each new phone, `loads` tells how many
pages came whole, `failed` how many did not. A tap is from the button of the portal's page until an address
beyond the gate answers.
"""

import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from dataclasses import asdict, dataclass
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode, urljoin

from bench.gateway import crowd
from bench.gateway.asking import exchange, understood

PATIENCE_S: Final = 20.0
_ACTION: Final = re.compile(r'<form method="post" action="([^"]+)"')
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass(frozen=True, slots=True)
class Plan:
    """The first `inside` phones are in, each loads `octets` every `every_s`; `new` more come in `within_s`.

    `web` is the origin beyond the gate.
    """

    inside: int
    new: int
    within_s: float
    every_s: float
    octets: int
    web: str


@dataclass(frozen=True, slots=True)
class Came:
    """How a new phone fared, in seconds; `why` is empty where it got online."""

    redirect_s: float = 0.0
    grant_s: float = 0.0
    tap_s: float = 0.0
    why: str = ""


class WrongAnswer(Exception):
    """Not what a phone needs to go on."""


async def live(plan: Plan) -> tuple[list[Came], Counter[bool]]:
    """The whole of it: how the new ones fared, and how many pages came and did not."""
    begun_s = time.monotonic()
    pages = [
        _later(begun_s + at_s, _load(plan, number))
        for number, at_s in _loads(plan)
    ]  # fmt: skip
    new = [
        _later(begun_s + number * plan.within_s / plan.new, _come(plan, plan.inside + number))
        for number in range(plan.new)
    ]
    came, loaded = await asyncio.gather(asyncio.gather(*new), asyncio.gather(*pages))
    return list(came), Counter(loaded)


def _loads(plan: Plan) -> Iterator[tuple[int, float]]:
    """Which phone loads a page, and when: one after the other, over and over."""
    apart_s = plan.every_s / plan.inside
    for turn in range(int(plan.within_s / apart_s)):
        yield turn % plan.inside, turn * apart_s


async def _later(at_s: float, what: Awaitable[Any]) -> Any:
    await asyncio.sleep(max(0.0, at_s - time.monotonic()))
    return await what


async def _load(plan: Plan, number: int) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_S):
            said = await exchange(crowd.address(number), f"{plan.web}/octets/{plan.octets}")
    except (OSError, TimeoutError):
        return False
    return len(said.partition(b"\r\n\r\n")[2]) == plan.octets


async def _come(plan: Plan, number: int) -> Came:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await _walk(plan, crowd.address(number))
    except (TimeoutError, ValueError, WrongAnswer) as error:
        return Came(why=str(error) or type(error).__name__)


async def _walk(plan: Plan, source: str) -> Came:
    probe = f"{plan.web}/generate_204"
    begun_s = time.monotonic()
    page_at = _sent(await _asked(source, probe, "the way"), "the way")
    redirect_s = time.monotonic() - begun_s
    page = (await _asked(source, page_at, "the page")).decode()
    action = _ACTION.search(page)
    if action is None:
        raise WrongAnswer("the page has no button")
    form = urlencode({name: unescape(value) for name, value in _HIDDEN.findall(page)}).encode()
    tapped_s = time.monotonic()
    grant_at = _sent(await _asked(source, urljoin(page_at, unescape(action[1])), "the tap", form), "the tap")
    asked_s = time.monotonic()
    _sent(await _asked(source, grant_at, "the grant"), "the grant")
    grant_s = time.monotonic() - asked_s
    status, _ = understood(await _asked(source, probe, "the Internet"))
    if status != 204:
        raise WrongAnswer(f"not online after the grant: {status}")
    return Came(redirect_s, grant_s, time.monotonic() - tapped_s)


async def _asked(source: str, url: str, what: str, form: bytes | None = None) -> bytes:
    """The answer. Raises WrongAnswer."""
    try:
        return await exchange(source, url, form)
    except OSError as error:
        raise WrongAnswer(f"{what}: {type(error).__name__}") from error


def _sent(said: bytes, what: str) -> str:
    """Where an answer sends the phone. Raises WrongAnswer."""
    status, location = understood(said)
    if not location:
        raise WrongAnswer(f"{what}: {status}")
    return location


def main() -> None:
    """Live the plan of standard input."""
    came, loads = asyncio.run(live(Plan(**json.load(sys.stdin))))
    told = {"came": [asdict(one) for one in came], "loads": loads[True], "failed": loads[False]}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
