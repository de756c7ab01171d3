"""A controller vanishes at one step of a change; another one asks until it ends: old or new as a whole."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from secrets import token_hex
from typing import cast

import pytest

from drivers import apply
from drivers.apply import Ending, Step, Target, Timers
from drivers.configurers.seam import Configurer, Wish
from drivers.errors import Unreachable
from tests.configure.ordeal import PATIENT, QUICK, UNHURRIED, Peer
from tests.configure.peers import PEERS

PLATFORMS = ("linux", "ubiquiti_airos")
ANNOUNCED, DONE = "announced", "done"
ACTS = {Step.ARMED: "arm", Step.APPLIED: "apply", Step.VERIFIED: "confirm"}


class Vanished(Exception):
    """The controller is gone; it makes no further call."""


class Mortal:
    """A configurer whose controller vanishes right after one act."""

    def __init__(self, whole: Configurer, act: str) -> None:
        self._whole = whole
        self._act = act

    def __getattr__(self, name: str) -> object:
        known = getattr(self._whole, name)
        return self._and_vanish(known) if name == self._act else known

    @staticmethod
    def _and_vanish(act: Callable[..., object]) -> Callable[..., None]:
        def acting(*arguments: object) -> None:
            act(*arguments)
            raise Vanished

        return acting


@pytest.fixture
def peer(platform: str, tmp_path: Path) -> Iterator[Peer]:
    """A device of the platform."""
    with PEERS[platform](tmp_path) as made:
        yield made


def expected(step: Step, moment: str, wish: Wish | None) -> Ending:
    """What the device ends as. Nobody confirms without a goal; what was not applied is not as wished."""
    if (step, moment) == (Step.ARMED, ANNOUNCED):
        return Ending.ABSENT
    if (step, moment) == (Step.VERIFIED, DONE):
        return Ending.CONFIRMED
    applied = step is Step.VERIFIED or (step, moment) == (Step.APPLIED, DONE)
    return Ending.CONFIRMED if applied and wish else Ending.REVERTED


@pytest.mark.parametrize("goal", ["with goal", "without"])
@pytest.mark.parametrize(("step", "moment"), list(product(Step, (ANNOUNCED, DONE))))
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_controller_that_vanished_is_taken_over_when(
    peer: Peer, step: Step, moment: str, goal: str
) -> None:
    wish = peer.wish() if goal == "with goal" else None
    ending = expected(step, moment, wish)
    before, by_hand = peer.settings(), peer.by_hand()
    token = token_hex(16)
    vanish(peer, token, step, moment, _timers(step, ending))
    assert finish(peer.target(PATIENT), token, wish) is ending
    assert peer.by_hand() == by_hand
    if ending is Ending.CONFIRMED:
        assert not apply.plan(peer.target(PATIENT), peer.wish()).change
    else:
        assert peer.settings() == before
    assert finish(peer.target(PATIENT), token, wish) is ending


def vanish(peer: Peer, token: str, step: Step, moment: str, timers: Timers) -> None:
    """Begin a change, and be gone at that moment."""
    target = peer.target(timers)
    if moment == DONE:
        target = replace(target, configurer=cast(Configurer, Mortal(target.configurer, ACTS[step])))

    def before(said: Step) -> None:
        if said is step and moment == ANNOUNCED:
            raise Vanished

    with pytest.raises(Vanished):
        apply.carry_out(target, apply.plan(target, peer.wish()), token, before)


def finish(target: Target, token: str, wish: Wish | None) -> Ending:
    """As another controller does it: ask until it has ended."""
    until = time.monotonic() + 120
    while True:
        try:
            return apply.finish(target, token, wish)
        except Unreachable:
            assert time.monotonic() < until, "it never said how it ended"
            time.sleep(0.3)


def _timers(step: Step, ending: Ending) -> Timers:
    if ending is Ending.CONFIRMED:
        return PATIENT
    return UNHURRIED if step is Step.VERIFIED else QUICK
