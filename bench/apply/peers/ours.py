"""Plaza's own transports: a script through `exec` where there is a shell, a terminal in chunks elsewhere."""

import re
import sys
from functools import partial
from pathlib import Path
from typing import Final

from bench.apply import meter
from bench.apply.peer import Peer
from bench.apply.work import (
    TIMEOUT_S,
    USER,
    Job,
    Kind,
    Place,
    before_and_after,
    complete,
    ios_lines,
    uci_script,
)
from bench.poll.machine import REPOSITORY
from drivers import ssh
from drivers.change import Line
from drivers.host_key import HostKey
from drivers.model import Device, Endpoint, Role, Secret, SshLogin
from drivers.ssh import SshShell
from drivers.terminal import Style

STYLE: Final = Style(
    prompt=re.compile(r"[\w.-]+(?:\([\w-]+\))?[>#]"),
    refusal=re.compile("^ *% ?[A-Z]"),
    opening=("terminal length 0", "terminal width 511"),
    pager=re.compile("--More--"),
)


def device(place: Place, name: str) -> Device:
    """What an inventory would say of it."""
    at = Endpoint(place.host, place.port)
    return Device(name, Role.AP, "08019", "08019-plaza", "openwrt", place.host, at, at, at)


def login(job: Job) -> SshLogin:
    """The login all devices accept."""
    return SshLogin(USER, private_key=Secret(Path(job.key_file).read_text(encoding="ascii")))


def host_key(job: Job) -> HostKey:
    """The pinned key all devices show."""
    kind, public_key = job.host_key
    return HostKey(kind, public_key, "SHA256:pinned")


def openwrt(shell: SshShell, job: Job) -> tuple[str, str]:
    """What was read before and after."""
    said = shell.run(uci_script(job.token), TIMEOUT_S)
    if said.status or said.stderr:
        raise RuntimeError(f"the script ended with {said.status}: {said.stderr}")
    return before_and_after(said.stdout)


def ios(shell: SshShell, job: Job) -> tuple[str, str]:
    """What was read before and after."""
    commands = ("configure terminal", *ios_lines(job.token), "end")
    lines = [Line(Secret(command), command, "") for command in commands]
    with shell.terminal(STYLE, TIMEOUT_S) as terminal:
        before = terminal.ask("show running-config", TIMEOUT_S)
        refused = [answer for answer in terminal.send(lines, TIMEOUT_S) if answer.refused]
        saved = terminal.ask("write memory", TIMEOUT_S)
        after = terminal.ask("show running-config", TIMEOUT_S)
    if refused or "[OK]" not in saved:
        raise RuntimeError(f"refused {refused}, said {saved}")
    return before, after


def act(job: Job, where: SshLogin, pinned: HostKey, place: Place) -> bool:
    """See meter.Act."""
    work = openwrt if job.kind is Kind.OPENWRT else ios
    with ssh.connect(device(place, place.host), where, pinned, TIMEOUT_S) as shell:
        return complete(job, *work(shell, job))


def prepare() -> str:
    """It is here."""
    return f"drivers/ssh.py of {REPOSITORY.name}"


PEER: Final = Peer("ours", __name__, prepare)

if __name__ == "__main__":
    _job = Job.read(sys.argv[1])
    meter.run(partial(act, _job, login(_job), host_key(_job)), _job)
