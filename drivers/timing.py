"""How long a device waits for our confirmation before it reverts: from the change, never a constant."""

import math
from typing import Final

from drivers.change import Change
from drivers.configurers.seam import Traits
from drivers.model import Band, Intent, Radio

_LEAST_S: Final = 30.0
_LOGINS: Final = 4  # to apply, to see that it reloaded, to verify, and one that is lost on the way
_TRIPS: Final = 6  # of a login at least: TCP, versions, keys twice, who we are, a channel
_PATIENCE: Final = 2.0  # a device that reloads answers slower than the one that was measured
_CAC_S: Final = 60.0  # a DFS channel is listened to before anything is sent (ETSI EN 301 893, FCC 15.407)
_WEATHER_CAC_S: Final = 600.0  # on those that weather radars use, 5600-5650 MHz (ETSI EN 301 893)


def revert_after(
    change: Change, traits: Traits, intent: Intent | None, round_s: float, line_s: float = 0.0
) -> int:
    """Seconds from arming until the device may revert by itself, in steps its timer can count.

    `intent` is what the device should be, None where an earlier configuration is restored (then any channel
    is possible). `round_s` is how long a login and one act at this device took just now, `line_s` how long
    its command line took to answer the quickest line.
    """
    needed = traits.reload_s + _PATIENCE * _LOGINS * round_s + typing_s(change, traits, round_s, line_s)
    needed += listening_s(intent.radios if intent is not None else (Radio(Band.GHZ_5),))
    return within(traits, max(needed, _LEAST_S))


def typing_s(change: Change, traits: Traits, round_s: float, line_s: float) -> float:
    """How long we wait while the lines are written, the more of two: each portion waits for the answer to the
    one before, as far away as a login told; and a slow device takes for each line what it took when read.
    """
    if traits.chunk_octets == 0:
        return 0.0
    octets = sum(len(line.command.reveal().encode("utf-8", "surrogateescape")) for line in change.lines)
    portions = min(len(change.lines), math.ceil(octets / traits.chunk_octets))
    return _PATIENCE * max(portions * round_s / _TRIPS, len(change.lines) * line_s)


def within(traits: Traits, seconds: float) -> int:
    """At least so many seconds, as the device's timer counts them; the most it can where that is less."""
    steps = math.ceil(max(seconds, traits.timer_least_s) / traits.timer_step_s)
    return min(steps * traits.timer_step_s, traits.timer_most_s)


def listening_s(radios: tuple[Radio, ...]) -> float:
    """How long the slowest of these radios may have to listen for radar before it may send."""
    return max(map(_listening_s, radios), default=0.0)


def _listening_s(radio: Radio) -> float:
    if radio.band is not Band.GHZ_5:
        return 0.0
    if radio.channel == 0:
        return _CAC_S  # it may choose one; what it chooses by itself avoids weather channels
    low, high = _span_mhz(radio)
    if high <= 5250 or low >= 5730:
        return 0.0
    return _WEATHER_CAC_S if low < 5650 and high > 5600 else _CAC_S


def _span_mhz(radio: Radio) -> tuple[int, int]:
    """The block of its width that a 5 GHz channel lies in (IEEE 802.11, Annex E)."""
    first = 149 if radio.channel >= 149 else 36
    channels = radio.width_mhz // 5
    block = (radio.channel - first) // channels
    low = 5000 + 5 * (first + block * channels) - 10
    return low, low + radio.width_mhz
