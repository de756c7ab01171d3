"""A square of namespaces with a crowd in it and a web server beyond: what each gateway is put into."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.gateway import crowd
from bench.poll.child import ClientFailed
from bench.poll.machine import FARM_CORE, pinned
from bench.poll.peer import Missing
from tests.gateway import streets
from tests.gateway.streets import WEB
from tests.gateway.town import Town

PROGRAMS: Final = {"ip": "iproute2", "nft": "nftables", "setpriv": "util-linux", "curl": "curl"}
AHEAD: Final = ("nice", "-n", "-10")
"""Phones and the Internet wait for no other program of this machine, as if they were elsewhere."""

_START_S: Final = 60.0


@contextmanager
def square(phones: int) -> Iterator[Town]:
    """It stands for as long, with that many phones and no gateway. Raises Missing, ClientFailed."""
    for name, package in PROGRAMS.items():
        if shutil.which(name) is None:
            raise Missing(f"{name}: apt-get install {package}")
    with tempfile.TemporaryDirectory(prefix="plaza-bench-") as directory:
        town = Town(Path(directory))
        try:
            streets.build(town.tag)
            crowd.settle(town, phones)
            spawn(town, "internet", ["-m", "bench.gateway.internet", WEB], "ready")
            yield town
        finally:
            town.remove()


def wait_for_answer(town: Town, origin: str) -> None:
    """Until a server of ours in the Internet says that it is there. Raises ClientFailed."""
    asked = ("curl", "-sk", "-m", "2", "-o", "/dev/null", "-w", "%{http_code}", f"{origin}/healthz")
    until_s = time.monotonic() + _START_S
    while town.inside("internet", *asked, check=False) != "200":
        if time.monotonic() > until_s:
            words = (town.directory / "internet.log").read_text().splitlines()[-1:]
            raise ClientFailed(f"{origin} did not come up: {' '.join(words)}")
        time.sleep(0.05)


def spawn(
    town: Town, where: str, command: list[str], says: str = "", env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A Python program of a namespace, on the core beside the gateway's, once it says so.

    Raises ClientFailed when it ends instead; its errors are kept in WHERE.log.
    """
    program = town.spawn(where, *pinned(FARM_CORE, [*AHEAD, sys.executable, *command]), env=dict(env or {}))
    if says and (program.stdout is None or program.stdout.readline().strip() != says.encode()):
        words = (town.directory / f"{where}.log").read_text().splitlines()[-1:]
        raise ClientFailed(f"{command[1]} did not come up: {' '.join(words)}")
    return program
