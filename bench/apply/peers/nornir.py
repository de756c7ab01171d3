"""nornir with its netmiko tasks, in an environment of the bench's own; threads as many as are in flight."""

import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from bench.apply import meter
from bench.apply.peer import ELSEWHERE, Peer, foreign
from bench.apply.work import READ, READ_AGAIN, SAVE, USER, Figures, Job, Kind, complete, ios_lines, uci_lines
from bench.poll.meter import cpu_s


@dataclass(frozen=True, slots=True)
class Tasks:
    """The tasks of nornir_netmiko, which are not there in our own environment."""

    command: Any
    config: Any
    save: Any

    def openwrt(self, task: Any, job: Job) -> tuple[str, str]:
        """What was read before and after."""
        before = self.shown(task, READ)
        task.run(self.config, config_commands=[f"uci set {line}" for line in uci_lines(job.token)])
        self.shown(task, SAVE)
        return before, self.shown(task, READ_AGAIN)

    def ios(self, task: Any, job: Job) -> tuple[str, str]:
        """What was read before and after."""
        before = self.shown(task, "show running-config")
        task.run(self.config, config_commands=ios_lines(job.token))
        saved = task.run(self.save, cmd="write memory").result
        after = self.shown(task, "show running-config")
        if "[OK]" not in saved:
            raise RuntimeError(f"it said {saved}")
        return before, after

    def shown(self, task: Any, command: str) -> str:
        """What a command prints."""
        return str(task.run(self.command, command_string=command).result)


def inventory(job: Job) -> type:
    """A plugin of nornir that knows the devices of a job."""
    core = import_module("nornir.core.inventory")
    netmiko = import_module("bench.apply.peers.netmiko")
    extras = {name: value for name, value in netmiko.options(job).items() if name != "username"}

    class Ours:
        def load(self) -> Any:
            hosts = {
                f"{place.host}:{place.port}": core.Host(
                    name=f"{place.host}:{place.port}",
                    hostname=place.host,
                    port=place.port,
                    username=USER,
                    platform=netmiko.DEVICE_TYPE[job.kind],
                    connection_options={"netmiko": core.ConnectionOptions(extras=extras)},
                )
                for place in job.places
            }
            return core.Inventory(hosts=core.Hosts(hosts), groups=core.Groups(), defaults=core.Defaults())

    return Ours


def opened(job: Job) -> Any:
    """nornir over the devices of a job."""
    import_module("nornir.core.plugins.inventory").InventoryPluginRegister.register("ours", inventory(job))
    return import_module("nornir").InitNornir(
        runner={"plugin": "threaded", "options": {"num_workers": job.in_flight}},
        inventory={"plugin": "ours"},
        logging={"enabled": False},
    )


def main(job: Job) -> None:
    """Do it and tell its figures."""
    found = import_module("nornir_netmiko.tasks")
    tasks = Tasks(found.netmiko_send_command, found.netmiko_send_config, found.netmiko_save_config)
    act = tasks.openwrt if job.kind is Kind.OPENWRT else tasks.ios

    def work(task: Any) -> bool:
        try:
            return complete(job, *act(task, job))
        finally:
            task.host.close_connections()

    devices = opened(job)
    started_s, used_s = time.perf_counter(), cpu_s()
    results = devices.run(work)
    meter.tell(
        Figures(
            devices=len(job.places),
            complete=sum(result[0].result is True for result in results.values()),
            again=0,
            cpu_s=cpu_s() - used_s,
            wall_s=time.perf_counter() - started_s,
        ),
        [repr(result[0].exception)[:200] for result in results.failed_hosts.values()],
    )


def prepare() -> str:
    """Install it where nothing of ours is."""
    return f"{foreign('nornir')} with nornir-netmiko {foreign('nornir-netmiko')}"


PEER: Final = Peer("nornir", __name__, prepare, ELSEWHERE)

if __name__ == "__main__":
    main(Job.read(sys.argv[1]))
