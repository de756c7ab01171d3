"""One file makes a machine a site's gateway and leaves it as it was, also after a kill at any step."""

import json
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from captive_portal.gateway import bundle, checks, config, systems
from captive_portal.gateway.bundle import SiteFiles
from captive_portal.gateway.checks import TCP, UDP, Port
from captive_portal.gateway.policy import Policy, seal
from captive_portal.gateway.rules import Territory
from tests import need
from tests.gateway import cuts
from tests.gateway.conftest import KEY, SITE, write_config
from tests.gateway.cuts import tree

PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
DOORS = {"listen": "10.8.27.1:2060", "enforcer": "nft", "lan": "plz-lan", "wan": "plz-wan"}
NETWORK = '\n[network]\nguests = "10.8.27.0/24"\n'
POLICY = seal(KEY, Policy(SITE, serial=7, made_at=1_800_000_000))
KINDS = ("debian", "debian in use", "openwrt")


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("built")
    text = write_config(directory, **DOORS, policy_file="policy.json").read_text() + NETWORK
    bundle.build(directory / "plaza-gateway.pyz", SiteFiles(text, KEY.hex(), json.dumps(POLICY.told())))
    return directory / "plaza-gateway.pyz"


def machine(root: Path, kind: str) -> Path:
    """A tree like that of a machine: bare, or with files of these names that were somebody's before."""
    for name in ("etc/systemd/system", "etc/sysctl.d", "usr/local/lib", "var/lib", "etc/init.d", "etc/rc.d"):
        (root / name).mkdir(parents=True)
    if kind == "openwrt":
        (root / "etc/openwrt_release").write_text("DISTRIB_ID='OpenWrt'\n")
    if kind == "debian in use":
        (root / "etc/plaza-gateway").mkdir(mode=0o755)
        (root / "etc/plaza-gateway/portal.crt").write_bytes(b"\x00theirs\xff")
        for name in (systems.CONFIG, systems.SHUT_AT_BOOT, "/etc/systemd/system/plaza-gateway.service"):
            (root / name[1:]).write_bytes(b"somebody's\r\n\xfe")
            (root / name[1:]).chmod(0o640)
        (root / "etc/systemd/system/multi-user.target.wants").mkdir()
        link = root / "etc/systemd/system/multi-user.target.wants/plaza-gateway.service"
        link.symlink_to("/somewhere/else.service")
        (root / "var/lib/plaza-gateway").mkdir(mode=0o750)
        (root / "var/lib/plaza-gateway/journal").write_text("of before\n")
    return root


