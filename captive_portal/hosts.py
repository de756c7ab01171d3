"""Under which names the portal answers: a Host that is none of them gets a line and nothing else.

No address is ever made from Host, so a foreign one moves nobody; refusing it too (421, RFC 9110 §15.5.20)
keeps a cache in front of us, or a page that points its own name at us, from keeping what is a citizen's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
EVERYWHERE: Final = "/healthz"
"""Who asks whether we live (a supervisor, a load balancer) knows an address at most."""

LINE: Final = b"Este portal no tiene ese nombre. / This portal has no such name.\n"
REFUSAL: Final = (
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(LINE))),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The portal's names and addresses, lower case, without a port: a name is ours on any."""

    names: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """These names, and those of the loopback, which nobody elsewhere can use against us."""
        return cls(frozenset({*LOOPBACK, *(name.lower() for name in names)}))

    def serve(self, environ: Mapping[str, Any]) -> bool:
        """Whether a request (PEP 3333) is for us. Costs a look-up where Host is one of the names."""
        host = environ.get("HTTP_HOST", "")
        return host in self.names or self._is_ours(host) or environ["PATH_INFO"] == EVERYWHERE

    def _is_ours(self, host: str) -> bool:
        """In capitals, with a port, or with the dot of a full name."""
        whole = host.lower()
        name, _, port = whole.rpartition(":")
        has_port = len(port) <= 5 and port.isascii() and port.isdecimal()
        return (name if has_port else whole).removesuffix(".") in self.names
