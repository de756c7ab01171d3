"""What a person is told of each device that one `plaza apply` comes to, and the sum of it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import click

from controller.journal import OPEN, State
from controller.planning import Planned
from controller.rollout import Outcome

_ACTS: Final[Mapping[State, str]] = MappingProxyType(
    {State.ARMED: "arming", State.APPLIED: "applying and verifying", State.VERIFIED: "confirming"}
)
"""What a row of the journal announces, which is written before the act."""

_WRONG: Final = frozenset({State.FAILED, State.ROLLED_BACK})
_SUMS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.FAILED: "failed",
        State.ROLLED_BACK: "rolled back",
        State.PENDING: "not reached",
    }
)


class Told:
    """Prints a line per device that was to be changed; of the others `show` has told already."""

    def __init__(self, planned: Sequence[Planned]) -> None:
        self._planned = planned
        self._pending = frozenset(item.device.name for item in planned if item.pending)
        self._ended: dict[str, State] = {}

    def report(self, outcome: Outcome) -> None:
        """One state of one device."""
        if outcome.device in self._pending:
            self._ended[outcome.device] = outcome.state
            report(outcome, err=outcome.state in _WRONG)

    def sum_up(self) -> bool:
        """Print how many ended how; whether every one is as intended."""
        several = list(self._sums())
        changed = sum(state is State.CONFIRMED for state in self._ended.values())
        click.echo(", ".join((f"{changed} changed", *several)))
        return not several

    def _sums(self) -> Iterator[str]:
        states = list(self._ended.values())
        yield from (f"{states.count(state)} {word}" for state, word in _SUMS.items() if state in states)
        unknown = sum(state in OPEN for state in states)
        not_planned = sum(item.error is not None for item in self._planned)
        held = states.count(State.HELD) + sum(bool(item.held) for item in self._planned)
        also = {"not known yet": unknown, "held": held, "not planned": not_planned}
        yield from (f"{number} {word}" for word, number in also.items() if number)


def report(outcome: Outcome, *, err: bool = False) -> None:
    """One line per device and state; what is being done only on a terminal."""
    passing = outcome.state in OPEN and not outcome.detail
    if (passing and not sys.stdout.isatty()) or (outcome.state is State.SKIPPED):
        return
    detail = f": {outcome.detail}" if outcome.detail else ""
    click.echo(f"{outcome.device}: {_word(outcome.state, passing)}{detail}", err=err)


def _word(state: State, passing: bool) -> str:
    if state not in OPEN:
        return state.value.replace("_", " ")
    return _ACTS[state] if passing else "on trial"
