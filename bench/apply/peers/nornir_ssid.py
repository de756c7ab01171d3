"""One network's new name by nornir with netmiko, as a script has it that takes no care: set, commit, reload.

`python -m bench.apply.peers.nornir_ssid JOB SECTIONS`: the name is the token of the job, `SECTIONS` are those
of `wireless`, with commas. Nothing is read before, saved, read back or taken back.
"""

import sys
import time
from importlib import import_module
from typing import Any

from bench.apply import meter
from bench.apply.peers.nornir import opened
from bench.apply.work import SAVE, Figures, Job
from bench.poll.meter import cpu_s


def main(job: Job, sections: list[str]) -> None:
    """Do it and tell its figures; `complete` are those at which no task failed."""
    found = import_module("nornir_netmiko.tasks")
    commands = [f"uci set wireless.{section}.ssid='{job.token}'" for section in sections]

    def work(task: Any) -> None:
        try:
            task.run(found.netmiko_send_config, config_commands=[*commands, SAVE, "reload_config"])
        finally:
            task.host.close_connections()

    devices = opened(job)
    started_s, used_s = time.perf_counter(), cpu_s()
    results = devices.run(work)
    failed = results.failed_hosts
    meter.tell(
        Figures(
            devices=len(job.places),
            complete=len(job.places) - len(failed),
            again=0,
            cpu_s=cpu_s() - used_s,
            wall_s=time.perf_counter() - started_s,
        ),
        [repr(result[0].exception)[:200] for result in failed.values()],
    )


if __name__ == "__main__":
    main(Job.read(sys.argv[1]), sys.argv[2].split(","))
