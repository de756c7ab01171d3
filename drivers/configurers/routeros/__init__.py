"""MikroTik RouterOS: a scheduler that loads a backup first, safe mode second.

Before a change the device saves a backup of itself and gets two scheduler entries that load it: one counts
down, one runs at startup, because every change is kept at once and power lost inside the window would keep
it. Safe mode, beside them, undoes what a lost session did while it was sending.

Shown only against the simulator, never on hardware: that loading the backup restores an export octet for
octet and takes the entries away; that an entry with an `interval` first runs one interval after it was added,
and keeps counting when NTP steps the clock; that a startup entry runs before anybody could need it; that safe
mode undoes a cut session, forgets itself after 100 actions and asks who finds it taken; that a job of
`:execute` outlives its login; that a key's owner is the comment it came with; all property names and
defaults of menus.py and radios.py.

Known gaps, after MikroTik's manual: some devices write files to their flash up to 40 seconds late, so power
lost that soon after arming may find no backup; certificates are no part of a backup; in a device-mode without
`scheduler` nothing would revert, so such a device is never changed. A trial that was reverted leaves its
backup, secrets and all, on the flash until the next change.
"""

from typing import Final

from drivers.change import Change
from drivers.configurers.routeros import arming, console, diff, management, reading, state, trial, wanted
from drivers.configurers.routeros.language import quote
from drivers.configurers.seam import Running, Safety, Talk, Traits, Trial, Wish
from drivers.facts import Facts
from drivers.render import refuse

TRAITS: Final = Traits(
    safety=Safety.B,
    verified=False,
    dangerous=("interface.vlan.*", "user.ssh-keys*"),
    chunk_octets=console.STYLE.chunk_octets,
    timer_most_s=86_400,
    reload_s=30.0,  # one line goes after the other, each waiting for its prompt
    reboot_s=180.0,
    revert_reboots=True,
    # `/interface wifi` limits no client; a schedule needs a clock, and after a power cut these have none.
    cannot=frozenset({"rate", "schedule"}),
    user_suffix=console.USER_SUFFIX,
)


class RouterOs:
    """The configurer of MikroTik RouterOS 6 and 7."""

    platform = "mikrotik_routeros"
    traits = TRAITS

    def read(self, talk: Talk) -> Running:
        """What `/export` prints, secrets too."""
        return reading.read(talk)

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """The console lines from running to wished."""
        known = state.decompose(device, running)
        try:
            return diff.diff(device, known.items, wanted.things(wish, known))
        except ValueError as error:
            secrets = (wish.passphrases, wish.portal_secrets)
            refuse(wish.intent, secrets, quote, error)

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """The console lines that make what is ours as it was, without revoked keys."""
        known, before = (state.decompose(device, one) for one in (running, earlier))
        ours = management.with_keys_in_force(device, known, diff.ours(known.items, before.items), revoked)
        return diff.diff(device, known.items, tuple(ours))

    def facts(self, talk: Talk) -> Facts:
        """Of `/system resource` and `/system routerboard`."""
        return reading.facts(talk)

    def redacted(self, running: Running) -> str:
        """The export without the values of secret properties, communities and scripts."""
        return state.redacted(running)

    def preview(self, talk: Talk, change: Change) -> str:
        """`import … dry-run` needs a file on the device, so nothing is asked."""
        return ""

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Save a backup, start the timers that load it."""
        arming.arm(talk, fingerprint, token, revert_s)

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Send the lines in safe mode, what is dangerous last and as a job."""
        trial.apply(talk, change, self.traits.dangerous, token)

    def status(self, talk: Talk, token: str) -> Trial:
        """What its entries, our note and its backup say of the trial."""
        return trial.status(talk, token)

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """Which WiFi interfaces of ours the device calls inactive; the older system cannot tell."""
        return reading.on_air(talk) if wish.intent.radios else ""

    def confirm(self, talk: Talk, token: str) -> None:
        """Note that it stays; take timers and backup away."""
        trial.confirm(talk, token)

    def revert(self, talk: Talk, token: str) -> None:
        """Load the backup now; the device reboots."""
        trial.revert(talk, token)
