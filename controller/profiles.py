"""How much each device is asked, and how often: normal, thin, metered; chosen by its site's uplink."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Final

from controller.model import UplinkKind
from drivers.model import Device, PollBy, PollProfile

SHARE: Final = 0.01
"""The most of a site's monthly cap that polling may take before it is metered."""
POLL_OCTETS: Final = 4_000
"""What a whole poll is reckoned to cost on the wire; `python -m bench.metered` prints what it does cost."""
_POLL_EVERY_S: Final = 30
_MONTH_S: Final = 30 * 86_400
_GIGA: Final = 10**9
_SLOW: Final = frozenset({UplinkKind.CELLULAR, UplinkKind.SATELLITE})


class Depth(StrEnum):
    """How much one poll asks for."""

    WHOLE = "everything"
    LIGHT = "without names and ports"
    PULSE = "whether it is there, and since when"


@dataclass(frozen=True, slots=True)
class Pace:
    """A profile: asked every `least_s` seconds or less often, of which every `whole_s` seconds as a whole.

    The turns between ask as deep as `between`. `timeout_s`, `retries` and `deadline_s` are those of
    `PollRequest`: the first guess of a device whose round trip nobody has measured. A device in a hurry comes
    out of turn at most every `hurry_s`.
    """

    least_s: int
    whole_s: int
    between: Depth
    timeout_s: float
    retries: int
    deadline_s: float
    hurry_s: float


PACES: Final[Mapping[PollProfile, Pace]] = MappingProxyType(
    {
        PollProfile.NORMAL: Pace(0, 0, Depth.WHOLE, 2.0, 1, 10.0, 5.0),
        PollProfile.THIN: Pace(300, 1_800, Depth.LIGHT, 3.0, 3, 45.0, 60.0),
        PollProfile.METERED: Pace(300, 3_600, Depth.PULSE, 3.0, 3, 45.0, 300.0),
    }
)


def choose(kind: UplinkKind, cap_gb: int | None, devices: int) -> PollProfile:
    """The profile of every device of a site, where `devices` share an uplink of this kind and cap."""
    if cap_gb is not None and devices * monthly(POLL_OCTETS, _POLL_EVERY_S) > SHARE * cap_gb * _GIGA:
        return PollProfile.METERED
    return PollProfile.THIN if kind in _SLOW else PollProfile.NORMAL


def monthly(octets: float, every_s: float) -> float:
    """Octets of 30 days when so many go every so many seconds."""
    return octets * _MONTH_S / every_s


def share_of_cap(octets_a_day: float, cap_gb: int) -> float:
    """Which part of a monthly cap so many octets a day take, 1.0 being all of it."""
    return octets_a_day * 30 / (cap_gb * _GIGA)


def interval_s(device: Device, normal_s: int) -> int:
    """How often this device is asked where others are every `normal_s`.

    Over SSH and HTTPS there is no pulse: there a metered device is asked for everything, seldom.
    """
    pace = PACES[device.poll_profile]
    seldom = device.poll is not PollBy.SNMP and pace.between is Depth.PULSE
    return max(normal_s, pace.whole_s if seldom else pace.least_s)


def whole_every(device: Device, normal_s: int) -> int:
    """One turn in so many asks for everything."""
    if device.poll is not PollBy.SNMP:
        return 1
    return max(1, PACES[device.poll_profile].whole_s // interval_s(device, normal_s))


def depth(device: Device, normal_s: int, slot: int) -> Depth:
    """How deep the turn of this slot asks: spread by a hash, the same after every restart."""
    every = whole_every(device, normal_s)
    turn = slot // interval_s(device, normal_s)
    digest = blake2b(device.name.encode(), digest_size=2, person=b"depth").digest()
    mine = int.from_bytes(digest, "big") % every
    return Depth.WHOLE if turn % every == mine else PACES[device.poll_profile].between


def expected_per_hour(device: Device, normal_s: int, *, own: bool) -> int:
    """Samples that it gives in an hour: its `own`, or one of an access point that it manages."""
    polls = 3600 // interval_s(device, normal_s)
    seldom = not own and PACES[device.poll_profile].between is Depth.PULSE
    return max(1, polls // whole_every(device, normal_s) if seldom else polls)


def slots(device: Device, normal_s: int, before: int) -> range:
    """The slots before this one whose samples still stand for it."""
    every_s = interval_s(device, normal_s)
    first = -(-(before - memory_s(device, normal_s)) // every_s) * every_s
    return range(first, before, every_s)


def memory_s(device: Device, normal_s: int) -> int:
    """How long what a poll has measured stands for the device, until the next one that measures it."""
    return interval_s(device, normal_s) * whole_every(device, normal_s)
