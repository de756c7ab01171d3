"""A town of real SSH servers that people and Plaza enter, and a keyboard in front of it."""

import os
import pwd
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from controller import app, settings
from controller.rotation import carry
from controller.rotation.carry import Means
from controller.store.tables import audit
from tests.configure.device import Ap, Dropbear, Server, keygen, make_ap, quickest, wait_until
from tests.configure.keyboard import furnish, typing

PEOPLE = """\
people:
  ana: {{ssh_keys: [{ana}]}}
  luis: {{ssh_keys: [{luis}], devices: "*-1"}}
"""
SWITCH = """\
  sw-1:
    {site: 08019-plaza, address: 10.0.0.9, role: switch, platform: generic, ssids: [], state: expected}
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
        code, output, errors = typing(self.monkeypatch, self.capsys)(command, answer)
        self.said.append(output + errors)
        return code, output + errors

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
        command += [f"{ap.user}@127.0.0.1", "true"]
        done = subprocess.run(
            command, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=120
        )
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
        ports = {name: ap.port for name, ap in aps.items()}
        devices = "".join(DEVICE.format(name, n, port) for n, (name, port) in enumerate(ports.items(), 1))
        public = {name: (folder / f"{name}.pub").read_text().strip() for name in ("ana", "luis")}
        user = pwd.getpwuid(os.geteuid()).pw_name
        furnish(work, folder / "aps-ssh-key", user, SWITCH + devices, PEOPLE.format(**public))
        monkeypatch.chdir(work)
        found = Town(work, aps, capsys, monkeypatch)
        for name, ap in aps.items():
            wait_until(f"{name} listens", ap.listening)
        if aps:
            code, said = found.plaza("adopt ap-*")
            assert code == 0, said
        yield found
