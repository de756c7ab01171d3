"""Cambium cnPilot: `apply` without `save`, with no timer; a reboot brings back what was saved."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from drivers.change import Change
from drivers.configurers import section_change, sections, unarmed
from drivers.configurers.cnpilot.board import STYLE, CnPilotBoard, hidden
from drivers.configurers.cnpilot.wanted import (
    GRAMMAR,
    NOTE,
    Hidden,
    check_free,
    digest,
    grammar,
    numbers,
    secrets,
    wanted,
)
from drivers.configurers.seam import Running, Safety, Talk, Traits, Trial, Wish
from drivers.configurers.sections import Settings, Words
from drivers.facts import Facts

TRAITS: Final = Traits(
    safety=Safety.D,
    verified=False,
    dangerous=("country-code",),
    chunk_octets=STYLE.chunk_octets,
    revert_reboots=True,
    reboot_s=240.0,
    cannot=frozenset({"schedule", "management_vlan", "ssh_keys"}),
)
_BOARD: Final = CnPilotBoard()
_ENCRYPTED: Final = re.compile(r"\$crypt\$.*|\*+")
_reboot: Final = unarmed.reboot("reboot")


class CnPilot:
    """The configurer of Cambium cnPilot."""

    platform = "cambium_cnpilot"
    traits = TRAITS

    def read(self, talk: Talk) -> Running:
        """What `show config` prints."""
        return unarmed.read(talk, _BOARD)

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """The commands from running to wished; all secrets again when one of them changed."""
        now, found = _settings(running), wanted(wish)
        _check_free(device, found, running, now)
        marker = _BOARD.marker(running.text.reveal())
        hidden_ones = tuple(secrets(found))
        noted = marker is not None and marker.note[2:] == digest(device, [one for *_, one in hidden_ones])
        same = not hidden_ones or (noted and _believable(now, hidden_ones))
        after = section_change.merged(GRAMMAR, now, found)
        return section_change.change(GRAMMAR, device, *_told_apart(now, after, hidden_ones, same=same))

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """The commands that make what is ours as it was."""
        now, then = _settings(running), _settings(earlier)
        _check_free(device, then, running, now)
        return section_change.change(GRAMMAR, device, now, section_change.restored(GRAMMAR, now, then))

    def facts(self, talk: Talk) -> Facts:
        """Of `show version`, as far as it is understood; nothing tells what others typed or left unsaved."""
        return _BOARD.facts(talk, talk.session.console(STYLE, talk.timeout_s))

    def redacted(self, running: Running) -> str:
        """Its text without passphrases and keys, encrypted or not."""
        return hidden(running.text.reveal())

    def preview(self, talk: Talk, change: Change) -> str:
        """It computes no difference."""
        return ""

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Check that it is as planned for and that no change is open."""
        unarmed.arm(talk, _BOARD, fingerprint)

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Type it between two markers, then `apply`."""
        unarmed.apply(talk, _BOARD, change, token)

    def status(self, talk: Talk, token: str) -> Trial:
        """What its marker says."""
        return unarmed.status(talk, _BOARD, token)

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """It is not asked what is on the air: no document says how it answers."""
        return ""

    def confirm(self, talk: Talk, token: str) -> None:
        """`save`, with the marker telling before and after."""
        unarmed.confirm(talk, _BOARD, token)

    def revert(self, talk: Talk, token: str) -> None:
        """`reboot`, which forgets what was not saved."""
        unarmed.revert(talk, _BOARD, token, _reboot)


def _settings(running: Running) -> Settings:
    """What is ours, without the notebook: of the WLANs those that the marker tells."""
    text = running.text.reveal()
    marker = _BOARD.marker(text)
    ours = grammar(numbers(marker.note) if marker else frozenset())
    return sections.settings(ours, sections.parse(_BOARD.fixed(text), GRAMMAR))


def _check_free(device: str, needed: Settings, running: Running, now: Settings) -> None:
    """Raises ConfigRejected for a network of somebody's where one of ours or the marker is to be."""
    text = running.text.reveal()
    found = sections.parse(text, GRAMMAR)
    mine = {*now, NOTE} if _BOARD.marker(text) else {*now}
    check_free(device, (*needed, NOTE), found, mine)


def _believable(now: Settings, hidden_ones: Sequence[Hidden]) -> bool:
    """Whether each secret is shown as it should be, or encrypted."""
    shown = {(head, key, place): value for head, key, place, value in secrets(now)}
    found = ((shown.get((head, key, place), ""), value) for head, key, place, value in hidden_ones)
    return all(one == value or _ENCRYPTED.fullmatch(one) for one, value in found)


def _told_apart(
    now: Settings, after: Settings, hidden_ones: Sequence[Hidden], *, same: bool
) -> tuple[Settings, Settings]:
    """Both sides, so that lines with secrets differ exactly when the secrets do: all are sent, or none."""
    places = [(head, key) for head, key, _, _ in hidden_ones]
    if same:
        return now, _with(after, {(head, key): now[head][key] for head, key in places})
    return _with(now, dict.fromkeys(places, ())), after


def _with(found: Settings, given: Mapping[tuple[Words, Words], tuple[Words, ...]]) -> Settings:
    """Settings with other lines at some places; without lines the place is not there."""
    return {
        head: {key: lines for key, old in section.items() if (lines := given.get((head, key), old))}
        for head, section in found.items()
    }
