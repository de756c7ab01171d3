"""A town of real SSH servers that people and Plaza enter, and a keyboard in front of it."""

import io
import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from controller import app, settings
from controller.cli.main import main
from controller.rotation import carry
from controller.rotation.carry import Means
from controller.store.tables import audit
from tests.configure.desk import CANARY
from tests.configure.device import Ap, Dropbear, Server, keygen, make_ap, quickest, wait_until

INVENTORY = """
version: 1
credentials:
  aps-ssh: {{kind: ssh, user: {user}, private_key: ref+file:aps-ssh-key}}
  gateways: {{kind: gateway, key: ref+file:gateway-key}}
  staff: {{kind: wifi, passphrase: ref+file:staff}}
people:
  ana: {{ssh_keys: [{ana}]}}
  luis: {{ssh_keys: [{luis}], devices: "*-1"}}
profiles:
  plaza:
    ssids: [{{name: Chihuahua Gratis}}, {{name: Personal, security: wpa3, passphrase: staff}}]
    radios: {{2g4: {{channel: auto}}, 5g: {{channel: auto, width_mhz: 40}}}}
    uplink: {{kind: fibre, provider: Fibra, down_mbps: 100, up_mbps: 50}}
    portal: {{plan: free, duration: 1h}}
defaults:
  country: MX
  profile: plaza
  platform: openwrt
  ssh: {{credentials: aps-ssh}}
  portal: {{languages: [es], octets: 0, gateway_url: "http://10.19.1.1:2060", gateway_credentials: gateways}}
  hours: {{week: {{mon-sun: 06:00-23:00}}}}
municipalities:
  08019: {{name: Chihuahua, seat: Chihuahua, zone: America/Chihuahua}}
sites:
  08019-plaza: {{municipality: 08019, name: Plaza, lat: 28.6, lon: -106.1, opened_on: 2026-01-15}}
devices:
  sw-1:
    {{site: 08019-plaza, address: 10.0.0.9, role: switch, platform: generic, ssids: [], state: expected}}
{devices}
"""
DEVICE = "  {}: {{site: 08019-plaza, address: 127.0.0.{}, ssh: {{host: 127.0.0.1, port: {}}}}}\n"


@dataclass
class Town:
    """Access points, the folder Plaza is started in, and what it said so far."""

    folder: Path
    aps: dict[str, Ap]
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    said: list[str] = field(default_factory=list)

    def plaza(self, command: str, answer: str = "") -> tuple[int, str]:
        """Type a command; its exit code and all it said."""
        self.monkeypatch.setattr(sys, "argv", ["plaza", *command.split()])
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as left:
            main()
        said = "".join(self.capsys.readouterr())
        self.said.append(said)
        return int(left.value.code or 0), said

    @property
    def secrets(self) -> Path:
        """The secrets directory."""
        return self.folder / "var/secrets"

    def means(self) -> Means:
        """What a process that starts now does rotations with."""
        return carry.means_of(app.build(settings.load(directory=self.folder)))

    def lets_in(self, name: str, key: Path) -> bool:
        """Whether OpenSSH's own client gets in with a private key."""
        ap = self.aps[name]
        options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
        options += ["IdentitiesOnly=yes", "IdentityAgent=none", "ConnectTimeout=20"]
        command = ["ssh", "-F", "none", "-i", str(key), "-p", str(ap.port)]
        command += [word for option in options for word in ("-o", option)]
        done = subprocess.run([*command, f"{ap.user}@127.0.0.1", "true"], capture_output=True, check=False)
        assert done.returncode == 0 or b"Permission denied" in done.stderr, done.stderr
        return done.returncode == 0

    def write_key(self, name: str, key: Path) -> None:
        """Somebody lets the owner of a key in, by hand."""
        file = self.aps[name].root / "etc/dropbear/authorized_keys"
        file.write_text(file.read_text() + key.with_name(f"{key.name}.pub").read_text())

    def own_key(self, file: str = "aps-ssh-key") -> Path:
        """A private key of Plaza's."""
        return self.secrets / file

    def write_inventory(self, edit: Callable[[str], str]) -> None:
        """Somebody edits the inventory."""
        file = self.folder / "inventory.yaml"
        file.write_text(edit(file.read_text()))

    def turn_off(self, name: str) -> None:
        """Its power is gone."""
        self.aps[name].lose_power()

    def turn_on(self, name: str) -> None:
        """It is back."""
        self.aps[name].boot()

    def actions(self, subject: str = "") -> list[str]:
        """What the audit log says happened, of one subject."""
        with self.means().app.engine.connect() as connection:
            rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
        return [row.action for row in rows if subject in {"", row.subject}]

    def told(self) -> str:
        """All that was printed or audited so far."""
        with self.means().app.engine.connect() as connection:
            rows = [f"{row.subject} {row.detail}" for row in connection.execute(select(audit))]
        return "\n".join([*self.said, *rows])


def _house(folder: Path, name: str, server: Server) -> Ap:
    """An access point that keeps its keys where OpenWrt does."""
    ap = make_ap(folder / name, server, name)
    theirs = ap.root / ("root/.ssh/authorized_keys" if isinstance(server, Dropbear) else "ssh/authorized")
    ours = ap.root / "etc/dropbear/authorized_keys"
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.write_text((folder / "aps-ssh-key.pub").read_text())
    ours.chmod(0o600)
    theirs.unlink()
    inside = Path("/etc/dropbear/authorized_keys") if isinstance(server, Dropbear) else ours
    theirs.symlink_to(inside)
    return ap


@contextmanager
def town(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    servers: Sequence[Callable[[], Server]] = (quickest, quickest),
    extra: str = "",
) -> Iterator[Town]:
    """Access points ap-1, ap-2 … which Plaza has adopted, each behind a server of its own."""
    for key in ("aps-ssh-key", "ana", "luis"):
        keygen(folder / key)
    with ExitStack() as stack:
        aps = {}
        for number, server in enumerate(servers, start=1):
            aps[f"ap-{number}"] = _house(folder, f"ap-{number}", server())
            stack.callback(aps[f"ap-{number}"].lose_power)
        work = folder / "work"
        (work / "var/secrets").mkdir(parents=True)
        ports = {name: ap.port for name, ap in aps.items()}
        devices = "".join(DEVICE.format(name, n, port) for n, (name, port) in enumerate(ports.items(), 1))
        public = {name: (folder / f"{name}.pub").read_text().strip() for name in ("ana", "luis")}
        user = pwd.getpwuid(os.geteuid()).pw_name
        text = INVENTORY.format(user=user, devices=devices, **public)
        (work / "inventory.yaml").write_text(text + extra)
        secrets = {
            "staff": CANARY,
            "gateway-key": "0" * 64,
            "aps-ssh-key": (folder / "aps-ssh-key").read_text(),
        }
        for name, secret in secrets.items():
            (work / "var/secrets" / name).write_text(secret)
            (work / "var/secrets" / name).chmod(0o600)
        monkeypatch.chdir(work)
        found = Town(work, aps, capsys, monkeypatch)
        for name, ap in aps.items():
            wait_until(f"{name} listens", ap.listening)
        if aps:
            code, said = found.plaza("adopt ap-*")
            assert code == 0, said
        yield found
