"""A leaver's key goes from every device, whoever put it there, and no other line goes with it."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from drivers import ssh
from drivers.apply import Ending, Plan, carry_out, finish, plan
from drivers.configurers import keys, shell
from drivers.configurers.airos import names
from drivers.configurers.cisco_ios.common import hash_of
from drivers.configurers.linux.state import File
from drivers.configurers.linux.wishes import wanted
from drivers.configurers.openwrt import diff, revoking, uci
from drivers.configurers.openwrt.dialect import OPENWRT
from drivers.configurers.routeros.state import Login
from drivers.configurers.seam import Wish
from drivers.configurers.shell import Call
from drivers.errors import AuthFailed, ConfigRejected, ValueRefused
from drivers.model import Intent, Manage, Secret, SshLogin
from simulator.vendors.cisco_startup import Flavour
from simulator.vendors.device import Session
from tests.configure import linuxbox, test_cisco_memory, test_linux_files, test_routeros
from tests.configure.airosbox import Radio, running_radio
from tests.configure.cisco import bench_of
from tests.configure.desk import PATIENT, NewDesk
from tests.configure.device import STAND_IN, Ap, Dropbear, OpenSsh, keygen, quickest
from tests.configure.openwrt import KEY, OTHER, Bench, file, with_manage
from tests.configure.routerosbox import wishing
from tests.configure.shellbox import nothing
from tests.configure.test_openwrt_files import KEYS, keyed
from tests.configure.unarmed import ARUBA, CAMBIUM, Vendor, small
from tests.configure.unarmed import bench as unarmed_bench

LEAVER = KEY.replace("1pA", "9zZ")
"""A key whose comment and options differ wherever it stands."""

BY_HAND = (
    'no-port-forwarding,environment="NOTA=\\"un espacio\\"" {key} otra nota',
    "\t {key}",
    "{key}\t# fin",
)
"""How somebody may have written it."""


def public(folder: Path) -> str:
    """The leaver's public key, with the comment that the inventory knows."""
    keygen(folder / "leaver")
    return " ".join((folder / "leaver.pub").read_text().split()[:2])


def admitted(ap: Ap, private: Path) -> bool:
    """Whether somebody gets in with a private key."""
    login = SshLogin(ap.user, private_key=Secret(private.read_text()))
    try:
        with ssh.connect(ap.device, login, ap.host_key()):
            return True
    except AuthFailed:
        return False


@pytest.fixture
def bench(ap: Ap, desk: NewDesk) -> Bench:
    """An access point whose SSH server reads the keys that OpenWrt's reads."""
    return keyed(ap, desk)


@pytest.fixture
def one(one_ap: Ap, desk: NewDesk) -> Bench:
    """The same behind the quicker server."""
    return keyed(one_ap, desk)


@pytest.mark.parametrize("written", ["no-port-forwarding,no-pty {key} otra nota", "{key}\t# fin"])
def test_a_leaver_logs_in_at_openwrt_before_and_not_after(bench: Bench, tmp_path: Path, written: str) -> None:
    key = public(tmp_path)
    by_hand = f"# de la técnica: {key}\n{file(bench.ap, KEYS)}"
    file(bench.ap, KEYS, f"{by_hand}{written.format(key=key)}\n{KEY} se queda\n")
    assert admitted(bench.ap, tmp_path / "leaver")
    wish = with_manage(bench.ap, Manage(revoked_keys=(f"{key} juana@chihuahua",)))
    change = bench.keep(wish)
    assert f"-\tlist line '{written.split(chr(9), maxsplit=1)[0].format(key=key)}" in change.text
    assert not admitted(bench.ap, tmp_path / "leaver")
    assert file(bench.ap, KEYS) == f"{by_hand}{KEY} se queda\n"
    assert not bench.change(wish)[0]


def test_a_leaver_whom_we_had_let_in_ourselves_is_out_too(bench: Bench, tmp_path: Path) -> None:
    key = public(tmp_path)
    bench.keep(with_manage(bench.ap, Manage(ssh_keys=(f"{key} juana", KEY))))
    assert admitted(bench.ap, tmp_path / "leaver")
    bench.keep(with_manage(bench.ap, Manage(revoked_keys=(key,))), OTHER)  # it says nothing of ssh_keys
    assert not admitted(bench.ap, tmp_path / "leaver")
    assert KEY in file(bench.ap, KEYS)
    wish = with_manage(bench.ap, Manage(ssh_keys=(f"{key} juana", KEY), revoked_keys=(key,)))
    assert not bench.change(wish)[0]


