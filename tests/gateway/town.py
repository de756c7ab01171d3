"""A town square: two phones, a gateway under test, and an Internet with the real portal and edge in it."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from captive_portal.gateway.policy import Signed
from captive_portal.sessions import StoredSessions
from captive_portal.tables import metadata, sessions
from controller.store.engine import open_engine
from tests.gateway import streets
from tests.gateway.streets import LAN, PHONES, PORTAL, SECRETS, WEB, WEB6, run
from tests.probes import ANDROID

SITE = "08019-plaza"
NAME = "gw.plaza.test"
RESOLVER = "1.1.1.1"
HERE = Path(__file__).parent


def wait_for(condition: Callable[[], Any], what: str, within_s: float = 40.0) -> Any:
    """What the condition gives as soon as it is true."""
    until = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < until, f"waited {within_s:.0f} s for {what}"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Fetched:
    """What curl saw: status 0 is no answer at all; `exit_code` 7 is a refused connection, 28 is silence."""

    status: int
    location: str
    body: str
    exit_code: int


@dataclass
class Town:
    """Everything that stands in the square. `tag` makes the names of the namespaces our own."""

    directory: Path
    tag: str = field(default_factory=lambda: f"plz{os.getpid()}{secrets.token_hex(2)}")
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)
    gateway: subprocess.Popen[bytes] | None = None
    sync_s: float = 0.5
    shim: str = ""
    policy: Signed | None = None
    own_names: bool = False
    """The gateway gives addresses and names itself; phones have none before `join`."""

    def ns(self, name: str) -> str:
        return streets.namespace(self.tag, name)

    def inside(self, name: str, *command: str, text: str = "", check: bool = True) -> str:
        return run("ip", "netns", "exec", self.ns(name), *command, text=text, check=check)

    def start(self, dnsmasq: str) -> None:
        """The resolver, the Internet, the portal, the edge; the phones get their leases."""
        boot = self.directory / "boot_id"
        boot.write_text(f"{secrets.token_hex(16)}\n")
        (self.directory / "site.key").write_text(self.key.hex())
        (self.directory / "site.key").chmod(0o600)
        metadata.create_all(self.engine)
        if not self.own_names:
            (self.directory / "dnsmasq.conf").write_text(self._dnsmasq())
            self.spawn("gateway", dnsmasq, "-k", "-C", str(self.directory / "dnsmasq.conf"), "--user=root")
        settings = {
            "store": self.store_url, "key": self.key.hex(), "site": SITE, "portal": PORTAL, "gateway": LAN,
            "plan": str(self.directory / "plan_s"), "web": [WEB, WEB6, *SECRETS.values()],
        }  # fmt: skip
        self.set_plan(600)
        internet = self.spawn(
            "internet", sys.executable, "-m", "tests.gateway.internet", json.dumps(settings)
        )
        assert internet.stdout is not None
        assert internet.stdout.readline() == b"ready\n", "the internet did not come up"
        if self.own_names:
            self._resolve()
            return
        for name, last in (("phone1", 51), ("phone2", 52)):
            assert self.join(name) == f"10.99.0.{last}"

    def _resolve(self) -> None:
        """The resolver that a gateway asks where its policy names none: every name is WEB; see `asked`."""
        streets.ip(self.ns("internet"), f"addr add {RESOLVER}/32 dev lo")
        resolver = f"exec {sys.executable} -m tests.gateway.resolver {WEB} {RESOLVER} >{self.directory}/asked"
        self.spawn("internet", "sh", "-c", resolver)
        wait_for((self.directory / "asked").exists, "the resolver")
        wait_for((self.directory / "asked").read_text, "the resolver")

    def _dnsmasq(self) -> str:
        hosts = "\n".join(f"dhcp-host={mac},10.99.0.{51 + n}" for n, mac in enumerate(PHONES.values()))
        return f"""\
no-resolv
no-hosts
bind-interfaces
interface=br-lan
except-interface=lo
dhcp-range=10.99.0.50,10.99.0.150,255.255.255.0,10m
{hosts}
dhcp-option-force=114,https://{NAME}:8443/capport
address=/{NAME}/{LAN}
address=/#/{WEB}
dhcp-leasefile={self.directory}/leases
pid-file={self.directory}/dnsmasq.pid
"""

    def join(self, name: str) -> str:
        """Ask for a lease as a phone does, then use it: the address."""
        log = self.directory / f"{name}.dhcp"
        asked = self.inside(name, sys.executable, "-m", "tests.gateway.dhcp", "eth0", PHONES[name])
        log.write_text(asked)
        lease = json.loads(asked)
        streets.ip(self.ns(name), f"addr replace {lease['ip']}/24 dev eth0")
        streets.ip(self.ns(name), f"route replace default via {lease['router']}")
        ip: str = lease["ip"]
        return ip

    def lease(self, name: str) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.directory / f"{name}.dhcp").read_text())
        return found

    def spawn(self, name: str, *command: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """A program of a namespace; its errors are kept in NAME.log."""
        with (self.directory / f"{name}.log").open("ab") as log:
            program = subprocess.Popen(
                ["ip", "netns", "exec", self.ns(name), *command],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
                cwd=HERE.parents[1], env={**os.environ, **(env or {})},
            )  # fmt: skip
        self.programs.append(program)
        return program

    def configure(self) -> Path:
        config = self.directory / "gateway.toml"
        config.write_text(f"""\
