"""`plaza rollout`: changes many devices in waves; whoever is there carries it on, and people stop it."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from controller.cli.apply import TYPED, YES

if TYPE_CHECKING:
    from controller.app import App
    from controller.rollouts.seam import Phase, Policy
    from controller.rollouts.store import Rollout, Store

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ASKED: Final = ("clients", "uplink", "probe")  # controller.rollouts.seam.Asked


class _Seconds(click.ParamType[int]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """30s, 10m, 1h or 2d in seconds."""
        found = re.fullmatch(r"(\d{1,6})([smhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is no duration; write it like 30s, 10m, 1h or 2d", param, ctx)
        return int(found[1]) * _UNITS_S[found[2]]


_POLICY: Final = (
    click.option("--number", type=click.IntRange(0), help="Stop once so many failed; 0: never for a number."),
    click.option(
        "--percent", type=click.FloatRange(0, 100), help="Stop once so many of a hundred failed; 0: never."
    ),
    click.option("--soak", type=_Seconds(), help="How long a wave shows itself before the next, like 10m."),
    click.option("--parallel", type=click.IntRange(1, 64), help="Devices at once, each of another site."),
    click.option(
        "--without",
        multiple=True,
        type=click.Choice(_ASKED),
        help="Go on without this evidence; again for another.",
    ),
)
WHY: Final = click.option("--why", default="", help="Why, for the audit log.")
DETACH: Final = click.option("--detach", is_flag=True, help="Leave it to the worker.")
ID: Final = click.argument("name", metavar="[ID]", default="")


def policy_options(command: Callable[..., None]) -> Callable[..., None]:
    """What a person may say of how a rollout goes on."""
    for option in reversed(_POLICY):
        command = option(command)
    return command


@click.group()
def rollout() -> None:
    """Change many devices in waves: a canary of each model, 5 %, 25 %, all.

    A rollout goes on in the worker, also after this command was interrupted. An ID may be shortened; without
    one it is the newest. Exit code 0: done; 2: stopped, or some were not changed; 3: not finished yet.
    """


@rollout.command()
@click.argument("selector")
@WHY
@policy_options
@DETACH
@YES
@TYPED
def start(selector: str, why: str, detach: bool, yes: bool, typed: tuple[str, ...], **asked: Any) -> None:
    """Make the devices of SELECTOR what the inventory says, in waves.

    Reads them all, shows the waves and the difference, and asks. What lies behind a device, or has no timer
    of its own, has to be typed by its name.
    """
    from controller import app, settings
    from controller.cli import rollout_run
    from controller.rollouts.carrying import WORKS
    from controller.rollouts.seam import Kind, Policy
    from controller.selector import select

    _needs_why(why)
    built = app.build(settings.load())
    said = rollout_run.Said(yes, typed, detach)
    work = WORKS[Kind.CONFIGURE](built)
    asked_for = rollout_run.Asked(work, selector, why, with_options(Policy(), asked))
    sys.exit(rollout_run.start(built, asked_for, select(built.inventory, selector), said))


@rollout.command()
@ID
@click.option("--follow", is_flag=True, help="Stay and show how it goes on.")
@click.option("--all", "every", is_flag=True, help="A line for each device that was not changed.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def status(name: str, follow: bool, every: bool, as_json: bool) -> None:
    """Show where a rollout stands, and what each wave waits for.

    Times are in the zone of the maintenance windows where all its devices share one, else in this machine's.
    """
    from controller.cli import rollout_show
    from controller.cli.rollout_clock import clock_of
    from controller.rollouts.board import board_of

    built, store, found = _opened(name)
    if follow:
        rollout_show.follow(store, found.name)
    board = board_of(store, built.inventory, found.name)
    if as_json:
        click.echo(json.dumps(rollout_show.as_json(board), indent=2, ensure_ascii=False))
    else:
        clock = clock_of(built.inventory, board.rows, board.now)
        rollout_show.standing(board, clock, every=every)
    sys.exit(rollout_show.exit_code(board))


@rollout.command()
@ID
@WHY
def pause(name: str, why: str) -> None:
    """Begin no device any more until `resume`; those under way are finished."""
    from controller.rollouts.seam import Phase

    _stop(name, why, Phase.PAUSED, (Phase.RUNNING,))


@rollout.command()
@ID
@WHY
def abort(name: str, why: str) -> None:
    """Begin no device any more and hold the rest; those under way are finished. `retry` takes it up again."""
    from controller.rollouts.seam import Phase

    _stop(name, why, Phase.ABORTED, (Phase.RUNNING, Phase.PAUSED, Phase.HALTED))


@rollout.command()
@ID
@WHY
@policy_options
@DETACH
def resume(name: str, why: str, detach: bool, **asked: Any) -> None:
    """Go on with what was paused, or halted by itself; the failures until now stop it no more.

    With --without also where evidence lacks or is bad. One that runs is carried on here and now.
    """
    from controller.cli import rollout_run
    from controller.errors import RolloutError
    from controller.journal import OPEN, State
    from controller.rollouts.seam import Phase
    from controller.rollouts.store import ENDED

    built, store, found = _opened(name)
    if found.phase in ENDED:
        what = f"rollout {found.name} is {found.phase.value}"
        raise RolloutError(f"{what}; plaza rollout retry {found.name} takes up what was not changed")
    if found.phase is not Phase.RUNNING:
        _needs_why(why)
        bad = OPEN | {State.FAILED, State.ROLLED_BACK}
        seen = found.seen | {row.device for row in store.rows(found.name) if row.state in bad}
        again = bool(found.soaking_since) and not asked["without"]
        since = store.now() if again else found.soaking_since
        policy = with_options(found.policy, asked)
        _moved(store.turn(found, Phase.RUNNING, why, seen=seen, policy=policy, soaking_since=since))
    sys.exit(rollout_run.carry_on(built, found, detach=detach))


@rollout.command()
@ID
@WHY
@DETACH
@YES
@TYPED
def retry(name: str, why: str, detach: bool, yes: bool, typed: tuple[str, ...]) -> None:
    """Plan what failed, was held or is out of reach anew, in waves of its own, and go on.

    What was changed and not judged yet still soaks and needs its evidence before anything else is changed.
    """
    from controller.cli import rollout_run

    _needs_why(why)
    built, _, found = _opened(name)
    sys.exit(rollout_run.retry(built, found, why, rollout_run.Said(yes, typed, detach)))


def with_options(policy: "Policy", asked: dict[str, Any]) -> "Policy":
    """A policy with what was said of it."""
    from controller.rollouts.seam import Asked

    names = {"number": "stop_number", "percent": "stop_percent", "soak": "soak_s", "parallel": "parallel"}
    changes = {field: asked[name] for name, field in names.items() if asked[name] is not None}
    without = policy.without | {Asked(each) for each in asked["without"]}
    return replace(policy, without=frozenset(without), **changes)


def _stop(name: str, why: str, to: "Phase", phases: Sequence["Phase"]) -> None:
    from controller.errors import RolloutError

    _needs_why(why)
    _, store, found = _opened(name)
    if found.phase not in phases:
        raise RolloutError(f"rollout {found.name} is {found.phase.value}; see plaza rollout status")
    _moved(store.turn(found, to, why))
    click.echo(f"{found.name}: {to.value}; what is under way is finished", err=True)


def _moved(moved: bool) -> None:
    from controller.errors import StoreBusy

    if not moved:
        raise StoreBusy("the rollout went on meanwhile; look at plaza rollout status and try again")


def _needs_why(why: str) -> None:
    if not why.strip():
        raise click.UsageError("say why: --why TEXT")


def _opened(name: str) -> "tuple[App, Store, Rollout]":
    from controller import app, settings
    from controller import rollout as one_device
    from controller.rollouts.store import Store

    built = app.build(settings.load())
    store = Store(one_device.works_of(built).journal)
    return built, store, store.find(name)
