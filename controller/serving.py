"""Serves an application over HTTP in processes that may be killed or renewed while phones go on asking.

granian 2.8 gives every process a listening socket of its own (SO_REUSEPORT): what waits in the queue of one
that ends is reset, and with a single process nobody listens until the next has started. Here one socket is
opened before the first process and handed down to each, so a connection waits in its queue for whoever is
there. A few methods of granian's server are replaced for that; its version is pinned, and
tests/controller/test_serving.py tells when another one no longer fits.
"""

import gc
import logging
import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.synchronize import Event
from typing import Any, Final
from weakref import WeakKeyDictionary

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from controller import bodies
from controller.connections import most_connections
from drivers.model import Endpoint

log = logging.getLogger(__name__)

BACKLOG: Final = 4096
"""Connections that may wait for a process; the kernel's net.core.somaxconn bounds it too."""

SILENT_S: Final = 10
"""How long the kernel keeps a connection whose caller says nothing. A process that ends closes those that it
took and that have not asked yet (so hyper does); now whoever is in its hands has begun to ask."""

PAUSE_S: Final = 1.0
MOST_IN_VAIN: Final = 2
LONGEST_START_S: Final = 60.0
LONGEST_END_S: Final = 8

Load = Callable[[], Any]
"""Builds the application, inside the process that serves it."""


def serve(target: str, place: Endpoint, workers: int = 1, **more: Any) -> None:
    """Serve an application's factory until SIGTERM; SIGHUP renews its processes. `more` is granian's.

    A process that dies is replaced; SystemExit 1 when they die again and again before they stand. On SIGHUP
    the new ones are built first, with the inventory and settings as they are now; if one of them fails, the
    old ones go on. The listening address stays as it is.
    """
    _Served(
        target,
        factory=True,
        address=place.host,
        port=place.port,
        interface=Interfaces.WSGI,
        workers=workers,
        http=HTTPModes.http1,  # until a first octet says which, granian would wait for ever
        blocking_threads=bodies.THREADS,
        respawn_failed_workers=True,
        workers_kill_timeout=LONGEST_END_S,
        backlog=BACKLOG,
        backpressure=most_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        log_access=False,  # a query string holds what must not be kept
        log_level="error",  # it would warn of `blocking_threads`
        **more,
    ).serve()


class _Served(MPServer):
    """granian's server, over one socket that outlives its processes; `_stood` tells who can answer."""

    wrks: list[Any]
    reload_signal: bool
    _shd: Any

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._stood: WeakKeyDictionary[Any, Event] = WeakKeyDictionary()
        self._in_vain = 0

    def _init_shared_socket(self) -> None:
        family = socket.AF_INET6 if ":" in self.bind_addr else socket.AF_INET
        self._sso = socket.create_server(
            (self.bind_addr, self.bind_port), family=family, backlog=self.backlog
        )
        self._sso.setblocking(False)
        self._sso.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_S)
        self._ssp = None
        self._shd = SocketHolder(os.dup(self._sso.fileno()), False, self.backlog)  # type: ignore[call-arg]

    def _spawn_worker(  # type: ignore[override]  # as granian's own
        self, idx: int, target: Any, callback_loader: Load
    ) -> Any:
        stands = multiprocessing.get_context("fork").Event()
        one: Any = super()._spawn_worker(idx, target, partial(_announced, callback_loader, stands))
        self._stood[one] = stands
        return one

    def _serve_loop(self, spawn_target: Any, target_loader: Load) -> None:
        while True:
            self.main_loop_interrupt.wait()
            self.main_loop_interrupt.clear()
            if self.interrupt_signal:
                self.interrupt_children.clear()  # who dies while we end is no failure
                return
            if self.interrupt_children and not self._replaced(spawn_target, target_loader):
                log.critical("no process of the server can start", extra={"target": self.target})
                return
            if self.reload_signal:
                self.reload_signal = False
                self._renew(spawn_target, target_loader)

    def _replaced(self, spawn_target: Any, target_loader: Load) -> bool:
        """Starts one for each that died; False when it is of no use any more."""
        died = self.interrupt_children[:]
        self.interrupt_children.clear()
        dead = [one for one in self.wrks if not one.is_alive()]
        unborn = [one for one in dead if not self._stood[one].is_set()]
        self._in_vain = self._in_vain + len(unborn) if unborn else 0
        serves = any(one.is_alive() and self._stood[one].is_set() for one in self.wrks)
        if self._in_vain > MOST_IN_VAIN * self.workers and not serves:
            self.interrupt_children.extend(died)  # granian then ends with 1
            return False
        if unborn:
            time.sleep(PAUSE_S)
        for one in dead:
            log.error("process of the server died", extra={"target": self.target, "number": one.idx + 1})
            self.wrks[one.idx] = self._started(one.idx, spawn_target, target_loader)
        return True

    def _renew(self, spawn_target: Any, target_loader: Load) -> None:
        """New processes take over once all of them stand; if one does not, the old ones go on."""
        fresh = [self._started(number, spawn_target, target_loader) for number in range(self.workers)]
        if self._all_stand(fresh):
            old, self.wrks = self.wrks, fresh
            log.warning("renewed", extra={"target": self.target, "processes": len(fresh)})
        else:
            old = fresh
            log.error("not renewed, the old processes go on", extra={"target": self.target})
        _end(old)

    def _started(self, number: int, spawn_target: Any, load: Load) -> Any:
        one = self._spawn_worker(number, spawn_target, load)
        one.start()
        return one

    def _all_stand(self, fresh: list[Any]) -> bool:
        """Whether each has built its application before the deadline, and before we are to end."""
        until = time.monotonic() + LONGEST_START_S
        while not all(self._stood[one].is_set() for one in fresh):
            late = time.monotonic() > until or self.interrupt_signal
            if late or not all(one.is_alive() for one in fresh):
                return False
            time.sleep(0.05)
        return True


def _announced(load: Load, stands: Event) -> Any:
    application = load()
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked through again and again
    stands.set()
    return application


def _end(processes: list[Any]) -> None:
    """What they are answering is answered; who does not come to an end is killed."""
    for one in processes:
        one.terminate()
    until = time.monotonic() + LONGEST_END_S
    for one in processes:
        one.join(max(0.0, until - time.monotonic()))
        if one.is_alive():
            one.kill()
            one.join()
