"""Breaking and mending access points over the control socket."""

import socket
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from simulator.snmp import pdu, v3
from tests.simulator.lab import V3, WAIT_S, Simulator, extend, names_on_air, rows, snmp, where
from tests.simulator.wire import discover, question

SYS_NAME = ".1.3.6.1.2.1.1.5.0"
PRIVATE = (
    "-v3",
    "-u",
    "plaza",
    "-l",
    "authPriv",
    "-a",
    "SHA",
    "-A",
    V3["auth_key"],
    "-x",
    "AES",
    "-X",
    V3["priv_key"],
)


@pytest.fixture
def broken(town: Simulator, request: pytest.FixtureRequest) -> Any:
    """The town's OpenWrt AP, broken as the test's parameter says, mended afterwards."""
    assert town.order(op="break", ap="wrt", how=request.param) == {"ok": True}
    yield town.spec["aps"][0]
    assert town.order(op="mend", ap="wrt") == {"ok": True}


def answers(ap: dict[str, Any]) -> bool:
    return bool(snmp("snmpget", where(ap), SYS_NAME).returncode == 0)


@pytest.mark.parametrize("broken", ["dead"], indirect=True)
def test_a_dead_ap_is_silent_on_snmp_and_ssh_and_the_others_are_not(
    town: Simulator, broken: dict[str, Any]
) -> None:
    assert not answers(broken)
    with socket.create_connection((broken["ssh"]["host"], broken["ssh"]["port"]), timeout=30) as sock:
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.recv(1)
    assert answers(town.spec["aps"][1])
    assert town.order(op="status")["broken"] == {"wrt": "dead"}


def test_a_mended_ap_lives_again(town: Simulator) -> None:
    ap = town.spec["aps"][0]
    for how in ("dead", "dead", "no-service", "dead"):
        town.order(op="break", ap="wrt", how=how)
    town.order(op="mend", ap="wrt")
    town.order(op="mend", ap="wrt")
    assert answers(ap)
    assert len(names_on_air(where(ap))) == 2
    assert town.ssh(ap, "echo alive").stdout == b"alive\n"
    assert town.order(op="status")["broken"] == {}


def test_a_login_ends_when_its_ap_dies(town: Simulator) -> None:
    ap = town.spec["aps"][0]
    ended: list[int] = []
    runner = threading.Thread(target=lambda: ended.append(town.ssh(ap, "echo > tmp/in; sleep 60").returncode))
    runner.start()
    mark = town.directory / "state/wrt/tmp/in"
    while not mark.exists():
        runner.join(0.05)
    town.order(op="break", ap="wrt", how="dead")
    runner.join(30)
    town.order(op="mend", ap="wrt")
    assert ended == [255], "as ssh says of a lost connection"


@pytest.mark.parametrize("broken", ["no-service"], indirect=True)
def test_without_service_the_agent_answers_and_no_name_is_on_the_air(
    town: Simulator, broken: dict[str, Any]
) -> None:
    assert answers(broken)
    assert names_on_air(where(broken)) == set()
    assert extend(where(broken)) == ["plaza version=1"]
    assert town.ssh(broken, "echo alive").stdout == b"alive\n"


@pytest.mark.parametrize("broken", ["wrong-community"], indirect=True)
def test_with_another_community_the_agent_is_silent_and_ssh_is_not(
    town: Simulator, broken: dict[str, Any]
) -> None:
    assert not answers(broken)
    assert town.ssh(broken, "echo alive").stdout == b"alive\n"


def test_with_v3_the_agent_no_longer_knows_its_user(simulator: Simulator) -> None:
    ap = simulator.ap("wrt", snmp=V3)
    simulator.start()
    assert rows(snmp("snmpget", where(ap), SYS_NAME, options=PRIVATE).stdout) == {SYS_NAME: "OpenWrt"}
    simulator.order(op="break", ap="wrt", how="wrong-community")
    assert "Unknown user name" in snmp("snmpget", where(ap), SYS_NAME, options=PRIVATE).stderr
    simulator.order(op="break", ap="wrt", how="dead")
    assert "Timeout" in snmp("snmpget", where(ap), SYS_NAME, options=PRIVATE).stderr


def name_over_v3(ap: dict[str, Any]) -> str:
    """sysName as net-snmp reads it, or what it complains of."""
    asked = snmp("snmpget", where(ap), SYS_NAME, options=PRIVATE)
    return rows(asked.stdout).get(SYS_NAME, asked.stderr.strip())


def engine(ap: dict[str, Any]) -> v3.Message:
    return discover((ap["snmp"]["host"], ap["snmp"]["port"]))


@pytest.fixture
def private(simulator: Simulator) -> Simulator:
    """A running simulator with two APs that speak SNMPv3, `one` and `two`."""
    for name in ("one", "two"):
        simulator.ap(name, snmp=V3)
    return simulator.start()


def test_an_engine_that_restarts_counts_its_boots_and_its_seconds(private: Simulator) -> None:
    ap = private.spec["aps"][0]
    boots = engine(ap).boots
    for more in (1, 2):
        assert private.order(op="break", ap="one", how="v3-reboot") == {"ok": True}
        assert (engine(ap).boots, engine(ap).time_s < 60) == (boots + more, True)
    private.order(op="mend", ap="one")
    assert engine(ap).boots == boots + 2, "a reboot is not undone"
    private.order(op="break", ap="one", how="v3-boots-reset")
    assert engine(ap).boots == 1
    assert name_over_v3(ap) == "OpenWrt"


