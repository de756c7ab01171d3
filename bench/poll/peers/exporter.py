"""Prometheus' snmp_exporter, scraped over HTTP from the other core; only its own CPU is counted."""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from bench.poll import child
from bench.poll.machine import CLIENT_CORE, FARM_CORE, PLACE, debian_version, pinned
from bench.poll.meter import process_cpu_s, spread, tell
from bench.poll.peer import Missing, Peer, Size, program
from bench.poll.work import (
    AUTH_KEY,
    COLUMNS,
    COMMUNITY,
    PRIV_KEY,
    RETRIES,
    SCALARS,
    TIMEOUT_S,
    USER,
    WALK_ROWS,
    Figures,
    Job,
    Version,
    address,
)

_PACKAGE: Final = "prometheus-snmp-exporter"
_START_S: Final = 10.0
_NAMES: Final = tuple(f"scalar{number}" for number in range(len(SCALARS)))
_TEXTS: Final = {"1.3.6.1.2.1.1.1", "1.3.6.1.2.1.1.4", "1.3.6.1.2.1.1.5", "1.3.6.1.2.1.1.6"}
_OID: Final = "1.3.6.1.2.1.1.2"
_SCALAR: Final = re.compile(rb"^scalar\d+[ {]", re.MULTILINE)
_COUNTER: Final = re.compile(rb"^column\d+\{", re.MULTILINE)
_AUTH: Final = {
    Version.V2C: {"version": 2, "auth": {"community": COMMUNITY}},
    Version.V3: {
        "version": 3,
        "auth": {
            "security_level": "authPriv",
            "username": USER,
            "auth_protocol": "SHA",
            "password": AUTH_KEY,
            "priv_protocol": "AES",
            "priv_password": PRIV_KEY,
        },
    },
}


def run(job: Job) -> tuple[Figures, ...]:
    """See Peer."""
    return child.figures([sys.executable, "-m", __name__, job.text()], FARM_CORE)


def prepare() -> str:
    """Debian's package."""
    program(_PACKAGE, _PACKAGE)
    version = debian_version(_PACKAGE)
    if version and not version.startswith("0.21"):
        raise Missing(f"snmp.yml is written for 0.21, this is {version}; write the format of that version")
    return version


def modules() -> dict[str, Any]:
    """snmp.yml: one module, the same objects for every agent."""
    scalars = [_metric(name, oid) for name, oid in zip(_NAMES, SCALARS, strict=True)]
    columns = [_metric(f"column{number}", f"{oid}.0", "counter") for number, oid in enumerate(COLUMNS)]
    for column in columns:
        column["indexes"] = [{"labelname": "ifIndex", "type": "gauge"}]
    common = {"walk": COLUMNS, "get": SCALARS, "metrics": [*scalars, *columns]}
    pace = {"max_repetitions": WALK_ROWS, "retries": RETRIES, "timeout": f"{TIMEOUT_S}s"}
    return {f"v{version}": {**common, **pace, **auth} for version, auth in _AUTH.items()}


def _metric(name: str, instance: str, kind: str = "gauge") -> dict[str, Any]:
    oid = instance.rpartition(".")[0]
    kind = "DisplayString" if oid in _TEXTS else "OctetString" if oid == _OID else kind
    return {"name": name, "oid": oid, "type": kind, "help": name}


@contextmanager
def _exporter(listen: int) -> Iterator[int]:
    """Its process id, while it runs on the clients' core."""
    config = PLACE / "snmp.yml"
    config.write_text(json.dumps(modules()))
    argv = [_PACKAGE, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{listen}"]
    with (PLACE / "exporter.log").open("w") as log:
        process = subprocess.Popen(pinned(CLIENT_CORE, argv), stdout=log, stderr=log)
    try:
        _wait(listen)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _wait(listen: int) -> None:
    until_s = time.monotonic() + _START_S
    while time.monotonic() < until_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", listen), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"the exporter does not listen; see {PLACE / 'exporter.log'}")


@dataclass(slots=True)
class _Scraper:
    """HTTP/1.1 connections that are kept; the exporter gives a length or chunks."""

    listen: int
    job: Job
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    async def poll(self, number: int) -> tuple[int, int]:
        if not self.idle:
            self.idle.append(await asyncio.open_connection("127.0.0.1", self.listen))
        reader, writer = self.idle.pop()
        target = f"{address(number)}%3A{self.job.port}"
        path = f"/snmp?module=v{self.job.version}&target={target}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        body = await _body(reader)
        self.idle.append((reader, writer))
        return len(_SCALAR.findall(body)), len(_COUNTER.findall(body))


async def _body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = re.search(rb"content-length: (\d+)", head)
    if length:
        return await reader.readexactly(int(length[1]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readline()
    return body


async def _passes(job: Job) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = int(free.getsockname()[1])
    with _exporter(listen) as process:
        scraper = _Scraper(listen, job, [])
        for _ in range(job.passes):
            one = await spread(scraper.poll, job, lambda: process_cpu_s(process))
            tell(one.figures(job, process), one.errors)


PEER: Final = Peer("snmp_exporter", prepare, run, {Version.V2C: Size(2000, 50), Version.V3: Size(600, 50)})

if __name__ == "__main__":
    asyncio.run(_passes(Job.read(sys.argv[1])))
