"""The acts of a change at a Cisco device under its own Rollback Confirmed Change, over one terminal.

The device keeps the archive of what it ran and a timer; the token is a line of the change itself, so that it
goes when the change goes. `plaza_armed` is written just before and stays: armed without trial was reverted.
That the timer outlives the configuration session that set it is how NAPALM uses it too.

Lines that a slow link delivers when the timer has ended must do nothing. So a change is typed in portions,
and each enters the configuration through an alias that exists only in the trial: without it the portion
meets a command line that knows none of its words.
"""

import base64
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from drivers.change import Change, Line
from drivers.configurers import told
from drivers.configurers.cisco_ios.common import ARMED, DOOR, LOGIN, MEMORY_OF_USER, TRIAL, UNSURE, hash_of
from drivers.configurers.cisco_ios.config import Entry, masked, parse, values
from drivers.configurers.seam import Phase, Talk, Trial
from drivers.errors import ConfigRejected, DriverError, UnexpectedReply, VerifyFailed
from drivers.model import Secret
from drivers.terminal import Answer, Style, Terminal

STYLE: Final = Style(
    prompt=re.compile(r"[A-Za-z][\w.-]{0,62}(?:\([\w.-]+\))?[#>]"),
    refusal=re.compile(
        r"^\s*(?:%(?! ?(?:No Rollback Confirmed Change pending|Warning|Generating|Note|\w+-\d-\w+:))"
        r"|Command rejected|ERROR\b|Error:)"
    ),
    opening=("terminal length 0", "terminal width 511"),
    pager=re.compile("--More--"),
    question=re.compile(r".*(?:\[confirm\]|\[(?:yes/no|y/n|no)\]|\]\?)[: ]*", re.IGNORECASE),
)
_TIMER: Final = "show archive config rollback timer"
_NO_TIMER: Final = "No Rollback Confirmed Change pending"
_CONFIGURE: Final = "configure terminal"
_PORTION: Final = 1000  # octets after which the next section begins another one
_BACKUP: Final = ("archive", "path flash:plaza-rollback", "maximum 3", "exit")
_VOLATILE: Final = re.compile(
    r"alias exec plaza_|archive$|archive / (?:path flash:plaza-rollback|maximum 3)$"
    r"|ntp clock-period |crypto pki (?:certificate chain |trustpoint TP-self-signed-)"
)
"""IOS corrects its clock, and makes a certificate for itself, without a word (unverified on hardware)."""


def running_text(talk: Talk) -> str:
    """The running configuration, under a comment that says as whom we are logged in."""
    said = _configuration(talk, "show running-config")
    key = talk.session.public_key
    login = f"{talk.session.user} {hash_of(base64.b64decode(key))}" if key else talk.session.user
    return f"{LOGIN}{login}\n{said}"


def unsaved(talk: Talk) -> str:
    """The sections and first words of lines that somebody typed and did not save; "" inside of a trial."""
    running, saved = (
        parse(_configuration(talk, f"show {which}")) for which in ("running-config", "startup-config")
    )
    ours, kept = (values(one, (), rf"alias exec {TRIAL} (\S+)") for one in (running, saved))
    if ours != kept:
        return ""
    timer = shown(talk, _TIMER)
    waits = ("a change that waits there to be confirmed",) if timer and _NO_TIMER not in timer else ()
    found = (
        " / ".join((*map(masked, one.path), _first_word(one.line))) for one in _differing(running, saved)
    )
    return told.names((*waits, *found))


def arm(talk: Talk, running: Sequence[Entry], change: Change, token: str, minutes: int) -> None:
    """Start the device's timer, and mark the trial as ours. Raises ConfigRejected; then nothing is armed."""
    if _pending(talk):
        raise ConfigRejected(
            talk.device,
            "another change waits there to be confirmed",
            "wait until it reverted, then try again",
        )
    _refuse_unsaved(talk, running)
    before = () if values(running, ("archive",), "(path .+)") else _BACKUP
    old = (f"no alias exec {name}" for name in values(running, (), rf"alias exec ({DOOR}\S+) .+"))
    unsure = (f"{MEMORY_OF_USER}{user} {UNSURE}" for user in _snmp_users(change))
    _configure(talk, [*before, *old, *unsure, f"alias exec {ARMED} {token}"])
    timed = f"{_CONFIGURE} revert timer {minutes}"
    ours = [f"alias exec {_door(token)} {_CONFIGURE}", f"alias exec {TRIAL} {token}"]
    answers = _send(talk, [timed, *ours, "end"])
    known = status(talk, token)
    if known.phase is not Phase.OPEN or known.token != token:
        why = next((answer.refused for answer in answers if answer.refused), "it says nothing of it")
        raise ConfigRejected(
            talk.device,
            f"its revert timer did not start: {why}",
            "look at `show archive` and at its free flash; nothing was changed",
        )


