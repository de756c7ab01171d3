"""What a technician sees of a rollout: its waves and differences before, then bars, and where it stands."""

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from threading import Lock
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from controller.cli.apply import counted
from controller.cli.diff import coloured
from controller.cli.rollout_clock import Clock, iso
from controller.journal import OPEN, Row, State
from controller.rollouts.board import Board, Wait
from controller.rollouts.judging import patient_until
from controller.rollouts.seam import Asked, Phase, Preflight
from controller.rollouts.starting import Planned
from controller.rollouts.store import Rollout, Store

_TURN: Final = frozenset({State.PLANNED, State.PENDING})
_TOLD: Final = OPEN | {State.FAILED, State.ROLLED_BACK, State.HELD, State.PENDING, State.SKIPPED}
_MISSED: Final = frozenset({State.FAILED, State.ROLLED_BACK, State.HELD})
_LINES: Final = 40
_FOLLOW_S: Final = 1.0

Tell = Callable[[Row], None]


def plan(planned: Planned, found: Sequence[Preflight], clock: Clock) -> None:
    """The differences, each once with its devices, on stdout; the waves and what is left out on stderr."""
    turn = {row.device for row in planned.rows if row.state in _TURN}
    alike: dict[str, list[str]] = {}
    for each in found:
        if each.device in turn and each.diff:
            alike.setdefault(_body(each), []).append(each.device)
    for body, names in sorted(alike.items(), key=lambda item: -len(item[1])):
        lines = body.splitlines(keepends=True)
        more = f"… {len(lines) - _LINES} lines more: plaza diff {names[0]}\n" if len(lines) > _LINES else ""
        click.echo(f"# {counted(len(names))}: {_names(names)}")
        click.echo(coloured("".join(lines[:_LINES])) + more, nl=False)
    for number, name in enumerate(planned.names):
        names = [row.device for row in planned.rows if row.wave == number and row.state in _TURN]
        click.echo(f"wave {number + 1}, {name}: {counted(len(names))}: {_names(names)}", err=True)
    _left_out(planned, clock)


def _left_out(planned: Planned, clock: Clock) -> None:
    for text in not_changed([row for row in planned.rows if row.state in {State.HELD, State.PENDING}], clock):
        click.echo(text, err=True)
    skipped = Counter(row.detail for row in planned.rows if row.state is State.SKIPPED)
    for detail, number in sorted(skipped.items()):
        click.echo(f"{number} {detail}", err=True)


def _body(found: Preflight) -> str:
    """A difference without the name of its device, so that equal ones are shown once."""
    lines = found.diff.replace(found.device, "<its name>").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(("--- ", "+++ ")))


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


