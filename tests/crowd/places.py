"""What a phone does at a site of each kind, and what the gateway there does: the peers of the crowd."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from controller import radius
from tests import need
from tests.children import heard, killed_at_the_end
from tests.crowd.municipality import AP, OMADA, OPENNDS, PLAZA, RADIUS, SECRETS, Municipality
from tests.crowd.nas import Nas
from tests.crowd.opennds import DOOR, Square, mac_of
from tests.crowd.script import PLAN
from tests.gateway.town import Fetched, wait_for
from tests.kinds.controllers import SECRET, USER, Asked, Said
from tests.kinds.omada_controller import Omada
from tests.radius.conftest import SHIPPED, freeradius
from tests.town import Phone, free_port

DOWN, UP = 1000, 100
"""Octets that a phone uses in each second."""

HOTSPOT: Final = "15ab5e2c9d7f4b0c8a1e3d6f7a9bec59"
HOTSPOT_SITE: Final = "69bca1d3470cf665361476f0"
INTERIM_S: Final = 300


class Place(Protocol):
    """A site with its gateway; phones are numbered from 1."""

    def tap(self, phone: int) -> None:
        """A phone arrives and taps."""
        ...

    def leave(self, phone: int) -> None:
        """A citizen goes, as it is done at this kind."""
        ...

    def settle(self) -> None:
        """Whatever the gateway has to do by now is done on return."""
        ...


def press(walker: Phone, url: str) -> None:
    """Arrive, and press the button where there is one: who is refused finds none."""
    walker.open(url)
    if "<button" in walker.page:
        walker.tap()


@dataclass
class AtOpenNds:
    """A real openNDS at level 3, whose portal is in its namespace."""

    square: Square
    waiting: dict[str, Fetched] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)

    def tap(self, phone: int) -> None:
        answer = self.square.enter(f"phone{phone}")
        if "Ya casi" in answer.body:
            self.waiting[f"phone{phone}"] = answer

    def leave(self, phone: int) -> None:
        del self.ends[f"phone{phone}"]
        self.square.get(f"phone{phone}", f"http://{DOOR}/opennds_deny/")

    def settle(self) -> None:
        for phone, answer in self.waiting.items():
            wait_for(lambda phone=phone: self.square.is_online(phone), "openNDS to let it in")
            wait_for(lambda at=(phone, answer): self.square.is_told(*at), "the portal to hear of it")
            self.ends[phone] = self.square.now() + PLAN.duration
        self.waiting.clear()
        for phone in [one for one, until in self.ends.items() if until <= self.square.now()]:
            wait_for(lambda phone=phone: not self.square.is_online(phone), "openNDS to shut")
            del self.ends[phone]
        wait_for(lambda: self._running() == len(self.ends), "openNDS to tell who is gone")

    def _running(self) -> int:
        rows = self.square.town.rows()
        return sum(row["site"] == OPENNDS and row["acctstoptime"] is None for row in rows)


@dataclass
class AtPlaza:
    """Our own gateway's program, which records and filters nothing; each phone has an address."""

    url: str

    def tap(self, phone: int) -> None:
        walker = Phone(f"127.9.1.{phone}")
        press(walker, f"{self.url}/generate_204")

    def leave(self, phone: int) -> None:
        """The button of the page after; where the gateway then leads, to the first page, nobody looks."""
        where = urlsplit(self.url)
        line = HTTPConnection(where.hostname or "", where.port, 30, source_address=(f"127.9.1.{phone}", 0))
        line.request("POST", "/leave", b"")
        assert line.getresponse().status == 303
        line.close()

    def settle(self) -> None:
        """Its doors shut by their own time."""


@contextmanager
def plaza_gateway(directory: Path, town: Municipality, env: dict[str, str]) -> Iterator[AtPlaza]:
    """The program, until it is killed."""
    port = int(town.sites[PLAZA].gateway_url.rpartition(":")[2])
    (directory / "site.key").touch(mode=0o600)
    (directory / "site.key").write_text(town.sites[PLAZA].wiring.key.hex())
    (directory / "gateway.toml").write_text(f"""\
site = "{PLAZA}"
key_file = "site.key"
listen = "127.0.0.1:{port}"
portal_url = "{town.portal}"
edge_url = "{town.app.settings.public_edge_url}"
enforcer = "ledger"
state_dir = "gateway"
sync_s = 0.05
idle_s = 0.05
""")
    argv = [sys.executable, "-m", "captive_portal.gateway", str(directory / "gateway.toml")]
    with (directory / "gateway-plaza.log").open("wb") as log:
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, env=env)
        with killed_at_the_end(child):
            heard(child.stdout, b"ready")
            yield AtPlaza(f"http://127.0.0.1:{port}")


@dataclass
class Association:
    """A phone at an access point, since when, and how long it may stay at most."""

    name: str
    station: str
    since: datetime
    most_s: int
    told_s: int = 0


