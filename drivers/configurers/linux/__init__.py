"""Linux with a POSIX shell: whole files of ours and marked blocks, under a dead-man guard of our own."""

from collections.abc import Iterator
from typing import Final

from drivers.change import Change
from drivers.configurers import keys
from drivers.configurers.linux import diff, owned, trial, wishes
from drivers.configurers.linux.state import Entry, File, Link, State
from drivers.configurers.seam import Running, Safety, Talk, Traits, Trial, Wish
from drivers.facts import Facts

TRAITS: Final = Traits(
    safety=Safety.A,
    verified=False,
    dangerous=("/etc/systemd/network/*", "*/authorized_keys"),
    cannot=frozenset({"rate", "schedule"}),
)

_AT_WORK: Final = frozenset({"plaza-hostapd", "rsyslog", "snmpd", "chrony", "systemd-timesyncd", "chilli"})
"""The services whose running systemd can confirm."""


class Linux:
    """The configurer of Linux devices of any distribution."""

    platform = "linux"
    traits = TRAITS

    def read(self, talk: Talk) -> Running:
        """The files of ours as they are, and what the device has."""
        return trial.read(talk)

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """The files to be written, linked and removed."""
        state = trial.parsed(device, running)
        return diff.diff(device, state.entries, wishes.wanted(wish, state))

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """The files that make what is ours as it was; of files of others only our block, and revoked keys."""
        state, before = (trial.parsed(device, one) for one in (running, earlier))
        gone = wishes.refused(device, state, revoked)
        return diff.diff(device, state.entries, dict(_as_before(state, before, gone)))

    def facts(self, talk: Talk) -> Facts:
        """Of os-release, the device tree or the firmware of a PC, and the room on /."""
        return trial.facts(talk)

    def redacted(self, running: Running) -> str:
        """Each file without the lines that hold secrets."""
        return diff.shown(trial.parsed("history", running).entries)

    def preview(self, talk: Talk, change: Change) -> str:
        """What its own diff says, secrets hidden."""
        return trial.preview(talk, change)

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Stage, save what is there, start the guard."""
        trial.arm(talk, change, fingerprint, token, revert_s)

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Put what was staged in place and reload what reads it."""
        trial.apply(talk, token)

    def status(self, talk: Talk, token: str) -> Trial:
        """What its files say of the trial."""
        return trial.status(talk, token)

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """Which services that read files of ours systemd does not report as running."""
        wanted = wishes.wanted(wish, trial.parsed(talk.device, self.read(talk)))
        there = (path for path, entry in wanted.items() if entry is not None)
        down = trial.down(talk, [one for one in owned.services(there) if one in _AT_WORK])
        return f"{', '.join(down)} does not run" if down else ""

    def confirm(self, talk: Talk, token: str) -> None:
        """Forget the saved files."""
        trial.confirm(talk, token)

    def revert(self, talk: Talk, token: str) -> None:
        """Put the saved files back at once."""
        trial.revert(talk, token)


def _as_before(state: State, before: State, gone: frozenset[bytes]) -> Iterator[tuple[str, Entry]]:
    for path in state.entries:
        if path == state.keys:
            yield path, _keys_as_before(state, before, gone)
        elif path == owned.CHILLI_LOCAL:
            yield path, _with_block(state, path, state.content(path), owned.block(before.content(path)))
        elif path in before.entries:
            yield path, before.entries[path]
        elif path.endswith(owned.UPLINK_DROP_IN):
            yield path, None


def _keys_as_before(state: State, before: State, gone: frozenset[bytes]) -> Entry:
    content = keys.stripped(state.content(state.keys), gone)
    inside = keys.stripped(owned.block(before.content(state.keys)), gone)
    return _with_block(state, state.keys, content, inside + wishes.kept_login(state, inside))


def _with_block(state: State, path: str, content: str, inside: str) -> Entry:
    """A link is left alone, and nothing is made a file only to be empty."""
    now = state.entries[path]
    if isinstance(now, Link) or (now is None and not inside):
        return now
    return File(owned.with_block(content, inside))
