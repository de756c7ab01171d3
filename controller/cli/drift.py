"""`plaza drift`: which devices are no longer what they were, and whose work that is."""

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from controller.cli.apply import REVERT_AFTER, TYPED, YES, Consent, carry_out, counted

if TYPE_CHECKING:
    from controller.app import App
    from controller.drift import Finding
    from drivers.model import Device


@click.command()
@click.argument("selector", default="all")
@click.option("--now", "look_now", is_flag=True, help="Read the devices now, instead of what was found last.")
@click.option("--diff", "how", flag_value="diff", help="Show the differences, too, without secrets.")
@click.option("--json", "how", flag_value="json", help="Print all of them as a JSON list, with differences.")
@click.option(
    "--fix", "then", flag_value="fix", help="Make what is ours as wished again; asks as `plaza apply` does."
)
@click.option("--accept", "then", flag_value="accept", help="What others changed there is known from now on.")
@YES
@TYPED
@REVERT_AFTER
def drift(selector: str, look_now: bool, how: str | None, then: str | None, **consent: Any) -> None:
    """Show which devices of SELECTOR somebody changed: `owned` what is ours, `foreign` what is not.

    Exit code 0: none; 3: some; 2: some could not be read, or nobody looked yet.
    """
    from controller import app, settings
    from controller import intent as wanting
    from controller.selector import select

    built = app.build(settings.load())
    devices = [one for one in select(built.inventory, selector) if not wanting.why_not(one)]
    found = _looked(built, devices) if look_now else _last(built, devices)
    if then == "accept":
        _accept(built, devices, found)
    if then == "fix":
        given = Consent(consent["yes"], consent["typed"])
        _fix(built, devices, found, given, consent["revert_s"])
    if then:
        found = _last(built, devices)
    if how == "json":
        click.echo(
            json.dumps([_as_json(one, found.get(one.name)) for one in devices], indent=2, ensure_ascii=False)
        )
    else:
        _show(devices, found, with_text=how == "diff")
    sys.exit(_code(devices, found))


def _last(built: "App", devices: "Sequence[Device]") -> "dict[str, Finding]":
    from controller import drift as sweep

    return sweep.findings(built.engine, devices)


def _looked(built: "App", devices: "Sequence[Device]") -> "dict[str, Finding]":
    """Read them now, some at a time, with progress on a terminal."""
    from rich.console import Console
    from rich.progress import track

    from controller import rollout
    from controller.drift import Sweep, entering
    from controller.sweeper import BATCH

    works = rollout.works_of(built)
    sweep = Sweep(works, entering(works.access))
    console = Console(stderr=True)
    starts = range(0, len(devices), BATCH)
    hidden = not console.is_terminal
    for start in track(starts, "reading devices", console=console, transient=True, disable=hidden):
        batch = devices[start : start + BATCH]
        judged = {one.device for one in sweep.look(batch)}
        for one in batch:
            if one.name not in judged:
                click.echo(f"{one.name}: a change of ours is under way there; not judged", err=True)
    return _last(built, devices)


def _accept(built: "App", devices: "Sequence[Device]", found: "dict[str, Finding]") -> None:
    from controller import drift as sweep
    from controller import rollout
    from controller.drift import State

    works = rollout.works_of(built)
    for device in devices:
        one = found.get(device.name)
        if one is not None and one.state is State.FOREIGN:
            number = sweep.accept(works, device, one)
            click.echo(f"{device.name}: version {number} is known from now on")
        elif one is not None and one.state in {State.OWNED, State.BOTH}:
            click.echo(
                f"{device.name}: not accepted: what is ours differs, too; put that right first", err=True
            )


def _fix(
    built: "App",
    devices: "Sequence[Device]",
    found: "dict[str, Finding]",
    consent: Consent,
    revert_s: int | None,
) -> None:
    """As `plaza apply`, and then look again at what was touched."""
    from controller.cli.diff import plan
    from controller.drift import State

    drifted = [
        one for one in devices if one.name in found and found[one.name].state in {State.OWNED, State.BOTH}
    ]
    if not drifted:
        unread = sum(one.name not in found or found[one.name].state is State.UNKNOWN for one in devices)
        unknown = f"; not read yet: {unread} of {counted(len(devices))}, add --now" if unread else ""
        click.echo(f"nothing of ours is known to have changed{unknown}", err=True)
        return
    try:
        carry_out(built, "drift", lambda resumed: plan(built, drifted, stage=True), consent, revert_s)
    finally:
        _looked(built, drifted)


def _show(devices: "Sequence[Device]", found: "dict[str, Finding]", *, with_text: bool) -> None:
    """One line for each that is not simply as it was; the sum, and how old it is, on stderr."""
    from controller.cli.diff import coloured

    now = int(time.time())
    for device in devices:
        one = found.get(device.name)
        line = _line(one, now) if one else "nobody looked yet: add --now"
        if line:
            click.echo(f"{device.name}: {line}")
        if one and with_text and one.text:
            click.echo(coloured(one.text), nl=False)
    click.echo(_sum(devices, found, now), err=True)


def _line(one: "Finding", now: int) -> str:
    from controller.drift import State, shown

    age = f"looked at {_ago(now - one.checked_at)} ago"
    since = f"since {shown(one.since)}"
    lines = f"{one.owned} line" if one.owned == 1 else f"{one.owned} lines"
    match one.state:
        case State.SAME:
            return f"as known, and {lines} not as wished: {one.detail}; {age}" if one.owned else ""
        case State.UNKNOWN:
            return f"not read {since}: {one.detail}; {age}"
        case State.FOREIGN:
            said = "foreign drift"
        case State.OWNED | State.BOTH:
            said = "owned drift" if one.state is State.OWNED else "owned and foreign drift"
            said += f", {lines} not as wished"
    return f"{said}, {since}: {one.detail}; {age}"


def _sum(devices: "Sequence[Device]", found: "dict[str, Finding]", now: int) -> str:
    from controller.drift import DRIFTED, State

    if not devices:
        return "none of these is configured by Plaza, so there is nothing to compare: plaza platform safety"
    known = [found[one.name] for one in devices if one.name in found]
    drifted = sum(one.state in DRIFTED for one in known)
    same = sum(one.state is State.SAME for one in known)
    left = len(devices) - same - drifted
    said = f"{counted(len(devices))}: {same} as known, {drifted} drifted, {left} not read"
    if not known:
        return said
    times = sorted(one.checked_at for one in known)
    ages = dict.fromkeys(_ago(now - at) for at in (times[-1], times[0]))
    return f"{said}; looked at {' to '.join(ages)} ago"


def _ago(seconds: int) -> str:
    for unit, many in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= many:
            return f"{seconds // many} {unit}"
    return f"{max(0, seconds)} s"


def _as_json(device: "Device", one: "Finding | None") -> dict[str, Any]:
    if one is None:
        return {"device": device.name, "state": "unknown", "detail": "nobody looked yet"}
    return {
        "device": one.device,
        "state": one.state.value,
        "owned": one.owned,
        "detail": one.detail,
        "since": one.since,
        "checked_at": one.checked_at,
        "text": one.text,
    }


def _code(devices: "Sequence[Device]", found: "dict[str, Finding]") -> int:
    from controller.drift import DRIFTED, State

    states = {found[one.name].state if one.name in found else State.UNKNOWN for one in devices}
    if State.UNKNOWN in states:
        return 2
    return 3 if states & DRIFTED else 0
