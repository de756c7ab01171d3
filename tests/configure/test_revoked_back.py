"""Going back to an earlier configuration brings all of it back, but never a key that was revoked since."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.applying import run
from controller.journal import State
from controller.planning import plan_back
from drivers import ssh
from drivers.change import Change
from drivers.configurers.airos import AirOs
from drivers.configurers.cisco_ios import CISCO_9800, CISCO_IOS
from drivers.configurers.cisco_ios.common import LOGIN, hash_of
from drivers.configurers.linux import Linux
from drivers.configurers.openwrt import OpenWrt, revoking
from drivers.configurers.routeros.state import Login, compose
from drivers.configurers.seam import Configurer, Running
from drivers.configurers.ways import CONFIGURERS
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Device, Manage, Secret
from simulator.vendors.cisco_startup import Flavour
from tests.configure import linuxbox, test_routeros
from tests.configure.cisco import RSA, asked, bench_of
from tests.configure.desk import NewDesk, inventory
from tests.configure.device import Ap
from tests.configure.openwrt import KEY, file
from tests.configure.routerosbox import wishing
from tests.configure.test_openwrt_files import KEYS, keyed
from tests.configure.test_revoked import BY_HAND, LEAVER, admitted, box, public
from tests.configure.unarmed import ARUBA, CAMBIUM, Vendor, small, whole
from tests.configure.unarmed import bench as unarmed_bench

__all__ = ["box"]


def blob(line: str) -> bytes:
    """The key itself."""
    return base64.b64decode(line.split()[1])


def goes_back(device: Device, desk: NewDesk, ap: Ap, leaver: Path) -> None:
    """Version 2 lets the leaver in, version 3 does not, and neither does what goes back to version 2."""
    key, keys_of = public(leaver.parent), Manage(ntp=("10.0.0.1",), ssh_keys=(KEY,))
    at = desk(ap)
    at.works = replace(at.works, inventory=inventory([device]))

    def want(manage: Manage) -> Device:
        at.want(replace(device, manage=manage))
        (outcome,) = at.apply()
        assert outcome.state is State.CONFIRMED, outcome
        return at.devices()[0]

    want(replace(keys_of, ssh_keys=(f"{key} juana", KEY)))
    assert admitted(ap, leaver)
    now = want(Manage(ntp=("10.0.0.2",), revoked_keys=(f"{key} otra nota",)))
    assert not admitted(ap, leaver)
    back = plan_back(at.works.access, at.works.history, now, 2)
    assert back.plan is not None, back.error
    assert key.split()[1] not in back.plan.change.text
    (outcome,) = run(at.works, "rollback", [back], at.said.append)
    assert outcome.state is State.CONFIRMED, outcome
    assert not admitted(ap, leaver)
    assert not plan_back(at.works.access, at.works.history, now, 2).pending
    rest = replace(keys_of, revoked_keys=now.manage.revoked_keys)
    at.want(replace(device, manage=rest))
    assert not at.plan()[0].pending, "all but that key is as in version 2"
    assert plan_back(at.works.access, at.works.history, replace(now, manage=rest), 3).pending


def test_openwrt_goes_back_without_the_leaver(ap: Ap, desk: NewDesk, tmp_path: Path) -> None:
    keyed(ap, desk)
    (ap.root / "etc/config/system").write_text(
        f"{file(ap, 'etc/config/system')}\nconfig timeserver 'ntp'\n\tlist server '10.9.9.9'\n"
    )
    goes_back(ap.device, desk, ap, tmp_path / "leaver")
    assert KEY in file(ap, KEYS)


def test_linux_goes_back_without_the_leaver(box: linuxbox.Box, desk: NewDesk, tmp_path: Path) -> None:
    device = replace(box.device, platform="linux", radios=(), ssids=())
    goes_back(device, desk, box, tmp_path / "leaver")
    assert KEY in file(box, "root/.ssh/authorized_keys")


@pytest.mark.parametrize("version", ["7.16.2", "6.49.10"])
def test_routeros_goes_back_without_the_leaver_and_with_its_own_new_key(version: str) -> None:
    device = test_routeros.made(version, wifi=version.startswith("7"))
    ours, new = f"{LEAVER} juana", f"{KEY} plaza"
    settled, configurer = test_routeros.settled, test_routeros.CONFIGURER
    settled(device, wishing(radios=(), ssids=(), manage=Manage(zone="America/Tijuana", ssh_keys=(ours,))))
    earlier = test_routeros.running(device)
    gone = Manage(zone="America/Ojinaga", ssh_keys=(new,), revoked_keys=(ours,))
    settled(device, wishing(radios=(), ssids=(), manage=gone))
    login = Login("plaza", ssh.fingerprint(blob(new)), "")
    running = test_routeros.running(device, login)
    change = configurer.restoration("ap-1", running, earlier, (ours,))
    assert {line.path.split(".")[0] for line in change.lines} == {"system"}
    test_routeros.typed(device, change)
    running = test_routeros.running(device, login)
    assert not configurer.restoration("ap-1", running, earlier, (ours,))
    assert device.value("system clock", "time-zone-name") == "America/Tijuana"
    assert [item["values"]["key"] for item in device.config.items("user ssh-keys")] == [new]


@pytest.mark.parametrize("flavour", list(Flavour))
def test_a_cisco_goes_back_without_the_leaver(flavour: Flavour) -> None:
    bench = bench_of(flavour)
    leaver = "ssh-rsa AAAAB3NzaC1yc2EAAAAhecha juana"
    with bench.server:
        first = Manage(ntp=("10.0.0.1",), ssh_keys=(leaver, RSA))
        bench.make(asked(manage=first))
        earlier = bench.read()
        assert hash_of(blob(leaver)) in earlier.text.reveal()
        last = replace(first, ntp=("10.0.0.2",), ssh_keys=(RSA,), revoked_keys=(leaver,))
        bench.make(asked(manage=last))
        bench.try_out(bench.cisco.restoration("ap-1", bench.read(), earlier, (leaver,)))
        bench.confirm()
        assert not bench.cisco.restoration("ap-1", bench.read(), earlier, (leaver,))
        assert hash_of(blob(leaver)) not in bench.startup()
        assert not bench.change(asked(manage=replace(last, ntp=("10.0.0.1",))))


@pytest.mark.parametrize("vendor", [ARUBA, CAMBIUM], ids=["aruba_instant", "cnpilot"])
def test_where_no_key_can_be_the_way_back_is_the_same(vendor: Vendor) -> None:
    for bench in unarmed_bench(vendor):
        earlier, configurer = bench.plan(small()).running, bench.target().configurer
        bench.carry_out(bench.plan(whole(vendor.kind)))
        now = bench.plan(small()).running
        assert configurer.restoration("ap-1", now, earlier, (LEAVER,))
        assert configurer.restoration("ap-1", now, earlier, (LEAVER,)) == configurer.restoration(
            "ap-1", now, earlier
        )


STAYS: Final = KEY.replace("1pA", "7xY")
FORMS: Final = (*(form.format(key=LEAVER) for form in BY_HAND), LEAVER, f"{LEAVER} juana")
NAMES: Final = (LEAVER.split()[1], ssh.fingerprint(blob(LEAVER)), hash_of(blob(LEAVER)))
Lines = Sequence[tuple[bool, str]]
"""Whether a key is ours, and its line; "" where one stood."""
LINES: Final = st.lists(st.tuples(st.booleans(), st.sampled_from((*FORMS, KEY, STAYS))), max_size=5)


def held(line: str) -> bytes:
    """Its key."""
    return blob(line[line.index("ssh-ed25519") :])


def without(lines: Lines) -> Lines:
    """What is left when the leaver's key was taken out."""
    return [(ours, "" if line in FORMS else line) for ours, line in lines]


