"""Builds the simulated network of a spec, runs it until a signal, and takes it down."""

import resource
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from simulator import control, ssh
from simulator.ap import VirtualAp
from simulator.citizens import Citizens
from simulator.clock import Clock
from simulator.control import Control
from simulator.errors import SimulatorError
from simulator.loop import Loop
from simulator.model import Fault, Spec
from simulator.shell import Shells
from simulator.snmp.agent import agent
from simulator.snmp.farm import Farm
from simulator.snmp.listen import Door
from simulator.snmp.trap import Trap, of_change
from simulator.vendors.server import VendorServer
from simulator.vendors.shop import opened

BOOT_THREADS: Final = 4


class World:
    """All virtual APs and citizens of one process."""

    def __init__(self, spec: Spec, clock: Clock) -> None:
        started_s = int(clock())
        self._spec = spec
        self._clock = clock
        self._loop = Loop()
        self._aps = {ap.name: VirtualAp(spec.seed, ap, spec.state_dir, started_s) for ap in spec.aps}
        self._servers = ssh.SshServers(spec.seed, Shells(clock))
        self._citizens = Citizens(spec.seed, spec.citizens)
        self._ssh: dict[str, socket.socket] = {}
        self._doors = {name: Door(ap, self._loop, clock) for name, ap in self._aps.items()}
        self._vendors: list[VendorServer] = []
        self._farm = Farm(spec.farm, clock) if spec.farm else None
        self._orders: socket.socket | None = None

    def open(self) -> None:
        """Bind every address, then boot the APs. Raises SimulatorError; a taken address changes nothing."""
        _allow_descriptors(2 * len(self._aps) + 512)
        for name, ap in self._aps.items():
            self._doors[name].open()
            if ap.spec.ssh:
                self._ssh[name] = ssh.bind(ap.spec, ap.spec.ssh)
        self._vendors = [opened(self._spec.seed, vendor) for vendor in self._spec.vendors]
        if self._farm:
            self._farm.open()
        self._orders = control.bind(self._spec.control)
        self._boot()
        obedient = Control(self._aps, self._citizens.status, self._fault_changed)
        orders = self._orders
        self._loop.watch(orders, lambda: obedient.serve(orders, self._loop))

    def run(self) -> None:
        """Play until SIGTERM or SIGINT."""
        self._loop.stop_on(signal.SIGTERM, signal.SIGINT)
        self._citizens.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        self._loop.run()

    def close(self) -> None:
        """Release every address, end every login and what ran in it."""
        self._citizens.stop()
        self._servers.close()
        for vendor in self._vendors:
            vendor.close()
        self._loop.close()
        for door in self._doors.values():
            door.close()
        for sock in self._ssh.values():
            sock.close()
        if self._farm:
            self._farm.close()
        if self._orders:
            self._orders.close()
            self._spec.control.unlink(missing_ok=True)

    def _boot(self) -> None:
        try:
            boots = _next_boot(self._spec.state_dir)
            with ThreadPoolExecutor(BOOT_THREADS) as pool:
                list(pool.map(VirtualAp.start, self._aps.values()))
        except OSError as error:
            raise SimulatorError(f"state_dir: cannot write {error.filename}: {error.strerror}") from error
        for name, ap in self._aps.items():
            self._doors[name].serve(agent(ap, boots), self._spec.seed)
            self._answer_ssh(ap)
            self._tell(ap, Trap.COLD_START)
        for vendor in self._vendors:
            vendor.start()
        if self._farm:
            self._farm.serve(self._loop, self._spec.seed, boots)

    def _answer_ssh(self, ap: VirtualAp) -> None:
        listener = self._ssh.get(ap.spec.name)
        if listener:
            self._loop.watch(listener, lambda: self._servers.accept(listener, ap))

    def _fault_changed(self, ap: VirtualAp, before: Fault | None) -> None:
        """A dead AP leaves callers waiting: their connections stay in the kernel's queue and hear nothing.

        Raises AddressTaken when its port, once closed, has found another owner.
        """
        self._doors[ap.spec.name].fault_changed()
        ap.reading(self._clock())  # what was on the air until now is counted until now
        if before is not Fault.DEAD and ap.fault is Fault.DEAD:
            if ap.spec.name in self._ssh:
                self._loop.forget(self._ssh[ap.spec.name])
            self._servers.cut(ap)
        elif before is Fault.DEAD and ap.fault is not Fault.DEAD:
            self._answer_ssh(ap)
        self._tell(ap, of_change(before, ap.fault))

    def _tell(self, ap: VirtualAp, trap: Trap | None) -> None:
        if trap and self._spec.traps:
            self._doors[ap.spec.name].tell(trap, self._spec.traps)


def _next_boot(state_dir: Path) -> int:
    """snmpEngineBoots of this start, counted on disk as RFC 3414 asks of agents."""
    file = state_dir / "engine-boots"
    state_dir.mkdir(parents=True, exist_ok=True)
    text = file.read_text() if file.exists() else ""
    boots = int(text) + 1 if text.strip().isdecimal() else 1
    draft = file.with_suffix(".new")
    draft.write_text(f"{boots}\n")
    draft.replace(file)
    return boots


def _allow_descriptors(wanted: int) -> None:
    """Two sockets per AP go beyond many machines' soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise SimulatorError(
            f"needs {wanted} open files, allowed are {hard}; raise the limit with `ulimit -n {wanted}`"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
