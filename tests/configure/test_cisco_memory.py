"""What a Cisco device shows in no configuration, shows to nobody, or would lose or keep with ours."""

import io
import time
from collections.abc import Iterator
from dataclasses import replace

import paramiko
import pytest

from drivers import ssh
from drivers.configurers.cisco_ios import CISCO_IOS, common
from drivers.configurers.cisco_ios.common import hash_of
from drivers.configurers.cisco_ios.config import parse
from drivers.configurers.cisco_ios.trial import STYLE
from drivers.configurers.seam import Running, Wish
from drivers.errors import ConfigRejected
from drivers.model import Manage, Secret, SnmpV3, SshLogin, Ssid
from simulator.vendors.cisco_startup import Flavour
from tests.configure.cisco import AUTH_KEY, PRIV_KEY, RSA, WISH, Bench, asked, bench_of, line_of
from tests.configure.test_routeros_apply import private_key
from tests.configure.test_terminal import device_at, enter

NEWER = SnmpV3("plazapoll", "sha1", Secret("otra-llave-1"), "aes128", Secret(PRIV_KEY))
KEPT, LEFT = hash_of(b"ours"), hash_of(b"another")
CHAIN = f"""ip ssh pubkey-chain
 username plaza
  key-hash ssh-rsa {KEPT} plaza
  key-hash ssh-rsa {LEFT} plaza
"""


@pytest.fixture(params=list(Flavour), ids=lambda flavour: flavour.value)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    found = bench_of(request.param)
    with found.server:
        yield found


def typed(bench: Bench, *commands: str) -> None:
    """A technician types."""
    with enter(bench.server) as shell:
        shell.console(STYLE, 30).send([line_of(one) for one in commands], 30)


def taken_back(bench: Bench, wish: Wish) -> None:
    """A wish is tried out, and nobody confirms it."""
    before = bench.read().fingerprint
    bench.try_out(bench.change(wish))
    bench.settle()
    assert bench.read().fingerprint == before


def test_an_snmp_user_is_set_again_after_a_revert_that_did_not_bring_it_back(bench: Bench) -> None:
    bench.make(WISH)
    taken_back(bench, replace(WISH, snmp_users={"poll": NEWER}))
    assert AUTH_KEY not in bench.device.snmp_users["plazapoll"]
    bench.make(WISH)
    assert AUTH_KEY in bench.device.snmp_users["plazapoll"]
    assert not bench.change()


def test_an_snmp_user_that_came_or_went_in_a_reverted_change_is_not_forgotten(bench: Bench) -> None:
    guard = replace(NEWER, user="guardia")
    both = replace(
        asked(manage=Manage(snmp_users=("poll", "guard"))), snmp_users={"poll": NEWER, "guard": guard}
    )
    only = replace(both, intent=replace(both.intent, manage=Manage(snmp_users=("poll",))))
    bench.make(only)
    taken_back(bench, both)
    assert any("no snmp-server user guardia" in line.shown for line in bench.change(only).lines)
    bench.make(both)
    taken_back(bench, only)
    assert any(line.shown.startswith("snmp-server user guardia") for line in bench.change(both).lines)


def test_a_change_is_not_mixed_with_what_somebody_has_not_saved(bench: Bench) -> None:
    change = bench.change()
    typed(bench, "configure terminal", "snmp-server location una prueba", "end")
    with pytest.raises(
        ConfigRejected, match="unsaved changes of somebody else: `snmp-server location"
    ) as told:
        bench.try_out(change)
    assert "write memory" in str(told.value)
    assert not bench.device.pending()
    typed(bench, "write memory")
    bench.make(WISH)


def test_what_a_reverted_change_leaves_is_no_unsaved_change_of_somebody_else(bench: Bench) -> None:
    taken_back(bench, WISH)
    bench.make(WISH)
    assert bench.startup() == bench.running()


