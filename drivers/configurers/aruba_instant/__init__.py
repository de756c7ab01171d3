"""Aruba Instant: its conductor's command line, with no timer; a reboot brings back what was saved.

The inventory's device is the conductor (virtual controller): a cluster has one configuration, and `name` is
the cluster's. Passphrases are read as they are (`no-encrypt`), so a changed one is always noticed.
"""

from typing import Final

from drivers.change import Change
from drivers.configurers import section_change, sections, unarmed
from drivers.configurers.aruba_instant.board import STYLE, InstantBoard, hidden
from drivers.configurers.aruba_instant.wanted import GRAMMAR, wanted
from drivers.configurers.seam import Running, Safety, Talk, Traits, Trial, Wish
from drivers.configurers.sections import Settings
from drivers.errors import ConfigRejected
from drivers.facts import Facts

TRAITS: Final = Traits(
    safety=Safety.D,
    verified=False,
    dangerous=("virtual-controller-country",),
    chunk_octets=STYLE.chunk_octets,
    revert_reboots=True,
    reboot_s=300.0,
    cannot=frozenset({"management_vlan", "ssh_keys"}),
)
_BOARD: Final = InstantBoard()
_reboot: Final = unarmed.reboot("reload")


class ArubaInstant:
    """The configurer of Aruba Instant."""

    platform = "aruba_instant"
    traits = TRAITS

    def read(self, talk: Talk) -> Running:
        """What `show running-config no-encrypt` prints."""
        return unarmed.read(talk, _BOARD)

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """The commands of configuration mode from running to wished."""
        now = _settings(running)
        return section_change.change(
            GRAMMAR, device, now, section_change.merged(GRAMMAR, now, wanted(wish, now))
        )

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """The commands that make what is ours as it was."""
        now = _settings(running)
        return section_change.change(
            GRAMMAR, device, now, section_change.restored(GRAMMAR, now, _settings(earlier))
        )

    def facts(self, talk: Talk) -> Facts:
        """Of `show version`, `show aps` and `show uncommitted-config`; its free flash it does not tell."""
        return _BOARD.facts(talk, talk.session.console(STYLE, talk.timeout_s))

    def redacted(self, running: Running) -> str:
        """Its text without passphrases, keys and hashes."""
        return hidden(running.text.reveal())

    def preview(self, talk: Talk, change: Change) -> str:
        """What `show uncommitted-config` says when the change is staged, which is then dropped."""
        terminal = talk.session.console(STYLE, talk.timeout_s)
        staged = _BOARD.staged_by_others(talk, terminal)
        if staged:
            what = "somebody typed changes there and did not commit them"
            raise ConfigRejected(talk.device, what, "commit or revert them there")
        return _BOARD.preview(talk, terminal, change)

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Check that it is as planned for and that nobody else's change is open."""
        unarmed.arm(talk, _BOARD, fingerprint)

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Commit without saving, the marker first; in batches where one would be too large."""
        unarmed.apply(talk, _BOARD, change, token)

    def status(self, talk: Talk, token: str) -> Trial:
        """What its marker says."""
        return unarmed.status(talk, _BOARD, token)

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """It is not asked what is on the air: no document says how it answers."""
        return ""

    def confirm(self, talk: Talk, token: str) -> None:
        """`write memory`, with the marker telling before and after."""
        unarmed.confirm(talk, _BOARD, token)

    def revert(self, talk: Talk, token: str) -> None:
        """Drop what is staged of ours; `reload` when it works unsaved."""
        unarmed.revert(talk, _BOARD, token, _reboot)


def _settings(running: Running) -> Settings:
    """What is ours, without the markers."""
    return sections.settings(GRAMMAR, sections.parse(_BOARD.fixed(running.text.reveal()), GRAMMAR))