def apply(talk: Talk, change: Change, token: str) -> None:
    """Send the lines while the timer runs, each portion within the time of an act.

    Raises ConfigRejected naming the refused line.
    """
    known = status(talk, token)
    if known.phase is not Phase.OPEN or known.token != token:
        raise VerifyFailed(talk.device, "it ended the trial before the change was made")
    for portion in portions(change.lines, token):
        answers = _terminal(talk).send(portion, talk.timeout_s)
        if answers[0].refused:
            raise VerifyFailed(talk.device, "its timer ended before the whole change was made")
        bad = next((answer for answer in answers if answer.refused), None)
        if bad is not None:
            _leave(talk, len(answers) < len(portion))
            why = f"it refused `{bad.line.shown}`: {bad.refused}"
            raise ConfigRejected(talk.device, why, "its timer puts back what was there")


def portions(lines: Sequence[Line], token: str) -> Iterator[tuple[Line, ...]]:
    """The lines of a change in whole sections, each portion through the door of its trial."""
    door, end = _line(_door(token)), _line("end")
    portion: list[Line] = []
    for place, line in enumerate(lines):
        portion.append(line)
        leaves = line.shown == "exit" and (place + 1 == len(lines) or lines[place + 1].shown != "exit")
        if leaves and sum(len(one.command.reveal()) for one in portion) > _PORTION:
            yield door, *portion, end
            portion = []
    if portion:
        yield door, *portion, end


def status(talk: Talk, token: str) -> Trial:
    """From the timer, and the tokens in what runs and what is saved."""
    pending = _pending(talk)
    running = _tokens(talk, "running-config")
    ours = running.get(TRIAL, "")
    if pending:
        return Trial(Phase.OPEN, ours if _door(ours) in running else "", True, "")
    if ours != token:
        ending = "reverted" if running.get(ARMED) == token else ""
        return Trial(Phase.NONE, "", True, ending)
    if _tokens(talk, "startup-config").get(TRIAL) == token:
        return Trial(Phase.NONE, token, True, "confirmed")
    return Trial(Phase.CONFIRMING, token, True, "")


def confirm(talk: Talk, token: str) -> None:
    """Stop the timer and save. Raises VerifyFailed when it already reverted, UnexpectedReply when it cannot
    save; then what runs is the new configuration, and the old one comes back with the next power cut."""
    known = status(talk, token)
    if known.ending == "confirmed":
        return
    if known.phase is Phase.NONE or known.token != token:
        raise VerifyFailed(talk.device, "it has no open trial of ours: its own timer ended it")
    if known.phase is Phase.OPEN and _NO_TIMER in _said(talk, "configure confirm"):
        raise VerifyFailed(talk.device, "its timer was quicker than the confirmation")
    _send(talk, [_CONFIGURE, f"no alias exec {_door(token)}", "end"])  # refused when it is gone already
    said = _said(talk, "write memory")
    if "[OK]" not in said:
        raise UnexpectedReply(
            talk.device, "it runs the new configuration and cannot save it", said, "make room on its flash"
        )


def revert(talk: Talk, token: str) -> None:
    """Roll back now. Raises VerifyFailed when the device does not."""
    known = status(talk, token)
    if known.phase is not Phase.OPEN or known.token != token:
        return
    said = _said(talk, "configure revert now")
    if _pending(talk) or _tokens(talk, "running-config").get(TRIAL) == token:
        raise VerifyFailed(talk.device, f"it did not roll back: {masked_all(said)[-200:]}")