def _uci(lines: Lines) -> str:
    text = "package system\nconfig system\n\toption hostname 'ap-1'\n\npackage files\n"
    for name, own in (("authorized_keys", True), (revoking.OTHERS, False)):
        listed = [line.replace("'", "'\\''") for ours, line in lines if line and ours is own]
        text += f"\nconfig block '{name}'\n" if listed else ""
        text += "".join(f"\tlist line '{line}'\n" for line in listed)
    return text


def _linux(lines: Lines) -> str:
    inside = [line for ours, line in lines if line and ours]
    content = "".join(f"{line}\n" for ours, line in lines if line and not ours)
    content += "\n".join(["# plaza begin", *inside, "# plaza end", ""]) if inside else ""
    path = "/root/.ssh/authorized_keys"
    return f"keys {path}\nfile {path} {len(content.encode())}\n{content}\n"


def _airos(lines: Lines) -> str:
    text = "resolv.host.1.name=ap-1\n"
    for number, (ours, line) in enumerate(lines, start=1):
        slot = f"sshd.auth.key.{number}"
        values = {"status": "enabled", "type": "ssh-ed25519", "comment": "plaza:x" if ours else "nota"}
        if line:
            values["value"] = base64.b64encode(held(line)).decode()
            text += "".join(f"{slot}.{name}={value}\n" for name, value in values.items())
    return text


