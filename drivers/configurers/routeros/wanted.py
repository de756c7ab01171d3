"""Renders a wish into the RouterOS items that should be there; pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from drivers.configurers.routeros import management, portal, radios
from drivers.configurers.routeros.diff import Thing, made, single
from drivers.configurers.routeros.menus import MENUS, OWN_COMMENT, OWN_NAME, is_ours
from drivers.configurers.routeros.radios import WIFI, Chip, System
from drivers.configurers.routeros.state import State
from drivers.configurers.seam import Wish
from drivers.errors import ValueRefused
from drivers.model import Band, Intent, Secret, Security, Ssid

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PASSPHRASE: Final = re.compile(r"[ -~]{8,63}")
_AUTHENTICATION: Final[Mapping[Security, str]] = {
    Security.OPEN: "", Security.OWE: "owe", Security.WPA2: "wpa2-psk", Security.WPA3: "wpa3-psk",
}  # fmt: skip


def things(wish: Wish, state: State) -> tuple[Thing, ...]:
    """All that should be there and is ours to say.

    Raises ValueRefused for what RouterOS cannot carry, ConfigRejected for what this device does not have.
    """
    _check(wish)
    return (
        single("system identity", {"name": wish.intent.hostname}),
        *_wireless(wish, state),
        *portal.things(wish, state),
        *management.things(wish, state),
    )


def _check(wish: Wish) -> None:
    intent = wish.intent
    if not _HOSTNAME.fullmatch(intent.hostname):
        _refuse(intent, f"{intent.hostname!r} is no host name", "use letters, digits and hyphens, at most 63")
    for ssid in intent.ssids:
        size = len(ssid.name.encode("utf-8", "surrogatepass"))
        if not 1 <= size <= 32:
            _refuse(intent, f"the SSID {ssid.name!r} has {size} octets", "an SSID has 1 to 32")
        if ssid.security in {Security.WPA2, Security.WPA3}:
            _check_passphrase(intent, ssid, wish.passphrases)


def _check_passphrase(intent: Intent, ssid: Ssid, passphrases: Mapping[str, Secret]) -> None:
    if ssid.passphrase not in passphrases:
        _refuse(intent, f"the SSID {ssid.name!r} has no passphrase", "name a credential in `passphrase`")
    if not _PASSPHRASE.fullmatch(passphrases[ssid.passphrase].reveal()):
        what = f"the passphrase {ssid.passphrase!r} of the SSID {ssid.name!r} cannot be one"
        _refuse(intent, what, "use 8 to 63 printable ASCII characters")


def _refuse(intent: Intent, reason: str, hint: str = "") -> NoReturn:
    raise ValueRefused(intent.device, reason, hint)


def _wireless(wish: Wish, state: State) -> Iterator[Thing]:
    intent = wish.intent
    if not intent.radios:
        return
    system = radios.system_of(intent.device, state)
    for radio in intent.radios:
        chip = radios.chip_of(intent.device, state, system, radio.band)
        tuned = system.tuned(intent.device, radio, intent.country)
        yield from _Air(wish, state, system, chip).things(tuned)


@dataclass(frozen=True, slots=True)
class _Air:
    """One radio of the device, and what is wished of it."""

    wish: Wish
    state: State
    system: System
    chip: Chip

    def things(self, tuned: Mapping[str, str]) -> Iterator[Thing]:
        """The radio with its networks.

        One that was silent carries our first network itself, so that what it would have sent alone, its
        maker's open network, never gets onto the air; nor do others' networks that slept with it.
        """
        names = [one for one in enumerate(self.wish.intent.ssids, start=1) if self.chip.band in one[1].bands]
        own: Mapping[str, str] = {}
        if self.chip.ours:
            own = {"disabled": "yes", "comment": OWN_COMMENT, **self.system.bare}
            if names:
                number, ssid = names.pop(0)
                own = {**self._network(number, ssid), "comment": OWN_COMMENT}
                yield from self._beside(number, ssid, self.chip.name)
                yield from self._silenced()
        key = ("default-name", self.chip.factory_name)
        yield Thing(self.system.menu, key, {**tuned, **own}, True, self._defaults())
        for number, ssid in names:
            name = self._name(number)
            values = {"master-interface": self.chip.name, **self._network(number, ssid)}
            yield made(self.system.menu, name, values, {self.system.mode: "ap-bridge"})
            yield from self._beside(number, ssid, name)

    def _silenced(self) -> Iterator[Thing]:
        if self.chip.item.get("disabled", "yes") == "no":
            return
        for item in self.state.of(self.system.menu):
            awake = item.get("disabled", "yes") == "no"
            if awake and not is_ours(item) and item.get("master-interface") == self.chip.name:
                yield Thing(self.system.menu, ("name", item.get("name")), {"disabled": "yes"}, True)

    def _defaults(self) -> Mapping[str, str]:
        """What an export leaves out of a radio; the older system's first channel of a band is one of them."""
        defaults = MENUS[self.system.menu].defaults
        if self.system.menu == WIFI:
            return defaults
        first = {Band.GHZ_2: "2412", Band.GHZ_5: "5180"}
        return {**defaults, "frequency": first.get(self.chip.band, ""), "mode": "station"}

    def _name(self, number: int) -> str:
        return f"{OWN_NAME}{self.chip.band.value}-{number}"

    def _bridge(self) -> str:
        return radios.bridge_of(self.wish.intent.device, self.state, self.chip)

    def _network(self, number: int, ssid: Ssid) -> dict[str, str]:
        if ssid.security not in self.system.securities:
            _refuse(
                self.wish.intent,
                f"the SSID {ssid.name!r} is {ssid.security.value}, which /{self.system.menu} cannot",
                "it takes open or wpa2; a device with /interface wifi takes all",
            )
        if self.system.menu == WIFI:
            return {
                "configuration.mode": "ap",
                "configuration.ssid": ssid.name,
                "datapath.bridge": self._bridge(),
                "datapath.client-isolation": _yes(ssid.isolation),
                "datapath.vlan-id": "none" if ssid.vlan is None else str(ssid.vlan),
                "security.authentication-types": _AUTHENTICATION[ssid.security],
                "security.passphrase": _passphrase(self.wish, ssid),
                "disabled": "no",
            }
        return {
            "mode": "ap-bridge",
            "ssid": ssid.name,
            "security-profile": self._name(number),
            "default-forwarding": _yes(not ssid.isolation),
            "vlan-mode": "no-tag" if ssid.vlan is None else "use-tag",
            "vlan-id": "1" if ssid.vlan is None else str(ssid.vlan),
            "wps-mode": "disabled",
            "disabled": "no",
        }

    def _beside(self, number: int, ssid: Ssid, interface: str) -> Iterator[Thing]:
        """What the older system keeps elsewhere: the protection, and that the interface is in a bridge."""
        if self.system.menu == WIFI:
            return
        protection = {
            "mode": "none" if ssid.security is Security.OPEN else "dynamic-keys",
            "authentication-types": _AUTHENTICATION[ssid.security],
            "wpa2-pre-shared-key": _passphrase(self.wish, ssid),
        }
        yield made("interface wireless security-profiles", self._name(number), protection)
        comment = f"{OWN_COMMENT} {interface}"
        ports = [
            port for port in self.state.of("interface bridge port") if port.get("interface") == interface
        ]
        if all(port.get("comment") == comment for port in ports):
            yield made("interface bridge port", comment, {"bridge": self._bridge(), "interface": interface})


def _passphrase(wish: Wish, ssid: Ssid) -> str:
    protected = ssid.security in {Security.WPA2, Security.WPA3}
    return wish.passphrases[ssid.passphrase].reveal() if protected else ""


def _yes(condition: bool) -> str:
    return "yes" if condition else "no"
