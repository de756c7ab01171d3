"""What the cycle of a change asks of every platform: one Protocol, and the values that cross it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from drivers.change import Change
from drivers.facts import Facts
from drivers.model import Intent, Secret, SnmpV3

if TYPE_CHECKING:
    from drivers.ssh import SshShell  # brings netmiko, which those who only look never need


class Safety(StrEnum):
    """What brings a device back that a change took away from us.

    A: a timer on the device, proved against its real software. B: a timer its vendor documents.
    C: the device undoes what a lost session did. D: nothing; one device at a time, confirmed by typing.
    """

    A = "A"
    B = "B"
    C = "C"
    D = "D"


@dataclass(frozen=True, slots=True)
class Traits:
    """What a platform promises, and what it needs.

    `verified` is true only of hardware or the vendor's own software; `dangerous` are patterns (fnmatch) of
    paths whose change may take the management away; `chunk_octets` the most that is written at once, 0 where
    a script goes through `exec`, 1 where one line waits for the next. A timer of the device counts in steps
    of `timer_step_s`, from `timer_least_s` to `timer_most_s`. `reload_s` is how long its services take to
    come back after a change, `reboot_s` how long the device takes after a revert that reboots it: nothing
    that we write does, as far as vendors tell. `cannot` are features of an intent (seam.FEATURES) it cannot
    carry. `user_suffix` goes behind the user's name at login.
    """

    safety: Safety
    verified: bool
    dangerous: tuple[str, ...]
    chunk_octets: int = 0
    timer_step_s: int = 1
    timer_least_s: int = 1
    timer_most_s: int = 3600
    reload_s: float = 15.0
    reboot_s: float = 180.0
    revert_reboots: bool = False
    cannot: frozenset[str] = frozenset()
    user_suffix: str = ""


FEATURES = frozenset(
    {
        "radios", "ssids", "owe", "wpa3", "vlan", "isolation", "rate", "schedule", "captive",
        "snmp_users", "ntp", "syslog", "hostname", "management_vlan", "ssh_keys",
    }
)  # fmt: skip
"""What an intent may ask for beyond an open network; a platform names those it cannot carry."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a device has now: its own text, which may hold secrets and never shows itself.

    `fingerprint` (hex) is over the exact octets of what is ours to change and to restore; what changes by
    itself (clocks, counters, lines about the last save) is not in it. `login` is the public key (base64) of
    the login it was read in, "" where nobody asks for that.
    """

    text: Secret
    fingerprint: str
    login: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a device should be. Passphrases, SNMPv3 users and portal secrets are by credential name."""

    intent: Intent
    passphrases: Mapping[str, Secret] = field(default_factory=dict)
    snmp_users: Mapping[str, SnmpV3] = field(default_factory=dict)
    portal_secrets: Mapping[str, Secret] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Talk:
    """A login at a device, and the seconds one act in it may take."""

    session: "SshShell"
    device: str
    timeout_s: float


class Phase(StrEnum):
    """How a device says a trial stands."""

    NONE = "none"
    OPEN = "open"
    REVERTING = "reverting"
    CONFIRMING = "confirming"  # decided to stay, not yet written for good


@dataclass(frozen=True, slots=True)
class Trial:
    """What a device says about a trial of ours.

    `token` is whose trial is open; `reloaded` whether its services work with the new configuration;
    `ending` "confirmed", "reverted" or "" for the token that was asked about.
    """

    phase: Phase
    token: str
    reloaded: bool
    ending: str


class Configurer(Protocol):
    """One platform. Every method that takes a Talk raises DriverError and nothing else.

    The cycle (drivers.apply) calls: read, change, preview; then arm, apply; then in new logins status, read,
    change, trouble; then confirm. `revert` puts the old configuration back before the timer does.
    """

    @property
    def platform(self) -> str:
        """Its name in the inventory."""
        ...

    @property
    def traits(self) -> Traits:
        """What it promises."""
        ...

    def read(self, talk: Talk) -> Running:
        """The configuration the device runs. Changes nothing."""
        ...

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """What has to be sent so that the running configuration is as wished; pure.

        Nothing that is not ours is in it. Raises ValueRefused for a value the platform cannot carry,
        ConfigRejected for something the device does not have, UnexpectedReply for a text nobody can read.
        """
        ...

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """What has to be sent so that what is ours is again as in an earlier configuration; pure.

        The keys that are `revoked` since, lines as in Manage.revoked_keys, do not come back and go wherever
        they stand. Raises as `change`, and ConfigRejected where the key of this very login is among them.
        """
        ...

    def facts(self, talk: Talk) -> Facts:
        """What the device says of itself. Changes nothing."""
        ...

    def redacted(self, running: Running) -> str:
        """Its text without any secret, for a person and for the history; pure."""
        ...

    def preview(self, talk: Talk, change: Change) -> str:
        """The difference as the device itself computes it, without secrets; "" where it cannot.

        Leaves nothing staged and nothing changed.
        """
        ...

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Make the device ready to revert by itself `revert_s` seconds from now, whatever happens after.

        Raises ConfigRejected when it is not as planned for, somebody else's trial or staged change is open,
        or it refuses a line; then nothing is armed. Where there is no timer (class D) it checks only that.
        """
        ...

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Make the change work, not yet for good. Raises ConfigRejected naming the line that was refused."""
        ...

    def status(self, talk: Talk, token: str) -> Trial:
        """What the device knows of the trial `token`."""
        ...

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """What of the wish is not at work yet; "" when all is, or where the device cannot tell."""
        ...

    def confirm(self, talk: Talk, token: str) -> None:
        """Keep the new configuration for good; again and again is the same. Raises VerifyFailed when the
        device already reverted."""
        ...

    def revert(self, talk: Talk, token: str) -> None:
        """Put the old configuration back now. Does nothing when the trial is not open any more."""
        ...
