"""What phones meet of a `Box` over real sockets, and a browser that shows it to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

from captive_portal.gateway.policy import Signed
from captive_portal.gateway.server import Reception
from captive_portal.gateway.web import Listener, Request, Respond, Response
from tests.gateway.box import Box
from tests.gateway.conftest import Clock

PORTAL = "https://portal.test/p/08019-plaza"
SECURE = "https://plaza.test:8443"


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    location: str
    body: str


@dataclass
class Front:
    """A gateway with the ledger, its listeners on free ports."""

    box: Box
    plain: Listener
    api: Listener

    @property
    def own(self) -> str:
        return f"http://127.0.0.1:{self.plain.server_address[1]}"

    def ask(self, path: str, method: str = "GET", host: str = "", last: int = 1) -> Said:
        """What the phone 127.9.1.`last` gets, which asked for `host`, or for us."""
        return self._ask(self.plain, path, method, host, last)

    def ask_api(self, path: str, method: str = "GET", last: int = 1) -> Said:
        return self._ask(self.api, path, method, "plaza.test", last)

    def _ask(self, listener: Listener, path: str, method: str, host: str, last: int) -> Said:
        port = int(listener.server_address[1])
        connection = HTTPConnection("127.0.0.1", port, timeout=30, source_address=(f"127.9.1.{last}", 0))
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return Said(answer.status, answer.getheader("Location", ""), body)

    def cut(self, internet: bool) -> None:
        """The portal is out of reach for long enough, and the `internet` or not."""

        def fails() -> None:
            raise ConnectionRefusedError

        self.box.reach = fails
        self.box.beyond = (lambda: None) if internet else fails
        self.step()
        self.box.clock.seconds += 20
        self.step()
        assert self.box.lookout.down

    def mend(self) -> None:
        self.box.reach = self.box.beyond = lambda: None
        self.step()

    def step(self) -> None:
        self.box.lookout.step()
        self.box.internet.step()


@contextmanager
def fronting(
    directory: Path, policy: Signed | None = None, clock: Clock | None = None, *, own_list: bool = False
) -> Iterator[Front]:
    """A box whose listeners are answered."""
    box = Box(directory, clock or Clock(), first=policy, own_list=own_list)
    # the URL of our own page is known when the port is
    reception: list[Reception] = []

    def later(how: str) -> Respond:
        def answer(request: Request) -> Response:
            found: Response = getattr(reception[0], how)(request)
            return found

        return answer

    listeners = [Listener(("127.0.0.1", 0), later(how)) for how in ("plain", "api")]
    front = Front(box, *listeners)
    reception.append(Reception(box.keeper, box.ruling, PORTAL, front.own, SECURE, box.lookout, box.internet))
    threads = [Thread(target=one.serve_forever, args=(0.05,)) for one in listeners]
    for thread in threads:
        thread.start()
    try:
        yield front
    finally:
        for listener in listeners:
            listener.shutdown()
            listener.server_close()
        for thread in threads:
            thread.join()
        box.stop.set()
