"""What of a UCI device is ours, and the files that carry a change to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from drivers.configurers.openwrt import files, names, view
from drivers.configurers.openwrt.files import File
from drivers.configurers.openwrt.uci import Config, Section
from drivers.configurers.seam import Wish

View = Callable[[Wish, Config], Mapping[str, object]]
"""What the template needs, from a wish and the running configuration."""

_NONE: Final[frozenset[str]] = frozenset()

Options = Mapping[tuple[str, str], frozenset[str]]
"""Names of options by package and kind of section, or by package and name of a section."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one platform is configured; names of scripts are relative to drivers/platforms.

    `packages` are read and written, in the order they are applied; `optional` as well, where they are
    installed; `consulted` are only read; of `files` we read and write our lines. Sections whose name begins
    with `own_prefix` are ours entirely; `own_options` are the options that we own in the device's own
    sections, `kept_options` those that we write where they are wished for and otherwise leave. `off_air`
    gives those names of ours that the device's own account of its radios (what the script's `on_air`
    printed) does not report as up; it raises ValueError for nonsense. `air` is what cron calls.
    """

    packages: tuple[str, ...]
    optional: tuple[str, ...]
    consulted: tuple[str, ...]
    files: tuple[File, ...]
    own_prefix: str
    own_options: Options
    kept_options: Options
    view: View
    off_air: Callable[[Config, str], tuple[str, ...]]
    template: str
    script: str
    guard: str
    air: str

    @property
    def written(self) -> tuple[str, ...]:
        """Every package that a change may touch."""
        return self.packages + self.optional

    def owns(self, section: str) -> bool:
        """Whether a section of that name is ours."""
        return section.startswith(self.own_prefix)

    def options(self, section: Section) -> frozenset[str]:
        """The options that are ours in a section of the device's own."""
        of_kind = self.own_options.get((section.package, section.kind), _NONE)
        by_name = self.own_options.get((section.package, section.name), _NONE)
        return of_kind | by_name if by_name else of_kind

    def restoring(self) -> "Dialect":
        """The same for going back: what we wrote where it was wished for is then to be as it was."""
        keys = self.own_options.keys() | self.kept_options.keys()
        both = (self.own_options, self.kept_options)
        merged = {key: frozenset[str]().union(*(side.get(key, ()) for side in both)) for key in keys}
        return replace(self, own_options=merged)


OPENWRT: Final = Dialect(
    packages=view.PACKAGES,
    optional=view.OPTIONAL,
    consulted=view.CONSULTED,
    files=files.FILES,
    own_prefix=names.OWN_PREFIX,
    own_options=view.OWN_OPTIONS,
    kept_options=view.KEPT_OPTIONS,
    view=view.view,
    off_air=names.off_air,
    template="openwrt/config.j2",
    script="openwrt/trial.sh",
    guard="openwrt/guard.sh",
    air="openwrt/air.sh",
)
