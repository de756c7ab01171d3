"""Bands, channels and frequencies: IEEE 802.11-2020 annex E and clause 20 (60 GHz), and backhaul bands."""

from enum import StrEnum
from typing import Final


class Spectrum(StrEnum):
    """Every value of the tag `band`: those of Wi-Fi (`drivers.model.Band`), of backhauls, and ANY."""

    SUB_GHZ = "0g9"  # below 1 GHz
    GHZ_2 = "2g4"
    GHZ_3 = "3g6"  # 3.3–4.2 GHz, licensed or CBRS
    GHZ_5 = "5g"  # 4.9–5.9 GHz
    GHZ_6 = "6g"
    GHZ_11 = "11g"  # 7.1–18 GHz, licensed
    GHZ_24 = "24g"
    GHZ_60 = "60g"
    GHZ_80 = "80g"
    ANY = "any"  # one figure over all bands, or a radio that does not tell its band


# The first frequency in MHz above each band.
_ENDS: Final = (
    (1000, Spectrum.SUB_GHZ),
    (3000, Spectrum.GHZ_2),
    (4300, Spectrum.GHZ_3),
    (5926, Spectrum.GHZ_5),
    (7126, Spectrum.GHZ_6),
    (18_000, Spectrum.GHZ_11),
    (40_000, Spectrum.GHZ_24),
    (71_000, Spectrum.GHZ_60),
    (90_000, Spectrum.GHZ_80),
)
# (start in MHz, step in MHz, first channel, last channel)
_PLANS: Final = {
    Spectrum.GHZ_2: (2407, 5, 1, 13),
    Spectrum.GHZ_5: (5000, 5, 7, 181),
    Spectrum.GHZ_6: (5950, 5, 1, 233),
    Spectrum.GHZ_60: (56_160, 2160, 1, 6),
}
_ODD: Final = {(Spectrum.GHZ_2, 14): 2484, (Spectrum.GHZ_6, 2): 5935}
_LOWEST_MHZ: Final = 300


def band_of(number: float) -> Spectrum | None:
    """The band of a frequency in MHz, or of a channel number of 2.4 or 5 GHz."""
    if number >= _LOWEST_MHZ:
        return next((band for end, band in _ENDS if number < end), None)
    if 1 <= number <= 14:
        return Spectrum.GHZ_2
    return Spectrum.GHZ_5 if 30 <= number <= 181 else None


def frequency_of(band: Spectrum, channel: int) -> int | None:
    """Centre of a channel in MHz; None where the band has no such channel or no channels at all."""
    if (band, channel) in _ODD:
        return _ODD[band, channel]
    start, step, first, last = _PLANS.get(band, (0, 0, 1, 0))
    return start + step * channel if first <= channel <= last else None


def channel_of(band: Spectrum, frequency_mhz: int) -> int | None:
    """The channel whose centre this is; None where it is none."""
    for (odd_band, channel), odd in _ODD.items():
        if (odd_band, odd) == (band, frequency_mhz):
            return channel
    start, step, first, last = _PLANS.get(band, (0, 1, 1, 0))
    channel, rest = divmod(frequency_mhz - start, step)
    return channel if rest == 0 and first <= channel <= last else None


def complete(fields: dict[str, int | float], band: Spectrum) -> None:
    """A radio that tells its channel has a frequency, and the other way round."""
    if "frequency_mhz" not in fields and "channel" in fields:
        derived = frequency_of(band, int(fields["channel"]))
        fields |= {} if derived is None else {"frequency_mhz": derived}
    elif "channel" not in fields and "frequency_mhz" in fields:
        derived = channel_of(band, int(fields["frequency_mhz"]))
        fields |= {} if derived is None else {"channel": derived}
