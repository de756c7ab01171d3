"""net-snmp's command line, two processes per poll: what LibreNMS and many a script do."""

import asyncio
import sys
from dataclasses import replace
from typing import Final

from bench.poll import child
from bench.poll.machine import debian_version
from bench.poll.meter import passes
from bench.poll.peer import Peer, Size, program
from bench.poll.work import (
    AUTH_KEY,
    COLUMNS,
    COMMUNITY,
    PRIV_KEY,
    RETRIES,
    ROWS,
    SCALARS,
    TIMEOUT_S,
    USER,
    Figures,
    Job,
    Version,
    address,
)

_ACCESS: Final = {
    Version.V2C: ("-v2c", "-c", COMMUNITY),
    Version.V3: (
        *("-v3", "-l", "authPriv", "-u", USER),
        *("-a", "SHA", "-A", AUTH_KEY, "-x", "AES", "-X", PRIV_KEY),
    ),
}
_OPTIONS: Final = ("-m", "", "-OQUn", "-t", str(TIMEOUT_S), "-r", str(RETRIES))


def run(job: Job) -> tuple[Figures, ...]:
    """See Peer."""
    passes = child.figures([sys.executable, "-m", __name__, job.text()])
    return tuple(replace(one, rss_mb=0) for one in passes)  # it is that of what starts the commands


def prepare() -> str:
    """Debian's package snmp."""
    program("snmpget", "snmp")
    return debian_version("snmp") or "5.9"


async def _said(*argv: str) -> list[str]:
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*argv, stdout=pipe, stderr=nothing)
    output, _ = await process.communicate()
    return output.decode().splitlines()


async def _passes(job: Job) -> None:
    columns = tuple(f".{column}." for column in COLUMNS)

    async def poll(number: int) -> tuple[int, int]:
        common = (*_ACCESS[job.version], *_OPTIONS, f"udp:{address(number)}:{job.port}")
        scalars = await _said("snmpget", *common, *SCALARS)
        rows = await _said("snmpbulkget", f"-Cr{ROWS}", *common, *COLUMNS)
        return sum(" = " in line for line in scalars), sum(line.startswith(columns) for line in rows)

    await passes(poll, job)


PEER: Final = Peer(
    "net-snmp CLI", prepare, run, {Version.V2C: Size(60, 4), Version.V3: Size(40, 4)}, keeps=False
)

if __name__ == "__main__":
    asyncio.run(_passes(Job.read(sys.argv[1])))
