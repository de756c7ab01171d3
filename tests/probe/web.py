"""The web of a site under test: `answers` maps HOST/PATH or /PATH to (status, headers, body)."""

import json
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any


class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: dict[str, Any]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        own = f"{self.connection.getsockname()[0]}{path}"
        status, headers, body = self.answers.get(own) or self.answers.get(path) or (404, {}, "")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


class Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        """Without asking a name server what we are called."""
        TCPServer.server_bind(self)


def main() -> None:
    told = json.loads(sys.argv[1])
    Web.answers = told["answers"]
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
