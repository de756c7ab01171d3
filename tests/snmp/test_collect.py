"""From answers to samples: what is measured has its catalogue name, what is absent stays absent."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.collect import Collected, collect, request
from drivers.definition import load_platforms
from drivers.model import SnmpCredentials
from drivers.recording import read_recording
from drivers.snmp.backends import open_poller
from drivers.snmp.pysnmp_backend import PysnmpPoller
from drivers.snmp.seam import Failure, Oid, PollReply, Reason, Value
from metrics import catalog
from tests.snmp.devices import SLOT, answer, by_place, device
from tests.snmp.polling import PUBLIC, MakePoller, poll_one
from tests.snmp.snmpd import COMMUNITY, USER, Snmpd

OPENWRT = load_platforms()["openwrt"]
GENERIC = load_platforms()["generic"]
LINE = (1, 3, 6, 1, 4, 1, 8072, 1, 3, 2, 4, 1, 2, 5, *b"plaza")
IF_NAME, IF_TYPE = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1), (1, 3, 6, 1, 2, 1, 2, 2, 1, 3)
HC_IN, HC_OUT = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6), (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10)
UPTIME, IDLE = (1, 3, 6, 1, 2, 1, 1, 3, 0), (1, 3, 6, 1, 4, 1, 2021, 11, 11, 0)
TOTAL, FREE = (1, 3, 6, 1, 4, 1, 2021, 4, 5, 0), (1, 3, 6, 1, 4, 1, 2021, 4, 6, 0)
BUFFERS, CACHED = (1, 3, 6, 1, 4, 1, 2021, 4, 14, 0), (1, 3, 6, 1, 4, 1, 2021, 4, 15, 0)


def lines(*texts: str) -> dict[Oid, Value]:
    return {(*LINE, row): text.encode() for row, text in enumerate(texts, 1)}


def interfaces(*names: str, kind: int = 6) -> dict[Oid, Value]:
    found: dict[Oid, Value] = {}
    for row, name in enumerate(names, 1):
        found[*IF_NAME, row] = name.encode()
        found[*IF_TYPE, row] = 24 if name == "lo" else kind
        found[*HC_IN, row] = row * 1000
        found[*HC_OUT, row] = row * 1000 + 1
    return found


def openwrt(objects: dict[Oid, Value], failure: Failure | None = None) -> Collected:
    made = answer(request(device(), OPENWRT, PUBLIC), objects)
    reply = PollReply(made.device, made.scalars, made.columns, failure, made.elapsed_s)
    return collect(device(), OPENWRT, reply, SLOT)


def generic(objects: dict[Oid, Value]) -> dict[str, int | float]:
    reply = answer(request(device(platform="generic"), GENERIC, PUBLIC), objects)
    (sample,) = collect(device(platform="generic"), GENERIC, reply, SLOT).samples
    return dict(sample.fields)


def test_a_whole_access_point_becomes_samples() -> None:
    found = openwrt(
        {
            UPTIME: 8_640_000,
            IDLE: 97,
            TOTAL: 1000,
            FREE: 500,
            BUFFERS: 100,
            CACHED: 150,
            **interfaces("lo", "eth0", "br-lan"),
            **lines(
                "plaza version=1",
                "radio band=2g4 channel=6 frequency_mhz=2437 width_mhz=20 utilisation_pct=31.5"
                " noise_dbm=-92 power_dbm=20 clients=7",
                "radio band=5g channel=36 clients=2",
                "ssid band=2g4 name=Chihuahua%20Gratis clients=7 rx_octets=123 tx_octets=456",
            ),
        }
    )

    assert by_place(found.samples) == {
        ("wifi_ap",): {
            "up": 1,
            "poll_ms": 12.5,
            "uptime_s": 86400,
            "cpu_pct": 3.0,
            "memory_pct": 25.0,
            "rx_octets": 2000,
            "tx_octets": 2001,
            "clients": 9,
        },
        ("wifi_radio", "2g4"): {
            "channel": 6,
            "clients": 7,
            "frequency_mhz": 2437,
            "noise_dbm": -92,
            "power_dbm": 20,
            "utilisation_pct": 31.5,
            "width_mhz": 20,
        },
        ("wifi_radio", "5g"): {"channel": 36, "clients": 2, "frequency_mhz": 5180},
        ("wifi_ssid", "2g4", "Chihuahua Gratis"): {"clients": 7, "rx_octets": 123, "tx_octets": 456},
    }
    assert found.service_works is True
    assert found.problems == ()
    assert {sample.time for sample in found.samples} == {SLOT}
    tags = {"ap": "ap-08019-1", "mun": "08019", "site": "08019-plaza", "vendor": "openwrt"}
    assert all(tags.items() <= sample.tags.items() for sample in found.samples)


def test_an_agent_without_objects_has_only_that_it_is_up() -> None:
    found = openwrt({})

    assert by_place(found.samples) == {("wifi_ap",): {"up": 1, "poll_ms": 12.5}}
    assert found.facts == {}
    assert found.service_works is None
    assert "extend" in found.service_reason


@pytest.mark.parametrize("reason", list(Reason))
def test_a_failed_poll_is_one_sample_that_says_down(reason: Reason) -> None:
    reply = PollReply("ap-08019-1", failure=Failure(reason, "why"), elapsed_s=2)

    found = collect(device(), OPENWRT, reply, SLOT)

    assert by_place(found.samples) == {("wifi_ap",): {"up": 0, "poll_ms": 2000.0}}
    assert found.service_works is None
    assert found.service_reason == "why"


def test_a_poll_that_broke_off_was_answered_all_the_same() -> None:
    found = openwrt({UPTIME: 100, **lines("radio band=2g4 clients=0")}, Failure(Reason.TIMEOUT, "half-way"))

    assert by_place(found.samples)[("wifi_ap",)]["up"] == 1
    assert found.service_works is None, "the names on the air may be what did not arrive"


def test_radios_without_a_network_name_do_not_serve() -> None:
    found = openwrt(lines("plaza version=1", "radio band=2g4 channel=6 clients=0"))

    assert found.service_works is False
    assert found.service_reason


def test_an_access_point_with_all_radios_off_does_not_serve() -> None:
    assert openwrt(lines("plaza version=1")).service_works is False


def test_nobody_measures_service_on_a_generic_device() -> None:
    reply = answer(request(device(), GENERIC, PUBLIC), {UPTIME: 100})

    found = collect(device(), GENERIC, reply, SLOT)

    assert found.service_works is None
    assert "generic" in found.service_reason


def test_clients_of_a_device_are_unknown_when_a_radio_did_not_say() -> None:
    found = openwrt(lines("radio band=2g4 clients=3", "radio band=5g channel=36"))

    assert "clients" not in by_place(found.samples)[("wifi_ap",)]


def test_two_radios_of_one_band_stay_two_and_their_names_are_added_up() -> None:
    found = openwrt(
        lines(
            "radio band=5g channel=36 clients=3",
            "radio band=5g channel=149 clients=4",
            "ssid band=5g name=Gratis clients=3 rx_octets=10",
            "ssid band=5g name=Gratis clients=4 rx_octets=5",
        )
    )

    places = by_place(found.samples)
    assert places[("wifi_radio", "5g")] == {"channel": 36, "clients": 3, "frequency_mhz": 5180}
    assert places[("wifi_radio", "5g", "1")] == {"channel": 149, "clients": 4, "frequency_mhz": 5745}
    assert places[("wifi_ssid", "5g", "Gratis")] == {"clients": 7, "rx_octets": 15}
    assert places[("wifi_ap",)]["clients"] == 7


@pytest.mark.parametrize(
    ("names", "counted"),
    [
        (("lo", "eth0", "wan", "lan"), "wan"),
        (("lo", "eth0", "lan", "br-lan"), "lan"),
        (("lo", "br-lan", "eth1", "wlan0"), "eth1"),
        (("lo", "wlan0", "br-lan"), "br-lan"),
        (("lo", "wlan0"), None),
    ],
)
def test_traffic_is_that_of_the_uplink(names: tuple[str, ...], counted: str | None) -> None:
    fields = by_place(openwrt(interfaces(*names)).samples)[("wifi_ap",)]

    assert fields.get("rx_octets") == ((names.index(counted) + 1) * 1000 if counted else None)


def test_a_generic_device_counts_its_first_ethernet_interface() -> None:
    assert generic(interfaces("lo", "ppp0", kind=23)).get("rx_octets") is None
    assert generic(interfaces("lo", "enp3s0", "enp4s0"))["rx_octets"] == 2000


def test_the_first_reading_a_device_has_is_taken() -> None:
    load = {(1, 3, 6, 1, 2, 1, 25, 3, 3, 1, 2, cpu): cpu * 10 for cpu in (1, 2)}
    storage: dict[Oid, Value] = {
        (1, 3, 6, 1, 2, 1, 25, 2, 3, 1, 2, 1): (1, 3, 6, 1, 2, 1, 25, 2, 1, 4),
        (1, 3, 6, 1, 2, 1, 25, 2, 3, 1, 2, 6): (1, 3, 6, 1, 2, 1, 25, 2, 1, 2),
        (1, 3, 6, 1, 2, 1, 25, 2, 3, 1, 5, 6): 200,
        (1, 3, 6, 1, 2, 1, 25, 2, 3, 1, 6, 6): 50,
    }

    fields = generic({**load, **storage})

    assert fields["cpu_pct"] == 15.0
    assert fields["memory_pct"] == 25.0
    assert generic({**load, **storage, IDLE: 99})["cpu_pct"] == 1.0


def test_numbers_no_device_can_mean_are_left_out() -> None:
    fields = generic({IDLE: -5, TOTAL: 0, FREE: 0, UPTIME: b"soon"})

    assert fields.keys() == {"up", "poll_ms"}


@pytest.mark.parametrize(
    "line",
    [
        "radio band=3g clients=1",
        "radio clients=1",
        "radio band=2g4 clients=many",
        "radio band=2g4 clients=-1",
        "radio band=2g4 utilisation_pct=nan",
        "radio band=2g4 utilisation_pct=101",
        "radio band=2g4 channel=99999999999999999999",
        "ssid band=2g4 clients=1",
        "ssid band=2g4 name= clients=1",
        "ssid band=2g4 name=" + "x" * 33 + " clients=1",
    ],
)
def test_a_line_nobody_can_read_is_a_problem_and_no_sample(line: str) -> None:
    found = openwrt(lines(line))

    assert [sample.measurement for sample in found.samples] == ["wifi_ap"]
    assert len(found.problems) == 1


def test_an_agent_cannot_fill_the_store_with_names() -> None:
    many = [f"ssid band=2g4 name=n{number} clients=1" for number in range(500)]

    assert len(openwrt(lines(*many)).samples) < 100


def test_an_odd_network_name_is_stored_as_printable_text() -> None:
    found = openwrt(lines("ssid band=2g4 name=Se%C3%B1al%0A%FF clients=1"))

    assert ("wifi_ssid", "2g4", "Señal\ufffd\ufffd") in by_place(found.samples)


values = st.one_of(
    st.integers(-(2**63), 2**64),
    st.binary(max_size=80),
    st.sampled_from(
        [b"radio band=2g4 clients=3", b"ssid band=5g name=a%0Ab clients=1e3", b"97", b"plaza version=1"]
    ),
    st.tuples(st.just(1), st.just(3), st.integers(0, 9)),
)


@settings(deadline=None)
@given(st.data())
def test_any_answer_gives_samples_the_catalogue_knows(data: st.DataObject) -> None:
    platform = data.draw(st.sampled_from([OPENWRT, GENERIC]))
    asked = request(device(), platform, PUBLIC)
    columns = {
        root: data.draw(st.dictionaries(st.tuples(st.integers(1, 3)), values, max_size=3))
        for root in asked.columns
    }
    scalars = data.draw(st.dictionaries(st.sampled_from(asked.scalars), values, max_size=12))
    failure = data.draw(st.none() | st.just(Failure(Reason.TIMEOUT, "half-way")))

    found = collect(device(), platform, PollReply(asked.device, scalars, columns, failure), SLOT)

    for sample in found.samples:
        catalog.check(sample)
        assert all(-(2**63) <= value < 2**63 for value in sample.fields.values())


@pytest.mark.parametrize(
    ("make", "credentials"),
    [(open_poller, COMMUNITY), (open_poller, USER), (PysnmpPoller, COMMUNITY)],
    ids=["v2c", "v3", "v2c-pysnmp"],
)
def test_a_real_snmpd_with_the_extend_is_collected(
    agent: Snmpd, make: MakePoller, credentials: SnmpCredentials
) -> None:
    ap = device(port=agent.port)

    found = collect(ap, OPENWRT, poll_one(make, request(ap, OPENWRT, credentials)), SLOT)

    places = by_place(found.samples)
    ap_fields = places[("wifi_ap",)]
    assert ap_fields["up"] == 1
    assert ap_fields["clients"] == 4
    assert 0 < ap_fields["memory_pct"] <= 100
    assert ap_fields["uptime_s"] >= 0
    assert places[("wifi_radio", "2g4")] == {
        "channel": 6,
        "clients": 4,
        "frequency_mhz": 2437,
        "noise_dbm": -92,
        "power_dbm": 20,
        "utilisation_pct": 31.4,
        "width_mhz": 20,
    }
    assert places[("wifi_ssid", "2g4", "Chihuahua Gratis")] == {
        "clients": 3,
        "rx_octets": 5_000_000_123,
        "tx_octets": 70_000_000_456,
    }
    assert places[("wifi_ssid", "2g4", 'Señal "abierta" 100 %')] == {"clients": 1}
    assert found.service_works is True
    assert found.facts["name"] == "ap-08019-1"
    assert found.problems == ()


def test_a_real_snmpd_is_collected_as_a_generic_device(agent: Snmpd) -> None:
    ap = device(port=agent.port, platform="generic")

    found = collect(ap, GENERIC, poll_one(open_poller, request(ap, GENERIC, COMMUNITY)), SLOT)

    (sample,) = found.samples
    assert sample.tags["vendor"] == "generic"
    assert {"up", "uptime_s", "memory_pct", "poll_ms"} <= sample.fields.keys()


def test_an_outside_recording_is_collected_as_a_generic_device(recordings: Path) -> None:
    objects = read_recording(recordings / "openwrt.snmprec")

    fields = generic(objects)

    expected = [row.split("\t") for row in (recordings / "EXPECTED.tsv").read_text("utf-8").splitlines()]
    (clients,) = [row[3] for row in expected if row[:3] == ["openwrt", "clients", "wlan"]]
    assert fields["clients"] == int(clients) == 3
    assert fields["cpu_pct"] == 3.0
    assert "rx_octets" not in fields, "the recording has no counters"


@pytest.mark.parametrize("platform", ["generic", "openwrt"])
def test_no_outside_recording_breaks_the_collection(recordings: Path, platform: str) -> None:
    chosen = load_platforms()[platform]
    asked = request(device(), chosen, PUBLIC)
    for file in recordings.glob("*.snmprec"):
        for sample in collect(device(), chosen, answer(asked, read_recording(file)), SLOT).samples:
            catalog.check(sample)
