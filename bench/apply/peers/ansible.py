"""ansible-playbook with pipelining and kept connections: a play of four tasks, a fork for each in flight.

Its CPU is that of the whole command with its start, its workers and the ssh processes that outlive it.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bench.apply import meter
from bench.apply.peer import ELSEWHERE, Peer, foreign
from bench.apply.work import LEAST_LINES, READ, READ_AGAIN, SAVE, USER, Figures, Job, Kind, uci_lines, wanted
from bench.poll.meter import cpu_s
from bench.poll.peer import program

_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_RECAP: Final = re.compile(r"^\S+ +: ok=4 .*unreachable=0 +failed=0 ", re.MULTILINE)

_SETTINGS: Final = """[defaults]
host_key_checking = False
gathering = explicit
forks = {forks}
interpreter_python = /bin/false
[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR
control_path_dir = {folder}/cp
"""


def play(token: str) -> list[dict[str, Any]]:
    """Read, set 40 lines and save, read back, compare."""
    batch = "".join(f"set {line}\n" for line in uci_lines(token))
    read = f"before.stdout_lines | length >= {LEAST_LINES}"
    there = "lines | difference(after.stdout_lines | map('trim')) == []"
    tasks = [
        {"raw": READ, "register": "before"},
        {"raw": f"uci batch <<'END'\n{batch}END\n{SAVE}"},
        {"raw": READ_AGAIN, "register": "after"},
        {"assert": {"that": [read, there], "quiet": True}},
    ]
    lines = sorted(wanted(Kind.OPENWRT, token))
    return [{"hosts": "all", "gather_facts": False, "vars": {"lines": lines}, "tasks": tasks}]


def hosts(job: Job) -> str:
    """An inventory of the devices of a job."""
    common = f"ansible_user={USER} ansible_ssh_private_key_file={job.key_file}"
    rows = (
        f"ap{number} ansible_host={place.host} ansible_port={place.port} {common}\n"
        for number, place in enumerate(job.places)
    )
    return "".join(rows)


def run(job: Job, folder: Path) -> tuple[Figures, list[str]]:
    """Do it; how it went, and its last words when not all of it went well."""
    (folder / "hosts").write_text(hosts(job))
    (folder / "play.json").write_text(json.dumps(play(job.token)))
    (folder / "ansible.cfg").write_text(_SETTINGS.format(forks=job.in_flight, folder=folder))
    command = [str(Path(ELSEWHERE).with_name("ansible-playbook")), "-i", "hosts", "play.json"]
    environment = os.environ | {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "HOME": str(folder)}
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    started_s, used_s = time.perf_counter(), cpu_s()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    wall_s = time.perf_counter() - started_s
    end_orphans()
    complete = len(_RECAP.findall(done.stdout))
    figures = Figures(len(job.places), complete, 0, cpu_s() - used_s, wall_s)
    return figures, [(done.stderr + done.stdout)[-500:]] if done.returncode else []


def end_orphans() -> None:
    """End the ssh processes that stay behind to keep connections, so that their CPU is counted as ours."""
    for process in orphans():
        os.kill(process, signal.SIGTERM)
    with suppress(ChildProcessError):
        while True:
            os.wait()


def orphans() -> Iterator[int]:
    """The processes whose parent we are now."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                yield int(status.parent.name)


def prepare() -> str:
    """Install it where nothing of ours is."""
    program("ssh", "openssh-client")
    return foreign("ansible-core")


PEER: Final = Peer("ansible", __name__, prepare, ELSEWHERE, (Kind.OPENWRT,))

if __name__ == "__main__":
    with TemporaryDirectory() as _folder:
        meter.tell(*run(Job.read(sys.argv[1]), Path(_folder)))