def test_a_replaced_engine_has_another_id_until_it_is_mended(private: Simulator) -> None:
    ap = private.spec["aps"][0]
    own = engine(ap).engine_id
    private.order(op="break", ap="one", how="v3-engine-id-changed")
    assert engine(ap).engine_id != own
    assert name_over_v3(ap) == "OpenWrt"
    private.order(op="mend", ap="one")
    assert engine(ap).engine_id == own
    assert name_over_v3(ap) == "OpenWrt"


def test_clones_share_one_engine_id_and_each_answers(private: Simulator) -> None:
    one, two = private.spec["aps"]
    for name in ("one", "two"):
        private.order(op="break", ap=name, how="v3-shared-engine-id")
    assert engine(one).engine_id == engine(two).engine_id
    assert name_over_v3(one) == name_over_v3(two) == "OpenWrt"


def test_a_wrong_digest_is_not_believed(private: Simulator) -> None:
    private.order(op="break", ap="one", how="v3-wrong-digest")
    assert "OpenWrt" not in name_over_v3(private.spec["aps"][0])


def refused(ap: dict[str, Any]) -> bool:
    """Whether the kernel answers with ICMP port unreachable."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT_S)
        sock.connect((ap["snmp"]["host"], ap["snmp"]["port"]))
        sock.send(question(pdu.GET, [(1, 3, 6, 1, 2, 1, 1, 5, 0)]))
        try:
            return not sock.recv(65535)
        except ConnectionRefusedError:
            return True


@pytest.mark.parametrize("broken", ["closed-port"], indirect=True)
def test_at_a_closed_port_nobody_listens_until_it_is_mended(town: Simulator, broken: dict[str, Any]) -> None:
    assert refused(broken)
    town.order(op="break", ap="wrt", how="closed-port")
    assert refused(broken)
    town.order(op="mend", ap="wrt")
    assert answers(broken)


def test_a_closed_port_that_another_program_took_cannot_be_mended(town: Simulator) -> None:
    ap = town.spec["aps"][0]
    town.order(op="break", ap="wrt", how="closed-port")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.bind((ap["snmp"]["host"], ap["snmp"]["port"]))
        answer = town.order(op="mend", ap="wrt")
        assert (answer["ok"], "Address already in use" in answer["error"]) == (False, True)
        assert town.order(op="status")["broken"] == {"wrt": "closed-port"}
    assert town.order(op="mend", ap="wrt") == {"ok": True}
    assert answers(ap)


def test_a_slow_agent_holds_no_other_up(town: Simulator) -> None:
    town.order(op="break", ap="wrt", how="slow-drip")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waiting:
        waiting.settimeout(WAIT_S)
        slow, quick = town.spec["aps"]
        asked = question(pdu.GET, [(1, 3, 6, 1, 2, 1, 1, 5, 0)])
        waiting.sendto(asked, (slow["snmp"]["host"], slow["snmp"]["port"]))
        waiting.sendto(asked, (quick["snmp"]["host"], quick["snmp"]["port"]))
        order = [waiting.recvfrom(65535)[1][0] for _ in range(2)]
    town.order(op="mend", ap="wrt")
    assert order == [quick["snmp"]["host"], slow["snmp"]["host"]]


def test_what_cannot_befall_an_ap_is_said_and_not_done(town: Simulator) -> None:
    answer = town.order(op="break", ap="wrt", how="v3-reboot")
    assert answer == {"ok": False, "error": "v3-reboot needs SNMPv3; wrt cannot be broken like this"}
    assert town.order(op="status")["broken"] == {}


def test_status_counts_aps_and_citizens(town: Simulator) -> None:
    status = town.order(op="status")
    assert {"ok": True, "aps": 2, "broken": {}, "citizens_online": 0}.items() <= status.items()


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ({"op": "explode"}, "op must be"),
        (
            {"op": "break", "ap": "wrt", "how": "sideways"},
            "how must be one of dead, no-service, wrong-community",
        ),
        ({"op": "break", "ap": "nobody", "how": "dead"}, "no access point is named 'nobody'"),
        ({"op": "mend"}, "no access point"),
    ],
)
def test_an_order_that_makes_no_sense_is_answered_with_why(
    town: Simulator, order: dict[str, str], said: str
) -> None:
    answer = town.order(**order)
    assert answer["ok"] is False
    assert said in answer["error"]
    assert town.order(op="status")["broken"] == {}


def test_a_caller_who_says_nothing_or_rubbish_holds_nobody_up(town: Simulator) -> None:
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as rude:
        silent.connect(town.spec["control"])
        rude.connect(town.spec["control"])
        rude.sendall(b"\xff\xfe{}[\n")
        assert b'"ok": false' in rude.recv(4096)
        assert town.order(op="status")["ok"] is True


def test_only_its_owner_may_use_the_control_socket(town: Simulator) -> None:
    assert stat.S_IMODE(Path(town.spec["control"]).stat().st_mode) == 0o600
