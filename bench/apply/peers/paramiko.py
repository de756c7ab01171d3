"""Bare paramiko doing what ours does: the floor below any client that is built on it."""

import sys
import time
from functools import partial
from typing import Final

import paramiko

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
from bench.poll.machine import python_version

_SHOW: Final = "show running-config"


def openwrt(client: paramiko.SSHClient, job: Job) -> tuple[str, str]:
    """What was read before and after."""
    given, said, errors = client.exec_command("sh -s", timeout=TIMEOUT_S)
    given.write(uci_script(job.token))
    given.channel.shutdown_write()
    text, trouble = said.read().decode(), errors.read().decode()
    if said.channel.recv_exit_status() or trouble:
        raise RuntimeError(f"the script failed: {trouble}")
    return before_and_after(text)


def ios(client: paramiko.SSHClient, job: Job) -> tuple[str, str]:
    """What was read before and after."""
    channel = client.invoke_shell("vt100", 511, 1000)
    channel.settimeout(TIMEOUT_S)
    _until(channel, "#")
    before = _ask(channel, ["terminal length 0", "terminal width 511", _SHOW], "\nend\r\n")
    _ask(channel, ["configure terminal", *ios_lines(job.token), "end", "write memory"], "[OK]")
    return before, _ask(channel, [_SHOW], "\nend\r\n")


def _ask(channel: paramiko.Channel, commands: list[str], mark: str) -> str:
    channel.sendall("".join(f"{command}\n" for command in commands).encode())
    return _until(channel, mark)


def _until(channel: paramiko.Channel, mark: str) -> str:
    """What is said until a prompt ends it and the mark has been seen."""
    said, until = "", time.monotonic() + TIMEOUT_S
    while mark not in said or not said.endswith("#"):
        octets = channel.recv(65536)
        if not octets or time.monotonic() > until:
            raise EOFError("the terminal ended")
        said += octets.decode()
    return said


def act(job: Job, place: Place) -> bool:
    """See meter.Act."""
    work = openwrt if job.kind is Kind.OPENWRT else ios
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            place.host,
            place.port,
            USER,
            key_filename=job.key_file,
            look_for_keys=False,
            allow_agent=False,
            timeout=TIMEOUT_S,
            banner_timeout=TIMEOUT_S,
            auth_timeout=TIMEOUT_S,
        )
        return complete(job, *work(client, job))


def prepare() -> str:
    """It is a library of ours."""
    return python_version("paramiko")


PEER: Final = Peer("paramiko", __name__, prepare)

if __name__ == "__main__":
    _job = Job.read(sys.argv[1])
    meter.run(partial(act, _job), _job)
