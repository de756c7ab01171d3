"""An HTTP server that answers as told: the failures that no real server makes on demand."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Answer:
    """`hang` waits for its event before answering."""

    status: int = 204
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hang: threading.Event | None = None


@dataclass
class Request:
    """What came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Scripted:
    """Answers a POST with `answer(request)` and keeps the lines of those it answers 204; a GET by `get`."""

    def __init__(
        self, answer: Callable[[Request], Answer], get: Callable[[Request], Answer] | None = None
    ) -> None:
        self.answer = answer
        self.get = get or self._of_its_start
        self.requests: list[Request] = []
        self.stored: list[bytes] = []
        self.started = "process_start_time_seconds 1"
        self.url = ""

    def _of_its_start(self, _request: Request) -> Answer:
        return Answer(200 if self.started else 404, f"go_gc 1\n{self.started}\n")

    def take(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.answer(request)
        if answer.hang is not None:
            answer.hang.wait(60)
        if answer.status == 204:
            self.stored += request.body.split(b"\n")
        return answer


@contextmanager
def serving(scripted: Scripted, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = scripted.take(Request(self.path, dict(self.headers), body))
            self.reply(answer.status, answer.body, answer.headers)

        def do_GET(self) -> None:
            answer = scripted.get(Request(self.path, dict(self.headers), b""))
            self.reply(answer.status, answer.body, answer.headers)

        def reply(self, status: int, body: str, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            data = b"" if status == 204 else body.encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        scripted.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
