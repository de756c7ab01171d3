"""The acts of a guarded change at a RouterOS device once it is armed: apply, ask, confirm, revert.

What became of a trial is told by what is left of it: its scheduler entries (open), a note with its token
(confirmed), its backup alone (reverted).
"""

import time
from contextlib import suppress
from typing import Final

from drivers.change import Change, Line
from drivers.configurers.routeros import console, entries
from drivers.configurers.routeros.language import quote
from drivers.configurers.routeros.menus import BOOT, LAST, REVERT
from drivers.configurers.routeros.reading import END, cut_short, read
from drivers.configurers.seam import Phase, Talk, Trial
from drivers.errors import ConfigRejected, Unreachable, VerifyFailed
from drivers.model import Secret

ACTIONS: Final = 90
"""More than these lines are sent without safe mode: it remembers 100 actions, and one line may be several."""

_UNDONE_S: Final = 5.0
_LOOK_S: Final = 0.2
_APPLIED: Final = "applied"
_REMEMBERED: Final = 4


def apply(talk: Talk, change: Change, patterns: tuple[str, ...], token: str) -> None:
    """Send the lines in safe mode, then those that may take this login away as a job of the device itself.

    The trial counts as applied only once all of that is done and safe mode is left.
    """
    dangerous = set(change.dangerous(patterns))
    plain = [line for line in change.lines if line.path not in dangerous]
    tail = [line for line in change.lines if line.path in dangerous]
    try:
        _send(talk, plain, change.secrets)
    except ConfigRejected:
        with suppress(Unreachable):  # then its timer reverts, and the refusal is what a person must hear of
            _disarm_if_undone(talk, token)
        raise
    # A job runs on when the login is gone (help.mikrotik.com, Scripting: execute).
    commands = [*(line.command.reveal() for line in tail), _marking(token)]
    script = quote("; ".join(commands)) if tail else ""
    console.ask(talk, f":execute script={script}" if tail else _marking(token))


def status(talk: Talk, token: str) -> Trial:
    """What the device knows of the trial `token`."""
    commands = (
        "/system scheduler export terse",
        "/system script export terse",
        f':put ("backups " . [:len [/file find name~{quote(entries.backup_of(token))}]])',
        f":put {END}",
    )
    said = console.ask(talk, "; ".join(commands)).rstrip("\n").split("\n")
    counted = next((line for line in said if line.startswith("backups ")), "")
    if said[-1] != END or not counted:
        raise cut_short(talk, "\n".join(said), "it did not say how its trial stands")
    items = entries.items(talk, "\n".join(line for line in said if line.startswith("/")))
    notes = [item.get("comment").split() for item in entries.schedulers(items)]
    confirmed = entries.confirmed(items)
    open_token = next((note[1] for note in notes if len(note) > 1), "")
    ending = ""
    if token != open_token:
        ending = "confirmed" if token in confirmed else "" if counted == "backups 0" else "reverted"
    phase = Phase.NONE if not notes else Phase.CONFIRMING if open_token in confirmed else Phase.OPEN
    return Trial(phase, open_token, any(_APPLIED in note for note in notes), ending)


def confirm(talk: Talk, token: str) -> None:
    """Note that it stays, then take the backup and the timers away; again and again is the same."""
    if status(talk, token).ending == "confirmed":
        return
    try:
        console.probe_safe_mode(talk)
    except ConfigRejected as error:  # what he loses would bring the timers back
        raise Unreachable(talk.device, error.reason, error.hint) from error
    # Only now: what a safe mode that ended just before undid, it undid together with our mark.
    known = status(talk, token)
    if known.token != token:
        raise VerifyFailed(talk.device, "it has no open trial of ours", "its own timer ended it")
    if known.phase is Phase.OPEN and not known.reloaded:
        raise VerifyFailed(talk.device, "its trial was never applied as a whole", "its own timer ends it")
    _note(talk, token)
    # The backup first: a login that is cut in between leaves timers, which tell `finish` that it is not done.
    console.do(talk, f"/file remove [find name~{quote(entries.backup_of(token))}]")
    console.do(talk, entries.disarming(token))
    if status(talk, token).ending != "confirmed":
        raise VerifyFailed(talk.device, "it ended the trial before it was confirmed")


def _note(talk: Talk, token: str) -> None:
    """Newest first; the last few, for a controller that asks late."""
    items = entries.items(talk, entries.exported(talk, "script"))
    tokens = [token, *(one for one in entries.confirmed(items) if one != token)][:_REMEMBERED]
    there = any(item.get("name") == LAST for item in items)
    verb = f"set [find name={quote(LAST)}]" if there else f'add name={quote(LAST)} source=""'
    console.do(talk, f"/system script {verb} comment={quote(' '.join(['plaza', 'confirmed', *tokens]))}")


def revert(talk: Talk, token: str) -> None:
    """Load the backup now, as the timer would: the device reboots."""
    known = status(talk, token)
    if known.token == token and known.phase is Phase.OPEN:
        name = f"[/system scheduler get [find name={quote(REVERT)}] on-event]"
        other = f"[/system scheduler get [find name={quote(BOOT)}] on-event]"
        said = console.ask(talk, f":execute script={name}")
        if "no such item" in said:  # one of the two is enough, and one may be gone
            console.ask(talk, f":execute script={other}")


def _marking(token: str) -> str:
    found = f"[find name={quote(REVERT)} comment~{quote(f'^plaza {token} ')}]"
    return f"/system scheduler set {found} comment={quote(f'plaza {token} {_APPLIED}')}"


def _send(talk: Talk, lines: list[Line], secrets: tuple[Secret, ...]) -> None:
    if not lines:
        return
    if len(lines) > ACTIONS:
        with talk.session.terminal(console.STYLE, talk.timeout_s) as terminal:
            console.send(talk, terminal, lines, secrets)
        return
    with console.safe_mode(talk) as terminal:
        console.send(talk, terminal, lines, secrets)
        console.release(talk, terminal)


def _disarm_if_undone(talk: Talk, token: str) -> None:
    """A refused line costs the site no reboot where safe mode already undid what was before it.

    The backup stays, which is how the device tells that this trial was reverted.
    """
    until = time.monotonic() + min(_UNDONE_S, talk.timeout_s)
    while True:
        notes = [
            item.get("comment").split()
            for item in entries.schedulers(entries.items(talk, entries.exported(talk)))
        ]
        if ["plaza", token, read(talk).fingerprint] in notes:
            console.do(talk, entries.disarming(token))
            return
        if time.monotonic() > until:
            return
        time.sleep(_LOOK_S)
