"""What a change goes through in the fault suite, whatever the platform: it ends old or new, never between."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Protocol

from drivers import apply
from drivers.apply import Ending, Plan, Step, Target, Timers
from drivers.configurers.seam import Configurer, Safety, Wish
from drivers.errors import DriverError, Unreachable
from tests.configure.relay import Relay

QUICK = Timers(revert_s=3, settle_s=0.1, grace_s=60, command_s=10, longest_pause_s=0.5)
"""For changes that shall go back."""

UNHURRIED = Timers(revert_s=10, settle_s=0.1, grace_s=60, command_s=10, longest_pause_s=0.5)
"""For those that shall go back after they were verified, on a busy machine."""

PATIENT = Timers(revert_s=120, settle_s=0.1, grace_s=120, command_s=30, longest_pause_s=0.5)
"""For changes that shall stay, however busy the machine."""

_END_S = 180.0
_IN_VAIN = 8


class Peer(Protocol):
    """A device of a platform as the fault suite needs it, on a link that can fail."""

    @property
    def configurer(self) -> Configurer:
        """Of its platform."""
        ...

    @property
    def relay(self) -> Relay:
        """The link to it."""
        ...

    def target(self, timers: Timers) -> Target:
        """How it is changed, over the link."""
        ...

    def wish(self) -> Wish:
        """A state it is not in: a network of ours, beside one that somebody made by hand."""
        ...

    def cutting(self) -> Wish:
        """A state that takes its management away."""
        ...

    def settings(self) -> object:
        """All its settings, running and saved, to be compared; without what we keep about trials."""
        ...

    def by_hand(self) -> object:
        """What somebody set there by hand, to be compared."""
        ...

    def lose_power(self) -> None:
        """Off, and on again; returns when it is up."""
        ...

    def fill(self) -> None:
        """Its flash takes nothing more."""
        ...

    def empty(self) -> None:
        """Its flash has room again."""
        ...

    def new_host_key(self) -> None:
        """It shows another host key from now on."""
        ...

    def adopt(self) -> None:
        """Pin the key that it shows now."""
        ...


@dataclass
class Ordeal:
    """One change, with a fault at one of its steps."""

    peer: Peer
    said: list[Step] = field(default_factory=list)
    error: DriverError | None = None

    def run(
        self, wish: Wish, timers: Timers, fault: Callable[[], None] = lambda: None, at: Step | None = None
    ) -> Ending:
        """Plan and carry out; the fault strikes at step `at`, with None right after the plan was made.

        Then the link is healed and the device asked how it ended.

        It asserts what must hold whatever happens: the device is old or new as a whole, it tells which, what
        was made by hand is there, and the next change goes through.
        """
        peer = self.peer
        before, by_hand = peer.settings(), peer.by_hand()
        target = peer.target(timers)
        planned = apply.plan(target, wish)
        assert planned.change, "the wish is no change"
        token = token_hex(16)
        if at is None:
            fault()
        ending = self._carry_out(target, planned, token, fault, at)
        if ending is Ending.CONFIRMED:
            assert not apply.plan(peer.target(PATIENT), wish).change
        else:
            assert peer.settings() == before
        assert peer.by_hand() == by_hand
        return ending

    def again(self, wish: Wish) -> None:
        """Nothing of what went wrong stands in the way of the next change."""
        ending = Ordeal(self.peer).run(wish, PATIENT)
        assert ending is Ending.CONFIRMED

    def _carry_out(
        self, target: Target, planned: Plan, token: str, fault: Callable[[], None], at: Step | None
    ) -> Ending:
        def before(step: Step) -> None:
            self.said.append(step)
            if step is at:
                fault()

        try:
            apply.carry_out(target, planned, token, before)
        except DriverError as error:
            self.error = error
        self.peer.relay.heal()
        if self.error is None:
            return Ending.CONFIRMED
        self.peer.empty()
        self.peer.adopt()
        return self._ended(token)

    def _ended(self, token: str) -> Ending:
        """As the worker does it: ask until it has ended. What has no timer is put back, by power at last."""
        target = self.peer.target(PATIENT)
        until = time.monotonic() + _END_S
        timerless = self.peer.configurer.traits.safety is Safety.D
        for tried in itertools.count():
            try:
                return apply.finish(target, token, None)
            except Unreachable:
                assert time.monotonic() < until, "it never said how it ended"
                if timerless and tried == _IN_VAIN:
                    self.peer.lose_power()  # somebody goes there
                time.sleep(0.5)
        raise AssertionError
