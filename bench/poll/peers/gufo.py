"""gufo-snmp: a Rust codec beneath asyncio, in an environment of the bench's own; walks column by column."""

import asyncio
import subprocess
import sys
from importlib import import_module
from typing import Any, Final

from bench.poll import child
from bench.poll.machine import PLACE
from bench.poll.meter import open_many_files, passes
from bench.poll.peer import Peer, Size, build
from bench.poll.work import (
    AUTH_KEY,
    COLUMNS,
    COMMUNITY,
    PRIV_KEY,
    SCALARS,
    TIMEOUT_S,
    USER,
    WALK_ROWS,
    Figures,
    Job,
    Version,
    address,
)

VERSION: Final = "0.13.0"
_ENVIRONMENT: Final = PLACE / "venv"
_PYTHON: Final = str(_ENVIRONMENT / "bin" / "python")
_KEPT: Final = "sockets kept"
_EACH: Final = "socket per poll"


def run(job: Job) -> tuple[Figures, ...]:
    """See Peer."""
    return child.figures([_PYTHON, "-m", __name__, job.text()])


def prepare() -> str:
    """Install it where nothing of ours is."""
    wanted = f"gufo-snmp=={VERSION}"
    if not _installed():
        build([sys.executable, "-m", "venv", str(_ENVIRONMENT)])
        build([_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted])
    return VERSION


def _installed() -> bool:
    asked = f"import importlib.metadata as m; assert m.version('gufo-snmp') == {VERSION!r}"
    try:
        return subprocess.run([_PYTHON, "-c", asked], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


class _Client:
    def __init__(self, job: Job) -> None:
        self._open = import_module("gufo.snmp.aio").SnmpSession  # not there in our own environment
        self._port = job.port
        self._access = _access(job.version)
        self._sessions: dict[int, Any] | None = {} if job.style == _KEPT else None

    async def poll(self, number: int) -> tuple[int, int]:
        if self._sessions is None:
            async with self._session(number) as session:
                return await _ask(session)
        session = self._sessions.get(number)
        if session is None:
            session = self._sessions[number] = await self._session(number).__aenter__()
        return await _ask(session)

    def _session(self, number: int) -> Any:
        return self._open(
            addr=address(number),
            port=self._port,
            timeout=TIMEOUT_S,
            max_repetitions=WALK_ROWS,
            **self._access,
        )


def _access(version: Version) -> dict[str, Any]:
    snmp = import_module("gufo.snmp")
    if version is Version.V2C:
        return {"community": COMMUNITY, "version": snmp.SnmpVersion.v2c}
    keys = {"auth_key": snmp.Sha1Key(AUTH_KEY.encode()), "priv_key": snmp.Aes128Key(PRIV_KEY.encode())}
    return {"user": snmp.User(USER, **keys)}


async def _ask(session: Any) -> tuple[int, int]:
    scalars = await session.get_many(SCALARS)
    counters = 0
    for column in COLUMNS:
        async for _ in session.getbulk(column):
            counters += 1
    return len(scalars), counters


async def _passes(job: Job) -> None:
    open_many_files()
    await passes(_Client(job).poll, job)


PEER: Final = Peer(
    "gufo-snmp",
    prepare,
    run,
    {Version.V2C: Size(3000, 200, (_KEPT, _EACH)), Version.V3: Size(1500, 200, (_KEPT,))},
)

if __name__ == "__main__":
    asyncio.run(_passes(Job.read(sys.argv[1])))
