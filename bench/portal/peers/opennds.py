"""Debian's openNDS with its own click-to-continue splash, in a square of namespaces; needs root."""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urljoin

from bench.poll.child import ClientFailed
from bench.poll.machine import REPOSITORY
from bench.poll.meter import process_cpu_s
from bench.poll.peer import Missing, program
from tests.gateway import streets
from tests.gateway.streets import LAN, PHONES, WEB
from tests.gateway.town import Town, wait_for

DOOR: Final = f"{LAN}:2050"
PROBE: Final = f"http://{WEB}/generate_204"
PHONE: Final = next(iter(PHONES))
STARTER: Final = REPOSITORY / "tests" / "crowd" / "opennds.sh"
PROGRAMS: Final = {"opennds": "opennds", "dnsmasq": "dnsmasq-base", "iptables": "iptables", "curl": "curl"}
_LONGEST: Final = 6
_FORM: Final = re.compile(r'<form action="([^"]*)" method="get">(.*?)</form>', re.DOTALL)
_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_BESIDE: Final = re.compile(r'(?:<link rel="stylesheet"[^>]*href|<img [^>]*src)="([^"]+)"')
SETTINGS: Final = """\
GatewayName Plaza
GatewayInterface br-lan
GatewayPort 2050
gatewayfqdn status.client
enable_serial_number_suffix 0
login_option_enabled 1
FirewallRuleSet authenticated-users {
  FirewallRule allow all
}
FirewallRuleSet users-to-router {
  FirewallRule allow udp port 53
  FirewallRule allow udp port 67
}
"""
RESOLVER: Final = f"""\
no-resolv
no-hosts
bind-interfaces
interface=br-lan
except-interface=lo
dhcp-range=10.99.0.50,10.99.0.150,255.255.255.0,10m
dhcp-option-force=114,http://{DOOR}/captive-api
address=/#/{WEB}
dhcp-leasefile=/var/lib/misc/dnsmasq.leases
pid-file=/run/dnsmasq.pid
"""


@dataclass(frozen=True, slots=True)
class Got:
    """An answer to a phone; `down` and `up` are octets of the answer and the request, headers included."""

    url: str
    status: int
    location: str
    text: str
    down: int
    up: int


@dataclass(frozen=True, slots=True)
class Splash:
    """An openNDS that runs, and the phone before it."""

    town: Town
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds of openNDS and of the scripts that it waited for."""
        return process_cpu_s(self.pid)

    def get(self, url: str) -> Got:
        """What the phone gets, asked as phones ask: with gzip, which openNDS does not do."""
        body = self.town.directory / "body"
        options = ("-sS", "-m", "30", "--compressed", "-o", str(body), "-w", "%{json}")
        told = json.loads(self.town.inside(PHONE, "curl", *options, url, check=False))
        text = body.read_bytes().decode(errors="replace") if body.exists() else ""
        down = told["size_header"] + told["size_download"]
        return Got(url, told["http_code"], told["redirect_url"] or "", text, down, told["size_request"])

    def page(self) -> list[Got]:
        """The first page of a phone that is not in: the way to it, itself, and what it shows."""
        way = [self.get(PROBE)]
        way.append(self.get(way[0].location))
        beside = dict.fromkeys(urljoin(way[1].url, one) for one in _BESIDE.findall(way[1].text))
        return way + [self.get(url) for url in beside]

    def login(self) -> list[Got]:
        """From the probe on until the phone is online, without what pages show. Raises ClientFailed."""
        steps, fields = [self.get(PROBE)], dict[str, str]()
        steps.append(self.get(steps[0].location))
        while "landing" not in fields and (form := _FORM.search(steps[-1].text)):
            fields = {name: unescape(value) for name, value in _HIDDEN.findall(form[2])}
            steps.append(self.get(f"{urljoin(steps[-1].url, form[1])}?{urlencode(fields)}"))
            if len(steps) > _LONGEST:
                break
        if self.get(PROBE).location:
            raise ClientFailed(f"openNDS: not online after {len(steps)} requests")
        return steps

    def out(self) -> None:
        """Let the phone go, as its owner would."""
        self.get(f"http://{DOOR}/opennds_deny/")
        wait_for(lambda: self.get(PROBE).location, "the phone to be outside again")


@contextmanager
def splash() -> Iterator[Splash]:
    """It runs for as long. Raises Missing."""
    if os.geteuid() != 0:
        raise Missing("openNDS needs root, for namespaces and packet rules")
    for name, package in PROGRAMS.items():
        program(name, package)
    with tempfile.TemporaryDirectory(prefix="plaza-bench-") as directory:
        town = Town(Path(directory))
        try:
            streets.build(town.tag)
            yield _started(town)
        finally:
            town.remove()


def _started(town: Town) -> Splash:
    (town.directory / "opennds.conf").write_text(SETTINGS)
    (town.directory / "dnsmasq.conf").write_text(RESOLVER)
    web = town.directory / "web"
    web.mkdir()
    (web / "generate_204").touch()
    town.spawn("internet", sys.executable, "-m", "http.server", "80", "--bind", WEB, "--directory", str(web))
    unshare = (shutil.which("unshare") or "unshare", "-m", "-p", "-f", "--kill-child")
    town.spawn("gateway", *unshare, "sh", str(STARTER), str(town.directory))
    log = town.directory / "gateway.log"
    wait_for(lambda: "openNDS is now running" in log.read_text(), "openNDS", 60)
    lease = json.loads(town.inside(PHONE, sys.executable, "-m", "tests.gateway.dhcp", "eth0", PHONES[PHONE]))
    streets.ip(town.ns(PHONE), f"addr add {lease['ip']}/24 dev eth0")
    streets.ip(town.ns(PHONE), f"route add default via {lease['router']}")
    return Splash(town, _pid(town))


def _pid(town: Town) -> int:
    pids = streets.run("ip", "netns", "pids", town.ns("gateway")).split()
    return next(int(pid) for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "opennds")
