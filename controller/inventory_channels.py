"""Checks that the channel and the width that a radio gets, from whatever levels, make a block of channels."""

from collections.abc import Iterator
from typing import Final

from controller.errors import Problem
from controller.inventory_levels import Key, Leaf, Leaves
from controller.inventory_resolve import Resolved
from controller.inventory_schema import RUNS
from controller.inventory_yaml import Place
from drivers.model import Band

_MOST_TOGETHER: Final = 8  # the two rasters of 320 MHz lie half a block, eight channels, apart


def problems(resolved: Resolved) -> Iterator[Problem]:
    """Every channel in no block as wide as is wished, once for all the devices that have it."""
    told: set[tuple[Place, Place]] = set()
    for leaves in (*_maps(resolved), *(resolved.leaves("devices", name) for name in resolved.file.devices)):
        for band in Band:
            channel, width = (leaves.get(("radios", band, key)) for key in ("channel", "width_mhz"))
            if channel is None or width is None or (channel.source, width.source) in told:
                continue
            if channel.value and width.value and channel.value not in fitting(band, width.value):
                told.add((channel.source, width.source))
                yield _misfit(resolved, band, channel, width)


def fitting(band: Band, width_mhz: int) -> tuple[int, ...]:
    """The channels that lie in a whole block of that width (IEEE 802.11-2020, Annex E; 11be for 320 MHz).

    A second half of 40 MHz may lie on either side in 2.4 GHz, so from 1 to 13 every channel has one; Mexico
    lets the whole of it be that wide (wireless-regdb, MX: 2402 - 2482 @ 40).
    """
    if band is Band.GHZ_2:
        return tuple(channel for run in RUNS[band] for channel in run)
    together = min(width_mhz // 20, _MOST_TOGETHER)
    return tuple(channel for run in RUNS[band] for channel in run[: len(run) - len(run) % together])


def _maps(resolved: Resolved) -> Iterator[Leaves]:
    """The leaves of each map of the file by itself, which perhaps no device inherits."""
    found: dict[Place, dict[Key, Leaf]] = {}
    for key, leaf in resolved.written():
        if key[0] == "radios":
            found.setdefault(leaf.source[: len(leaf.source) - len(key)], {})[key] = leaf
    return iter(found.values())


def _misfit(resolved: Resolved, band: Band, channel: Leaf, width: Leaf) -> Problem:
    """At the value that is nearer to the device, with the line of the other where that is elsewhere."""
    nearer, other = (channel, width) if _rank(channel) >= _rank(width) else (width, channel)
    what = f"channel {channel.value} of {band} is in no block of {width.value} MHz"
    if nearer.source[:-1] != other.source[:-1]:
        what += f" (`radios.{band}.{other.source[-1]}`, line {resolved.document.lines[other.source]})"
    narrower = [mhz for mhz in (20, 40, 80, 160) if mhz < width.value and channel.value in fitting(band, mhz)]
    widths = " or ".join(map(str, narrower))
    mend = f"write a channel of {_spoken(band, width.value)}, or auto, or `width_mhz:` {widths}"
    return resolved.document.problem(nearer.source, what, mend)


_RANKS: Final = {"defaults": 0, "profiles": 1, "municipalities": 2, "sites": 3, "devices": 4}


def _rank(leaf: Leaf) -> int:
    return _RANKS[str(leaf.source[0])]


def _spoken(band: Band, width_mhz: int) -> str:
    """The channels that fit, each run by its ends."""
    fit = fitting(band, width_mhz)
    runs = [[channel for channel in run if channel in fit] for run in RUNS[band]]
    return ", ".join(f"{run[0]}-{run[-1]}" for run in runs if run)
