"""The platforms Plaza configures: what of each is ours, and the files that carry a change to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from drivers import openwrt
from drivers.model import Intent, Secret
from drivers.uci import Config

View = Callable[[Intent, Config, Mapping[str, Secret]], Mapping[str, object]]
"""What the template needs, from an intent, the running configuration and passphrases by credential name."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one platform is configured; file names are relative to drivers/platforms.

    `packages` are read and written, in the order they are applied; `consulted` are only read. Sections whose
    name begins with `own_prefix` are ours entirely; `own_options` are the options that we own in the device's
    own sections, by package and kind. `off_air` gives those names of ours that the device's own account of
    its radios (what the script's `on_air` printed) does not report as up; it raises ValueError for nonsense.
    """

    packages: tuple[str, ...]
    consulted: tuple[str, ...]
    own_prefix: str
    own_options: Mapping[tuple[str, str], frozenset[str]]
    view: View
    off_air: Callable[[Config, str], tuple[str, ...]]
    template: str
    script: str
    guard: str

    def owns(self, section: str) -> bool:
        """Whether a section of that name is ours."""
        return section.startswith(self.own_prefix)


OPENWRT: Final = Dialect(
    packages=openwrt.PACKAGES,
    consulted=openwrt.CONSULTED,
    own_prefix=openwrt.OWN_PREFIX,
    own_options=openwrt.OWN_OPTIONS,
    view=openwrt.view,
    off_air=openwrt.off_air,
    template="openwrt/config.j2",
    script="openwrt/trial.sh",
    guard="openwrt/guard.sh",
)

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType({"openwrt": OPENWRT})
"""By the platform of the inventory; a platform that is not here is only watched."""
