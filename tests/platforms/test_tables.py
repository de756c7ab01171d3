"""Which rows a table has, and what becomes of them."""

from tests.platforms.small import fields

TWO = """\
T.1.2.1|2|36
T.1.2.2|2|1
T.1.3.1|2|5
T.1.3.2|2|0
"""


def test_a_row_is_where_one_of_the_tables_own_columns_has_one() -> None:
    body = "radios: {channel: T.1.2, clients: T.1.3, power_dbm: T.1.4}"

    assert fields(body, "T.1.2.1|2|36\nT.1.4.9|2|20", "wifi_radio") == [
        ("device 5g 0", {"channel": 36, "frequency_mhz": 5180}),
        ("device any 0", {"power_dbm": 20}),
    ]


def test_rows_names_the_column_whose_rows_count() -> None:
    body = "radios: {rows: T.1.2, channel: T.1.2, power_dbm: T.1.4}"

    assert len(fields(body, "T.1.2.1|2|36\nT.1.4.9|2|20", "wifi_radio")) == 1


def test_a_row_counts_only_when_each_condition_has_something_to_say() -> None:
    body = "radios: {channel: T.1.2, where: [{column: T.1.3, map: {5: 1}}, T.1.2]}"

    assert fields(body, TWO, "wifi_radio") == [("device 5g 0", {"channel": 36, "frequency_mhz": 5180})]


def test_of_rows_that_say_the_same_only_the_first_counts() -> None:
    body = "ssids: {ssid: T.1.2, unique: T.1.2, clients: T.1.3}"

    assert fields(body, "T.1.2.1|4|P\nT.1.2.2|4|P\nT.1.3.1|2|5\nT.1.3.2|2|9", "wifi_ssid") == [
        ("device any P", {"clients": 5})
    ]


def test_a_table_counts_only_where_the_device_does_not_have_the_better_one() -> None:
    body = "radios: [{channel: T.1.2}, {unless: T.1.2, channel: T.1.3}]"

    assert [tags for tags, _ in fields(body, "T.1.2.1|2|36\nT.1.3.1|2|1", "wifi_radio")] == ["device 5g 0"]
    assert [tags for tags, _ in fields(body, "T.1.3.1|2|1", "wifi_radio")] == ["device 2g4 0"]


def test_an_index_of_a_text_and_a_rest_is_taken_apart() -> None:
    body = "ssids: {index: {name: text, rest: rest}, ssid: {index: name}, clients: T.1.3}"

    assert fields(body, "T.1.3.2.104.105.7.7|2|4", "wifi_ssid") == [("device any hi", {"clients": 4})]


def test_a_row_whose_index_is_made_otherwise_is_left_out() -> None:
    body = "radios: {index: {ap: 6, radio: 1}, channel: T.1.2}"

    assert fields(body, "T.1.2.1.2.3|2|36", "wifi_radio") == []


def test_a_table_of_scalars_is_one_row() -> None:
    body = "radios: {channel: {scalar: T.1.0}, clients: {scalar: T.2.0}}"

    assert fields(body, "T.1.0|2|6\nT.2.0|2|3", "wifi_radio") == [
        ("device 2g4 0", {"channel": 6, "clients": 3, "frequency_mhz": 2437})
    ]


def test_extends_make_rows_by_their_names() -> None:
    output = ".".join(["1.3.6.1.4.1.8072.1.3.2.3.1.1", "12", *map(str, b"clients-wlan")])
    body = 'radios: {rows: {extend: "clients-{radio}"}, clients: {extend: "clients-{radio}"}}'

    assert fields(body, f"{output}|4|6", "wifi_radio") == [("device any 0", {"clients": 6})]


def test_of_several_readings_the_first_that_the_device_has_counts() -> None:
    body = "measure: {clients: [{scalar: T.9.0}, {scalar: T.1.0, absent: 0}, {scalar: T.2.0}]}"
    (_, told), *_ = fields(body, "T.1.0|2|0\nT.2.0|2|8", "wifi_ap")

    assert told["clients"] == 8


def test_what_no_device_can_mean_is_absent_and_never_zero() -> None:
    body = "radios: {clients: T.1.1, channel: T.1.2, utilisation_pct: T.1.3, noise_dbm: T.1.4}"
    lines = "T.1.1.1|2|-1\nT.1.2.1|2|0\nT.1.3.1|2|101\nT.1.4.1|2|-9999\nT.1.1.2|2|0\nT.1.4.2|2|0"

    assert fields(body, lines, "wifi_radio") == [("device any 0", {"clients": 0, "noise_dbm": 0})]