@contextmanager
def progress(found: Rollout, rows: Sequence[Row]) -> Iterator[Tell]:
    """What is told of every row: bars on a terminal, one for each wave; else a line for each that ended."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield line
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as shown:
        yield Bars(shown, found, rows).tell


def line(row: Row) -> None:
    """A device that ended, or whose trial is open still."""
    if row.state in OPEN and not row.detail:
        return
    detail = f": {row.detail}" if row.detail else ""
    click.echo(f"{row.device}: {row.state.value.replace('_', ' ')}{detail}")


class Bars:
    """A bar for each wave; threads tell it of rows."""

    def __init__(self, shown: Progress, found: Rollout, rows: Sequence[Row]) -> None:
        self._shown = shown
        self._found = found
        self._lock = Lock()
        self._rows = {row.device: row for row in rows}
        self._tasks: dict[int, TaskID] = {}
        for wave in sorted({row.wave for row in rows}):
            self._draw(wave)

    def tell(self, row: Row) -> None:
        """A row that is durable."""
        with self._lock:
            before = self._rows[row.device].wave
            self._rows[row.device] = row
            for wave in {before, row.wave}:
                self._draw(wave)
        if row.state in _MISSED or (row.state in OPEN and row.detail):
            self._shown.console.print(f"{row.device}: {row.state.value}: {row.detail}", markup=False)

    def _draw(self, wave: int) -> None:
        rows = [row for row in self._rows.values() if row.wave == wave]
        ended = sum(row.state not in OPEN | _TURN for row in rows)
        on = sum(row.state in OPEN for row in rows)
        said = f"{wave_name(self._found, wave)}{f', {on} under way' if on else ''}"
        if wave not in self._tasks:
            self._tasks[wave] = self._shown.add_task(said, total=len(rows))
        self._shown.update(self._tasks[wave], completed=ended, total=len(rows), description=said)


def wave_name(found: Rollout, wave: int) -> str:
    """A wave, for a person."""
    if wave >= len(found.names):
        return "those that were out of reach"
    return f"wave {wave + 1}, {found.names[wave]}"


def standing(board: Board, clock: Clock, *, every: bool = False) -> None:
    """Where it stands and what each wave waits for, and who was not changed and why; `every` one by name."""
    found, rows = board.rollout, list(board.rows.values())
    click.echo(f"rollout {found.name}, {found.kind.value} {found.selector}: {found.phase.value}")
    click.echo(f"begun {clock.at(found.created_at)} by {found.created_by}: {found.why}")
    if found.reason and not _missing(found):
        click.echo(f"{found.phase.value}: {found.reason}")
    if found.phase in {Phase.PAUSED, Phase.HALTED}:
        click.echo(f"to go on: plaza rollout resume {found.name} --why TEXT")
    here = {found.wave} if found.phase is Phase.RUNNING else set()
    for wave in sorted(here | {row.wave for row in rows}):
        states = Counter(row.state.value.replace("_", " ") for row in rows if row.wave == wave)
        said = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        click.echo(f"  {wave_name(found, wave)}: {said}{_waits(board, clock, wave)}")
    for text in not_changed([row for row in rows if row.state in _TOLD], clock, every=every):
        click.echo(f"  {text}")


def _waits(board: Board, clock: Clock, wave: int) -> str:
    """What a wave waits for, until when, and what is missing."""
    found = board.rollout
    if found.phase is not Phase.RUNNING or wave < found.wave:
        return ""
    if wave > found.wave:
        return "; waits for the wave before"
    waits = _wait_of(board)
    if waits is None:
        return "  <- here; the next step is due"
    said = waits.said.removeprefix(f"{found.wave_said}: ")
    until = f"until {clock.until(waits.until)}"
    if not found.soaking_since:
        return f"  <- here; waits {until}: {said}"
    if board.waits() is None:
        return f"  <- here; {said}; waits {until}, then it halts"
    looks = ", ".join(sorted(set(Asked) - found.policy.without)) or "no evidence"
    return f"  <- here; {said} {until}; then it needs {looks} of {_names(board.changed_sites())}"


def _wait_of(board: Board) -> Wait | None:
    """What the wave under way waits for; once it has soaked that is evidence."""
    found = board.rollout
    if found.phase is not Phase.RUNNING:
        return None
    if (waits := board.waits()) is not None or not found.soaking_since:
        return waits
    return Wait(_missing(found) or "the look at it is due", patient_until(found))


def _missing(found: Rollout) -> str:
    """The evidence that a wave which has soaked lacks, as the last look at it said."""
    prefix = f"{found.wave_said}: "
    is_it = found.phase is Phase.RUNNING and found.reason.startswith(prefix)
    return found.reason.removeprefix(prefix) if is_it else ""


def not_changed(rows: Sequence[Row], clock: Clock, *, every: bool = False) -> Iterator[str]:
    """A line for each device with its state and reason; equal ones are one, unless `every` is asked for."""
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        reason = re.sub(rf"(?<![\w-]){re.escape(row.device)}(?![\w-])", "<its name>", row.detail)
        alike.setdefault((row.state, reason, row.device if every else ""), []).append(row)
    for (_, reason, _), several in alike.items():
        state = several[0].state.value.replace("_", " ")
        at = min((row.next_at for row in several if row.next_at > clock.now), default=0)
        next_try = f"; next try {clock.until(at)}" if at else ""
        if len(several) == 1:
            yield _joined(several[0].device, state, several[0].detail) + next_try
        else:
            said = _joined(f"{len(several)} {state}", reason) + next_try
            yield _joined(said, _names([row.device for row in several]))


def _joined(*parts: str) -> str:
    """What is said, between colons."""
    return ": ".join(part for part in parts if part)


def as_json(board: Board) -> dict[str, Any]:
    """A rollout and its devices for a program; times are UTC; no secret is in any of it."""
    found = board.rollout
    policy = asdict(found.policy) | {"without": sorted(each.value for each in found.policy.without)}
    waits = _wait_of(board)
    return {
        "id": found.name,
        "kind": found.kind.value,
        "selector": found.selector,
        "phase": found.phase.value,
        "why": found.why,
        "reason": found.reason,
        "created_at": iso(found.created_at),
        "created_by": found.created_by,
        "wave": found.wave,
        "waves": list(found.names),
        "soaking_since": iso(found.soaking_since),
        "waits_for": {"said": waits.said, "until": iso(waits.until)} if waits is not None else None,
        "policy": policy,
        "devices": [
            {
                "device": row.device,
                "state": row.state.value,
                "wave": row.wave,
                "model": row.model,
                "detail": row.detail,
                "attempts": row.attempts,
                "next_at": iso(row.next_at),
            }
            for row in board.rows.values()
        ],
    }


def follow(store: Store, name: str) -> None:
    """Show how it goes on, whoever carries it on, until it ends, halts or is stopped."""
    found = store.get(name)
    seen = {row.device: row for row in store.rows(name)}
    with progress(found, tuple(seen.values())) as tell:
        while found.phase is Phase.RUNNING or any(row.state in OPEN for row in seen.values()):
            time.sleep(_FOLLOW_S)
            for row in store.rows(name):
                if row != seen[row.device]:
                    tell(row)
                seen[row.device] = row
            found = store.get(name)
            sys.stdout.flush()


def exit_code(board: Board) -> int:
    """0 done, 2 stopped or some were not changed, 3 not finished yet."""
    found, rows = board.rollout, board.rows.values()
    if found.phase in {Phase.RUNNING, Phase.PAUSED} or any(row.state in OPEN for row in rows):
        return 3
    missed = any(row.state in _MISSED | _TURN for row in rows)
    return 2 if missed or found.phase in {Phase.HALTED, Phase.ABORTED} else 0


def when(at: int) -> str:
    """A moment as this machine's clock shows it."""
    return Clock("", at).at(at)
