"""What of a UCI device is ours, and the files that carry a change to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.configurers.openwrt import names
from drivers.configurers.openwrt.uci import Config
from drivers.model import Intent, Secret

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
    packages=names.PACKAGES,
    consulted=names.CONSULTED,
    own_prefix=names.OWN_PREFIX,
    own_options=names.OWN_OPTIONS,
    view=names.view,
    off_air=names.off_air,
    template="openwrt/config.j2",
    script="openwrt/trial.sh",
    guard="openwrt/guard.sh",
)