def test_a_revert_lets_the_leaver_in_again(one: Bench, tmp_path: Path) -> None:
    key = public(tmp_path)
    before = file(one.ap, KEYS, f"{file(one.ap, KEYS)}{key} a mano\n")
    one.apply(with_manage(one.ap, Manage(revoked_keys=(key,))))
    assert not admitted(one.ap, tmp_path / "leaver")
    one.revert()
    one.await_reverted()
    assert file(one.ap, KEYS) == before
    assert admitted(one.ap, tmp_path / "leaver")


def test_openwrt_never_loses_the_key_of_this_very_login(one: Bench) -> None:
    ours = (one.ap.root / "ssh/client.pub").read_text().strip()
    before = file(one.ap, KEYS)
    with pytest.raises(ConfigRejected, match="the key that Plaza logs in with would be gone"):
        one.arm(with_manage(one.ap, Manage(revoked_keys=(ours,))))
    assert file(one.ap, KEYS) == before
    assert not (one.ap.root / "etc/plaza/rollback.tgz").exists()


LINES = st.sampled_from(
    [
        *(written.format(key=LEAVER) for written in BY_HAND),
        *(
            "# plaza: begin",
            "# plaza: end",
            "",
            f"# {LEAVER}",
            KEY,
            f'command="echo {LEAVER}" {KEY}',
            f"{KEY} {LEAVER}",
        ),
    ]
) | st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES, max_size=10))
@example(lines=[f"{KEY} \x1b\xa0'\\", *(written.format(key=LEAVER) for written in BY_HAND)])
def test_no_other_line_of_openwrts_file_changes(lines: list[str], tmp_path: Path) -> None:
    root = tmp_path / "ap"
    shutil.rmtree(root, ignore_errors=True)
    (root / "bin").mkdir(parents=True)
    (root / "bin/uci").symlink_to(STAND_IN)
    for name in ("etc/config/system", KEYS):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / "etc/config/system").write_text("config system 'system'\n")
    (root / KEYS).write_bytes("".join(f"{line}\n" for line in lines).encode())
    config = uci.parse(_script(root, "read_config").partition("\n")[2])
    left = revoking.left(config, uci.Config({}), frozenset({keys.blob(LEAVER)}))
    change = diff.diff(OPENWRT, "ap-1", config, left)
    blocks = diff.blocks(change)
    outside = _script(root, f'parts outside "$R/{KEYS}"').split("\n")[:-1]
    if revoking.OTHERS in blocks:
        _script(root, 'mkdir -p "$TRIAL/files"; take_out', revoked=blocks[revoking.OTHERS])
        written = (root / "tmp/plaza/files/authorized_keys").read_bytes().decode().split("\n")[:-1]
    else:
        written = lines
    gone = {line for line in outside if keys.blob(line) == keys.blob(LEAVER)}
    assert written == [line for line in lines if line not in gone]


