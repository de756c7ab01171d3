"""Debian's openNDS at FAS level 2, the one that our documents allow, on the same core as ours."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.gateway import crowd, places
from bench.gateway.account import account
from bench.gateway.gate import Gate
from bench.poll.machine import CLIENT_CORE, pinned
from bench.poll.peer import Missing, program
from bench.portal.peers.opennds import PROGRAMS, STARTER
from captive_portal.gateways.opennds import OpenNds
from captive_portal.model import Grant
from tests.crowd.opennds import FASKEY, LEVEL_2, RESOLVER, SETTINGS, SITE
from tests.gateway import streets
from tests.gateway.streets import PORTAL
from tests.gateway.town import Town, wait_for

_NEEDED: Final = {**PROGRAMS, "php": "php-cli", "unshare": "util-linux"}
_USUAL: Final = SETTINGS.replace("checkinterval 5\n", "checkinterval 60\n")
"""The tests let it look around more often than it does by itself."""

_GRANT: Final = Grant("openndsopennds00openndsopennds00", 1200)


@contextmanager
def opennds(phones: int) -> Iterator[Gate]:
    """It runs for as long, before that many phones. Raises Missing, ClientFailed."""
    if os.geteuid() != 0:
        raise Missing("openNDS needs root, for namespaces and packet rules")
    for name, package in _NEEDED.items():
        program(name, package)
    with account("plaza-bench-opennds") as book, places.square(phones) as town:
        pid = _started(town)
        _leases(pid, phones)
        book.enter(pid)
        yield Gate("openNDS", town, book, OpenNds(LEVEL_2.wiring), lambda _arrival: _GRANT)


def _started(town: Town) -> int:
    told = {"port": LEVEL_2.port, "portal": PORTAL, "site": SITE, "level": LEVEL_2.settings}
    (town.directory / "opennds.conf").write_text(_USUAL.format(**told, faskey=FASKEY.decode()))
    (town.directory / "dnsmasq.conf").write_text(RESOLVER)
    unshare = [shutil.which("unshare") or "unshare", "-m", "-p", "-f", "--kill-child"]
    town.spawn("gateway", *pinned(CLIENT_CORE, [*unshare, "sh", str(STARTER), str(town.directory)]))
    log = town.directory / "gateway.log"
    wait_for(lambda: "openNDS is now running" in log.read_text(), "openNDS", 60)
    return _pid(town)


def _pid(town: Town) -> int:
    pids = streets.run("ip", "netns", "pids", town.ns("gateway")).split()
    return next(int(pid) for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "opennds")


def _leases(pid: int, phones: int) -> None:
    """openNDS refuses whoever is not among the leases of dnsmasq: all phones are, as if it had asked."""
    lines = (f"0 {crowd.mac(number)} {crowd.address(number)} * *\n" for number in range(phones))
    Path(f"/proc/{pid}/root/var/lib/misc/dnsmasq.leases").write_text("".join(lines))
