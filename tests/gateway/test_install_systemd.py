"""A real systemd keeps the installed gateway: its readiness, its hardening, its watchdog, and its going."""

import json
import os
import re
import secrets
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from captive_portal.gateway import bundle, systems
from captive_portal.gateway.bundle import SiteFiles
from captive_portal.gateway.policy import Policy, seal
from tests import need
from tests.gateway.conftest import KEY, SITE, write_config
from tests.gateway.test_install import DOORS
from tests.gateway.town import wait_for

SYSTEMD = Path("/lib/systemd/systemd")
GROUPS = Path("/sys/fs/cgroup/systemd")
BOOT = Path(__file__).with_name("systemd_here.sh")
SERVICE = "plaza-gateway.service"
HOUSE = {
    "network": {"guests": "10.8.27.0/24"},
    "uplink": {"down_kbps": 20_000, "up_kbps": 2_000},
    "policy_file": "policy.json",
}
SAID = (
    "set      net.ipv4.ip_forward to 0",
    "load     the nftables tables inet plaza, bridge plaza, inet plaza_lanes",
    "add      the routing rules 90 and 91 for packets from plz-lan",
    "run      three dnsmasq, for addresses and names in 10.8.27.0/24",
    "make     /run/plaza-gateway, in memory",
    "replace  the queues of plz-lan and plz-wan",
)
KERNEL = """\
nft list ruleset
ip rule; ip -6 rule
tc qdisc show dev plz-lan; tc qdisc show dev plz-wan
cd /proc/sys/net
grep -r . ipv4/conf/all ipv4/conf/plz-* ipv6/conf/plz-* bridge netfilter/nf_conntrack_tcp_timeout_established
ls /run
"""

pytestmark = pytest.mark.skipif(not GROUPS.is_dir(), reason="this kernel has no named cgroup hierarchy")


