"""The control socket: breaks, mends and tells, one JSON line each way."""

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from simulator.ap import VirtualAp
from simulator.errors import AddressTaken
from simulator.loop import Loop
from simulator.model import Fault
from simulator.snmp.hostile import unsuited

MAX_LINE_OCTETS: Final = 65536

Answer = dict[str, Any]


class BadOrder(ValueError):
    """What was asked makes no sense; the text says why."""


def bind(path: Path) -> socket.socket:
    """A listening socket only its owner may use; a stale one is replaced. Raises AddressTaken."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if _alive(path):
            raise AddressTaken("control", str(path), "another simulator answers there")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(16)
    except OSError as error:
        sock.close()
        raise AddressTaken("control", str(path), error.strerror or str(error)) from error
    except AddressTaken:
        sock.close()
        raise
    return sock


def _alive(path: Path) -> bool:
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


class Control:
    """Carries orders out; `after_change` is told whose fault changed and what it was before.

    It may raise AddressTaken; then nothing has changed.
    """

    def __init__(
        self,
        aps: Mapping[str, VirtualAp],
        citizens: Callable[[], Answer],
        after_change: Callable[[VirtualAp, Fault | None], None],
    ) -> None:
        self._aps = aps
        self._citizens = citizens
        self._after_change = after_change

    def serve(self, listener: socket.socket, loop: Loop) -> None:
        """Accept one caller; its line is read as it comes."""
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        caller.setblocking(False)
        line = bytearray()

        def more() -> None:
            with contextlib.suppress(BlockingIOError):
                chunk = _receive(caller)
                line.extend(chunk)
                if chunk and b"\n" not in line and len(line) < MAX_LINE_OCTETS:
                    return
                loop.forget(caller)
                _reply(caller, self.obey_line(bytes(line)))

        loop.watch(caller, more)

    def obey_line(self, line: bytes) -> Answer:
        """The answer to one line."""
        try:
            order = json.loads(line)
            if not isinstance(order, dict):
                raise BadOrder("an order is a JSON object")
            return {"ok": True} | self._obey(order)
        except BadOrder as error:
            return {"ok": False, "error": str(error)}
        except ValueError:
            return {"ok": False, "error": "an order is one line of JSON"}

    def _obey(self, order: dict[str, Any]) -> Answer:
        match order.get("op"):
            case "status":
                return self._status()
            case "break":
                return self._set_fault(order, _fault(order.get("how")))
            case "mend":
                return self._set_fault(order, None)
        raise BadOrder("op must be break, mend or status")

    def _status(self) -> Answer:
        broken = {ap.spec.name: str(ap.fault) for ap in self._aps.values() if ap.fault}
        return {"aps": len(self._aps), "broken": broken} | self._citizens()

    def _set_fault(self, order: dict[str, Any], fault: Fault | None) -> Answer:
        ap = self._aps.get(str(order.get("ap")))
        if ap is None:
            raise BadOrder(f"no access point is named {order.get('ap')!r}")
        obstacle = unsuited(fault, ap.spec.access) if fault else ""
        if obstacle:
            raise BadOrder(f"{obstacle}; {ap.spec.name} cannot be broken like this")
        before, ap.fault = ap.fault, fault
        try:
            self._after_change(ap, before)
        except AddressTaken as error:
            ap.fault = before
            raise BadOrder(str(error)) from error
        return {}


def _fault(how: object) -> Fault:
    try:
        return Fault(str(how))
    except ValueError as error:
        raise BadOrder(f"how must be one of {', '.join(Fault)}") from error


def _receive(caller: socket.socket) -> bytes:
    try:
        return caller.recv(4096)
    except ConnectionError:
        return b""


def _reply(caller: socket.socket, answer: Answer) -> None:
    with contextlib.closing(caller), contextlib.suppress(OSError):
        caller.setblocking(True)
        caller.settimeout(1.0)
        caller.sendall(json.dumps(answer).encode() + b"\n")
