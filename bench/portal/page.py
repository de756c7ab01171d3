"""The part `page`: CPU of the first page, ours and plain Flask's, on the same server, in turns."""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bench.poll.child import ClientFailed
from bench.portal import square as squares
from bench.portal.goals import CPU_OVER_FLASK, Figure
from bench.portal.load import AT_ONCE, Cost, cost, request
from bench.portal.peers import plain_flask
from bench.portal.phone import BROWSER, GZIP, Answer, Line
from bench.portal.serving import HOST, PORTAL, Served, free_port, served
from bench.portal.square import NAME, PLAIN, Square
from bench.portal.taps import TAPS, taps

ASKED: Final = 4_000
"""Pages of one round: about a second of CPU, so that a tick of the kernel's clock is one in a hundred."""
OURS: Final = "page, ours"
AGAIN: Final = "page, ours, phones of an earlier session"
BARE: Final = "page, ours, not compressed"
FLASK: Final = "page, plain Flask, not compressed"
PACKED: Final = "page, plain Flask, compressed"
FLAT: Final = "page, plain Flask, a template without logic, not compressed"
AS_IS: Final = "ours compresses, believes nobody, counts, and looks up what the phone had; Flask does not"
_TOKEN: Final = re.compile(r'name="v" value="([^"]+)"')

Ask = Callable[[int], Cost]
"""Asks ASKED times in the round of this number."""


def part(rounds: int) -> tuple[Figure, ...]:
    """Pages of a portal that has seen taps today. Raises ClientFailed."""
    port, flask_port, gzip_port, flat_port = (free_port() for _ in range(4))
    square = squares.build("page", ["es", "en"], "http://10.77.0.1:2060", f"http://{HOST}:{port}")
    peer = {plain_flask.FOLDER: str(square.directory), plain_flask.KEY: secrets.token_hex(16)}
    plain, packing = ({**peer, plain_flask.COMPRESSES: packs} for packs in "01")
    with served(PORTAL, port, square.directory / "portal.log", square.environ) as ours:
        page = _prepare(square, port)
        cost(ours, taps(square, ours, 0), 303)
        with (
            served(plain_flask.TEMPLATED, flask_port, square.directory / "flask.log", plain) as theirs,
            served(plain_flask.TEMPLATED, gzip_port, square.directory / "flask-gzip.log", packing) as packed,
            served(plain_flask.FLAT, flat_port, square.directory / "flask-flat.log", plain) as flat,
        ):
            cookies = [_cookie(square, one, page) for one in (flask_port, gzip_port, flat_port)]
            return _figures(_measured(_asking(square, ours, (theirs, packed, flat), cookies[0]), rounds))


def _prepare(square: Square, port: int) -> str:
    """Write the peers' files from what we serve; the page without what is one phone's."""
    page = _first(square, port).text
    found = _TOKEN.search(page)
    if found is None:
        raise ClientFailed("our page holds no arrival")
    plain_flask.write(square.directory, square.sites[PLAIN])
    plain_flask.write_flat(square.directory, page, PLAIN, NAME, found[1])
    return page.replace(found[1], "")


def _cookie(square: Square, port: int, page: str) -> str:
    """The peer's session of a phone, once its page is known to hold what ours does."""
    answer = _first(square, port)
    if answer.text != page:
        raise ClientFailed(f"the peer's page of {len(answer.text):,} characters is not ours of {len(page):,}")
    return answer.headers["set-cookie"].partition(";")[0]


def _first(square: Square, port: int) -> Answer:
    with Line(f"http://{HOST}:{port}") as line:
        return line.ask(_target(square, 0), BROWSER)


def _target(square: Square, number: int) -> str:
    return f"/p/{PLAIN}?{squares.arrival(square.sites[PLAIN], number)}&lang=es"


def _asking(square: Square, ours: Served, theirs: Sequence[Served], cookie: str) -> dict[str, Ask]:
    """All in turn get the same requests, but for phones that come again: those tapped before."""

    def ask(server: Served, headers: Mapping[str, str], phones: int) -> Ask:
        def asked(number: int) -> Cost:
            first = TAPS + number * ASKED if phones > TAPS else 0
            targets = (_target(square, first + at % phones) for at in range(ASKED))
            return cost(server, [request(server, one, {**BROWSER, **headers}) for one in targets], 200)

        return asked

    return {
        OURS: ask(ours, GZIP, ASKED),
        FLASK: ask(theirs[0], {**GZIP, "Cookie": cookie}, ASKED),
        PACKED: ask(theirs[1], {**GZIP, "Cookie": cookie}, ASKED),
        FLAT: ask(theirs[2], {**GZIP, "Cookie": cookie}, ASKED),
        AGAIN: ask(ours, GZIP, TAPS),
        BARE: ask(ours, {}, ASKED),
    }


def _measured(asking: Mapping[str, Ask], rounds: int) -> dict[str, list[Cost]]:
    """In turns; the first round only warms them up."""
    costs = [{what: ask(number) for what, ask in asking.items()} for number in range(rounds + 1)]
    return {what: [one[what] for one in costs[1:]] for what in asking}


def _figures(costs: Mapping[str, Sequence[Cost]]) -> tuple[Figure, ...]:
    least = {what: min(one.cpu_ms for one in some) for what, some in costs.items()}
    return (
        Figure("page: CPU of ours / of plain Flask", least[OURS] / least[FLASK], "x", CPU_OVER_FLASK, AS_IS),
        Figure("page: the same where Flask compresses too", least[OURS] / least[PACKED], "x"),
        Figure("page: the same where nobody compresses", least[BARE] / least[FLASK], "x"),
        Figure("page: the same against a template without logic", least[OURS] / least[FLAT], "x"),
        *(Figure(what, least[what], "ms CPU", details=_spread(some)) for what, some in costs.items()),
    )


def _spread(costs: Sequence[Cost]) -> str:
    each = ", ".join(f"{one.cpu_ms:.3f}" for one in costs)
    return f"{each}; {ASKED:,} a round, {AT_ONCE} at once"
