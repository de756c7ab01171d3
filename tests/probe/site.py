"""A site that a test breaks on purpose: guests, a real dnsmasq, a portal, and room for a rogue.

guest eth0 -- br-lan 10.99.0.1/24 [site] -- eth0 rogue
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.probe.report import Finding, Step, Went
from tests.gateway.streets import ip, run
from tests.gateway.town import wait_for

ROOT = Path(__file__).parents[2]
ROUTER, WEB, PORTAL, ROGUE = "10.99.0.1", "203.0.113.80", "203.0.113.10", "10.99.0.66"
NAME = "portal.plaza.test"
SILENT = "198.51.100.9"  # an address of the site where every packet is dropped
PLACES = ("guest", "site", "rogue")

DNSMASQ = """\
no-resolv
no-hosts
no-ping
bind-interfaces
except-interface=lo
log-dhcp
user=root
"""
DHCP = "dhcp-range=10.99.0.50,10.99.0.150,255.255.255.0,10m"
API = f"dhcp-option-force=114,https://{NAME}:8443/capport"
NAMES = f"address=/{NAME}/{PORTAL}\naddress=/#/{WEB}"
GOOD = (DHCP, API, NAMES)

BUTTON = "<input type=hidden name=v value=sealed><button>Conectarme</button>"
PAGE = f"<!DOCTYPE html><html><body><form method=post action=/enter>{BUTTON}</form></body></html>"
ONLINE = "<h1>Ya tienes Internet</h1><form method=post action=/leave><button>Salir</button></form>"
CAPTIVE = json.dumps({"captive": True, "user-portal-url": f"https://{NAME}:8443/p/plaza?a=signed"})
API_TYPE = "application/captive+json"
ANSWERS: Mapping[str, tuple[int, Mapping[str, str], str | int]] = {
    f"{WEB}/generate_204": (302, {"Location": f"http://{PORTAL}:8080/p/plaza?a=signed"}, ""),
    "/p/plaza": (200, {"Content-Type": "text/html"}, PAGE),
    "/capport": (200, {"Content-Type": API_TYPE}, CAPTIVE),
    "POST /enter": (303, {"Location": f"http://{PORTAL}:8080/door?g=signed"}, ""),
    "/door": (302, {"Location": "/online", "Door": "open"}, ""),
    "/online": (200, {}, ONLINE),
    f"in {WEB}/generate_204": (204, {}, ""),
    "POST /leave": (200, {"Door": "shut"}, "<h1>Saliste de Internet</h1>"),
    f"in {WEB}/file": (200, {}, 600_000),
}


@dataclass
class Place:
    """The namespaces of one site; `dnsmasq` is the program's path."""

    directory: Path
    dnsmasq: str
    tag: str = field(default_factory=lambda: f"prb{os.getpid()}{secrets.token_hex(2)}")
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def ns(self, name: str) -> str:
        return f"{self.tag}-{name}"

    def inside(self, name: str, *command: str, text: str = "") -> str:
        return run("ip", "netns", "exec", self.ns(name), *command, text=text)

    def build(self) -> None:
        for name in PLACES:
            run("ip", "netns", "add", self.ns(name))
            self.inside(name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
            ip(self.ns(name), "link set lo up")
        site = self.ns("site")
        ip(site, "link add br-lan type bridge")
        for name in ("guest", "rogue"):
            ip(self.ns(name), f"link add eth0 type veth peer name {name} netns {site}")
            ip(site, f"link set {name} master br-lan up")
            ip(self.ns(name), "link set eth0 up")
        ip(site, f"addr add {ROUTER}/24 dev br-lan")
        ip(site, "link set br-lan up gso_max_segs 1")  # each segment a frame, as on a wire
        ip(site, "link add wan type veth peer name isp")
        ip(site, "link set wan up")
        ip(site, "link set isp up")
        ip(site, "addr add 192.0.2.2/30 dev wan")
        ip(site, "route add default via 192.0.2.1")
        for address in (WEB, PORTAL, SILENT):
            ip(site, f"addr add {address}/32 dev lo")
        ip(self.ns("rogue"), f"addr add {ROGUE}/24 dev eth0")
        self.rules("")

    def rules(self, text: str) -> None:
        """Packet filter of the site, beside the hole that SILENT is."""
        self.inside(
            "site", "nft", "-f", "-",
            text=f"""\
flush ruleset
table inet site {{
  chain input {{ type filter hook input priority 0; ip daddr {SILENT} drop; {text} }}
}}
""",
        )  # fmt: skip

    def serve_dhcp(self, *lines: str, where: str = "site", leases: str = "") -> None:
        """A dnsmasq; `leases` are given out already."""
        interface, files = ("br-lan" if where == "site" else "eth0"), self.directory / where
        files.with_suffix(".leases").write_text(leases)
        config = files.with_suffix(".conf")
        paths = f"dhcp-leasefile={files}.leases\npid-file={files}.pid\nlog-facility={files}.dnsmasq\n"
        files.with_suffix(".dnsmasq").unlink(missing_ok=True)
        config.write_text("\n".join((DNSMASQ, f"interface={interface}", paths, *lines, "")))
        program = self.spawn(where, self.dnsmasq, "-k", "-C", str(config))
        bound = ("ss", "-Hlun", "sport = :67 or sport = :53")
        wait_for(lambda: self.inside(where, *bound) or program.poll() is not None, "dnsmasq")
        assert program.poll() is None, files.with_suffix(".dnsmasq").read_text()

    def serve_web(
        self,
        answers: Mapping[str, Any] | None = None,
        *,
        tls: Path | None = None,
        without: int = 0,
        mbps: float = 0,
    ) -> None:
        """Everybody's web server, the portal and its API; `tls` holds its certificate."""
        told: dict[str, Any] = {"answers": dict(ANSWERS) | dict(answers or {}), "mbps": mbps}
        told["tls"] = str(tls or self.directory)
        told["listen"] = [one for one in ((WEB, 80), (PORTAL, 8080), (PORTAL, 8443)) if one[1] != without]
        program = self.spawn("site", sys.executable, "-m", "tests.probe.web", json.dumps(told))
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n", (self.directory / "site.log").read_text()

    def spawn(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.directory / f"{name}.log").open("ab") as log:
            program = subprocess.Popen(
                ["ip", "netns", "exec", self.ns(name), *command],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, cwd=ROOT,
            )  # fmt: skip
        self.programs.append(program)
        return program

    def quiet(self, but: int = 0) -> None:
        """End every program, but the first ones."""
        while len(self.programs) > but:
            program = self.programs.pop()
            program.kill()
            program.wait(30)
            if program.stdout:
                program.stdout.close()

    def probe_command(self, *options: str) -> tuple[str, ...]:
        quick = ("--offers", "0.3", "--ca", str(self.directory / "ca.pem"))
        return (sys.executable, "-m", "drivers.probe", "--interface", "eth0", *quick, *options)

    def probe(self, *options: str) -> dict[Step, Finding]:
        """What the probe of the guests' network finds."""
        told = self.inside("guest", *self.probe_command(*options))
        found = [Finding.read(line) for line in told.splitlines()]
        return {finding.step: finding for finding in found}

    def failure(self, *options: str) -> tuple[Step, str]:
        """The step that fails; the ones before it worked, and none comes after."""
        *before, last = self.probe(*options).values()
        assert [finding.said for finding in before if finding.went is not Went.WORKED] == []
        assert last.went is Went.FAILED, last
        return last.step, last.said

    def asked(self) -> str:
        """What the web server was asked."""
        return (self.directory / "site.log").read_text()

    def leases(self) -> str:
        return (self.directory / "site.leases").read_text()

    def log(self) -> str:
        return (self.directory / "site.dnsmasq").read_text()

    def remove(self) -> None:
        self.quiet()
        for name in PLACES:
            for pid in run("ip", "netns", "pids", self.ns(name), check=False).split():
                os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "delete", self.ns(name), check=False)


@contextmanager
def place(directory: Path, dnsmasq: str) -> Iterator[Place]:
    """The site, gone again whatever happens."""
    built = Place(directory, dnsmasq)
    try:
        built.build()
        yield built
    finally:
        built.remove()


def taken(address: str) -> str:
    """A line of dnsmasq's lease file: somebody else has this address for another hour."""
    return f"{int(time.time()) + 3600} 02:00:00:00:00:01 {address} * *\n"
