"""How vendors write numbers, rates, durations and bands in text and JSON; what is none of these is None."""

import re
from typing import Final

from drivers.bands import Spectrum, band_of

_NUMBER: Final = re.compile(r"\s*(-?[0-9]{1,19})(\.[0-9]{1,9})?")
_RATE: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kKMG]?)bps")
_PART: Final = re.compile(r"([0-9]{1,9})\s*(w|d|h|m|s)(?![a-z]*sec)")
_CLOCK: Final = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2})")
_UNITS: Final = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_LARGEST: Final = 2**63 - 1


def number(value: object) -> int | float | None:
    """A JSON number, or the one a text begins with: `-65dBm@1Mbps`, `20MHz`, `3.5`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if -_LARGEST <= value <= _LARGEST else None
    found = _NUMBER.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    return float(found[0]) if found[2] else int(found[1])


def bits_per_s(value: object) -> int | float | None:
    """`144.4Mbps-20MHz/2S/SGI`, or a plain number of bits per second."""
    found = _RATE.match(value) if isinstance(value, str) else None
    return number(value) if found is None else round(float(found[1]) * _UNITS[found[2]])


def seconds(value: object) -> int | float | None:
    """`2d20h12m20s`, `1w2d03:04:05`, `13day(s) 2h 3m 4s`, or a plain number of seconds."""
    if not isinstance(value, str):
        return number(value)
    clock = _CLOCK.search(value)
    parts = _PART.findall(value[: clock.start()] if clock else value)
    total = sum(int(amount) * _SECONDS[unit] for amount, unit in parts)
    if clock:
        return total + int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])
    return total if parts else number(value)


def share_pct(used: object, total: object) -> float | None:
    """Per cent of a whole that is not zero."""
    part, whole = number(used), number(total)
    return None if part is None or whole is None or whole <= 0 else 100 * part / whole


def band(value: object) -> Spectrum | None:
    """`2.4GHz`, `5 GHz`, `2g`, `6e`, `ng`, `na`; a number is a frequency or a channel."""
    if isinstance(value, str):
        named = _BANDS.get(value.strip().lower().replace(" ", ""))
        if named is not None:
            return named
    told = number(value)
    return None if told is None else band_of(told)


_BANDS: Final = {
    spelling: spectrum
    for spectrum, spellings in (
        (Spectrum.GHZ_2, "2.4ghz 2.4g 2.4 2ghz 2g ng 2ghz-n"),
        (Spectrum.GHZ_5, "5ghz 5g 5 na 5ghz-1 5ghz-2"),
        (Spectrum.GHZ_6, "6ghz 6g 6 6e"),
        (Spectrum.GHZ_60, "60ghz ad"),
    )
    for spelling in spellings.split()
}