site = "{SITE}"
key_file = "site.key"
listen = "{LAN}:2060"
portal_url = "http://{PORTAL}:8080"
edge_url = "http://{PORTAL}:8090"
enforcer = "nft"
lan = "br-lan"
wan = "wan"
state_dir = "state"
garden = ["{PORTAL}:8080"]
management = ["203.0.113.192/26"]
sync_s = {self.sync_s}
idle_s = {self.sync_s}
boot_id_file = "boot_id"
{self._policy()}{self._network()}
[tls]
listen = "{LAN}:8443"
certificate = "gateway.pem"
private_key = "gateway.key"
name = "{NAME}"
""")
        return config

    def _network(self) -> str:
        return '\n[network]\nguests = "10.99.0.0/24"\nrun_dir = "run"\n' if self.own_names else ""

    def _policy(self) -> str:
        """The line for the policy that the gateway was built with."""
        if self.policy is None:
            return ""
        (self.directory / "policy.json").write_text(json.dumps(self.policy.told()))
        return 'policy_file = "policy.json"\n'

    def start_gateway(self, clock_offset_s: int = 0) -> None:
        env = {"LD_PRELOAD": self.shim, "CLOCK_OFFSET_S": str(clock_offset_s)} if clock_offset_s else {}
        command = (sys.executable, "-m", "captive_portal.gateway", str(self.configure()))
        self.gateway = self.spawn("gateway", *command, env=env)
        assert self.gateway.stdout is not None
        assert self.gateway.stdout.readline() == b"ready\n", (self.directory / "gateway.log").read_text()

    @property
    def gateway_pid(self) -> int:
        assert self.gateway is not None
        return self.gateway.pid

    def stop_gateway(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.gateway is not None:
            os.killpg(self.gateway.pid, number)
            self.gateway.wait(30)
            self.gateway = None

    def reboot_gateway(self) -> None:
        """What a power cut leaves: no rules, no program, another boot; the disk stays."""
        self.stop_gateway(signal.SIGKILL)
        self.inside("gateway", "nft", "flush", "ruleset")
        (self.directory / "boot_id").write_text(f"{secrets.token_hex(16)}\n")
        self.start_gateway()

    def forget_everybody(self) -> None:
        """Shut every door, so that the next test begins outside."""
        self.stop_gateway(signal.SIGKILL)
        self.inside("gateway", "nft", "flush", "ruleset")
        shutil.rmtree(self.directory / "state", ignore_errors=True)
        with self.engine.begin() as connection:
            connection.execute(sessions.delete())
        self.set_plan(600)
        self.start_gateway()

    def curl(self, name: str, url: str, *options: str) -> Fetched:
        out = self.inside(
            name, "curl", "-sS", "-m", "8", "-w",
            "\n%{json}", *options, url, check=False,
        )  # fmt: skip
        body, _, told = out.rpartition("\n")
        seen = json.loads(told)
        return Fetched(seen["http_code"], seen.get("redirect_url") or "", body, seen["exitcode"])

    def online(self, name: str) -> bool:
        return self.curl(name, ANDROID.url, "-m", "3").status == 204

    def tap(self, name: str) -> str:
        """Press the button as a phone without a browser would; where the portal sends it: the grant."""
        page = self.curl(name, ANDROID.url).location
        return self.press(name, page)

    def press(self, name: str, page: str) -> str:
        arrival = re.search(r'name="v" value="([^"]+)"', self.curl(name, page).body)
        assert arrival is not None
        url = page.partition("?")[0] + "/enter"
        grant = self.curl(name, url, "-d", f"v={arrival[1]}", "-d", "lang=es").location
        assert "/grant?g=" in grant, grant
        return grant

    def enter(self, name: str) -> str:
        """One tap, all redirects followed; the grant that was used."""
        grant = self.tap(name)
        assert self.curl(name, grant, "-L").status == 200
        assert self.online(name)
        return grant

    def set_plan(self, seconds: int, down_kbps: int = 0, up_kbps: int = 0, octets: int = 0) -> None:
        """What one tap gives from now on."""
        (self.directory / "plan_s").write_text(f"{seconds} {down_kbps} {up_kbps} {octets}")

    def age(self, seconds: int) -> None:
        """As if everybody had tapped so much earlier, for a longer session."""
        with self.engine.begin() as connection:
            connection.execute(sessions.update().values(granted_at=sessions.c.granted_at - seconds))

    @property
    def store_url(self) -> str:
        return f"sqlite:///{self.directory}/store.db"

    @cached_property
    def engine(self) -> Engine:
        return open_engine(self.store_url)

    @property
    def sessions(self) -> StoredSessions:
        return StoredSessions(self.engine)

    def rows(self) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(sessions)).mappings()]

    def dismiss(self, session: str) -> None:
        assert self.sessions.dismiss(session, datetime.now(UTC))

    def remove(self) -> None:
        self.engine.dispose()
        for program in self.programs:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait(30)
            if program.stdout:
                program.stdout.close()
        streets.remove(self.tag)


@contextmanager
def town(directory: Path, sync_s: float = 0.5) -> Iterator[Town]:
    """The square, gone again whatever happens."""
    built = Town(directory, sync_s=sync_s)
    try:
        streets.build(built.tag)
        yield built
    finally:
        built.remove()
