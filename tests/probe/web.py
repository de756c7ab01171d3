"""The web of a site under test, and its door.

`answers` maps HOST/PATH or /PATH to (status, headers, body); "POST /PATH" is for a form, and "in HOST/PATH"
for whom the door is open. The header `Door: open` or `Door: shut` is what the gateway does, and is not sent;
a body of so many octets is written as an integer. `mbps` paces bodies.
"""

import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, ClassVar

PIECE = 4096
NOTHING: tuple[int, dict[str, str], str] = (404, {}, "")


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: dict[str, Any]
    mbps: float = 0
    inside: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self.answer("")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer("POST ")

    def answer(self, method: str) -> None:
        path = self.path.partition("?")[0]
        own = f"{self.connection.getsockname()[0]}{path}"
        wanted = [f"{method}{own}", f"{method}{path}"]
        if self.client_address[0] in self.inside:
            wanted = [*(f"in {one}" for one in wanted), *wanted]
        known = [self.answers[one] for one in wanted if one in self.answers]
        status, headers, told = [*known, NOTHING][0]
        body = b"." * told if isinstance(told, int) else told.encode()
        door = headers.get("Door")
        if door == "open":
            self.inside.add(self.client_address[0])
        elif door == "shut":
            self.inside.discard(self.client_address[0])
        self.send_response(status)
        for name, value in headers.items():
            if name != "Door":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.write(body)

    def write(self, body: bytes) -> None:
        begun = time.monotonic()
        for start in range(0, len(body), PIECE):
            if self.mbps:
                due = begun + start * 8 / (self.mbps * 1e6)
                time.sleep(max(0.0, due - time.monotonic()))
            try:
                self.wfile.write(body[start : start + PIECE])
            except OSError:
                return  # who asked has had enough

    def log_message(self, form: str, *told: Any) -> None:
        sys.stderr.write(f"{form % told}\n")


class Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """Without asking a name server what we are called."""
        TCPServer.server_bind(self)


def main() -> None:
    told = json.loads(sys.argv[1])
    Web.answers = told["answers"]
    Web.mbps = told.get("mbps", 0)
    for address, port in told["listen"]:
        server = Server((address, port), Web)
        if port == 8443:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{told['tls']}/gateway.pem", f"{told['tls']}/gateway.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    threading.Event().wait()


main()
