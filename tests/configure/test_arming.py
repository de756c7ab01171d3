"""Many arm a device in the same moment, in real shells: one wins, and what it saved is left to it."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from drivers.configurers import shell
from drivers.configurers.airos import AirOs
from drivers.configurers.linux import Linux
from drivers.configurers.openwrt import OpenWrt
from drivers.configurers.seam import Configurer, Talk, Wish
from drivers.model import Intent, Secret
from drivers.ssh import Output, SshShell
from tests import need
from tests.children import WAIT_S
from tests.configure.airosbox import SYSTEM_CFG
from tests.configure.desk import CANARY
from tests.configure.device import NETWORK, STAND_IN, SYSTEM, WIRELESS, OpenSsh, wait_until
from tests.configure.peers import AirOsPeer, LinuxPeer, OpenWrtPeer

TOGETHER, ROUNDS = 6, 12
ARM = "arm\n"
"""The last line of a script that arms."""


@dataclass(frozen=True)
class Kind:
    """A platform whose device is a folder: its configurer, its files, where its script keeps a trial."""

    configurer: Configurer
    script: str
    files: dict[str, str]
    intent: Intent
    saved: str
    guard: str
    token: str


KINDS = {
    "openwrt": Kind(
        OpenWrt(),
        "openwrt/trial.sh",
        {f"etc/config/{name}": text for name, text in zip(
            ("system", "wireless", "network"), (SYSTEM, WIRELESS, NETWORK), strict=True
        )},
        OpenWrtPeer.intent,
        "etc/plaza/rollback.tgz",
        "tmp/plaza/guard.pid",
        "etc/plaza/token",
    ),
    "linux": Kind(
        Linux(),
        "linux/trial.sh",
        {"etc/hostname": "viejo\n", "etc/cron.d/nada": "", "root/.ssh/known_hosts": "", "run/utmp": ""},
        replace(LinuxPeer.intent, radios=(), ssids=()),
        "etc/plaza-guard/rollback.tgz",
        "run/plaza-guard/guard.pid",
        "etc/plaza-guard/token",
    ),
    "ubiquiti_airos": Kind(
        AirOs(),
        "ubiquiti_airos/trial.sh",
        {"tmp/system.cfg": SYSTEM_CFG, "tmp/running.cfg": SYSTEM_CFG},
        AirOsPeer.intent,
        "tmp/plaza/rollback.cfg",
        "tmp/plaza/guard.pid",
        "tmp/plaza/token",
    ),
}  # fmt: skip


@dataclass
class Folder:
    """A device that is a folder, and the shells that were opened in it."""

    kind: Kind
    root: Path
    program: list[str]
    open: list["subprocess.Popen[str]"] = field(default_factory=list)

    def shell(self) -> "subprocess.Popen[str]":
        """One more, that does what it is told."""
        pipe = subprocess.PIPE
        path = f"{self.root}/bin:{os.environ['PATH']}"
        environ = {"PLAZA_ROOT": str(self.root), "PATH": path, "HOME": "/root"}
        opened = subprocess.Popen(
            [*self.program, "-s"], stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environ
        )
        self.open.append(opened)
        return opened

    def run(self, script: str, _timeout_s: float) -> Output:
        """To its end."""
        ran = self.shell()
        said, complained = ran.communicate(script)
        return Output(ran.returncode, said, complained)

    def talk(self, run: Callable[[str, float], Output]) -> Talk:
        """A login whose scripts are given to `run`."""
        session = SimpleNamespace(run=run, public_key="")
        return Talk(cast(SshShell, session), "caja", 60)

    def arming(self, tokens: list[str]) -> list[str]:
        """The script that each of them would send."""
        configurer, scripts = self.kind.configurer, list[str]()

        def keep(script: str, _timeout_s: float) -> Output:
            scripts.append(script)
            return Output(0, "", "")

        running = configurer.read(self.talk(self.run))
        change = configurer.change("caja", running, Wish(self.kind.intent, {"staff": Secret(CANARY)}))
        for token in tokens:
            configurer.arm(self.talk(keep), change, running.fingerprint, token, 60)
        return scripts

    def at_once(self, scripts: list[str]) -> list["subprocess.Popen[str]"]:
        """Shells that have read all but the last line, and then get that."""
        shells = [self.shell() for _ in scripts]
        for opened, script in zip(shells, scripts, strict=True):
            say(opened, f"{script.rstrip().rpartition(chr(10))[0]}\necho ready\n")
            assert opened.stdout is not None
            assert opened.stdout.readline() == "ready\n"
        for opened, script in zip(shells, scripts, strict=True):
            say(opened, f"{script.rstrip().rpartition(chr(10))[2]}\n")
        return shells

    def leave_a_lock(self) -> None:
        """Of a shell that was killed while it armed."""
        script = f"{shell.file(self.kind.script)}\nalone && kill -9 $$\n"
        assert self.run(script, 0).status == -signal.SIGKILL

    def lose_the_lock(self) -> None:
        """As a boot does."""
        assert self.run(f'{shell.file(self.kind.script)}\nrm -rf "$LOCK"\n', 0).status == 0

    def file(self, name: str) -> Path:
        """One of its files."""
        return self.root / name

    def close(self) -> None:
        """End all that runs in it."""
        for opened in self.open:
            opened.kill()
            opened.communicate(timeout=WAIT_S)
        for pid in OpenSsh().processes(self.root):
            os.kill(pid, signal.SIGKILL)


def say(opened: "subprocess.Popen[str]", text: str) -> None:
    """Type it."""
    assert opened.stdin is not None
    opened.stdin.write(text)
    opened.stdin.flush()


@pytest.fixture(params=["sh", "busybox"])
def folder(request: pytest.FixtureRequest, platform: str, tmp_path: Path) -> Iterator[Folder]:
    """One device, in each kind of shell."""
    program = [need.program("busybox", "busybox"), "sh"] if request.param == "busybox" else ["sh"]
    made = Folder(KINDS[platform], tmp_path / "caja", program)
    for name, text in made.kind.files.items():
        made.file(name).parent.mkdir(parents=True, exist_ok=True)
        made.file(name).write_text(text)
    for name in ("bin", "tmp", "run"):
        made.file(name).mkdir(exist_ok=True)
    made.file("bin/uci").symlink_to(STAND_IN)
    yield made
    made.close()


@pytest.mark.parametrize("lock", ["new", "free", "stale"])
@pytest.mark.parametrize("platform", KINDS)
def test_of_many_in_the_same_moment_one_gets_the_lock(folder: Folder, lock: str) -> None:
    for _ in range(ROUNDS):
        if lock == "new":
            folder.lose_the_lock()
        if lock == "stale":
            folder.leave_a_lock()
        script = f"{shell.file(folder.kind.script)}\nif alone; then echo got; else echo refused; fi"
        shells = folder.at_once([script] * TOGETHER)
        said = [opened.stdout.readline() for opened in shells if opened.stdout is not None]
        assert sorted(said) == ["got\n", *["refused\n"] * (TOGETHER - 1)]
        for opened in shells:
            opened.communicate(timeout=WAIT_S)


@pytest.mark.parametrize("lock", ["free", "stale"])
@pytest.mark.parametrize("platform", KINDS)
def test_of_many_that_arm_in_the_same_moment_one_wins_and_keeps_its_guard(folder: Folder, lock: str) -> None:
    tokens = [f"{number:032x}" for number in range(TOGETHER)]
    scripts = folder.arming(tokens)
    if lock == "stale":
        folder.leave_a_lock()
    shells = folder.at_once(scripts)
    complained = [opened.communicate(timeout=WAIT_S)[1] for opened in shells]
    ended = [opened.returncode for opened in shells]
    assert sorted(ended) == [0, *[11] * (TOGETHER - 1)], complained
    assert folder.file(folder.kind.token).read_text() == f"{tokens[ended.index(0)]}\n"
    assert folder.file(folder.kind.saved).exists()
    wait_until("the guard runs", folder.file(folder.kind.guard).exists)
    os.kill(int(folder.file(folder.kind.guard).read_text()), 0)
    assert [opened.returncode for opened in again(folder, scripts)] == [11] * TOGETHER
    assert folder.file(folder.kind.saved).exists()


@pytest.mark.parametrize("platform", KINDS)
def test_nobody_disarms_what_carries_the_token_of_another(folder: Folder) -> None:
    first, second = folder.arming(["a" * 32, "b" * 32])
    assert folder.run(first, 0).status == 0
    assert folder.run(f"{second.removesuffix(ARM)}disarm\n", 0).status == 0
    assert folder.file(folder.kind.saved).exists()
    os.kill(int(folder.file(folder.kind.guard).read_text()), 0)


@pytest.mark.parametrize("platform", KINDS)
def test_whoever_looks_for_the_guard_never_finds_an_empty_file(folder: Folder) -> None:
    number, looked_at = folder.file(folder.kind.guard), folder.file("tmp/looked_at")
    number.parent.mkdir(parents=True)
    number.write_text("1\n")
    looked_at.hardlink_to(number)
    guard = shell.file(folder.kind.script.replace("trial.sh", "guard.sh"))
    assert folder.run(f"set -- timer {'a' * 32} 0\n{guard}", 0).status == 0
    assert number.read_text() not in ("", "1\n")
    assert looked_at.read_text() == "1\n"


def again(folder: Folder, scripts: list[str]) -> list["subprocess.Popen[str]"]:
    """All of them once more, to their end."""
    shells = folder.at_once(scripts)
    for opened in shells:
        opened.communicate(timeout=WAIT_S)
    return shells
