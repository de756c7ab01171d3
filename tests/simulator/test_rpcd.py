"""rpcd's way of committing with a timer, as measured on the real one, which Debian does not have."""

import json
import subprocess
from typing import Any

import pytest

from tests.simulator.lab import Simulator, until

DENIED, NO_DATA, NOT_FOUND, INVALID = 6, 5, 4, 2
WAIT_LONG_S = 600


class Ubus:
    """One access point's ubus, over SSH."""

    def __init__(self, town: Simulator, ap: dict[str, Any]) -> None:
        self.town = town
        self.ap = ap

    def run(self, command: str) -> subprocess.CompletedProcess[bytes]:
        """A command on the device."""
        done: subprocess.CompletedProcess[bytes] = self.town.ssh(self.ap, command)
        return done

    def call(self, thing: str, method: str, **message: Any) -> int:
        """The exit status of a call."""
        return self.run(f"ubus call {thing} {method} '{json.dumps(message)}'").returncode

    def session(self, *, granted: bool = True) -> str:
        """A new session that may write UCI."""
        made = json.loads(self.run("""ubus call session create '{"timeout":300}'""").stdout)
        session = str(made["ubus_rpc_session"])
        assert len(session) == 32
        if granted:
            objects = [["*", "read"], ["*", "write"]]
            assert self.call("session", "grant", ubus_rpc_session=session, scope="uci", objects=objects) == 0
        return session

    def name(self, session: str, hostname: str) -> None:
        """Set in a session, in the folder that rpcd keeps for it."""
        stage = f"var/run/rpcd/uci-{session}"
        assert self.run(f"uci -t {stage} set system.@system[0].hostname={hostname}").returncode == 0

    def apply(self, session: str, timeout_s: int = WAIT_LONG_S) -> int:
        """Commit what a session set, to be confirmed in time."""
        return self.call("uci", "apply", ubus_rpc_session=session, rollback=True, timeout=timeout_s)

    def hostname(self) -> str:
        """As committed."""
        return self.run("uci get system.@system[0].hostname").stdout.decode().strip()


@pytest.fixture
def ubus(simulator: Simulator) -> Ubus:
    """A device fresh from its box."""
    ap = simulator.ap("wrt")
    simulator.start()
    return Ubus(simulator, ap)


def test_what_is_confirmed_stays_and_can_be_confirmed_only_once(ubus: Ubus) -> None:
    session = ubus.session()
    ubus.name(session, "nuevo")
    assert ubus.apply(session) == 0
    assert ubus.hostname() == "nuevo"
    assert ubus.call("uci", "confirm", ubus_rpc_session=session) == 0
    assert ubus.call("uci", "confirm", ubus_rpc_session=session) == NO_DATA
    assert ubus.call("uci", "rollback", ubus_rpc_session=session) == NO_DATA
    assert ubus.hostname() == "nuevo"


def test_what_nobody_confirms_is_reverted_when_its_time_is_up(ubus: Ubus) -> None:
    session = ubus.session()
    ubus.name(session, "nuevo")
    assert ubus.apply(session, 3) == 0
    until(lambda: ubus.hostname() == "OpenWrt", "the old name")
    assert ubus.call("uci", "confirm", ubus_rpc_session=session) == NO_DATA


def test_a_second_apply_while_one_waits_is_denied(ubus: Ubus) -> None:
    first, second = ubus.session(), ubus.session()
    ubus.name(first, "primero")
    ubus.name(second, "segundo")
    assert ubus.apply(first) == 0
    refused = ubus.run(f"""ubus call uci apply '{{"ubus_rpc_session":"{second}","rollback":true}}'""")
    assert (refused.returncode, refused.stderr) == (DENIED, b"Command failed: Permission denied\n")
    assert ubus.call("uci", "confirm", ubus_rpc_session=second) == DENIED
    assert ubus.call("uci", "rollback", ubus_rpc_session=second) == DENIED
    assert ubus.hostname() == "primero"
    assert ubus.call("uci", "rollback", ubus_rpc_session=first) == 0
    assert ubus.hostname() == "OpenWrt"
    assert ubus.apply(second) == 0


def test_a_rolled_back_session_has_its_changes_again(ubus: Ubus) -> None:
    session = ubus.session()
    ubus.name(session, "nuevo")
    assert ubus.apply(session) == 0
    assert ubus.call("uci", "rollback", ubus_rpc_session=session) == 0
    assert ubus.apply(session) == 0
    assert ubus.hostname() == "nuevo"


def test_a_restart_forgets_that_something_was_to_be_reverted(ubus: Ubus) -> None:
    session = ubus.session()
    ubus.name(session, "nuevo")
    assert ubus.apply(session, 3) == 0
    assert ubus.run("rpcd restart; sleep 5").returncode == 0
    assert ubus.hostname() == "nuevo"
    assert ubus.call("uci", "confirm", ubus_rpc_session=session) == NO_DATA
    assert ubus.run("ls var/run/rpcd/uci-snapshot-files").stdout == b"system\n"


def test_a_session_may_only_do_what_it_was_granted(ubus: Ubus) -> None:
    session = ubus.session(granted=False)
    assert ubus.apply(session) == NO_DATA
    ubus.name(session, "nuevo")
    assert ubus.apply(session) == DENIED
    assert ubus.call("uci", "apply", rollback=True) == INVALID
    assert ubus.hostname() == "OpenWrt"


def test_a_session_that_is_gone_leaves_nothing_staged(ubus: Ubus) -> None:
    session = ubus.session()
    ubus.name(session, "nuevo")
    assert ubus.call("session", "destroy", ubus_rpc_session=session) == 0
    assert ubus.call("session", "destroy", ubus_rpc_session=session) == NOT_FOUND
    assert ubus.apply(session) == NO_DATA


def test_it_is_listed_and_knows_no_other_methods(ubus: Ubus) -> None:
    assert ubus.run("ubus list uci; ubus list session").stdout == b"uci\nsession\n"
    assert {b"uci", b"session", b"system"} <= set(ubus.run("ubus list").stdout.split())
    assert ubus.call("uci", "order") == 3
