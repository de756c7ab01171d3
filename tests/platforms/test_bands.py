"""Bands, channels and frequencies follow from each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.bands import Spectrum, band_of, channel_of, frequency_of


@pytest.mark.parametrize(
    ("number", "band"),
    [
        (915, "0g9"), (2412, "2g4"), (2484, "2g4"), (3560, "3g6"), (4920, "5g"), (5180, "5g"), (5885, "5g"),
        (5955, "6g"), (7115, "6g"), (11_200, "11g"), (24_100, "24g"), (58_320, "60g"), (69_120, "60g"),
        (83_000, "80g"), (1, "2g4"), (14, "2g4"), (36, "5g"), (177, "5g"),
    ],
)  # fmt: skip
def test_a_frequency_or_a_channel_tells_its_band(number: int, band: str) -> None:
    assert band_of(number) == band


@pytest.mark.parametrize("number", [0, -1, 15, 29, 200, 299, 100_000, 2.5e9])
def test_what_is_neither_a_channel_nor_a_frequency_tells_no_band(number: float) -> None:
    assert band_of(number) is None


@pytest.mark.parametrize(
    ("band", "channel", "frequency_mhz"),
    [
        (Spectrum.GHZ_2, 1, 2412), (Spectrum.GHZ_2, 13, 2472), (Spectrum.GHZ_2, 14, 2484),
        (Spectrum.GHZ_5, 36, 5180), (Spectrum.GHZ_5, 165, 5825), (Spectrum.GHZ_6, 1, 5955),
        (Spectrum.GHZ_6, 2, 5935), (Spectrum.GHZ_6, 233, 7115), (Spectrum.GHZ_60, 1, 58_320),
        (Spectrum.GHZ_60, 6, 69_120),
    ],
)  # fmt: skip
def test_a_channel_and_its_centre_are_found_from_each_other(
    band: Spectrum, channel: int, frequency_mhz: int
) -> None:
    assert frequency_of(band, channel) == frequency_mhz
    assert channel_of(band, frequency_mhz) == channel


@pytest.mark.parametrize(
    ("band", "channel"),
    [(Spectrum.GHZ_2, 0), (Spectrum.GHZ_2, 15), (Spectrum.GHZ_5, 200), (Spectrum.GHZ_11, 1)],
)
def test_a_channel_that_a_band_does_not_have_has_no_centre(band: Spectrum, channel: int) -> None:
    assert frequency_of(band, channel) is None


@given(st.sampled_from(list(Spectrum)), st.integers(-10, 300))
def test_no_channel_is_lost_on_the_way_to_its_centre_and_back(band: Spectrum, channel: int) -> None:
    frequency_mhz = frequency_of(band, channel)

    if frequency_mhz is not None:
        assert channel_of(band, frequency_mhz) == channel
        assert band_of(frequency_mhz) == band


@given(st.sampled_from(list(Spectrum)), st.integers(0, 100_000))
def test_a_centre_between_two_channels_is_of_none(band: Spectrum, frequency_mhz: int) -> None:
    channel = channel_of(band, frequency_mhz)

    assert channel is None or frequency_of(band, channel) == frequency_mhz
