"""Our lines in files that are not UCI: everybody else's stay, and the key we log in with cannot go."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.journal import State
from drivers.configurers.openwrt import OpenWrt, revoking, uci
from drivers.configurers.openwrt.files import FILES
from drivers.configurers.seam import Running, Wish
from drivers.errors import AuthFailed, ConfigRejected
from drivers.model import Intent, Manage, OnAir, Secret, SnmpV3, Ssid, Syslog
from tests import need
from tests.configure.desk import NewDesk
from tests.configure.device import Ap, Dropbear, wait_until
from tests.configure.openwrt import (
    KEY,
    OTHER,
    TOKEN,
    Bench,
    file,
    intent,
    renamed,
    with_manage,
    write_program,
)

KEYS = "etc/dropbear/authorized_keys"
CRONTAB = "etc/crontabs/root"
PLAIN_NETWORK = """
config interface 'lan'
	option proto 'dhcp'
	option device 'br-lan'

config interface 'vlan20'
	option proto 'none'

config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'eth0'
"""
NTP = """
config timeserver 'ntp'
	option enable_server '0'
	list server 'a.example'
	list server 'b.example'
"""
MARKED = "# plaza: begin\n{}\n# plaza: end\n"
EVIL_COMMENTS = (
    'it\'s "hers"',
    "$(touch PWNED)",
    "`touch PWNED`",
    "a\\b\\n",
    "Ñandú 😀",
    "# plaza: end",
    "'",
)


@pytest.fixture
def bench(ap: Ap, desk: NewDesk) -> Bench:
    """A device whose SSH server reads its keys where ours are."""
    return keyed(ap, desk)


@pytest.fixture
def one(one_ap: Ap, desk: NewDesk) -> Bench:
    """The same behind the quicker server."""
    return keyed(one_ap, desk)


def keyed(ap: Ap, desk: NewDesk) -> Bench:
    """Its keys are those of etc/dropbear, as on OpenWrt; ours is one that somebody put there by hand."""
    read = ap.root / ("root/.ssh/authorized_keys" if isinstance(ap.server, Dropbear) else "ssh/authorized")
    place = ap.root / KEYS
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(read, place)
    place.chmod(0o600)
    read.unlink()
    read.symlink_to(os.path.relpath(place, read.parent))
    write_program(ap, "wifi", 'echo "$1" >>"${PLAZA_ROOT:-}/tmp/wifi"')
    return Bench(ap, desk(ap))


def public(bench: Bench) -> str:
    """The key we log in with."""
    return (bench.ap.root / "ssh/client.pub").read_text().strip()


@pytest.mark.parametrize("comment", EVIL_COMMENTS)
def test_a_key_is_added_whole_and_hand_made_lines_stay(one: Bench, comment: str) -> None:
    by_hand = file(one.ap, KEYS) + "# de la técnica\nssh-rsa AAAA otra\n"
    file(one.ap, KEYS, by_hand)
    wish = with_manage(one.ap, Manage(ssh_keys=(f"{KEY} {comment}",)))
    one.keep(wish)
    assert file(one.ap, KEYS) == by_hand + MARKED.format(f"{KEY} {comment}")
    assert not one.change(wish)[0]
    assert (one.ap.root / KEYS).stat().st_mode & 0o777 == 0o600
    assert not list(one.ap.root.rglob("PWNED"))


def test_a_key_that_is_no_longer_wished_for_goes_and_another_comes(bench: Bench) -> None:
    first = f"{KEY} primera"
    second = KEY.replace("1pA", "1pB")
    bench.keep(with_manage(bench.ap, Manage(ssh_keys=(first,))))
    bench.keep(with_manage(bench.ap, Manage(ssh_keys=(second,))), OTHER)
    assert first not in file(bench.ap, KEYS)
    assert second in file(bench.ap, KEYS)


def test_the_key_we_log_in_with_cannot_be_taken_away(bench: Bench) -> None:
    ours = public(bench)
    file(bench.ap, KEYS, f"# {ours}\n")  # a comment admits nobody
    (bench.ap.root / KEYS).write_text(MARKED.format(ours))
    before = file(bench.ap, KEYS)
    with pytest.raises(ConfigRejected, match=f"would be gone from: {KEYS}"):
        bench.arm(with_manage(bench.ap, Manage(ssh_keys=(KEY,))))
    assert file(bench.ap, KEYS) == before
    assert not (bench.ap.root / "etc/plaza/rollback.tgz").exists()
    bench.keep(with_manage(bench.ap, Manage(ssh_keys=(KEY, ours))))
    assert file(bench.ap, KEYS) == MARKED.format(f"{KEY}\n{ours}")


def test_our_key_may_leave_our_lines_when_somebody_has_it_in_theirs(one: Bench) -> None:
    ours = public(one)
    file(one.ap, KEYS, f"{ours}\n" + MARKED.format(ours))
    one.keep(with_manage(one.ap, Manage(ssh_keys=(KEY,))))
    assert file(one.ap, KEYS) == f"{ours}\n" + MARKED.format(KEY)


def test_a_device_that_no_longer_admits_us_reverts(one: Bench) -> None:
    """The guard against what nobody thought of: the file breaks although our key is in it."""
    write_program(
        one.ap,
        "reload_config",
        f'[ ! -e "$PLAZA_ROOT/tmp/once" ] || exit 0; : >"$PLAZA_ROOT/tmp/once"; : >"$PLAZA_ROOT/{KEYS}"',
    )
    before = file(one.ap, KEYS)
    change, running = one.change(renamed(one.ap))
    with one.talk() as talk:
        one.openwrt.arm(talk, change, running.fingerprint, TOKEN, 6)
        one.openwrt.apply(talk, change, TOKEN)
        wait_until("nobody gets in", lambda: not _admitted(one))
    wait_until("it reverted", lambda: _admitted(one))
    one.await_reverted()
    assert file(one.ap, KEYS) == before


def _admitted(bench: Bench) -> bool:
    try:
        with bench.talk():
            return True
    except AuthFailed:
        return False


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("a\n# plaza: begin\nb\n# plaza: end\nc\n", "b\n", "a\nc\n"),
        ("a\n# plaza: begin\nb\nc\n", "", "a\nb\nc\n"),
        ("a\n# plaza: end\nb\n", "", "a\nb\n"),
        ("# plaza: begin\na\n# plaza: begin\nb\n# plaza: end\n", "b\n", "a\n"),
        ("# plaza: begin\n# plaza: end\n%s \\n'\"\n", "", "%s \\n'\"\n"),
        ("a", "", "a\n"),
        ("", "", ""),
    ],
)
@pytest.mark.parametrize("shell", ["sh", "busybox"])
def test_marks_without_their_other_half_take_nothing_with_them(
    tmp_path: Path, text: str, inside: str, outside: str, shell: str
) -> None:
    (tmp_path / "file").write_text(text)
    assert _parts(tmp_path / "file", shell) == (inside, outside)


words = st.sampled_from(("# plaza: begin", "# plaza: end")) | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(words, max_size=12))
def test_no_line_of_anybody_else_is_ever_lost_or_taken_for_ours(lines: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("".join(f"{line}\n" for line in lines))
    whole = [line for line in lines if not line.startswith("# plaza: ")]
    for shell in ("sh", "busybox"):
        inside, outside = (part.split("\n")[:-1] for part in _parts(tmp_path / "file", shell))
        assert sorted(inside + outside) == sorted(whole)
        (tmp_path / "again").write_text("".join(f"{line}\n" for line in outside))
        assert _parts(tmp_path / "again", shell) == ("", "".join(f"{line}\n" for line in outside))


def _parts(place: Path, shell: str) -> tuple[str, str]:
    """Our lines of a file, and everybody else's, as the script divides them."""
    argv = ["sh", "-s"] if shell == "sh" else [need.program("busybox", "busybox"), "ash", "-s"]
    script = (Path(__file__).parents[2] / "drivers/platforms/openwrt/trial.sh").read_text()
    found = []
    for which in ("inside", "outside"):
        call = f"{script}\nparts {which} {place}\n"
        done = subprocess.run(argv, input=call.encode(), capture_output=True, check=True)
        assert done.stderr == b""
        found.append(done.stdout.decode())
    return found[0], found[1]


