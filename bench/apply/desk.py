"""A controller's folder in front of a fleet, and the real `plaza` at its keyboard, on the client's core."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bench.apply.farm import HERE, KEY
from bench.apply.work import USER, Figures, Place
from bench.poll.machine import CLIENT_CORE, REPOSITORY, pinned
from bench.poll.meter import process_cpu_s
from controller import audit
from controller import settings as settings_file
from controller.access import Pinning
from controller.app import build
from controller.journal import OPEN, State
from drivers.host_key import HostKey

FOLDER: Final = HERE / "fleet"
ZONE: Final = "America/Chihuahua"
_PER_SITE: Final = 2
_LOOKS_EVERY_S: Final = 0.02

_INVENTORY: Final = """
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: {user}, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
profiles:
  plaza:
    ssids: [{{name: {ssid}, vlan: 20}}, {{name: Biblioteca, vlan: 30}}]
    radios: {{2g4: {{channel: 6}}, 5g: {{channel: 149}}}}
defaults:
  country: MX
  profile: plaza
  platform: openwrt
  ssh: {{credentials: aps-ssh}}
  uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
  portal: {{plan: free, duration: 1h, languages: [es], octets: 0, {gateway}}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: {zone}}}
sites:
{sites}
devices:
{devices}
"""
_GATEWAY: Final = "gateway_url: 'http://10.19.1.1:2060', gateway_credentials: gateways"
_SITE: Final = (
    "  08019-s{number:04}: "
    "{{municipality: 08019, name: s{number}, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}"
)
_DEVICE: Final = "  {name}: {{site: 08019-s{site:04}, address: {host}, ssh: {{port: {port}}}}}"
_DONE: Final = frozenset({State.CONFIRMED})
_ROWS: Final = """
SELECT device, state, token FROM rollout_step
WHERE rollout = (SELECT id FROM rollout ORDER BY created_at DESC, rowid DESC LIMIT 1) ORDER BY device
"""


class FleetFailed(Exception):
    """`plaza` did not do what it was told; says what it said."""


def name_of(number: int) -> str:
    """What an access point is called here."""
    return f"ap-{number:04}"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where `plaza` is typed, for devices at these places, two at each site."""

    places: Sequence[Place]

    def set_up(self, shown: HostKey) -> None:
        """Nothing from earlier, the key that every device lets in, and this host key pinned for each."""
        shutil.rmtree(FOLDER, ignore_errors=True)
        secrets = FOLDER / "var" / "secrets"
        secrets.mkdir(parents=True)
        shutil.copy(KEY, secrets / "aps-ssh-key")
        (secrets / "gateway-key").write_text("0" * 64)
        for private in (FOLDER / "var", secrets, *secrets.iterdir()):
            private.chmod(0o600 if private.is_file() else 0o700)
        self.want("Primera")
        app = build(settings_file.load({}, FOLDER))
        pinning = Pinning(app.engine, audit.load_key(app.settings.data_dir), "bench")
        now = datetime.now(UTC)
        with app.engine.begin() as connection:
            for name in app.inventory.devices:
                pinning.pin_in(connection, name, shown, now)

    def want(self, ssid: str) -> None:
        """Write the inventory so that all send this network."""
        sites = (_SITE.format(number=number) for number in range((len(self.places) + 1) // _PER_SITE))
        devices = (
            _DEVICE.format(name=name_of(number), site=number // _PER_SITE, host=place.host, port=place.port)
            for number, place in enumerate(self.places)
        )
        text = _INVENTORY.format(
            user=USER,
            ssid=ssid,
            zone=ZONE,
            gateway=_GATEWAY,
            sites="\n".join(sites),
            devices="\n".join(devices),
        )
        (FOLDER / "inventory.yaml").write_text(text)

    def managed(self, ssid: str) -> None:
        """Bring the first device to what the inventory wants, and give all others its files: as if changed
        by us long ago."""
        self.want(ssid)
        _ended(_start(*_rollout(name_of(0), 1)))
        first, *others = sorted((HERE / "aps").glob("[0-9]*"), key=lambda root: int(root.name))
        for number, root in enumerate(others, start=1):
            shutil.copytree(first / "etc/plaza", root / "etc/plaza")
            for file in (first / "etc/config").iterdir():
                text = file.read_text().replace(name_of(0), name_of(number))
                (root / "etc/config" / file.name).write_text(text)

    def rollout(self, ssid: str, parallel: int) -> Figures:
        """Make all send this network with `plaza rollout start`; the whole command is counted."""
        self.want(ssid)
        started_s, used_s = time.perf_counter(), _children_cpu_s()
        _ended(_start(*_rollout("all", parallel)))
        return Figures(
            devices=len(self.places),
            complete=self.sending(ssid),
            again=0,
            cpu_s=_children_cpu_s() - used_s,
            wall_s=time.perf_counter() - started_s,
        )

    def resumed_s(self, ssid: str, parallel: int) -> tuple[float, float]:
        """Kill -9 one that has devices on trial; seconds until `plaza rollout resume` takes a device on, and
        of them the CPU's.

        From the start of the command to the first row of the journal that it writes. It is aborted then.
        """
        enough = min(parallel, len(self.places) // 4) // 2
        self.want(ssid)
        begun = _start(*_rollout("all", parallel))
        while begun.poll() is None and (_in(_DONE) <= len(self.places) // 10 or _in(OPEN) < enough):
            time.sleep(_LOOKS_EVERY_S)
        begun.send_signal(signal.SIGKILL)
        if begun.wait() != -signal.SIGKILL:
            raise FleetFailed(f"a rollout was over before it was killed: {_said()}")
        before = _journal()
        started_s = time.perf_counter()
        resumed = _start("rollout", "resume")
        while resumed.poll() is None and _journal() == before:
            time.sleep(_LOOKS_EVERY_S)
        found_s = time.perf_counter() - started_s
        if resumed.poll() is not None:
            raise FleetFailed(f"plaza rollout resume ended with {resumed.returncode}: {_said()}")
        used_s = process_cpu_s(resumed.pid)
        _start("rollout", "abort", "--why", "bench").wait()
        resumed.wait()
        return found_s, used_s

    def sending(self, ssid: str) -> int:
        """How many devices have this network, by their own files."""
        files = (HERE / "aps").glob("*/etc/config/wireless")
        return sum(f"'{ssid}'" in file.read_text() for file in files)


def sections(ssid: str) -> list[str]:
    """The sections of `wireless` that send this network, as every device has them."""
    text = (HERE / "aps" / "000" / "etc/config/wireless").read_text()
    chunks = (chunk for chunk in text.split("\nconfig ") if f"option ssid '{ssid}'" in chunk)
    return [chunk.splitlines()[0].split("'")[1] for chunk in chunks]


def _rollout(selector: str, parallel: int) -> tuple[str, ...]:
    """No window, no soak, nothing that stops it: what is measured is how fast it changes devices."""
    without = (word for each in ("clients", "uplink", "probe") for word in ("--without", each))
    rule = ("--soak", "0s", "--number", "0", "--percent", "0", "--parallel", str(parallel))
    return ("rollout", "start", selector, "--why", "bench", "--yes", *rule, *without)


def _start(*words: str) -> subprocess.Popen[bytes]:
    argv = pinned(CLIENT_CORE, [sys.executable, "-m", "controller.cli.main", *words])
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with (FOLDER / "said").open("wb") as said:
        return subprocess.Popen(
            argv, cwd=FOLDER, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )


def _ended(process: subprocess.Popen[bytes]) -> None:
    if process.wait():
        raise FleetFailed(f"plaza ended with {process.returncode}: {_said()}")


def _said() -> str:
    return " ".join((FOLDER / "said").read_text(errors="replace").strip().splitlines()[-3:])


def _children_cpu_s() -> float:
    used = os.times()
    return used.children_user + used.children_system


def _in(states: Collection[str]) -> int:
    """How many devices of the newest rollout are in one of these states."""
    return sum(row[1] in states for row in _journal())


def _journal() -> list[tuple[str, ...]]:
    """Every row of the newest rollout, as another process reads it."""
    connection = sqlite3.connect(f"file:{FOLDER / 'var' / 'plaza.db'}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(_ROWS).fetchall()
    finally:
        connection.close()
