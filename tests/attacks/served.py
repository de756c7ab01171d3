"""The real `plaza run portal` of a small municipality, one process of granian, with all that it says."""

import resource
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from captive_portal.gateway.ticket import Fields, pseudonym, seal
from controller.secrets import site_key
from tests.children import killed_at_the_end
from tests.town import Town, town, wait_for

SITE = "08027-plaza"
KEY = "5a" * 32
MAC = "02:ca:fe:12:34:56"
IP = "10.77.0.23"


def arrival() -> str:
    """What the site's gateway puts into `a=` for our phone."""
    key = site_key(KEY.encode(), SITE)
    names: Fields = {"site": SITE, "stamp": "5f0c:812.4", "nonce": "n" * 22}
    device, binding = pseudonym(key, "device", MAC), pseudonym(key, "binding", MAC, IP)
    return seal(key, "arrival", {**names, "device": device, "binding": binding})


@dataclass(frozen=True)
class Served:
    """Where it answers, and its standard error."""

    town: Town
    port: int
    log: Path

    def said(self) -> str:
        """Every line that the role wrote so far."""
        return self.log.read_text(errors="surrogateescape")

    def connect(self, source: str = "127.0.0.1", wait_s: float = 60) -> socket.socket:
        """A caller from this loopback address."""
        return socket.create_connection(("127.0.0.1", self.port), wait_s, source_address=(source, 0))

    def ask(self, octets: bytes, source: str = "127.0.0.1", wait_s: float = 60) -> bytes:
        """What is answered to this, head and body; as much as came before the connection broke."""
        heard = b""
        with suppress(ConnectionError), self.connect(source, wait_s) as caller:
            caller.sendall(octets)
            while piece := caller.recv(65536):
                heard += piece
        return heard

    def page(self, path: str = f"/p/{SITE}", source: str = "127.0.0.1", wait_s: float = 60) -> bytes:
        """A page, by a phone that hangs up after it."""
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
        return self.ask(head.encode(), source, wait_s)

    def tap(self, form: str, source: str = "127.0.0.1", wait_s: float = 60) -> bytes:
        """A tap with this form."""
        head = (
            f"POST /p/{SITE}/enter HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
        )
        return self.ask((head + form).encode(), source, wait_s)


@contextmanager
def served(directory: Path, network: str, **settings: str) -> Iterator[Served]:
    """The portal of a town whose devices nobody asks; `settings` are PLAZA_* ones."""
    with town(directory, network) as made:
        made.environ.update({"PLAZA_PORTAL_WORKERS": "1", **settings})
        vault = directory / "var" / "secrets"
        vault.mkdir(parents=True)
        (vault / "gateway-key").touch(mode=0o600)
        (vault / "gateway-key").write_text(KEY)
        port, log = int(made.environ["PLAZA_PORTAL_LISTEN"].rpartition(":")[2]), directory / "portal.log"
        with log.open("wb") as said:
            argv = [*made.program, "run", "portal"]
            process = subprocess.Popen(argv, env=made.environ, cwd=directory, stdout=said, stderr=said)
        with killed_at_the_end(process):
            found = Served(made, port, log)
            wait_for(lambda: is_page(_asked(found)), f"the portal of {log}")
            yield found


def _asked(one: Served) -> bytes:
    with suppress(OSError):
        return one.page()
    return b""


def is_page(answer: bytes) -> bool:
    """Whether it is a whole page of ours."""
    return answer.startswith(b"HTTP/1.1 200 ") and b"</html>" in answer


def room_for(sockets: int) -> bool:
    """Let this process hold so many sockets; False where the machine does not."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard == resource.RLIM_INFINITY or hard >= sockets + 500


def sources(number: int) -> Sequence[str]:
    """Loopback addresses to call from: one has no more than some 28,000 ports."""
    return [f"127.0.0.{last}" for last in range(2, 2 + number)]
