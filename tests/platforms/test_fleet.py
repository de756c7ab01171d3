"""Whose radio it is, on which band, which of several, and what adds up."""

import pytest

from drivers.fleet import Fleet
from tests.platforms.small import fields, tried

CONTROLLER = """\
aps: {index: {ap: 6}, name: T.1.1, up: {column: T.1.2, map: {1: 1, "*": 0}}}
radios: {index: {ap: 6, slot: 1}, channel: T.2.1, clients: T.2.2}
"""
TWO_APS = """\
T.1.1.0.0.0.0.0.1|4|plaza
T.1.1.0.0.0.0.0.2|4|kiosk
T.1.2.0.0.0.0.0.1|2|1
T.1.2.0.0.0.0.0.2|2|2
T.2.1.0.0.0.0.0.1.0|2|36
T.2.1.0.0.0.0.0.1.1|2|40
T.2.1.0.0.0.0.0.2.0|2|6
T.2.2.0.0.0.0.0.1.0|2|3
T.2.2.0.0.0.0.0.1.1|2|4
T.2.2.0.0.0.0.0.2.0|2|0
"""


def test_a_radio_belongs_to_the_access_point_whose_index_it_begins_with() -> None:
    assert [tags for tags, _ in fields(CONTROLLER, TWO_APS, "wifi_radio")] == [
        "device/plaza 5g 0",
        "device/plaza 5g 1",
        "device/kiosk 2g4 0",
    ]


def test_a_controller_counts_its_access_points_and_nobody_twice() -> None:
    (device, own), (plaza, at_plaza), (kiosk, at_kiosk) = fields(CONTROLLER, TWO_APS, "wifi_ap")

    assert (device, plaza, kiosk) == ("device", "device/plaza", "device/kiosk")
    assert (own["aps"], own["aps_up"], own["aps_clients"]) == (2, 1, 7)
    assert "clients" not in own
    assert (at_plaza["clients"], at_plaza["up"]) == (7, 1)
    assert (at_kiosk["clients"], at_kiosk["up"]) == (0, 0)


def test_two_access_points_of_one_name_are_told_apart() -> None:
    names = {tags for tags, _ in fields(CONTROLLER, TWO_APS.replace("kiosk", "plaza"), "wifi_ap")}

    assert len(names) == 3


def test_an_access_point_without_a_name_gets_one_that_is_no_address() -> None:
    (_, (first, _), *_) = fields(CONTROLLER, TWO_APS.replace("|plaza", "|"), "wifi_ap")

    assert len(first) == len("device/") + 8


@pytest.mark.parametrize("told", ["4x|000000000002", "4|kiosk"])
def test_a_radio_says_whose_it_is_by_address_or_by_name(told: str) -> None:
    body = CONTROLLER + "ssids: {ssid: T.3.1, ap: T.3.2, clients: T.3.3}"
    lines = f"{TWO_APS}T.3.1.1|4|Gratis\nT.3.2.1|{told}\nT.3.3.1|2|1"

    assert fields(body, lines, "wifi_ssid") == [("device/kiosk any Gratis", {"clients": 1})]


def test_what_belongs_to_no_access_point_is_the_controllers() -> None:
    body = CONTROLLER + "ssids: {ssid: T.3.1, clients: T.3.3}"

    assert fields(body, f"{TWO_APS}T.3.1.1|4|Gratis\nT.3.3.1|2|1", "wifi_ssid") == [
        ("device any Gratis", {"clients": 1})
    ]


def test_one_name_on_two_radios_of_a_band_adds_up() -> None:
    body = "ssids: {ssid: T.1.1, band: T.1.2, clients: T.1.3, rx_octets: T.1.4}"
    lines = "\n".join(
        f"T.1.1.{row}|4|Gratis\nT.1.2.{row}|2|{mhz}\nT.1.3.{row}|2|{row}\nT.1.4.{row}|70|{2**40}"
        for row, mhz in ((1, 5180), (2, 5500), (3, 2412))
    )

    assert fields(body, lines, "wifi_ssid") == [
        ("device 5g Gratis", {"clients": 3, "rx_octets": 2**41}),
        ("device 2g4 Gratis", {"clients": 3, "rx_octets": 2**40}),
    ]


def test_a_network_without_a_name_is_left_out() -> None:
    assert fields("ssids: {ssid: T.1.1, clients: T.1.2}", "T.1.1.1|4|\nT.1.2.1|2|3", "wifi_ssid") == []


def test_a_band_is_told_in_the_catalogues_words_as_a_frequency_or_as_a_channel() -> None:
    body = "radios: {band: {column: T.1.1, map: {1: 6g, 2: 5180, 3: 1, 4: 20}}, clients: T.1.2}"
    lines = "\n".join(f"T.1.1.{row}|2|{row}\nT.1.2.{row}|2|0" for row in (1, 2, 3, 4))

    assert [tags for tags, _ in fields(body, lines, "wifi_radio")] == [
        "device 6g 0",
        "device 5g 0",
        "device 2g4 0",
        "device any 0",
    ]


def test_of_6_ghz_a_channel_gets_the_frequency_of_that_band() -> None:
    body = "radios: {band: {value: 6g}, channel: T.1.1}"

    assert fields(body, "T.1.1.1|2|37", "wifi_radio") == [
        ("device 6g 0", {"channel": 37, "frequency_mhz": 6135})
    ]


def test_ports_modems_and_power_are_told_with_their_own_tags() -> None:
    body = """\
ports: {port: {column: T.1.1, match: "([0-9]+)$"}, poe_on: {column: T.1.2, map: {3: 1, "*": 0}}}
cellular: {rssi_dbm: T.2.1}
power: {input_v: {scalar: T.3.0, scale: 0.1}}
"""
    lines = "T.1.1.1|4|ether5\nT.1.1.2|4|uplink\nT.1.2.1|2|3\nT.1.2.2|2|3\nT.2.1.7|2|-80\nT.3.0|2|241"

    assert fields(body, lines, "wired_port") == [("device 5", {"poe_on": 1})]
    assert fields(body, lines, "uplink") == [("device 0", {"rssi_dbm": -80.0})]
    assert fields(body, lines, "power") == [("device", {"input_v": 24.1})]


def test_of_two_ports_of_one_number_the_first_counts() -> None:
    body = 'ports: {port: {column: T.1.1, match: "([0-9]+)$"}, rx_octets: T.1.2}'

    assert fields(body, "T.1.1.1|4|Fa0/1\nT.1.1.2|4|Gi0/1\nT.1.2.1|70|5\nT.1.2.2|70|7", "wired_port") == [
        ("device 1", {"rx_octets": 5})
    ]


def test_a_device_that_reports_more_than_we_store_is_cut_and_says_so() -> None:
    found = tried("radios: {clients: T.1.1}", "\n".join(f"T.1.1.{row}|2|0" for row in range(1, 80)))

    assert sum(sample.measurement == "wifi_radio" for sample in found.samples) == 64
    assert found.problems == ("device reports more wifi_radio than we store",)


def test_fields_that_do_not_add_up_keep_the_first() -> None:
    fleet = Fleet({"ap": "a"}, 0)
    fleet.put("wifi_ssid", "a", {"band": "any", "ssid": "P"}, {"clients": 1})
    fleet.put("wifi_ssid", "a", {"band": "any", "ssid": "P"}, {"clients": 2})
    fleet.put("wifi_radio", "a", {"band": "5g", "radio": "0"}, {"channel": 36})
    fleet.put("wifi_radio", "a", {"band": "5g", "radio": "0"}, {"channel": 40})

    assert list(fleet.places.values()) == [{"clients": 3}, {"channel": 36}]
