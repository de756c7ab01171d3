"""netmiko as its documentation begins: send_command, send_config_set, save_config."""

import sys
from functools import partial
from typing import Any, Final

from netmiko import ConnectHandler

from bench.apply import meter
from bench.apply.peer import Peer
from bench.apply.work import (
    READ,
    READ_AGAIN,
    SAVE,
    TIMEOUT_S,
    USER,
    Job,
    Kind,
    Place,
    complete,
    ios_lines,
    uci_lines,
)
from bench.poll.machine import python_version

DEVICE_TYPE: Final = {Kind.OPENWRT: "linux", Kind.IOS: "cisco_ios"}


def options(job: Job) -> dict[str, Any]:
    """What ConnectHandler is told beside the address: how to log in, and patience for a busy machine."""
    return {
        "username": USER,
        "use_keys": True,
        "key_file": job.key_file,
        "allow_agent": False,
        "conn_timeout": TIMEOUT_S,
        "banner_timeout": TIMEOUT_S,
        "auth_timeout": TIMEOUT_S,
        "read_timeout_override": TIMEOUT_S,
    }


def openwrt(session: Any, job: Job) -> tuple[str, str]:
    """What was read before and after."""
    before = session.send_command(READ)
    session.send_config_set([f"uci set {line}" for line in uci_lines(job.token)])
    session.send_command(SAVE)
    return before, session.send_command(READ_AGAIN)


def ios(session: Any, job: Job) -> tuple[str, str]:
    """What was read before and after."""
    before = session.send_command("show running-config")
    session.send_config_set(ios_lines(job.token))
    saved = session.save_config(cmd="write memory")
    after = session.send_command("show running-config")
    if "[OK]" not in saved:
        raise RuntimeError(f"it said {saved}")
    return before, after


def act(job: Job, place: Place) -> bool:
    """See meter.Act."""
    work = openwrt if job.kind is Kind.OPENWRT else ios
    with ConnectHandler(
        device_type=DEVICE_TYPE[job.kind], host=place.host, port=place.port, **options(job)
    ) as session:
        return complete(job, *work(session, job))


def prepare() -> str:
    """It is a library of ours."""
    return python_version("netmiko")


PEER: Final = Peer("netmiko", __name__, prepare)

if __name__ == "__main__":
    _job = Job.read(sys.argv[1])
    meter.run(partial(act, _job), _job)
