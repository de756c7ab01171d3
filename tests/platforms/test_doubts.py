"""What a device said and a platform could not use is told with its line, and nothing else is."""

import pytest

from drivers.errors import PlatformError
from tests.platforms.small import TABLE, platform, tried

HEAD = 4
"""Lines before the body of a small platform."""


def told(body: str, lines: str) -> tuple[str, ...]:
    """The problems of a device, each with the line of the body."""
    spelt = body.replace("T", ".".join(map(str, TABLE)))
    return tried(body, lines).told("\n" * HEAD + spelt, "acme.yaml")


def test_an_index_of_another_length_than_the_rows_is_told() -> None:
    body = "radios:\n  channel: T.3.1.2\n  index: {ap: 1, radio: 1}"

    assert told(body, "T.3.1.2.1|2|6\nT.3.1.2.2|2|36") == (
        "acme.yaml:7: radios.index: names 2 numbers, the rows have 1 (…3.1.2.1)",
    )
    assert told(body, "T.3.1.2.1.1|2|6") == ()


def test_an_index_with_a_text_that_the_rows_do_not_have_is_told() -> None:
    body = "ssids:\n  ssid: T.3.1.2\n  index: {name: text, vap: 1}"

    assert told(body, "T.3.1.2.1|4|Plaza") == (
        "acme.yaml:7: ssids.index: names 1 text and 1 number, the rows have 1 (…3.1.2.1)",
    )


@pytest.mark.parametrize(
    ("words", "value", "said"),
    [
        ("T.1.0", "374", "374 is beyond 0 to 100 %, dropped; is a scale missing?"),
        ("{scalar: T.1.0, scale: 10}", "37", "370 is beyond 0 to 100 %, dropped; is the scale right?"),
        ("T.1.0", "37 %", '"37 %" is no number; write a match, a map or absent'),
        ("{scalar: T.1.0, match: '([0-9]+) %'}", "374", 'match finds nothing in "374"'),
    ],
)
def test_a_value_that_is_dropped_is_told_with_what_to_try(words: str, value: str, said: str) -> None:
    assert told(f"measure:\n  cpu_pct: {words}", f"T.1.0|4|{value}") == (
        f"acme.yaml:6: measure.cpu_pct: {said}",
    )


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("{scalar: T.1.0, absent: 374}", "374"),
        ("{scalar: T.1.0, absent: N/A, match: '([0-9]+) %'}", "N/A"),
        ("{scalar: T.1.0, match: '^[0-9]{1,2}$'}", "374"),
        ("[T.1.0, T.2.0]", "374"),
        *(("T.1.0", nothing) for nothing in ("-1", "255", "-9999", "2147483647", "4294967295", "")),
    ],
)
def test_a_value_that_means_unknown_is_dropped_without_a_word(words: str, value: str) -> None:
    assert told(f"measure:\n  cpu_pct: {words}", f"T.1.0|4|{value}\nT.2.0|2|40") == ()


def test_a_doubt_about_many_rows_is_told_once() -> None:
    rows = "\n".join(f"T.1.{row}|2|{row + 300}" for row in range(1, 4))

    (problem,) = told("radios:\n  utilisation_pct: T.1", rows)

    assert problem.startswith(
        "acme.yaml:6: radios.utilisation_pct: 301 is beyond 0 to 100 %, dropped in 3 rows;"
    )


def test_channel_zero_is_a_radio_that_is_off_and_no_problem() -> None:
    assert told("radios:\n  channel: T.1\n  band: T.1", "T.1.1|2|0\nT.1.2|2|36") == ()


def test_a_text_that_is_no_band_is_told_with_the_bands() -> None:
    (problem,) = told("ssids:\n  ssid: T.1\n  band: T.2", "T.1.1|4|Plaza\nT.2.1|4|11ng")

    assert problem.startswith(
        'acme.yaml:7: ssids.band: "11ng" is no band; map it to one of 0g9, 2g4, 3g6, 5g'
    )


def test_an_unknown_band_in_a_map_is_refused_with_the_bands() -> None:
    with pytest.raises(
        PlatformError, match=r":6: radios.band: '5ghz' is no band; write one of 0g9, 2g4, .* any"
    ):
        platform("radios:\n  band: {column: T.2, map: {1: 5ghz}}")