@dataclass(frozen=True)
class Machine:
    """Namespaces with a systemd in them. `pid` is that systemd's, seen from here."""

    pid: int
    pyz: Path

    def inside(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-n", "-p", "-u", "-C", *command],
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def gateway(self, command: str) -> str:
        return self.inside(systems.PYTHON, "-I", "-S", str(self.pyz), command, "--yes")

    def shown(self, name: str) -> str:
        return self.inside("systemctl", "show", "-p", name, "--value", SERVICE)

    def forwards(self) -> str:
        return self.inside("cat", systems.FORWARD)

    def files(self) -> str:
        """All names, kinds, modes, owners and targets of links where an install writes."""
        places = "/etc/systemd /etc/sysctl.d /usr/local/lib"
        return self.inside("sh", "-c", f"ls /etc /var/lib; find {places} -printf '%p %y %m %U %G %l\\n'")

    def kernel(self) -> list[str]:
        """What an install may change in it: rules, routing, queues, settings; and who has files in /run."""
        said = self.inside("sh", "-c", f"nft -c 'add rule inet x y ct state new' 2>&1; {KERNEL}")
        return [line for line in said.splitlines() if "stable_secret" not in line]

    def household(self) -> list[str]:
        """Each dnsmasq: its process and its user."""
        asked = "ps -o pid=,user= -C dnsmasq"
        return sorted(self.inside("sh", "-c", asked, check=False).splitlines())


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    need.root()
    need.program("nft", "nftables")
    if not SYSTEMD.exists():
        need.missing("needs systemd: apt-get install systemd")
    directory = tmp_path_factory.mktemp("systemd")
    pyz = directory / "plaza-gateway.pyz"
    text = write_config(directory, **DOORS, **HOUSE).read_text()
    bundle.build(pyz, SiteFiles(text, KEY.hex(), json.dumps(seal(KEY, Policy(SITE, 1, 1)).told())))
    group = GROUPS / f"plz{secrets.token_hex(4)}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup of our own here: {error.strerror}")
    namespaces = ("-m", "-n", "-p", "-u", "-i", "-C", "--fork", "--kill-child", "--propagation", "private")
    start = f"echo $$ > {group}/cgroup.procs; exec unshare {' '.join(namespaces)} sh {BOOT} {directory}"
    booted = subprocess.Popen(["sh", "-c", start], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        yield Machine(wait_for(lambda: _systemd(booted), "systemd"), pyz)
    finally:
        booted.kill()
        booted.communicate()
        wait_for(lambda: _removed(group), "the cgroups to be left")


def _systemd(booted: subprocess.Popen[bytes]) -> int:
    """The process id of the systemd that answers there, 0 until then."""
    if booted.poll() is not None:
        assert booted.stderr is not None
        pytest.skip(f"no systemd of our own here: {booted.stderr.read().decode()[-200:]}")
    children = Path(f"/proc/{booted.pid}/task/{booted.pid}/children").read_text().split()
    if not children:
        return 0
    asked = [
        "nsenter",
        "-t",
        children[0],
        "-m",
        "-p",
        "-C",
        "systemctl",
        "is-active",
        "--quiet",
        "multi-user.target",
    ]
    return int(children[0]) if subprocess.run(asked, capture_output=True, check=False).returncode == 0 else 0


def _removed(group: Path) -> bool:
    try:
        for one, _, _ in os.walk(group, topdown=False):
            os.rmdir(one)
    except OSError:  # a process is still ending
        return False
    return True


def test_it_opens_when_ready_is_started_anew_when_killed_or_hanging_and_goes_without_a_trace(
    machine: Machine,
) -> None:
    files, kernel = machine.files(), machine.kernel()
    said = machine.gateway("install")
    for word in SAID:
        assert word in said
    assert (machine.shown("ActiveState"), machine.forwards()) == ("active", "1")
    tables = machine.inside("nft", "list", "tables").splitlines()
    assert {*tables} == {"table bridge plaza", "table inet plaza", "table inet plaza_lanes"}
    assert "plaza-gateway" in machine.files()
    now = machine.kernel()
    assert {"ipv4/conf/plz-lan/rp_filter:1", "91:\tfrom all iif plz-lan prohibit"} <= {*now}
    for name, value in _changed(kernel, now).items():
        assert f"set      net.{name.replace('/', '.')} from " in said, f"nobody said that {name} is {value}"
    household = machine.household()
    assert [user for _, user in map(str.split, household)] == ["dnsmasq"] * 3
    assert len(machine.inside("cat", "/proc/net/packet").splitlines()) == 2, "it hears who uses an address"

    first = machine.shown("MainPID")
    machine.inside("kill", "-KILL", first)
    wait_for(lambda: _fresh(machine, first), "a gateway started anew")
    assert machine.household() == household, "phones have addresses and names all the while"

    place = f"/etc/systemd/system/{SERVICE}.d"
    machine.inside("sh", "-c", f"mkdir {place}; printf '[Service]\\nWatchdogSec=2\\n' > {place}/soon.conf")
    machine.inside("systemctl", "daemon-reload")
    machine.inside("systemctl", "restart", SERVICE)
    second = machine.shown("MainPID")
    machine.inside("kill", f"-{signal.SIGSTOP.value}", second)
    wait_for(lambda: _fresh(machine, second), "a hanging gateway started anew")
    machine.inside("rm", "-r", place)

    machine.gateway("uninstall")
    assert machine.files() == files
    assert machine.kernel() == kernel
    assert (machine.forwards(), machine.household()) == ("1", [])
    assert machine.shown("LoadState") == "not-found"


def test_nothing_is_forwarded_while_it_cannot_start(machine: Machine) -> None:
    machine.gateway("install")
    machine.inside("systemctl", "stop", SERVICE)
    assert machine.household() == []
    machine.inside("sh", "-c", f"echo nonsense > {systems.KEY}; echo 0 > {systems.FORWARD}")
    machine.inside("systemctl", "start", SERVICE, check=False)
    wait_for(lambda: int(machine.shown("NRestarts")) >= 1, "another try")
    assert machine.forwards() == "0"
    machine.gateway("install")
    assert (machine.shown("ActiveState"), machine.forwards()) == ("active", "1"), "mended by another install"
    machine.inside("sh", "-c", f"echo nonsense > {systems.KEY}; kill -KILL {machine.shown('MainPID')}")
    wait_for(lambda: int(machine.shown("NRestarts")) >= 1, "another try")
    machine.gateway("uninstall")
    assert machine.shown("ActiveState") == "inactive", "and is not tried any more"
    assert machine.household() == [], "nor does what the killed one left run on"


def _changed(before: list[str], after: list[str]) -> dict[str, str]:
    """The settings of the kernel that are other now."""
    return dict(line.split(":", 1) for line in after if line not in before and re.match(r"[a-z0-9]+/", line))


def _fresh(machine: Machine, before: str) -> str:
    pid = machine.shown("MainPID")
    return pid if machine.shown("ActiveState") == "active" and pid not in {"0", before} else ""