def _script(root: Path, function: str, **texts: str) -> str:
    """One act of the script, as a login at this device would run it."""
    values = {
        "PACKAGES": "system", "OPTIONAL": "", "CONSULTED": "", "LOGIN_KEY": "", "PLAZA_ROOT": str(root),
        "FILES": " ".join(map(str, OPENWRT.files)), "PATH": f"{root}/bin:{os.environ['PATH']}",
    }  # fmt: skip
    text = shell.compose(OPENWRT.script, Call(function, values, texts))
    done = subprocess.run(["sh", "-s"], input=text.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("utf-8", "surrogateescape")


@given(
    st.lists(LINES | st.text(max_size=9).filter(lambda text: "\n" not in text), max_size=10), st.booleans()
)
def test_no_other_line_of_a_linux_file_changes(lines: list[str], ends: bool) -> None:
    content = "\n".join(lines) + "\n" * ends
    state = replace(test_linux_files.STATE, entries={test_linux_files.STATE.keys: File(content)})
    intent = replace(test_linux_files.INTENT, radios=(), ssids=(), manage=Manage(revoked_keys=(LEAVER,)))
    found = wanted(Wish(intent), state).get(state.keys)
    kept = [line for line in content.split("\n") if keys.blob(line) != keys.blob(LEAVER)]
    assert (found.content if isinstance(found, File) else content) == "\n".join(kept)


@pytest.fixture(params=[OpenSsh, Dropbear], ids=["openssh", "dropbear"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[linuxbox.Box]:
    """A Linux device whose SSH server reads the keys of root."""
    for found in linuxbox.running_box(tmp_path, request.param()):
        place = found.root / "root/.ssh/authorized_keys"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found.root / "ssh/authorized", place)
            (found.root / "ssh/authorized").unlink()
            (found.root / "ssh/authorized").symlink_to(place)
        yield found


def planned(box: linuxbox.Box, manage: Manage) -> Plan:
    """Nothing but its name and its keys."""
    return plan(box.target(PATIENT), Wish(Intent(box.name, "debian", "MX", (), (), manage)))


def test_a_leaver_logs_in_at_linux_before_and_not_after(box: linuxbox.Box, tmp_path: Path) -> None:
    key = public(tmp_path)
    before = file(box, "root/.ssh/authorized_keys")
    by_hand = "".join(f"{written.format(key=key)}\n" for written in BY_HAND)
    file(box, "root/.ssh/authorized_keys", f"{by_hand}{before}{KEY} se queda\n")
    assert admitted(box, tmp_path / "leaver")
    found = planned(box, Manage(revoked_keys=(f"{key} juana",)))
    assert key in found.change.text
    carry_out(box.target(PATIENT), found, "t1", nothing)
    assert finish(box.target(PATIENT), "t1", None) is Ending.CONFIRMED
    assert not admitted(box, tmp_path / "leaver")
    assert file(box, "root/.ssh/authorized_keys") == f"{before}{KEY} se queda\n"
    assert not planned(box, Manage(revoked_keys=(f"{key} juana",))).change
    ours = (box.root / "ssh/client.pub").read_text()
    with pytest.raises(ConfigRejected, match="the key that Plaza logs in with is revoked"):
        planned(box, Manage(revoked_keys=(ours,)))


@pytest.fixture
def radio(tmp_path: Path) -> Iterator[Radio]:
    """An airOS radio with a technician's key in a slot of its own."""
    yield from running_radio(tmp_path, quickest())


def test_airos_empties_the_slot_of_a_leaver_and_no_other(radio: Radio) -> None:
    rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAAhecha juana"
    slot = "sshd.auth.key.1.value"
    assert radio.value(slot)
    before = radio.cfg()
    for name in ("tmp/system.cfg", "tmp/running.cfg"):
        file(radio, name, f"{before}sshd.auth.key.2.value={KEY.split()[1]}\nsshd.auth.key.1.otra=x\n")
    wish = Wish(Intent(radio.name, "enlace", "MX", (), (), Manage(revoked_keys=(rsa,))))
    carry_out(radio.target(PATIENT), plan(radio.target(PATIENT), wish), "t1", nothing)
    assert finish(radio.target(PATIENT), "t1", None) is Ending.CONFIRMED
    assert "sshd.auth.key.1." not in radio.cfg()
    assert radio.value("sshd.auth.key.2.value") == KEY.split()[1]
    assert not plan(radio.target(PATIENT), wish).change
    ours = (radio.root / "ssh/client.pub").read_text()
    own = replace(wish, intent=replace(wish.intent, manage=Manage(revoked_keys=(ours,))))
    with pytest.raises(ConfigRejected, match="the key that Plaza logs in with is revoked"):
        plan(radio.target(PATIENT), own)
    assert not names.wanted(wish, {}, "").keys() & {slot}


@pytest.mark.parametrize("version", ["7.16.2", "6.49.10"])
def test_routeros_takes_ours_by_its_fingerprint_and_a_technicians_by_its_owner(version: str) -> None:
    device = test_routeros.made(version, wifi=version.startswith("7"))
    session = Session("plaza", "exec")
    device.greet(session)
    for line in (f"{LEAVER} juana@casa", f"{KEY} pedro", f"{KEY.replace('1pA', '7xY')} juana@casa nueva"):
        assert device.execute(session, f'/user ssh-keys add user=admin key="{line}"') == ""
    ours = f"{LEAVER} juana@casa"
    settled = test_routeros.settled
    settled(device, wishing(radios=(), ssids=(), manage=Manage(ssh_keys=(ours, f"{KEY} p"))))
    gone = Manage(ssh_keys=(f"{KEY} p",), revoked_keys=(ours,))
    change = settled(device, wishing(radios=(), ssids=(), manage=gone))
    assert "-key-owner=" in change.text
    left = [item["values"]["key"] for item in device.config.items("user ssh-keys")]
    assert sorted(left) == sorted(
        [f"{KEY} pedro", f"{KEY.replace('1pA', '7xY')} juana@casa nueva", f"{KEY} p"]
    )
    blob = base64.b64decode(KEY.split()[1])
    login = Login("plaza", ssh.fingerprint(blob), "")
    own = wishing(radios=(), ssids=(), manage=Manage(revoked_keys=(KEY,)))
    with pytest.raises(ConfigRejected, match="the key that Plaza logs in with is revoked"):
        test_routeros.CONFIGURER.change("ap-1", test_routeros.running(device, login), own)


def test_routeros_leaves_a_technicians_key_whatever_he_calls_it() -> None:
    device = test_routeros.made()
    for comment in ("plaza de armas", "", "\x1b[2J\x07", 'a "b" $c'):
        values = {"user": "admin", "key": LEAVER, "key-owner": "pedro", "comment": comment}
        device.config.put("user ssh-keys", values)
    wish = wishing(radios=(), ssids=(), manage=Manage(ssh_keys=(KEY,), revoked_keys=(f"{LEAVER} juana",)))
    test_routeros.settled(device, wish)
    assert len(device.config.items("user ssh-keys")) == 5
    pedro = replace(wish.intent.manage, revoked_keys=(f"{LEAVER} pedro",))
    test_routeros.settled(device, replace(wish, intent=replace(wish.intent, manage=pedro)))
    left = [item["values"].get("comment", "")[:5] for item in device.config.items("user ssh-keys")]
    assert left == ["\x1b[2J\x07"[:5], "plaza"]  # what no command can name, and ours


@pytest.mark.parametrize("flavour", list(Flavour))
def test_a_cisco_forgets_the_hash_of_a_leaver_for_every_user(flavour: Flavour) -> None:
    bench = bench_of(flavour)
    leaver, other = hash_of(base64.b64decode(LEAVER.split()[1])), hash_of(b"otra")
    with bench.server:
        test_cisco_memory.typed(
            bench, "configure terminal", "ip ssh pubkey-chain", "username tecnica",
            f"key-hash ssh-rsa {leaver} nota", f"key-hash ssh-rsa {other} suya", "exit", "username plaza",
            f"key-hash ssh-rsa {leaver} plaza", "end", "write memory",
        )  # fmt: skip
        wish = Wish(Intent("ap-1", "ap-viejo", "MX", (), (), Manage(revoked_keys=(LEAVER,))))
        change = bench.make(wish)
        assert leaver in change.text
        assert leaver not in bench.startup()
        assert f"key-hash ssh-rsa {other} suya" in bench.startup()
        assert not bench.change(wish)
        running = bench.read()
        text = running.text.reveal().replace("plaza\n", f"plaza {leaver}\n", 1)
        with pytest.raises(ConfigRejected, match="the key that Plaza logs in with is revoked"):
            bench.cisco.change("ap-1", replace(running, text=Secret(text)), wish)


@pytest.mark.parametrize("vendor", [ARUBA, CAMBIUM], ids=["aruba_instant", "cnpilot"])
def test_where_no_key_can_be_there_is_nothing_to_do(vendor: Vendor) -> None:
    for bench in unarmed_bench(vendor):
        bench.carry_out(bench.plan(small()))
        wish = replace(small(), intent=replace(small().intent, manage=Manage(revoked_keys=(LEAVER,))))
        assert not bench.plan(wish).change


@pytest.mark.parametrize(
    "line", ["", "juana", "ssh-ed25519", "ssh-rsa " + KEY.split()[1], f"# {KEY}", "ssh-ed25519 A"]
)
def test_a_line_that_is_no_key_is_not_taken_for_a_revocation(line: str) -> None:
    with pytest.raises(ValueRefused, match="line 2 of revoked_keys is no public key"):
        keys.revoked("ap-1", (KEY, line))


@given(st.text(max_size=40))
def test_reading_a_line_never_fails(line: str) -> None:
    keys.blob(line)
    keys.blob(f"{line} {KEY}")


@pytest.mark.parametrize(
    "line",
    [
        *(written.format(key=KEY) for written in BY_HAND),
        f"{KEY}\r\n",
        'command="a b \\" c",no-pty ' + KEY,
        KEY.replace("ssh-ed25519 ", "ssh-ed25519    "),
        f"cert-authority {KEY} ca",
    ],
)
def test_a_key_is_known_by_itself_whatever_stands_around_it(line: str) -> None:
    assert keys.blob(line) == base64.b64decode(KEY.split()[1])


@pytest.mark.parametrize(
    "line", [f"# {KEY}", f'command="{KEY}" ', f"ssh-rsa AAAA {KEY}", f"{LEAVER} {KEY}", "ssh-ed25519 ñ", ""]
)
def test_a_key_that_only_stands_in_a_comment_or_an_option_is_not_there(line: str) -> None:
    assert keys.blob(line) != base64.b64decode(KEY.split()[1])