@dataclass
class AtRadius:
    """An access point with MAC authentication: it asks and tells a real FreeRADIUS by radclient."""

    town: Municipality
    nas: Nas
    auth_port: int
    acct_port: int
    inside: dict[int, Association] = field(default_factory=dict)
    count: int = 0

    def tap(self, phone: int) -> None:
        known = len(self.nas.let_go)
        walker = Phone(f"127.9.2.{phone}")
        query = {"client_mac": mac_of(phone), "client_ip": f"10.9.2.{phone}", "nas": "ap-1"}
        press(walker, f"{self.town.portal}/p/{RADIUS}?{urlencode(query)}")
        for name in self.nas.let_go[known:]:
            assert name.replace("-", ":").lower() == mac_of(phone)
            self._associate(phone, name)

    def leave(self, phone: int) -> None:
        self._tell(self.inside.pop(phone), "Stop", "User-Request")

    def settle(self) -> None:
        now = self.town.clock()
        for phone, one in list(self.inside.items()):
            age_s = int((now - one.since).total_seconds())
            if age_s >= one.most_s:
                self._tell(self.inside.pop(phone), "Stop", "Session-Timeout")
            elif age_s - one.told_s >= INTERIM_S:
                one.told_s = age_s
                self._tell(one, "Interim-Update")

    def _associate(self, phone: int, station: str) -> None:
        asked = {"User-Password": station, "Message-Authenticator": "0x00"}
        said = self._ask(self._phone(station) | asked, self.auth_port, "auth")
        assert "Received Access-Accept" in said, said
        (most,) = [line.split()[-1] for line in said.splitlines() if "Session-Timeout" in line]
        self.count += 1
        self.inside[phone] = Association(f"{self.count:08x}", station, self.town.clock(), int(most))
        self._tell(self.inside[phone], "Start")

    def _tell(self, one: Association, status: str, cause: str = "") -> None:
        told = self._phone(one.station) | {"Acct-Session-Id": one.name, "Acct-Status-Type": status}
        if status != "Start":
            age_s = min(one.most_s, int((self.town.clock() - one.since).total_seconds()))
            told |= {"Acct-Session-Time": str(age_s)}
            told |= {"Acct-Output-Octets": str(age_s * DOWN), "Acct-Input-Octets": str(age_s * UP)}
        if cause:
            told["Acct-Terminate-Cause"] = cause
        assert "Received Accounting-Response" in self._ask(told, self.acct_port, "acct")

    def _phone(self, station: str) -> dict[str, str]:
        return {"User-Name": station, "Calling-Station-Id": station, "NAS-Identifier": "ap-1"}

    def _ask(self, told: dict[str, str], port: int, what: str) -> str:
        radclient = need.program("radclient", "freeradius-utils")
        argv = [radclient, "-x", "-r", "2", "-t", "5", f"127.0.0.1:{port}", what, SECRETS["shared"]]
        text = "\n".join(f"{name} = {value}" for name, value in told.items())
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout


@contextmanager
def radius_ap(directory: Path, town: Municipality, there: Nas) -> Iterator[AtRadius]:
    """FreeRADIUS with the files that are shipped and those that Plaza writes."""
    need.program("freeradius", "freeradius")
    if not Path("/usr/lib/freeradius/rlm_rest.so").exists():
        need.missing("needs rlm_rest: apt-get install freeradius-rest")
    raddb, ports = directory / "raddb", (free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM))
    shutil.copytree(SHIPPED, raddb)
    radius.write(town.app, radius.Server(raddb, raddb, "127.0.0.1", *ports))
    with freeradius(raddb, directory / "freeradius.log"):
        yield AtRadius(town, there, *ports)


class Hotspot(Omada):
    """A controller that counts by the clock of a municipality."""

    def __init__(self) -> None:
        super().__init__(HOTSPOT, HOTSPOT_SITE)
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def answer(self, asked: Asked) -> Said:
        """Each record stands as it is by now."""
        now = int(self.clock().timestamp())
        for one in self.records:
            over = one["since"] + one["most_s"]
            if one["valid"]:
                one["duration"] = min(now, over) - one["since"]
                one |= {"download": one["duration"] * DOWN, "upload": one["duration"] * UP}
                one["valid"] = now < over
        return super().answer(asked)

    def _entered(self, login: Any) -> Said:
        ours = {"name": "plaza", "password": SECRETS["operator"]}
        return super()._entered({"name": USER, "password": SECRET} if login == ours else login)

    def _authorised(self, body: Any) -> Said:
        said = super()._authorised(body)
        now = int(self.clock().timestamp())
        self.records[-1] |= {"since": now, "start": now, "most_s": int(body["time"]) // 1000, "duration": 0}
        return said


@dataclass
class AtOmada:
    """A site whose controller the portal and the worker call; `pages` are where the phones are online."""

    town: Municipality
    hotspot: Hotspot
    pages: dict[int, str] = field(default_factory=dict)

    def tap(self, phone: int) -> None:
        walker = Phone(f"127.9.3.{phone}")
        query = {"clientMac": mac_of(phone).upper().replace(":", "-"), "apMac": AP.upper().replace(":", "-")}
        query |= {"ssidName": "Plaza", "radioId": "1"}
        press(walker, f"{self.town.portal}/p/{OMADA}?{urlencode(query)}")
        self.pages[phone] = walker.url

    def leave(self, phone: int) -> None:
        (session,) = parse_qs(urlsplit(self.pages[phone]).query)["s"]
        Phone(f"127.9.3.{phone}").open(f"{self.town.portal}/p/{OMADA}/leave", {"s": session})

    def settle(self) -> None:
        """The worker calls it."""
