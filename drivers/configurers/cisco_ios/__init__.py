"""Cisco IOS: line by line in a terminal, under the device's own revert timer."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.change import Change
from drivers.configurers.cisco_ios import about, aironet, catalyst, common, trial
from drivers.configurers.cisco_ios.config import Entry, masked, parse
from drivers.configurers.cisco_ios.wanting import Lacking, Ownership, Want, changed
from drivers.configurers.seam import Running, Safety, Talk, Traits, Trial, Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.facts import Facts
from drivers.model import Secret
from drivers.redact import redact

_MINUTE_S: Final = 60
_MOST_MINUTES: Final = 120


@dataclass(frozen=True, slots=True)
class Flavour:
    """What one kind of Cisco device has of its own: the word for a time server (`clock`), the command that
    shows what is on the air (`air`).

    `wants` are the lines a wish needs on a running configuration, `ours` those of a configuration that are
    ours, under a wish only those it speaks of.
    """

    platform: str
    ownership: Ownership
    wants: Callable[[Wish, Sequence[Entry]], Iterator[Want]]
    ours: Callable[[Sequence[Entry], Wish | None], Iterator[Entry]]
    clock: str
    air: str
    dangerous: tuple[str, ...]
    cannot: frozenset[str]


class Cisco:
    """The configurer of one kind of Cisco device; see `seam.Configurer`."""

    def __init__(self, flavour: Flavour) -> None:
        self.flavour = flavour
        self.platform = flavour.platform
        self.traits = Traits(
            safety=Safety.B,
            verified=False,
            dangerous=flavour.dangerous,
            chunk_octets=trial.STYLE.chunk_octets,
            timer_step_s=_MINUTE_S,
            timer_least_s=_MINUTE_S,
            timer_most_s=_MOST_MINUTES * _MINUTE_S,
            cannot=flavour.cannot,
        )

    def read(self, talk: Talk) -> Running:
        """What `show running-config` prints."""
        text = trial.running_text(talk)
        return Running(Secret(text), self._fingerprint(parse(text)))

    def change(self, device: str, running: Running, wish: Wish) -> Change:
        """The lines from running to wished."""
        text = running.text.reveal()
        entries = parse(text)
        login, key = common.logged_in(text)
        flavour = self.flavour
        try:
            wants = [*common.wants(wish, flavour.clock, login), *flavour.wants(wish, entries)]
        except ValueError as error:
            raise ValueRefused(device, str(error), "mend it in the inventory") from error
        except Lacking as error:
            raise ConfigRejected(device, str(error)) from error
        gone = common.refused(device, text, wish.intent.manage.revoked_keys)
        ours = dict.fromkeys([*_without_key(flavour.ours(entries, wish), key), *common.held(entries, gone)])
        return changed(device, flavour.ownership, entries, ours, wants)

    def restoration(
        self, device: str, running: Running, earlier: Running, revoked: tuple[str, ...] = ()
    ) -> Change:
        """The lines that make what is ours as it was.

        SNMPv3 users, whose keys no device shows, stay, and so does the public key that we are logged in with.
        """
        text, then = running.text.reveal(), parse(earlier.text.reveal())
        entries, gone = parse(text), common.refused(device, text, revoked)
        dropped = {*common.held(then, gone)}
        wants = [
            Want(entry)
            for entry in self.flavour.ours(then, None)
            if not _is_snmp(entry) and entry not in dropped
        ]
        kept = _without_key(self.flavour.ours(entries, None), common.logged_in(text)[1])
        ours = dict.fromkeys([*(entry for entry in kept if not _is_snmp(entry)), *common.held(entries, gone)])
        return changed(device, self.flavour.ownership, entries, ours, wants)

    def facts(self, talk: Talk) -> Facts:
        """Of `show version`, `dir flash:`, and the difference between what runs and what is saved."""
        return about.facts(talk)

    def redacted(self, running: Running) -> str:
        """The configuration without keys."""
        return "\n".join(redact(masked(line)) for line in running.text.reveal().split("\n"))

    def preview(self, talk: Talk, change: Change) -> str:
        """Our own difference is exact; IOS compares files only, and none may be left there."""
        return ""

    def arm(self, talk: Talk, change: Change, fingerprint: str, token: str, revert_s: int) -> None:
        """Start the device's revert timer."""
        entries = parse(trial.running_text(talk))
        if self._fingerprint(entries) != fingerprint:
            raise ConfigRejected(
                talk.device, "its configuration changed since the plan was made", "plan again"
            )
        trial.arm(talk, entries, change, token, -(-revert_s // _MINUTE_S))

    def apply(self, talk: Talk, change: Change, token: str) -> None:
        """Send the lines."""
        trial.apply(talk, change, token)

    def status(self, talk: Talk, token: str) -> Trial:
        """From the timer, and the tokens in what runs and what is saved."""
        return trial.status(talk, token)

    def trouble(self, talk: Talk, wish: Wish) -> str:
        """Which of our names the device does not report on the air."""
        said = trial.shown(talk, self.flavour.air)
        names = [ssid.name for ssid in wish.intent.ssids]
        rows = said.split("\n")
        down = [name for name in names if not any(_tells_up(row, name) for row in rows)] if said else []
        return f"{', '.join(map(repr, down))} is not on the air" if down else ""

    def confirm(self, talk: Talk, token: str) -> None:
        """Stop the timer and save."""
        trial.confirm(talk, token)

    def revert(self, talk: Talk, token: str) -> None:
        """Roll back now."""
        trial.revert(talk, token)

    def _fingerprint(self, entries: Sequence[Entry]) -> str:
        """What we remember of SNMPv3 users is left out: a revert does not bring it back."""
        ours = (entry for entry in self.flavour.ours(entries, None) if not _is_snmp(entry))
        told = (f"{entry.path!r} {entry.line!r}\n" for entry in ours)
        return hashlib.sha256("".join(told).encode("utf-8", "surrogateescape")).hexdigest()


def _is_snmp(entry: Entry) -> bool:
    return entry.line.startswith(common.MEMORY_OF_USER)


def _without_key(entries: Iterable[Entry], key: str) -> Iterator[Entry]:
    """All but the lines of the public key whose hash is `key`."""
    return (entry for entry in entries if not (key and entry.line.startswith(f"key-hash ssh-rsa {key}")))


def _tells_up(row: str, name: str) -> bool:
    """A row of `show dot11 bssid`, which lists what is on the air, or of `show wlan summary`."""
    wlan = re.fullmatch(r"\d+ +plaza-\w+ +(.+?) +(?:UP|ENABLED) .*", row)
    bssid = re.fullmatch(r"Dot11Radio\d +[0-9a-f.]{14} +(?:Yes|No) +(.+)", row)
    return any(found[1].strip() == name for found in (wlan, bssid) if found)


CISCO_IOS: Final = Cisco(
    Flavour(
        "cisco_ios",
        aironet.OWNERSHIP,
        aironet.wants,
        aironet.ours,
        clock="sntp",
        air="show dot11 bssid",
        dangerous=aironet.DANGEROUS,
        cannot=aironet.CANNOT,
    )
)
"""Autonomous Aironet access points."""

CISCO_9800: Final = Cisco(
    Flavour(
        "cisco_9800",
        catalyst.OWNERSHIP,
        catalyst.wants,
        catalyst.ours,
        clock="ntp",
        air="show wlan summary",
        dangerous=catalyst.DANGEROUS,
        cannot=catalyst.CANNOT,
    )
)
"""Catalyst 9800 controllers and their embedded kind."""