def test_no_digest_of_a_key_is_shown(bench: Bench) -> None:
    bench.make(WISH)
    change = bench.change(replace(WISH, snmp_users={"poll": NEWER}))
    bench.make(replace(WISH, snmp_users={"poll": NEWER}))
    running = bench.read()
    digests = common.remembered(parse(running.text.reveal()), "snmp") | common.remembered(
        parse(running.text.reveal()), "key"
    )
    told = change.text + repr(change) + bench.cisco.redacted(running)
    told += "".join(line.shown + line.path for line in change.lines)
    assert digests
    assert not [digest for digest in digests.values() if digest in told]
    assert "+alias exec plaza_snmp_plazapoll •••\n" in change.text


def test_what_is_wanted_shows_no_key_of_an_snmp_user() -> None:
    told = repr(list(common.wants(WISH, "ntp", "plaza")))
    assert AUTH_KEY not in told
    assert PRIV_KEY not in told


@pytest.mark.parametrize(
    "line",
    [
        "snmp-server host 10.0.0.5 CANARY",
        "snmp-server host 10.0.0.5 version 2c CANARY",
        "snmp-server host 10.0.0.5 vrf Mgmt informs version 3 priv CANARY",
        "snmp-server community CANARY RO",
        "dot11 ssid mano\n wpa-psk hex 0 CANARY",
        "dot11 ssid mano\n wpa-psk ascii 7 CANARY",
        "key chain x\n key 1\n  key-string CANARY",
        "key chain x\n key 1\n  key-string 7 CANARY",
        "crypto keyring x\n pre-shared-key address 10.0.0.1 key CANARY",
        "crypto ikev2 keyring x\n peer y\n  pre-shared-key local CANARY",
        "wlan mano 3 mano\n security static-wep-key encryption 40 ascii 0 CANARY 1",
        "event manager environment clave CANARY",
        "ntp authentication-key 1 md5 CANARY 7",
        "enable secret 9 CANARY",
        "radius-server key CANARY",
        "alias exec plaza_snmp_poll CANARY",
    ],
)
def test_a_key_of_a_technician_is_in_no_history(line: str) -> None:
    told = CISCO_IOS.redacted(Running(Secret(f"! Plaza is logged in as x\n{line}\nhostname queda\n"), ""))
    assert "CANARY" not in told
    assert "hostname queda" in told


def test_the_public_key_of_the_login_is_never_taken_out(bench: Bench) -> None:
    text = f"{common.LOGIN}plaza {KEPT}\n{bench.device.running_text()}"
    running = Running(Secret(text + CHAIN), "")
    for change in (
        bench.cisco.change("ap-1", running, asked(manage=Manage(ssh_keys=(RSA,)))),
        bench.cisco.restoration("ap-1", running, Running(Secret(text), "")),
    ):
        told = [line.shown for line in change.lines]
        assert any(LEFT in line for line in told)
        assert not any(KEPT in line for line in told)


def test_a_running_configuration_says_with_which_key_we_logged_in(bench: Bench) -> None:
    assert common.logged_in(bench.read().text.reveal()) == (bench.server.user, "")
    own = paramiko.Ed25519Key(file_obj=io.StringIO(private_key()))
    bench.server.authorized_keys = (f"{own.get_name()} {own.get_base64()}",)
    device = device_at(bench.server.port)
    login = SshLogin(bench.server.user, private_key=Secret(private_key()))
    with ssh.connect(device, login, ssh.fetch_host_key(device)) as shell:
        told = bench.cisco.read(bench.talk(shell)).text.reveal()
    assert common.logged_in(told) == (bench.server.user, hash_of(own.asbytes()))


def test_a_long_change_may_take_longer_than_one_act_of_it() -> None:
    bench = bench_of(Flavour.AUTONOMOUS)
    with bench.server:
        bench.device.box.minute_s = 60
        wish = asked(ssids=tuple(Ssid(f"Plaza {place}", vlan=20 + place) for place in range(8)))
        change = bench.change(wish)
        bench.device.box.faults.slow_s = 0.04
        started = time.monotonic()
        bench.try_out(change, timeout_s=5)
        assert time.monotonic() - started > 5, "too quick to tell"
        assert not bench.change(wish)
