"""plaza.sh under BusyBox with stand-in OpenWrt commands: every line it prints, and none it cannot know."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drivers.collectors.openwrt import SCRIPT, collect
from drivers.errors import UnexpectedReply
from metrics import catalog
from tests import need
from tests.snmp.conftest import PLAZA_SH
from tests.snmp.devices import SLOT, by_place, device
from tests.snmp.stand_ins import (
    IWINFO_2G,
    IWINFO_5G,
    IWINFO_CLIENT_MODE,
    IWINFO_RADIO_OFF,
    OpenWrt,
    hostapd,
)

BUSYBOX_TOOLS = "awk cat echo grep head printf sed sh tr"


def run(directory: Path, tools: OpenWrt, script: str) -> str:
    """The script's output under BusyBox alone, with nothing else on PATH but the stand-ins."""
    busybox = need.program("busybox", "busybox")
    path = tools.install(directory / "bin")
    for tool in BUSYBOX_TOOLS.split():
        if not (path / tool).exists():
            (path / tool).symlink_to(busybox)
    done = subprocess.run(
        [busybox, "sh", "-s"],
        input=script.encode(),
        env={"PATH": str(path)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout.decode("utf-8")


def lines(directory: Path, tools: OpenWrt) -> list[str]:
    return run(directory, tools, PLAZA_SH.read_text("utf-8")).splitlines()


def test_radios_and_networks_are_printed_with_all_that_is_known(tmp_path: Path) -> None:
    assert lines(tmp_path, OpenWrt()) == [
        "plaza version=1",
        "radio band=2g4 channel=6 frequency_mhz=2437 width_mhz=20 utilisation_pct=31.4"
        " noise_dbm=-92 power_dbm=20 clients=4",
        "radio band=5g channel=36 frequency_mhz=5180 width_mhz=80 power_dbm=23 clients=0",
        "ssid band=2g4 name=Chihuahua%20Gratis clients=3 rx_octets=5000000123 tx_octets=70000000456",
        "ssid band=2g4 name=Se%C3%B1al%20%22abierta%22%20100%20%25 clients=1",
        "ssid band=5g name=Chihuahua%20Gratis clients=0 rx_octets=11 tx_octets=22",
    ]


def test_no_client_address_is_printed(tmp_path: Path) -> None:
    assert not re.search(r"([0-9a-fA-F]{2}:){5}", run(tmp_path, OpenWrt(), SCRIPT))


def test_what_a_tool_does_not_say_is_left_out(tmp_path: Path) -> None:
    silent = OpenWrt(iwinfo=IWINFO_2G, stations={}, ubus={})

    assert lines(tmp_path, silent) == [
        "plaza version=1",
        "radio band=2g4 channel=6 frequency_mhz=2437 width_mhz=20 noise_dbm=-92 power_dbm=20",
        "ssid band=2g4 name=Chihuahua%20Gratis",
    ]


def test_an_older_iwinfo_without_widths_is_read(tmp_path: Path) -> None:
    old = OpenWrt(iwinfo=IWINFO_2G.replace("  HT Mode: HE20", ""), ubus={})

    assert lines(tmp_path, old)[1] == (
        "radio band=2g4 channel=6 frequency_mhz=2437 noise_dbm=-92 power_dbm=20 clients=3"
    )


@pytest.mark.parametrize(
    ("mode", "width"),
    [("HT40", 40), ("VHT80", 80), ("VHT80+80", 160), ("HE160", 160), ("EHT320", 320), ("NOHT", 20)],
)
def test_widths_are_read_from_the_mode(tmp_path: Path, mode: str, width: int) -> None:
    text = IWINFO_5G.replace("VHT80", mode)

    assert f" width_mhz={width} " in lines(tmp_path, OpenWrt(iwinfo=text))[1]


def test_six_gigahertz_is_a_band_of_its_own(tmp_path: Path) -> None:
    text = IWINFO_5G.replace("Channel: 36 (5.180 GHz)", "Channel: 5 (5.975 GHz)")

    assert lines(tmp_path, OpenWrt(iwinfo=text))[1].startswith("radio band=6g channel=5 frequency_mhz=5975")


@pytest.mark.parametrize("off", [IWINFO_RADIO_OFF, IWINFO_CLIENT_MODE, ""], ids=["off", "client", "none"])
def test_what_serves_nobody_is_not_on_the_air(tmp_path: Path, off: str) -> None:
    assert lines(tmp_path, OpenWrt(iwinfo=off)) == ["plaza version=1"]


@pytest.mark.parametrize("status", ["DFS", "DISABLED", "ACS"])
def test_a_network_hostapd_has_not_started_is_not_on_the_air(tmp_path: Path, status: str) -> None:
    waiting = OpenWrt(
        iwinfo=IWINFO_2G, ubus={"hostapd.phy0-ap0.get_status.": hostapd(0, status, ssid="ENABLED")}
    )

    assert lines(tmp_path, waiting) == ["plaza version=1"]


def test_json_on_one_line_is_read_too(tmp_path: Path) -> None:
    pretty = OpenWrt()
    compact = replace(
        pretty, ubus={key: text.replace("\n", "").replace("\t", "") for key, text in pretty.ubus.items()}
    )

    assert lines(tmp_path / "compact", compact) == lines(tmp_path / "pretty", pretty)


def test_a_hostile_network_name_changes_nothing_but_itself(tmp_path: Path) -> None:
    name = "\"; touch /tmp/x; $(id) `id` ' Mode: Client"
    text = IWINFO_2G.replace("Chihuahua Gratis", name)

    found = lines(tmp_path, OpenWrt(iwinfo=text))

    assert len(found) == 3
    assert re.fullmatch(
        r"ssid band=2g4 name=[A-Za-z0-9._~%-]+ clients=3 rx_octets=\d+ tx_octets=\d+", found[2]
    )


def test_the_same_samples_come_over_ssh(tmp_path: Path) -> None:
    found = collect(device(), run(tmp_path, OpenWrt(), SCRIPT), SLOT)

    places = by_place(found.samples)
    assert places[("wifi_ap",)] == {
        "up": 1,
        "uptime_s": 86400,
        "memory_pct": 20.0,
        "rx_octets": 900_000_000_001,
        "tx_octets": 100_000_000_002,
        "clients": 4,
    }
    assert places[("wifi_radio", "2g4")]["utilisation_pct"] == 31.4
    assert places[("wifi_ssid", "2g4", 'Señal "abierta" 100 %')] == {"clients": 1}
    assert found.service_works is True
    assert found.facts == {
        "name": "ap-08019-1",
        "model": "Example EX-200",
        "description": "OpenWrt 23.05.5 r24106-10cc5fcd00",
    }


def test_a_device_without_wireless_does_not_serve(tmp_path: Path) -> None:
    found = collect(device(), run(tmp_path, OpenWrt(iwinfo="", ubus={}), SCRIPT), SLOT)

    assert by_place(found.samples) == {("wifi_ap",): {"up": 1}}
    assert found.service_works is False


def test_output_cut_short_is_not_taken_for_a_device_out_of_service(tmp_path: Path) -> None:
    whole = run(tmp_path, OpenWrt(), SCRIPT)

    with pytest.raises(UnexpectedReply, match="cut short"):
        collect(device(), whole[: len(whole) // 2], SLOT)


WORDS = """
    plaza version=1 end=1 radio ssid system interface fact band=2g4 band=5g name=wan name=%FF%0A clients=3
    clients=x     rx_octets=5 tx_octets=-1 uptime=9 total=0 total=9 free=99 free=1 utilisation_pct=1e9 = =x x=
"""
words = st.sampled_from(WORDS.split())
outputs = st.lists(st.lists(words | st.text(max_size=8), max_size=6).map(" ".join)).map("\n".join)


@given(st.text() | outputs.map(lambda text: f"plaza version=1\n{text}\nplaza end=1"))
@example("")
@example("plaza version=1\nplaza end=1")
@example("plaza version=1\nsystem total=1 free=1 uptime=99999999999999999999\nplaza end=1")
def test_any_text_is_samples_or_an_unexpected_reply(text: str) -> None:
    try:
        found = collect(device(), text, SLOT)
    except UnexpectedReply:
        return
    for sample in found.samples:
        catalog.check(sample)
