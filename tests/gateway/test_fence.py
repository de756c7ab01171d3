"""Without our rules no guest's packet passes, though the machine forwards: real packets, real refusals."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from captive_portal.gateway import fence
from captive_portal.gateway.errors import EnforcerFailed
from tests.gateway.netns import sockets
from tests.gateway.streets import WEB, WEB6
from tests.gateway.town import Town, wait_for

pytestmark = pytest.mark.root
FAMILIES = ("-4", "-6")
HELD_BY_ANOTHER = "table inet plaza { flags owner; }\n"


@pytest.fixture
def outside(square: Town) -> Town:
    """The square with everybody outside and the gateway fresh."""
    square.forget_everybody()
    return square


@pytest.fixture
def after_power_on(square: Town) -> Iterator[Town]:
    """A gateway that forwards, without rules, fence or program, as it may be in the middle of a boot."""
    square.stop_gateway(signal.SIGKILL)
    square.inside("gateway", "nft", "flush", "ruleset")
    lower(square)
    yield square
    square.inside("gateway", "nft", "flush", "ruleset")
    square.forget_everybody()


def lower(town: Town) -> None:
    fence.lower("br-lan", sockets(town.ns("gateway")))


def passes(town: Town) -> list[str]:
    """What a phone reaches in the Internet, over each family."""
    addresses = (WEB, f"[{WEB6}]")
    return [
        one for one in addresses if town.curl("phone1", f"http://{one}/", "-m", "2").body.startswith("I am")
    ]


def rules(town: Town) -> dict[str, list[str]]:
    return {one: town.inside("gateway", "ip", one, "rule").splitlines() for one in FAMILIES}


def test_the_moment_somebody_flushes_the_rules_nothing_of_a_guest_passes(outside: Town) -> None:
    outside.enter("phone1")
    command = (sys.executable, "-m", "tests.gateway.talk")
    download = outside.spawn("phone1", *command, "download", WEB)
    wait_for(lambda: outside.curl("phone1", f"http://{WEB}/").status == 200, "the phone's Internet")
    outside.stop_gateway(signal.SIGKILL)  # else it would put the rules back
    assert download.poll() is None
    outside.inside("gateway", "nft", "flush", "ruleset")
    assert passes(outside) == []
    download.wait(60)  # the flow that was open is cut as well
    assert outside.inside("gateway", "sysctl", "-n", "net.ipv4.ip_forward") == "1\n"
    lower(outside)
    assert passes(outside) == [WEB, f"[{WEB6}]"], "nothing else stood in the way"


def test_a_fence_that_somebody_took_away_is_raised_again(outside: Town) -> None:
    raised = rules(outside)
    lower(outside)
    assert rules(outside) != raised
    wait_for(lambda: rules(outside) == raised, "the fence")


def test_an_nft_that_fails_at_start_leaves_the_door_shut(after_power_on: Town) -> None:
    assert passes(after_power_on) == [WEB, f"[{WEB6}]"], "the machine itself would let them through"
    failing = after_power_on.directory / "nft"
    failing.write_text("#!/bin/sh\ncat > /dev/null\necho 'Error: no such luck' >&2\nexit 1\n")
    failing.chmod(0o755)
    assert "no such luck" in refused_start(after_power_on, replaced=failing)
    assert passes(after_power_on) == []


def test_a_kernel_that_refuses_the_rules_leaves_the_door_shut(after_power_on: Town) -> None:
    """The table is another program's, so neither may it be changed nor taken away (nft(8), owner)."""
    holder = subprocess.Popen(
        ["ip", "netns", "exec", after_power_on.ns("gateway"), "nft", "-i"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert holder.stdin is not None
        holder.stdin.write(HELD_BY_ANOTHER)
        holder.stdin.flush()
        wait_for(lambda: "inet plaza" in after_power_on.inside("gateway", "nft", "list", "tables"), "it")
        assert "Operation not permitted" in refused_start(after_power_on)
        assert passes(after_power_on) == []
    finally:
        holder.kill()
        holder.communicate()


def refused_start(town: Town, replaced: Path | None = None) -> str:
    """What the gateway says when it cannot begin; `replaced` stands in the place of nft."""
    mount = f"mount --bind {replaced} $(command -v nft) && " if replaced else ""
    command = f"{mount}exec {sys.executable} -m captive_portal.gateway {town.configure()}"
    done = subprocess.run(
        ["ip", "netns", "exec", town.ns("gateway"), "sh", "-c", command],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_raised_twice_it_is_there_once_and_lowered_all_routing_is_as_before(after_power_on: Town) -> None:
    before, opened = rules(after_power_on), sockets(after_power_on.ns("gateway"))
    for _ in range(2):
        fence.raise_fence("br-lan", opened)
    added = {
        one: [line for line in found if line not in before[one]]
        for one, found in rules(after_power_on).items()
    }
    assert added == {
        one: [
            "90:\tfrom all fwmark 0x706c7a61 iif br-lan lookup main",
            "91:\tfrom all iif br-lan prohibit",
        ]
        for one in FAMILIES
    }
    for _ in range(2):
        lower(after_power_on)
    assert rules(after_power_on) == before


def test_a_fence_that_cannot_be_raised_is_told_in_a_line_and_the_gateway_does_not_begin(
    after_power_on: Town,
) -> None:
    with pytest.raises(EnforcerFailed, match="fence behind the rules"):
        fence.raise_fence("a-name-longer-than-any-interface", sockets(after_power_on.ns("gateway")))