def run(
    pyz: Path, command: str, root: Path, *more: str, answer: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-I", "-S", str(pyz), command, "--root", str(root), *more],
        input=answer, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_directory_that_is_no_root_of_a_system_is_refused_and_untouched(
    pyz: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "empty").mkdir()
    done = run(pyz, command, tmp_path / "empty", "--yes")
    assert done.returncode == 2
    assert done.stderr.endswith("empty holds no etc: name the root of a system\n")
    assert not [*(tmp_path / "empty").iterdir()]


@pytest.mark.parametrize("kind", KINDS)
def test_uninstall_leaves_every_octet_mode_and_owner_as_before(pyz: Path, tmp_path: Path, kind: str) -> None:
    root = machine(tmp_path / "root", kind)
    before = tree(root)
    assert run(pyz, "install", root, "--yes").returncode == 0
    assert tree(root) != before
    assert run(pyz, "install", root, "--yes").returncode == 0, "again, as for an update"
    assert run(pyz, "uninstall", root, "--yes").returncode == 0
    assert tree(root) == before
    again = run(pyz, "uninstall", root, "--yes")
    assert (again.returncode, again.stdout) == (0, "nothing of the gateway is installed here\n")
    assert tree(root) == before


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory where nothing waits for a disk."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as made:
        yield Path(made)


@pytest.mark.parametrize(
    ("kind", "first"),
    [("debian", "install"), ("openwrt", "install")]
    + [("debian in use", first) for first in ("install", "again", "uninstall")],
)
def test_a_kill_at_any_step_leaves_what_an_uninstall_puts_back(
    pyz: Path, memory: Path, kind: str, first: str
) -> None:
    root = machine(memory / "root", kind)
    done = subprocess.run(
        [PYTHON, "-I", "-S", cuts.__file__, str(pyz), str(root), first],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 15


def test_what_it_writes_is_what_the_program_reads_and_only_root_may(pyz: Path, tmp_path: Path) -> None:
    root = machine(tmp_path / "root", "debian")
    run(pyz, "install", root, "--yes")
    for path in (systems.CONFIG, systems.KEY, systems.POLICY, systems.PROGRAM):
        assert stat.S_IMODE((root / path[1:]).stat().st_mode) == 0o600
    text = (root / systems.CONFIG[1:]).read_text()
    assert 'state_dir = "/var/lib/plaza-gateway"\n' in text
    (root / systems.CONFIG[1:]).write_text(text.replace("/var/lib", str(root / "var/lib")))
    read = config.load(root / systems.CONFIG[1:])
    assert (read.site.site, read.site.key, read.policy) == (SITE, KEY, POLICY)
    assert read.network is not None
    assert str(read.network.run_dir) == systems.DEBIAN.run
    assert (root / systems.PROGRAM[1:]).read_bytes() == pyz.read_bytes()


def test_all_that_changes_is_shown_first_and_anything_but_yes_changes_nothing(
    pyz: Path, tmp_path: Path
) -> None:
    root = machine(tmp_path / "root", "debian")
    before = tree(root)
    for answer in ("", "no\n", "y\n"):
        refused = run(pyz, "install", root, answer=answer)
        assert (refused.returncode, tree(root)) == (1, before)
    done = run(pyz, "install", root, answer="yes\n")
    assert done.returncode == 0, done.stderr
    for path in tree(root).keys() - before.keys():
        assert f"/{path}" in done.stdout
    assert KEY.hex() not in done.stdout
    installed = tree(root)
    left = run(pyz, "uninstall", root, answer="no\n")
    assert (left.returncode, tree(root)) == (1, installed)
    for path in installed.keys() - before.keys():
        assert f"/{path}" in left.stdout or path == "etc/plaza-gateway-installed.json"


def test_what_the_program_kept_goes_and_what_a_technician_put_there_stays(pyz: Path, tmp_path: Path) -> None:
    root = machine(tmp_path / "root", "debian")
    run(pyz, "install", root, "--yes")
    (root / "var/lib/plaza-gateway/journal").write_text("ours\n")
    (root / "etc/plaza-gateway/portal.crt").write_text("theirs\n")
    done = run(pyz, "uninstall", root, "--yes")
    assert "kept: /etc/plaza-gateway holds" in done.stdout
    assert not (root / "var/lib/plaza-gateway").exists()
    assert [one.name for one in (root / "etc/plaza-gateway").iterdir()] == ["portal.crt"]


def test_systemd_finds_nothing_wrong_with_the_unit(pyz: Path, tmp_path: Path) -> None:
    analyze = need.program("systemd-analyze", "systemd")
    root = machine(tmp_path / "root", "debian")
    run(pyz, "install", root, "--yes")
    unit = root / "etc/systemd/system/plaza-gateway.service"
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, [one for one in done.stderr.splitlines() if "plaza-gateway" in one]) == (0, [])
    wanted = root / "etc/systemd/system/multi-user.target.wants/plaza-gateway.service"
    assert wanted.resolve() == unit


def test_a_file_without_a_site_and_one_with_a_wrong_configuration_are_a_line_each(
    pyz: Path, tmp_path: Path
) -> None:
    root = machine(tmp_path / "root", "debian")
    before = tree(root)
    bundle.build(tmp_path / "bare.pyz")
    bundle.build(tmp_path / "wrong.pyz", SiteFiles('site = "x"\n', KEY.hex()))
    for name, said in (("bare", "holds no site: run the one"), ("wrong", "listen: is missing; build")):
        done = run(tmp_path / f"{name}.pyz", "install", root, "--yes")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert said in done.stderr
    nowhere = run(pyz, "install", tmp_path / "nowhere", "--yes")
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
    assert tree(root) == before


def test_a_machine_that_cannot_be_a_gateway_is_told_why(tmp_path: Path) -> None:
    wanted = config.load(write_config(tmp_path, **DOORS))
    assert isinstance(wanted.territory, Territory)
    reasons = "\n".join(checks.refusals(systems.DEBIAN, wanted))
    if checks.not_root():
        assert reasons == checks.ROOT_NEEDED
        return
    assert "lan: no interface plz-lan among" in reasons
    assert "build with --wan NAME" in reasons
    ledger = config.load(write_config(tmp_path))
    assert "build it again" in "\n".join(checks.refusals(systems.DEBIAN, ledger))


def test_what_the_kernel_or_dnsmasq_cannot_do_is_told_with_the_package(tmp_path: Path) -> None:
    """An nft that says no as a kernel without bridge rules does, and a dnsmasq without sets of nftables."""
    wanted = config.load(write_config(tmp_path, **DOORS, network={"guests": "10.8.27.0/24"}))
    assert wanted.territory is not None
    failing = executable(
        tmp_path / "nft", "cat >/dev/null; echo 'Error: Operation not supported' >&2; exit 1"
    )
    said = checks.refused(wanted.territory, (str(failing),))
    assert said == ["nft and this kernel refuse our rules: Error: Operation not supported"]
    plain = executable(tmp_path / "dnsmasq", "echo Compile time options: IPv6 ipset no-nftset auth")
    assert list(checks.unfit(systems.OPENWRT, {"dnsmasq": str(plain), "nft": None})) == [
        f"{plain} cannot fill sets of nftables: opkg remove dnsmasq; opkg install dnsmasq-full",
        "nft is missing: opkg install nftables-json kmod-nft-bridge",
    ]


def executable(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.root
def test_our_own_rules_are_taken_by_this_kernel_and_none_is_left_by_trying(tmp_path: Path) -> None:
    wanted = config.load(write_config(tmp_path, **DOORS))
    assert wanted.territory is not None
    run = ("unshare", "-n", need.program("nft", "nftables"))
    assert checks.refused(wanted.territory, run) == []
    assert "refuse our rules" in checks.refused(replace(wanted.territory, wan='"'), run)[0]


def test_all_ports_that_it_needs_are_looked_at(tmp_path: Path) -> None:
    alone = config.load(write_config(tmp_path, **DOORS))
    assert checks.ports(alone) == [Port("10.8.27.1", 2060)]
    house = config.load(write_config(tmp_path, **DOORS, network={"guests": "10.8.27.0/24"}))
    names = {(port.number, port.kind) for port in checks.ports(house) if port.ip == "10.8.27.1"}
    assert names == {(2060, TCP), (53, TCP), (53, UDP), (5301, TCP), (5301, UDP)}
    assert checks.ports(house)[-1] == Port("0.0.0.0", 67, UDP, "plz-lan")


OTHER = """\
import subprocess, sys, time
sys.path.insert(0, sys.argv[1])
from captive_portal.gateway import checks, systems
from captive_portal.gateway.checks import UDP, Port
port = Port("127.0.0.1", int(sys.argv[2]), UDP, "lo")
assert checks.taken(systems.DEBIAN, [port]) == []
other = subprocess.Popen(sys.argv[3:])
until = time.monotonic() + 20
while not (said := checks.taken(systems.DEBIAN, [port])) and time.monotonic() < until:
    time.sleep(0.05)
other.kill()
other.wait()
print(*said)
"""


@pytest.mark.root
@pytest.mark.parametrize(
    ("number", "options"), [(53, ("--port=53",)), (67, ("--port=0", "--dhcp-range=127.0.0.2,127.0.0.9"))]
)
def test_another_dnsmasq_that_holds_a_port_is_refused_with_the_command_that_stops_it(
    tmp_path: Path, number: int, options: tuple[str, ...]
) -> None:
    files = ("--conf-file", f"--pid-file={tmp_path}/pid", f"--dhcp-leasefile={tmp_path}/leases")
    other = (need.program("dnsmasq", "dnsmasq-base"), "-k", "--no-resolv", "--user=root", *files, *options)
    alone = ("unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", PYTHON, "-I", "-c", OTHER)
    done = subprocess.run(
        [*alone, str(Path(__file__).parents[2]), str(number), *other],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"127.0.0.1:{number}/udp is held by dnsmasq: systemctl disable --now dnsmasq\n"


def test_an_address_that_another_service_has_is_told_with_how_to_find_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        place = Port(*other.getsockname())
        assert f"ss -ltnp sport = :{place.number}" in checks.taken(systems.DEBIAN, [place])[0]
    assert checks.taken(systems.DEBIAN, [place]) == []
    assert "10.255.255.1" in checks.taken(systems.DEBIAN, [Port("10.255.255.1", 2060)])[0]


@pytest.mark.parametrize(
    ("program", "opened"), [("printf 'ready\\n'", "1\n"), ("printf 'no\\n'", ""), ("true", "")]
)
def test_on_openwrt_packets_pass_once_the_program_has_said_ready(
    tmp_path: Path, program: str, opened: str
) -> None:
    """Its start script as it is, with another program and other places."""
    text = systems.START.replace(f"{systems.PYTHON} -I -S {systems.PROGRAM} {systems.CONFIG}", program)
    text = text.replace(systems.FORWARD, str(tmp_path / "forward")).replace("/var/run", str(tmp_path))
    (tmp_path / "forward").touch()
    # what the shell leaves running holds the pipe, so its end is waited for as well
    subprocess.run(["sh", "-c", text], stdout=subprocess.PIPE, timeout=60, check=True)
    assert (tmp_path / "forward").read_text() == opened


def test_both_of_openwrts_scripts_are_shell(pyz: Path, tmp_path: Path) -> None:
    root = machine(tmp_path / "root", "openwrt")
    run(pyz, "install", root, "--yes")
    for name in ("usr/local/lib/plaza-gateway/start.sh", "etc/init.d/plaza-gateway"):
        assert subprocess.run(["sh", "-n", str(root / name)], check=False).returncode == 0
    assert (root / "etc/rc.d/S99plaza-gateway").resolve() == root / "etc/init.d/plaza-gateway"
    text = (root / systems.CONFIG[1:]).read_text()
    assert 'state_dir = "/etc/plaza-gateway/state"' in text
    assert '[network]\nrun_dir = "/var/run/plaza-gateway"\n' in text, "in memory there, where no /run is"
