"""The responder everybody polls: the simulator's farm, on a core of its own."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from bench.poll.machine import FARM_CORE, PLACE, REPOSITORY, pinned
from bench.poll.work import AGENTS, AUTH_KEY, COMMUNITY, NETWORK, PRIV_KEY, USER, Version, address

_START_S: Final = 60.0
_ACCESS: Final = {
    Version.V2C: {"version": "2c", "community": COMMUNITY},
    Version.V3: {
        "version": "3",
        "user": USER,
        "auth_protocol": "sha1",
        "auth_key": AUTH_KEY,
        "priv_protocol": "aes128",
        "priv_key": PRIV_KEY,
    },
}
_HELLO: Final = {
    # GET sysUpTime.0 with the community `public`
    Version.V2C: "302602010104067075626c6963a019020101020100020100300e300c06082b060102010103000500",
    # the discovery of RFC 3414 §4: an empty message, answered by a report
    Version.V3: "3037020103300d020101020205dc0401040201030410300e040002010002010004000400040030110400"
    "0400a00b0201010201000201003000",
}


class FarmFailed(Exception):
    """The responder did not come up; says what it said."""


@contextmanager
def farm(version: Version) -> Iterator[int]:
    """The port of a running farm of AGENTS agents. Raises FarmFailed."""
    port = _free_port()
    log = PLACE / f"farm-v{version}.log"
    with log.open("w") as said:
        process = _start(version, port, said)
        try:
            _wait(version, port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait()


def _start(version: Version, port: int, said: IO[str]) -> subprocess.Popen[bytes]:
    spec = PLACE / f"farm-v{version}.json"
    agents = {"network": NETWORK, "port": port, "agents": AGENTS, "access": _ACCESS[version], "dead_pct": 0}
    spec.write_text(
        json.dumps(
            {
                "seed": 8,
                "state_dir": str(PLACE / f"farm-v{version}"),
                "control": str(PLACE / f"farm-v{version}.sock"),
                "aps": [],
                "farm": agents,
            }
        )
    )
    argv = pinned(FARM_CORE, [sys.executable, "-m", "simulator", str(spec)])
    return subprocess.Popen(argv, cwd=REPOSITORY, stdout=said, stderr=said)


def _wait(version: Version, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until_s = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < until_s:
        if _answers(version, port):
            return
    words = " ".join(log.read_text().splitlines()[-2:]) or f"no answer within {_START_S:.0f} s"
    raise FarmFailed(f"the SNMP {version} farm did not come up: {words}")


def _answers(version: Version, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect((address(AGENTS - 1), port))
        with suppress(OSError):
            sock.send(bytes.fromhex(_HELLO[version]))
            return bool(sock.recv(2048))
    time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))  # noqa: S104  as the farm does
        return int(sock.getsockname()[1])
