"""OpenWrt: UCI, staged and committed there, under a dead-man guard of our own."""

from typing import Final

from drivers.change import Change
from drivers.configurers import keys
from drivers.configurers.openwrt import diff, revoking, trial, uci
from drivers.configurers.openwrt.dialect import OPENWRT, Dialect
from drivers.configurers.openwrt.names import UPLINK, as_slept, marked
from drivers.configurers.openwrt.rendering import rendered
from drivers.configurers.seam import Running, Safety, Talk, Traits, Trial, Wish
from drivers.errors import UnexpectedReply
from drivers.facts import Facts

TRAITS: Final = Traits(
    safety=Safety.A,
    verified=False,
    dangerous=(
        *("network.*", "dropbear.*", "firewall.*", "files.authorized_keys*", f"{UPLINK}.*"),
        *(
            "opennds.*",
            "uspot.*",
            "chilli.*",
        ),  # what stands between guests and the internet may stand before us
    ),
    reload_s=20.0,
    cannot=frozenset({"rate"}),  # neither UCI nor hostapd knows a limit for one client
)


class OpenWrt:
    """The configurer of OpenWrt."""

    platform = "openwrt"
    traits = TRAITS
    dialect: Dialect = OPENWRT

    def read(self, talk: Talk) -> Running:
        """What `uci export` prints of our packages."""
        return trial.read(talk, self.dialect)

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """The uci commands from running to wished."""
        config, gone = _parsed(device, running), wish.intent.manage.revoked_keys
        wanted = revoking.left(config, rendered(self.dialect, wish, config), keys.revoked(device, gone))
        return marked(diff.diff(self.dialect, device, config, wanted), config)

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """The uci commands that make what is ours as it was, without revoked keys.

        The key that we are logged in with stays among ours if it is there: nobody may lock Plaza out.
        """
        config, before = (_parsed(device, one) for one in (running, earlier))
        back = self.dialect.restoring()
        wished = as_slept(diff.ours(back, config, before), config, before)
        wished = revoking.with_login(config, wished, running.login)
        wanted = revoking.left(config, wished, keys.revoked(device, revoked))
        return marked(diff.diff(back, device, config, wanted), config)

    def facts(self, talk: Talk) -> Facts:
        """Of sysinfo, openwrt_release, the room on its overlay, and what `uci changes` names."""
        return trial.facts(talk, self.dialect)

    def redacted(self, running: Running) -> str:
        """The export without the values of secret options."""
        return uci.hidden(running.text.reveal())

    def preview(self, talk: Talk, change: Change) -> str:
        """What uci says in a folder of its own that the change would stage; files are not in it."""
        return trial.preview(talk, self.dialect, change)

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Stage, save what is there, start the guard."""
        trial.arm(talk, self.dialect, change, fingerprint, token, revert_s)

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Commit what was staged and reload."""
        trial.apply(talk, self.dialect, token)

    def status(self, talk: Talk, token: str) -> Trial:
        """What its files say of the trial."""
        return trial.status(talk, self.dialect, token)

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """Which names of ours netifd does not report as up."""
        said = trial.on_air(talk, self.dialect)
        if not said:
            return ""
        wanted = rendered(self.dialect, wish, _parsed(talk.device, self.read(talk)))
        try:
            down = self.dialect.off_air(wanted, said)
        except ValueError:
            return "it does not say what is on the air"
        return f"{', '.join(map(repr, down))} is not on the air" if down else ""

    def confirm(self, talk: Talk, token: str) -> None:
        """Forget the saved configuration."""
        trial.confirm(talk, self.dialect, token)

    def revert(self, talk: Talk, token: str) -> None:
        """Put the saved configuration back at once."""
        trial.revert(talk, self.dialect, token)


def _parsed(device: str, running: Running) -> uci.Config:
    """The configuration as sections. Raises UnexpectedReply."""
    try:
        return uci.parse(running.text.reveal())
    except uci.NotUci as error:
        raise UnexpectedReply(device, f"its configuration cannot be read: {error}") from error
