"""Virtual access points for tests: a whole simulator process, or agents at a model time the test chooses."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from simulator.ap import VirtualAp
from simulator.loop import Loop
from simulator.model import Access, Address, ApSpec, Band, Fault, Platform, V1Access, V2cAccess, V3Access
from simulator.snmp.agent import agent
from simulator.snmp.listen import Door

T = TypeVar("T")
REPOSITORY = Path(__file__).parents[2]
NOON_S = 1_795_370_400  # a Monday, 12:00 in Chihuahua
BANDS = (Band.GHZ_2, Band.GHZ_5)
V2C = {"version": "2c", "community": "plaza"}
V3 = {
    "version": "3",
    "user": "plaza",
    "auth_protocol": "sha1",
    "auth_key": "authentic-phrase",
    "priv_protocol": "aes128",
    "priv_key": "private-phrase",
}
WAIT_S = 30.0


def free_port(kind: int = socket.SOCK_DGRAM, host: str = "127.0.0.1") -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


def until(condition: Callable[[], T], what: str) -> T:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {WAIT_S} s in vain for {what}")


def ap_spec(name: str = "ap-1", platform: Platform = Platform.OPENWRT, **access: Any) -> ApSpec:
    way: Access
    match access.pop("version", "3" if "user" in access else "2c"):
        case "1":
            way = V1Access("plaza")
        case "2c":
            way = V2cAccess("plaza")
        case _:
            way = V3Access(**access)
    return ApSpec(name, platform, BANDS, ("Chihuahua Gratis",), Address("127.0.0.1", free_port()), way)


@contextmanager
def frozen(
    spec: ApSpec, now_s: float = NOON_S, uptime_s: int = 7200, boots: int = 3, fault: Fault | None = None
) -> Iterator[VirtualAp]:
    """The real responder on a real socket, at one model time, broken from the start when a fault is given."""
    ap, loop = VirtualAp(7, spec, Path("unused"), int(now_s) - uptime_s), Loop()
    door = Door(ap, loop, lambda: now_s)
    door.open()
    door.serve(agent(ap, boots), seed=7)
    if fault:
        ap.fault = fault
        door.fault_changed()
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    try:
        yield ap
    finally:
        loop.end()
        thread.join()
        loop.close()
        door.close()


class Simulator:
    """One `python -m simulator` process and the spec it plays."""

    def __init__(self, directory: Path, public_key: str) -> None:
        self.directory = directory
        self.key = directory / "id"
        self.spec: dict[str, Any] = {
            "seed": 7,
            "state_dir": str(directory / "state"),
            "control": str(directory / "control"),
            "aps": [],
        }
        self._public_key = public_key
        self.process: subprocess.Popen[str] | None = None

    def ap(self, name: str, platform: str = "openwrt", snmp: dict[str, str] | None = None) -> dict[str, Any]:
        host = f"127.77.{len(self.spec['aps'])}.11"
        ssh = {"host": host, "port": free_port(socket.SOCK_STREAM, host), "user": "root"}
        entry = {
            "name": name,
            "platform": platform,
            "bands": ["2g4", "5g"],
            "ssids": ["Chihuahua Gratis"],
            "snmp": {"host": host, "port": free_port(host=host)} | (snmp or V2C),
            "ssh": ssh | {"authorized_key": self._public_key},
        }
        self.spec["aps"].append(entry)
        return entry

    def start(self) -> "Simulator":
        self.process = self.launch()
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT_S)
        line = self.process.stdout.readline() if ready else ""
        assert line == "ready\n", (line, self.process.poll())
        return self

    def launch(self) -> "subprocess.Popen[str]":
        path = self.directory / "SPEC.json"
        path.write_text(json.dumps(self.spec))
        path.chmod(0o600)
        command = [sys.executable, "-m", "simulator", str(path)]
        return subprocess.Popen(
            command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and everything it said on stderr."""
        process, self.process = self.process, None
        if process is None:
            return 0, ""
        process.send_signal(number)
        try:
            _, errors = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
        return process.returncode, errors

    def order(self, **order: str) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(WAIT_S)
            sock.connect(self.spec["control"])
            sock.sendall(json.dumps(order).encode() + b"\n")
            answer: dict[str, Any] = json.loads(sock.makefile().readline())
            return answer

    def ssh(self, ap: dict[str, Any], command: str, given: bytes = b"", *options: str) -> Any:
        """OpenSSH's client, which has never seen the AP before."""
        login = ap["ssh"]
        trust = [
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ]
        base = [
            "ssh",
            "-F",
            "none",
            "-i",
            str(self.key),
            "-p",
            str(login["port"]),
            "-o",
            "IdentitiesOnly=yes",
        ]
        target = f"{login['user']}@{login['host']}"
        return subprocess.run(
            [*base, *trust, "-o", "BatchMode=yes", *options, target, command],
            input=given,
            capture_output=True,
            timeout=WAIT_S,
            check=False,
            env=os.environ | {"SSH_AUTH_SOCK": ""},
        )


def where(ap: dict[str, Any]) -> str:
    return f"{ap['snmp']['host']}:{ap['snmp']['port']}"


def snmp(
    program: str, address: str, *arguments: str, options: tuple[str, ...] = ("-v2c", "-c", "plaza")
) -> Any:
    """A program of net-snmp with numeric output and no MIBs, one try."""
    command = [program, *options, "-m", "", "-Onqe", "-r", "0", "-t", "2", address, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)


def rows(output: str) -> dict[str, str]:
    """OID → value of net-snmp's lines; a value may go over several lines."""
    found: dict[str, str] = {}
    oid = ""
    for line in output.splitlines():
        head, _, rest = line.partition(" ")
        if rest.startswith("No more variables left in this MIB View") or line == "End of MIB":
            continue  # net-snmp repeats the last name with the first; the second is SNMPv1's
        if head.startswith(".1."):
            oid = head
            found[oid] = rest
        else:
            found[oid] += f"\n{line}"
    return {oid: value.strip('"') for oid, value in found.items()}


EXTEND_LINES = ".1.3.6.1.4.1.8072.1.3.2.4.1.2"


def extend(address: str) -> list[str]:
    """The lines of the `plaza` extend, as net-snmp's client reads them."""
    return list(rows(snmp("snmpbulkwalk", address, EXTEND_LINES).stdout).values())


def names_on_air(address: str) -> set[tuple[str, str]]:
    """Band and percent-encoded name of each `ssid` line."""
    words = [line.split() for line in extend(address) if line.startswith("ssid ")]
    return {(w[1].removeprefix("band="), w[2].removeprefix("name=")) for w in words}