def test_a_file_that_somebody_changed_meanwhile_is_not_written_over(one: Bench) -> None:
    change, running = one.change(with_manage(one.ap, Manage(ssh_keys=(KEY,))))
    with (one.ap.root / KEYS).open("a") as out:
        out.write("ssh-rsa AAAA de última hora\n")
    with pytest.raises(ConfigRejected, match="changed since the plan"), one.talk() as talk:
        one.openwrt.arm(talk, change, running.fingerprint, TOKEN, 300)


MONDAY = (OnAir(0, 480, 1320),)


def scheduled(ap: Ap) -> Wish:
    """A network that is on the air on Mondays from 8 to 22."""
    return Wish(replace(intent(ap), ssids=(Ssid("De día", schedule=MONDAY),)))


def clock(ap: Ap, day: int, hour: int, minute: int = 0) -> None:
    """What `date` says on the device."""
    write_program(ap, "date", f"echo {day}:{hour:02}:{minute:02}")


def cron(ap: Ap) -> None:
    """What cron does each minute: the last line of root's crontab that is ours."""
    (line,) = (
        line for line in file(ap, CRONTAB).splitlines() if line.startswith("* * * * * /etc/plaza/air ")
    )
    program, *arguments = line.split()[5:]
    done = ap.server.run(ap.root, program, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_network_follows_its_hours_and_a_reboot_does_not_matter(bench: Bench) -> None:
    file(bench.ap, CRONTAB, "0 4 * * * reboot\n")
    bench.keep(scheduled(bench.ap))
    assert file(bench.ap, CRONTAB).startswith("0 4 * * * reboot\n# plaza: begin\n* * * * * /etc/plaza/air ")
    for day, hour, minute, disabled in (
        (1, 7, 59, "1"),
        (1, 8, 0, "0"),
        (1, 21, 59, "0"),
        (1, 22, 0, "1"),
        (2, 9, 9, "1"),
    ):
        clock(bench.ap, day, hour, minute)
        cron(bench.ap)
        assert bench.ap.option("wireless.plaza_2g4_1.disabled") == disabled, (day, hour, minute)
        assert bench.ap.option("wireless.plaza_5g_1.disabled") == disabled
        assert not bench.change(scheduled(bench.ap))[0]
    assert file(bench.ap, "tmp/wifi").splitlines() == ["reload"] * 3
    cron(bench.ap)
    assert len(file(bench.ap, "tmp/wifi").splitlines()) == 3
    bench.ap.lose_power()
    bench.ap.boot()
    clock(bench.ap, 1, 12)
    cron(bench.ap)
    assert bench.ap.option("wireless.plaza_2g4_1.disabled") == "0"


def test_nothing_goes_off_the_air_inside_a_trial(one: Bench) -> None:
    one.keep(scheduled(one.ap))
    clock(one.ap, 3, 3)
    one.apply(replace(scheduled(one.ap), intent=replace(scheduled(one.ap).intent, country="US")), token=OTHER)
    cron(one.ap)
    assert one.ap.option("wireless.plaza_2g4_1.disabled") == "0"
    one.confirm(OTHER)
    cron(one.ap)
    assert one.ap.option("wireless.plaza_2g4_1.disabled") == "1"


def test_cron_takes_nothing_of_what_somebody_has_staged(one: Bench) -> None:
    one.keep(scheduled(one.ap))
    tool = "/sbin/uci" if isinstance(one.ap.server, Dropbear) else "uci"
    one.ap.server.run(one.ap.root, tool, "set", "wireless.radio0.channel=13")
    clock(one.ap, 3, 3)
    cron(one.ap)
    assert one.ap.option("wireless.plaza_2g4_1.disabled") == "1"
    assert "option channel '6'" in (one.ap.root / "etc/config/wireless").read_text()


def test_cron_and_its_neighbours_are_restarted_when_their_lines_change(one: Bench) -> None:
    init = one.ap.root / "etc/init.d/cron"
    init.parent.mkdir(parents=True)
    init.write_text('#!/bin/sh\necho "$1" >>"${PLAZA_ROOT:-}/tmp/cron"\n')
    init.chmod(0o755)
    one.keep(renamed(one.ap))
    assert file(one.ap, "tmp/cron") == ""
    one.apply(scheduled(one.ap), token=OTHER)
    assert file(one.ap, "tmp/cron").splitlines() == ["stop", "start"]
    one.revert(OTHER)
    one.await_reverted(OTHER)
    wait_until("cron has its old lines", lambda: len(file(one.ap, "tmp/cron").splitlines()) == 4)
    assert not (one.ap.root / CRONTAB).exists()


@contextmanager
def snmpd(folder: Path, port: int) -> Iterator[None]:
    """The real agent with our file where net-snmp looks for it."""
    agent = need.program("snmpd", "snmpd")
    conf = folder / "etc/snmp"
    (conf / "snmpd.conf").write_text(f"agentaddress udp:127.0.0.1:{port}\n")
    environment = {
        **os.environ,
        "SNMPCONFPATH": f"{conf}:{folder}/usr/lib/snmp",
        "SNMP_PERSISTENT_DIR": f"{folder}/usr/lib/snmp",
        "MIBS": "",
    }
    process = subprocess.Popen(
        [agent, "-f", "-r", "-Lf", folder / "log", "-p", folder / "pid"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until("the agent listens", lambda: _bound(port))
        yield
    finally:
        process.kill()
        process.wait(60)


def _bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False


def heard(port: int, user: SnmpV3) -> bool:
    """Whether the agent lets a user read."""
    assert user.auth_key is not None
    assert user.priv_key is not None
    names = {"sha1": "SHA", "sha256": "SHA-256", "aes128": "AES", "des": "DES"}
    words = [
        *("-v3", "-l", "authPriv", "-u", user.user, "-t", "2", "-r", "5"),
        *("-a", names[user.auth_protocol], "-A", user.auth_key.reveal()),
        *("-x", names[user.priv_protocol], "-X", user.priv_key.reveal()),
    ]
    tool = need.program("snmpget", "snmp")
    asked = [tool, *words, f"127.0.0.1:{port}", "1.3.6.1.2.1.1.3.0"]
    environment = {**os.environ, "MIBS": "", "SNMPCONFPATH": "/nonexistent"}
    return subprocess.run(asked, capture_output=True, env=environment, check=False).returncode == 0


FIRST = SnmpV3("plaza", "sha1", Secret("it's $(x) `y` 'z' #1"), "aes128", Secret("; | & ? * ~ {}<>"))
SECOND = replace(FIRST, auth_protocol="sha256", auth_key=Secret("otra-clave-12"), priv_protocol="aes128")


def test_a_real_agent_knows_the_users_and_their_new_keys(tmp_path: Path) -> None:
    for folder in ("etc/snmp", "usr/lib/snmp"):
        (tmp_path / folder).mkdir(parents=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = tmp_path / "etc/snmp/snmpd.local.conf"
    ours.write_text(MARKED.format(_users(FIRST).rstrip("\n")))
    with snmpd(tmp_path, port):
        assert heard(port, FIRST)
        assert not heard(port, SECOND)
    ours.write_text(MARKED.format(_users(SECOND).rstrip("\n")))
    _guard(tmp_path, "forget_keys")
    with snmpd(tmp_path, port):
        assert heard(port, SECOND)
        assert not heard(port, FIRST)


def _users(user: SnmpV3) -> str:
    """The lines of the block, as the configurer sends them."""
    agent = "package snmpd\nconfig agent\n\toption agentaddress 'UDP:161'\n"
    before = Running(Secret(f"package system\nconfig system\n{agent}"), "")
    wanted = Intent("ap-1", "ap-1", "MX", (), (), Manage(snmp_users=("polling",)))
    change = OpenWrt().change("ap-1", before, Wish(wanted, snmp_users={"polling": user}))
    (line,) = (line for line in change.lines if line.path == "files.snmp_users")
    return line.command.reveal()


def _guard(root: Path, function: str) -> None:
    """One function of the guard's, as it would run it."""
    text = (Path(__file__).parents[2] / "drivers/platforms/openwrt/guard.sh").read_text()
    functions = text.partition('\ncase "$1" in')[0]
    script = f"PLAZA_ROOT={root}\n{functions}\n{function}\n"
    subprocess.run(["sh", "-s"], input=script, text=True, check=True)


def test_users_are_written_kept_and_taken_back_with_the_rest(one: Bench) -> None:
    file(one.ap, "etc/config/snmpd", "config agent\n\toption agentaddress 'UDP:161'\n")
    wanted = replace(intent(one.ap), manage=Manage(snmp_users=("polling",)))
    wish = Wish(wanted, snmp_users={"polling": FIRST})
    change = one.keep(wish)
    assert file(one.ap, FILES[2].path) == MARKED.format(_users(FIRST).rstrip("\n"))
    assert not one.change(wish)[0]
    shown = one.openwrt.redacted(one.read()) + change.text + repr(change)
    assert FIRST.auth_key is not None
    assert FIRST.auth_key.reveal() not in shown
    one.apply(Wish(wanted, snmp_users={"polling": SECOND}), token=OTHER)
    one.revert(OTHER)
    one.await_reverted(OTHER)
    assert not one.change(wish)[0]


def test_a_whole_rollout_keeps_a_device_and_a_second_finds_nothing(bench: Bench) -> None:
    file(bench.ap, "etc/config/system", file(bench.ap, "etc/config/system") + NTP)
    keep = Manage("America/Ojinaga", ("10.8.0.5",), Syslog("10.8.0.6", 6514, "tcp"), ssh_keys=(KEY,))
    wanted = replace(bench.ap.device, manage=keep, ssids=(Ssid("De día", schedule=MONDAY),))
    bench.desk.want(wanted)
    assert [(outcome.state, outcome.detail) for outcome in bench.desk.apply()] == [(State.CONFIRMED, "")]
    assert bench.ap.option("system.ntp.server") == "10.8.0.5"
    assert bench.ap.option("system.ntp.enable_server") == "0"
    assert bench.ap.option("system.@system[0].timezone") == "CST6CDT,M3.2.0,M11.1.0"
    assert bench.ap.option("system.@system[0].log_ip") == "10.8.0.6"
    assert KEY in file(bench.ap, KEYS)
    assert "/etc/plaza/air plaza_2g4_1=1:480-1320" in file(bench.ap, CRONTAB)
    assert [outcome.state for outcome in bench.desk.apply()] == [State.SKIPPED]


def test_going_back_takes_away_what_was_only_wished_for_once(one: Bench) -> None:
    file(one.ap, "etc/config/system", file(one.ap, "etc/config/system") + NTP)
    file(one.ap, "etc/config/network", PLAIN_NETWORK)
    one.keep(Wish(replace(intent(one.ap), ssids=(Ssid("Gratis", vlan=20),))), "before-it")
    before, files = one.read(), (file(one.ap, KEYS), file(one.ap, CRONTAB))
    keep = Manage("America/Ojinaga", ("10.8.0.5",), Syslog("10.8.0.6"), ssh_keys=(KEY,), vlan=30)
    ssids = (Ssid("Gratis", vlan=20, schedule=MONDAY),)
    one.keep(Wish(replace(intent(one.ap, keep), ssids=ssids)))
    assert one.ap.option("network.lan.device") == "br-lan.30"
    by_hand = file(one.ap, KEYS) + "ssh-rsa AAAA de la técnica\n"
    file(one.ap, KEYS, by_hand)
    one.restore(before)
    assert _options(one.read()) == _options(before)
    assert file(one.ap, KEYS) == files[0] + "ssh-rsa AAAA de la técnica\n"
    assert file(one.ap, CRONTAB) == files[1]
    assert not one.openwrt.restoration(one.ap.name, one.read(), before)


def _options(one: Running) -> dict[str, object]:
    """All but the keys of others."""
    sections = uci.parse(one.text.reveal()).sections.values()
    return {one.path: one.options for one in sections if one.name != revoking.OTHERS}
