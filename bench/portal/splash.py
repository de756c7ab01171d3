"""The part `opennds`: octets and CPU of openNDS's own splash page and login, on this machine."""

from collections.abc import Sequence
from typing import Final

from bench.poll.child import ClientFailed
from bench.poll.machine import debian_version
from bench.portal.goals import Figure
from bench.portal.peers.opennds import PROBE, Got, Splash, splash

PAGES: Final = 10
"""Of one round: openNDS starts a shell for each, so this is a second or two of CPU."""


def part(rounds: int) -> tuple[Figure, ...]:
    """No goal is set against it: it is what ours is read beside. Raises ClientFailed and Missing."""
    try:
        with splash() as peer:
            return _figures(peer, rounds)
    except AssertionError as error:  # how the square of the tests tells what it waited for in vain
        raise ClientFailed(f"openNDS: {error}") from error


def _figures(peer: Splash, rounds: int) -> tuple[Figure, ...]:
    page = peer.page()
    pages = [_page_cpu_ms(peer) for _ in range(rounds)]
    logins, steps = zip(*(_login(peer) for _ in range(rounds)), strict=True)
    version = debian_version("opennds")
    return (
        Figure("openNDS: first page", sum(one.down for one in page), "B", details=_requests(page)),
        Figure("openNDS: its HTML alone", page[1].down, "B", details=f"openNDS {version}, no compression"),
        Figure("openNDS: login", sum(one.down for one in steps[0]), "B", details=_requests(steps[0])),
        Figure("openNDS: first page, CPU", min(pages), "ms CPU", details=_each(pages)),
        Figure("openNDS: login, CPU", min(logins), "ms CPU", details=f"{_each(logins)}; probe to online"),
    )


def _page_cpu_ms(peer: Splash) -> float:
    """Of the HTML of one first page, with the redirect to it."""
    used_s = peer.cpu_s()
    for _ in range(PAGES):
        peer.get(peer.get(PROBE).location)
    return (peer.cpu_s() - used_s) / PAGES * 1000


def _login(peer: Splash) -> tuple[float, list[Got]]:
    used_s = peer.cpu_s()
    steps = peer.login()
    used_s = peer.cpu_s() - used_s
    peer.out()
    return used_s * 1000, steps


def _requests(got: Sequence[Got]) -> str:
    each = ", ".join(f"{one.down:,}" for one in got)
    return f"{len(got)} requests: {each} B; the phone sends {sum(one.up for one in got):,} B"


def _each(costs: Sequence[float]) -> str:
    return ", ".join(f"{cost:.1f}" for cost in costs)
