"""Ubiquiti airOS: system.cfg applied from memory under a dead-man guard, written to flash when confirmed."""

from typing import Final

from drivers.change import Change
from drivers.configurers.airos import cfg, names, slots, trial
from drivers.configurers.seam import Running, Safety, Talk, Traits, Trial, Wish
from drivers.errors import UnexpectedReply
from drivers.facts import Facts

TRAITS: Final = Traits(
    safety=Safety.A,
    verified=False,
    dangerous=("radio.*", "wireless.*", "aaa.*", "sshd.*"),
    reload_s=30.0,
    cannot=frozenset({"owe", "wpa3", "vlan", "rate", "schedule", "captive", "snmp_users", "management_vlan"}),
)


class AirOs:
    """The configurer of airOS; the clock's zone stays as the device has it."""

    platform = "ubiquiti_airos"
    traits = TRAITS

    def read(self, talk: Talk) -> Running:
        """Its /tmp/system.cfg."""
        return trial.read(talk)

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """The keys to be set and taken out."""
        login, text = trial.split(running)
        return cfg.diff(device, text, names.wanted(wish, _parsed(device, text), login))

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """The keys that make what is ours as it was, without revoked ones of its SSH server."""
        login, text = trial.split(running)
        gone = slots.refused(device, login, revoked)
        now, before = (_parsed(device, one) for one in (text, trial.split(earlier)[1]))
        return cfg.diff(device, text, names.as_before(now, before, login, gone))

    def facts(self, talk: Talk) -> Facts:
        """Of board.info and its version; what somebody changed in system.cfg and did not put to work."""
        return trial.facts(talk)

    def redacted(self, running: Running) -> str:
        """The file without the values of secret keys."""
        return cfg.redacted(trial.split(running)[1])

    def preview(self, talk: Talk, change: Change) -> str:
        """What its own diff says, secrets hidden; not every airOS has one."""
        return trial.preview(talk, change)

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Stage, save what is there, start the guard."""
        trial.arm(talk, change, fingerprint, token, revert_s)

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Put what was staged in place and restart softly."""
        trial.apply(talk, token)

    def status(self, talk: Talk, token: str) -> Trial:
        """What its files say of the trial."""
        return trial.status(talk, token)

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """Where its radio does not follow what its file says: some firmware only does after a reboot."""
        return names.off_air(wish, trial.on_air(talk))

    def confirm(self, talk: Talk, token: str) -> None:
        """Write to flash."""
        trial.confirm(talk, token)

    def revert(self, talk: Talk, token: str) -> None:
        """Put the saved configuration back at once."""
        trial.revert(talk, token)


def _parsed(device: str, text: str) -> cfg.Values:
    """Raises UnexpectedReply."""
    try:
        return cfg.parse(text)
    except cfg.NotCfg as error:
        raise UnexpectedReply(device, f"its system.cfg cannot be read: {error}") from error