def _door(token: str) -> str:
    return DOOR + token[:12]


def _leave(talk: Talk, inside: bool) -> None:
    """Out of the configuration after a refusal; its timer reverts in any case."""
    with suppress(DriverError):
        if inside:
            _send(talk, ["end"])


def shown(talk: Talk, command: str) -> str:
    """The output of a show command, or nothing where the device does not know it."""
    return "" if (answer := _send(talk, [command])[0]).refused else answer.said


def masked_all(text: str) -> str:
    """A text without keys."""
    return "\n".join(masked(line) for line in text.split("\n"))


def _configuration(talk: Talk, command: str) -> str:
    """A configuration as a command prints it. Raises UnexpectedReply when it does not come to the end."""
    try:
        said = _terminal(talk).ask(command, talk.timeout_s)
    except UnexpectedReply as error:
        if not _is_whole(error.raw):
            raise
        said = error.raw  # a banner may hold what looks like a refusal
    if not _is_whole(said):
        raise UnexpectedReply(talk.device, "it did not print its configuration to the end", masked_all(said))
    return said


def _refuse_unsaved(talk: Talk, running: Sequence[Entry]) -> None:
    """Saving at the end would save what somebody else is only trying out. Raises ConfigRejected."""
    foreign = next(_differing(running, parse(_configuration(talk, "show startup-config"))), None)
    if foreign is not None:
        what = f"it has unsaved changes of somebody else: `{masked(foreign.line)}`"
        raise ConfigRejected(talk.device, what, "save or undo them there: `write memory` saves them")


def _differing(running: Sequence[Entry], saved: Sequence[Entry]) -> Iterator[Entry]:
    """The lines that only one of the two configurations has, and that somebody typed."""
    both = set(running) ^ set(saved)
    return (one for one in (*running, *saved) if one in both and not _changes_by_itself(one))


def _changes_by_itself(entry: Entry) -> bool:
    """What differs between running and saved though nobody typed it; and what we keep there for a trial."""
    return _VOLATILE.match(" / ".join((*entry.path, entry.line))) is not None


def _first_word(line: str) -> str:
    words = line.split()
    return " ".join(words[: 2 if words[0] == "no" else 1])


def _snmp_users(change: Change) -> Iterator[str]:
    """The SNMPv3 users that a change sets or removes."""
    for line in change.lines:
        found = re.match(r"(?:no )?snmp-server user (\S+) ", line.shown)
        if found:
            yield found[1]


def _is_whole(said: str) -> bool:
    return said.rstrip().rpartition("\n")[2].strip() == "end"


def _pending(talk: Talk) -> bool:
    """Whether a timer runs. Raises ConfigRejected for a device that has none."""
    answer = _send(talk, [_TIMER])[0]
    if answer.refused:
        raise ConfigRejected(
            talk.device,
            f"it has no revert timer: {answer.refused}",
            "Plaza changes Cisco only under `configure terminal revert timer` (12.4(20)T and later)",
        )
    return _NO_TIMER not in answer.said


def _tokens(talk: Talk, configuration: str) -> dict[str, str]:
    said = _said(talk, f"show {configuration} | include ^alias exec plaza_")
    found = (line.split() for line in said.split("\n"))
    return {words[2]: words[3] for words in found if len(words) > 3}


def _configure(talk: Talk, commands: Sequence[str]) -> None:
    """Lines that are no part of a change. Raises ConfigRejected."""
    answers = _send(talk, [_CONFIGURE, *commands, "end"])
    bad = next((answer for answer in answers if answer.refused), None)
    if bad is not None:
        why = f"it refused `{bad.line.shown}`: {bad.refused}"
        raise ConfigRejected(talk.device, why, "it needs an `archive` with a `path` to revert by itself")


def _said(talk: Talk, command: str) -> str:
    return _send(talk, [command])[0].said


def _send(talk: Talk, commands: Sequence[str]) -> tuple[Answer, ...]:
    return _terminal(talk).send([_line(command) for command in commands], talk.timeout_s)


def _line(command: str) -> Line:
    return Line(Secret(command), command, command)


def _terminal(talk: Talk) -> Terminal:
    return talk.session.console(STYLE, talk.timeout_s)