def _routeros(lines: Lines) -> str:
    rows = [
        f"0 user=admin comment=plaza {ssh.fingerprint(held(line))}"
        if ours
        else f"0 user=admin key-owner={'juana' if line in FORMS else 'pedro'} comment=nota"
        for ours, line in lines
        if line
    ]
    export = "# 2026-11-26 10:00:00 by RouterOS 7.16.2\n/system identity set name=ap-1"
    return compose(export, Login("plaza", "", ""), "\n".join(rows), None).text.reveal()


def _cisco(lines: Lines) -> str:
    hashes = "".join(
        f"   key-hash ssh-rsa {hash_of(held(line))} {'plaza' if ours else 'nota'}\n"
        for ours, line in lines
        if line
    )
    chain = f"ip ssh pubkey-chain\n  username plaza\n{hashes}!\n" if hashes else ""
    return f"{LOGIN}plaza\nhostname ap-1\n{chain}end\n"


PLATFORMS: Final[Mapping[str, tuple[Configurer, Callable[[Lines], str]]]] = {
    "openwrt": (OpenWrt(), _uci),
    "linux": (Linux(), _linux),
    "ubiquiti_airos": (AirOs(), _airos),
    "mikrotik_routeros": (test_routeros.CONFIGURER, _routeros),
    "cisco_ios": (CISCO_IOS, _cisco),
    "cisco_9800": (CISCO_9800, _cisco),
}


def written(change: Change) -> list[str]:
    """What a change puts there: not what it takes out by name."""
    taking = ("no ", "-", "/user ssh-keys remove ")
    lines = [line for line in change.lines if not line.path.endswith(revoking.OTHERS)]
    return [one for line in lines if not (one := line.command.reveal()).startswith(taking)]


@pytest.mark.parametrize("platform", PLATFORMS)
@settings(max_examples=60, deadline=None)
@given(now=LINES, then=LINES)
def test_no_way_back_ever_writes_a_revoked_key(platform: str, now: Lines, then: Lines) -> None:
    configurer, text = PLATFORMS[platform]
    running, earlier, left = (Running(Secret(text(lines)), "") for lines in (now, then, without(then)))
    change = configurer.restoration("ap-1", running, earlier, (f"{LEAVER} juana",))
    assert not any(name in one for one in written(change) for name in NAMES)
    if any(line in FORMS for _, line in now):
        assert change, "it goes, whoever put it there"
    assert not configurer.restoration("ap-1", left, earlier, (f"{LEAVER} juana",)), "then it counts as done"


def test_every_platform_that_carries_keys_is_tried() -> None:
    carry = {name for name, one in CONFIGURERS.items() if "ssh_keys" not in one.traits.cannot}
    assert carry == {*PLATFORMS}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_line_that_revokes_nobody_stops_the_way_back(platform: str) -> None:
    configurer, text = PLATFORMS[platform]
    running = Running(Secret(text([(True, KEY)])), "")
    with pytest.raises(ValueRefused, match="line 1 of revoked_keys is no public key"):
        configurer.restoration("ap-1", running, running, ("juana",))


@pytest.mark.parametrize(
    ("platform", "told"),
    [
        ("linux", ("keys /", f"login {KEY.split()[1]}\nkeys /")),
        ("ubiquiti_airos", ("resolv", f"#login {KEY.split()[1]}\nresolv")),
        ("mikrotik_routeros", ('key=""', f'key="{ssh.fingerprint(blob(KEY))}"')),
        ("cisco_ios", (f"{LOGIN}plaza", f"{LOGIN}plaza {hash_of(blob(KEY))}")),
        ("cisco_9800", (f"{LOGIN}plaza", f"{LOGIN}plaza {hash_of(blob(KEY))}")),
    ],
)
def test_the_way_back_never_takes_the_key_of_its_own_login(platform: str, told: tuple[str, str]) -> None:
    configurer, text = PLATFORMS[platform]
    running = Running(Secret(text([(True, KEY)]).replace(*told, 1)), "")
    without = Running(Secret(text([])), "")
    assert not configurer.restoration("ap-1", running, without, (LEAVER,))
    with pytest.raises(ConfigRejected, match="the key that Plaza logs in with is revoked"):
        configurer.restoration("ap-1", running, without, (KEY,))
