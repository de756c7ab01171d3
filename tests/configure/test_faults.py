"""Whatever goes wrong at whatever step, a device ends old or new and can be changed again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from secrets import token_hex

import pytest

from drivers import apply
from drivers.apply import Ending, Step
from drivers.errors import ConfigRejected, HostKeyChanged
from tests.configure.ordeal import PATIENT, QUICK, UNHURRIED, Ordeal, Peer
from tests.configure.peers import PEERS


def cut(peer: Peer) -> None:
    """The link breaks, once."""
    peer.relay.cut()


def lose_link(peer: Peer) -> None:
    """The link is gone, until the fault suite mends it."""
    peer.relay.down = True
    peer.relay.cut()


def go_deaf(peer: Peer) -> None:
    """TCP stands, and nothing is carried: half-open."""
    peer.relay.deaf = True


def lose_power(peer: Peer) -> None:
    """The device restarts."""
    peer.lose_power()


def fill(peer: Peer) -> None:
    """Its flash is full."""
    peer.fill()


def slow_down(peer: Peer) -> None:
    """A satellite in between."""
    peer.relay.delay_s = 0.1


def change_key(peer: Peer) -> None:
    """Somebody else answers."""
    peer.new_host_key()


HALF_OPEN = "the link is half-open"
FAULTS: dict[str, Callable[[Peer], None]] = {
    "the link is cut": cut,
    "the link is lost": lose_link,
    HALF_OPEN: go_deaf,
    "power is lost": lose_power,
    "the flash is full": fill,
    "the link is slow": slow_down,
    "another host key is shown": change_key,
}
MATRIX = list(product(PEERS, FAULTS, Step))
FEW = {
    (platform, fault, step)
    for number, platform in enumerate(PEERS)
    for turn, (fault, step) in enumerate(product(FAULTS, Step))
    if (turn + number) % 8 == 0
}
"""What `make test` takes of the matrix; another eighth for each platform. `make soak` takes all of it."""

SILENT_S = 8.0
"""How long one that says nothing any more is waited for."""

CUTS = (64, 700, 1500, 2500, 3500, 5000, 8000, 12000, 20000)
"""Octets to the device after which the link is cut, over all its connections."""


@pytest.fixture
def peer(platform: str, tmp_path: Path) -> Iterator[Peer]:
    """A device of the platform."""
    with PEERS[platform](tmp_path) as made:
        yield made


@pytest.mark.parametrize(
    ("platform", "fault", "step"),
    [
        pytest.param(*case, marks=() if case in FEW else pytest.mark.soak, id=" - ".join(case))
        for case in MATRIX
    ],
)
def test_a_device_ends_old_or_new_when(peer: Peer, fault: str, step: Step) -> None:
    ordeal = Ordeal(peer)
    timers = UNHURRIED if step is Step.VERIFIED else QUICK
    if fault == HALF_OPEN:
        timers = replace(timers, command_s=SILENT_S)
    ordeal.run(peer.wish(), timers, lambda: FAULTS[fault](peer), step)
    assert step in ordeal.said
    if not apply.plan(peer.target(PATIENT), peer.wish()).change:
        return
    ordeal.again(peer.wish())


@pytest.mark.parametrize("platform", PEERS)
def test_a_change_that_takes_the_management_away_goes_back(peer: Peer) -> None:
    timers = replace(QUICK, command_s=SILENT_S)
    assert Ordeal(peer).run(peer.cutting(), timers) is not Ending.CONFIRMED
    Ordeal(peer).again(peer.wish())


@pytest.mark.parametrize("platform", PEERS)
def test_a_slow_device_is_waited_for(peer: Peer) -> None:
    peer.relay.delay_s = 0.03
    assert Ordeal(peer).run(peer.wish(), PATIENT) is Ending.CONFIRMED


@pytest.mark.parametrize("platform", PEERS)
def test_of_two_technicians_one_is_refused_and_the_other_ends_well(peer: Peer) -> None:
    target = peer.target(PATIENT)
    second = apply.plan(target, peer.wish())
    refused: list[ConfigRejected] = []

    def somebody_else_tries(step: Step) -> None:
        if step is Step.VERIFIED:
            with pytest.raises(ConfigRejected) as caught:
                apply.carry_out(target, second, token_hex(16), lambda step: None)
            refused.append(caught.value)

    first = apply.plan(target, peer.wish())
    apply.carry_out(target, first, token_hex(16), somebody_else_tries)
    assert len(refused) == 1
    assert not apply.plan(target, peer.wish()).change


@pytest.mark.parametrize("platform", PEERS)
def test_another_host_key_is_no_timeout(peer: Peer) -> None:
    target = peer.target(QUICK)
    peer.new_host_key()
    with pytest.raises(HostKeyChanged):
        apply.read(target)


@pytest.mark.soak
@pytest.mark.parametrize("octets", CUTS)
@pytest.mark.parametrize("platform", PEERS)
def test_a_device_ends_old_or_new_when_the_link_is_cut_after(peer: Peer, octets: int) -> None:
    Ordeal(peer).run(peer.wish(), QUICK, lambda: peer.relay.cut_after(octets))
    peer.relay.heal()
    if apply.plan(peer.target(PATIENT), peer.wish()).change:
        Ordeal(peer).again(peer.wish())
