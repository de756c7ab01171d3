"""What is wished of a Cisco device is said in its own words, and a technician's own lines survive."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from drivers.configurers.cisco_ios import CISCO_9800
from drivers.configurers.cisco_ios.config import parse, type_7
from drivers.configurers.seam import FEATURES
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Band, Manage, OnAir, Radio, Rate, Secret, Security, SnmpV3, Ssid, Syslog
from simulator.vendors.cisco_startup import HAND_MADE, Flavour
from tests.configure.cisco import (
    AUTH_KEY,
    PASSPHRASE,
    PRIV_KEY,
    SECRETS,
    WISH,
    Bench,
    asked,
    bench_of,
    captive,
)


@pytest.fixture(params=list(Flavour), ids=lambda flavour: flavour.value)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    found = bench_of(request.param)
    with found.server:
        yield found


@pytest.fixture
def aironet() -> Iterator[Bench]:
    found = bench_of(Flavour.AUTONOMOUS)
    with found.server:
        yield found


@pytest.fixture
def catalyst() -> Iterator[Bench]:
    found = bench_of(Flavour.CATALYST)
    with found.server:
        yield found


def test_what_was_made_by_hand_survives_changes_and_their_removal(bench: Bench) -> None:
    hand_made = set(parse(HAND_MADE[bench.device.flavour]))
    bench.make(WISH)
    ours = {"hostname", "shutdown", "wireless management"}
    kept = {entry for entry in hand_made if not any(word in entry.line for word in ours)}
    assert kept <= set(parse(bench.device.running_text()))
    bench.make(asked(ssids=()))
    assert kept <= set(parse(bench.device.running_text()))
    assert "Chihuahua" not in bench.device.running_text()
    assert "Alcaldia" not in bench.device.running_text()


def test_no_secret_is_in_a_difference_a_line_or_what_a_person_reads(bench: Bench) -> None:
    wish = asked(captive=captive()) if bench.cisco is CISCO_9800 else WISH
    change = bench.make(wish)
    running = bench.read()
    told = change.text + repr(change) + repr(running) + bench.cisco.redacted(running)
    told += "".join(line.shown + line.path for line in change.lines) + repr(parse(running.text.reveal()))
    for secret in SECRETS:
        assert secret not in told
        assert type_7(secret) not in told
    assert "Chihuahua Gratis" in bench.cisco.redacted(running)


def test_an_earlier_configuration_is_put_back(bench: Bench) -> None:
    bench.make(WISH)
    earlier = bench.read()
    other = asked(hostname="otro", ssids=(Ssid("Otra", vlan=50), WISH.intent.ssids[1]), radios=())
    bench.make(other)
    change = bench.cisco.restoration("ap-1", bench.read(), earlier)
    bench.try_out(change)
    bench.confirm()
    assert not bench.cisco.restoration("ap-1", bench.read(), earlier)
    assert not bench.change()


def test_an_snmp_user_that_no_configuration_shows_is_set_once_and_again_when_its_key_changes(
    bench: Bench,
) -> None:
    bench.make(WISH)
    assert AUTH_KEY in bench.device.snmp_users["plazapoll"]
    assert "snmp-server user" not in bench.device.running_text()
    assert not bench.change()
    newer = SnmpV3("plazapoll", "sha1", Secret("otra-llave-1"), "aes128", Secret(PRIV_KEY))
    change = bench.make(replace(WISH, snmp_users={"poll": newer}))
    assert [line.path for line in change.lines] == [
        "snmp-server user plazapoll plaza-priv v3 auth sha ••• priv aes 128 •••",
        change.paths[1],
    ]
    assert "otra-llave-1" in bench.device.snmp_users["plazapoll"]


def test_only_what_changed_is_sent(bench: Bench) -> None:
    bench.make(WISH)
    first = replace(WISH.intent.ssids[0], isolation=False)
    change = bench.change(asked(ssids=(first, WISH.intent.ssids[1])))
    assert 0 < len(change.lines) < 9
    assert "Alcaldia" not in change.text


def test_a_new_passphrase_replaces_the_old_one(bench: Bench) -> None:
    bench.make(WISH)
    bench.make(replace(WISH, passphrases={"alcaldia": Secret("otra-clave-mas-larga")}))
    text = bench.device.running_text()
    assert "otra-clave-mas-larga" in text or type_7("otra-clave-mas-larga") in text
    assert PASSPHRASE not in text
    assert type_7(PASSPHRASE) not in text


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"hostname": "1 mal"}, "hostname"),
        ({"ssids": (Ssid("¿Dónde?"),)}, "network name"),
        ({"ssids": (Ssid("Al", Security.WPA2, passphrase="nobody"),)}, "nobody knows the passphrase"),
        ({"country": "mx\nno hostname"}, "country"),
        ({"manage": Manage(ntp=("a b",))}, "host"),
        ({"manage": Manage(syslog=Syslog("a;b"))}, "host"),
        ({"manage": Manage(ssh_keys=("ssh-ed25519 AAAA",))}, "ssh-rsa"),
        ({"manage": Manage(ssh_keys=("ssh-rsa ?",))}, "base64"),
        ({"manage": Manage(snmp_users=("nobody",))}, "SNMPv3 user"),
    ],
)
def test_a_value_that_cannot_be_carried_is_refused(bench: Bench, parts: dict[str, object], why: str) -> None:
    with pytest.raises(ValueRefused, match=why):
        bench.change(asked(**parts))


def test_a_platform_names_only_features_that_exist(bench: Bench) -> None:
    assert bench.cisco.traits.cannot <= FEATURES
    assert not bench.cisco.traits.verified
    assert bench.cisco.traits.timer_step_s == 60


def test_a_dangerous_path_is_told(bench: Bench) -> None:
    change = bench.change(asked(manage=Manage(vlan=20)) if bench.cisco is CISCO_9800 else WISH)
    assert change.dangerous(bench.cisco.traits.dangerous)


def test_a_name_that_was_made_by_hand_is_not_taken_over(aironet: Bench) -> None:
    with pytest.raises(ConfigRejected, match="made by hand"):
        aironet.change(asked(ssids=(Ssid("La red de la tecnica", vlan=30),)))


def test_a_vlan_made_by_hand_that_joins_guests_is_not_used_for_isolated_ones(aironet: Bench) -> None:
    with pytest.raises(ConfigRejected, match="lets guests reach each other"):
        aironet.change(asked(ssids=(Ssid("Otra", vlan=30),)))
    assert aironet.change(asked(ssids=(Ssid("Otra", vlan=30, isolation=False),)))


def test_a_radio_that_is_not_there_is_told(aironet: Bench) -> None:
    with pytest.raises(ConfigRejected, match="no radio for 6g"):
        aironet.change(asked(radios=(Radio(Band.GHZ_6),)))


def test_channels_of_an_aironet_are_frequencies(aironet: Bench) -> None:
    radios = (Radio(Band.GHZ_2, channel=6), Radio(Band.GHZ_5, channel=153, width_mhz=40))
    aironet.make(asked(radios=radios))
    text = aironet.device.running_text()
    for line in ("channel 2437", "channel 5765", "channel width 40-below", "country-code MX both"):
        assert line in text


def test_a_controller_chooses_channels_itself(catalyst: Bench) -> None:
    with pytest.raises(ValueRefused, match="chooses channels by itself"):
        catalyst.change(asked(radios=(Radio(Band.GHZ_5, channel=36),)))


def test_a_controller_carries_rates_portal_and_every_kind_of_security(catalyst: Bench) -> None:
    ssids = (
        Ssid("Abierta", captive=True, rate=Rate(5000, 1000), vlan=20),
        Ssid("Cifrada", Security.OWE, vlan=40),
        Ssid("Nueva", Security.WPA3, passphrase="alcaldia", bands=(Band.GHZ_6,), vlan=40),
    )
    wish = asked(ssids=ssids, captive=captive(), manage=Manage(vlan=20))
    catalyst.make(wish)
    assert not catalyst.change(wish)
    text = catalyst.device.running_text()
    for line in (
        "police cir 5000000",
        "police cir 1000000",
        "security wpa akm owe",
        "security wpa akm sae",
        "redirect for-login https://portal.chihuahua.gob.mx/p/08019",
        "url *.gob.mx",
        "security web-auth parameter-map plaza",
        "wireless management interface Vlan20",
    ):
        assert f" {line}\n" in text or f"\n{line}\n" in text
    catalyst.make(asked(ssids=ssids[1:], manage=Manage()))
    assert "web-auth" not in catalyst.device.running_text()
    assert "policy-map" not in catalyst.device.running_text()


def test_a_vlan_without_an_address_is_no_management_vlan(catalyst: Bench) -> None:
    with pytest.raises(ConfigRejected, match="no address in VLAN 99"):
        catalyst.change(asked(manage=Manage(vlan=99)))


@pytest.mark.parametrize(("manage", "vlan"), [(Manage(vlan=20), 20), (Manage(), 10)])
def test_guests_never_come_into_the_vlan_of_a_controllers_management(
    catalyst: Bench, manage: Manage, vlan: int
) -> None:
    plain = asked(ssids=(Ssid("Gratis"),), manage=manage)
    with pytest.raises(ConfigRejected, match=rf"'Gratis' has no VLAN.*in VLAN {vlan}.*`vlan`"):
        catalyst.change(plain)
    assert catalyst.change(asked(ssids=(Ssid("Gratis", vlan=40),), manage=manage))


def test_networks_made_by_hand_on_a_radio_that_is_off_are_named_before_it_is_switched_on() -> None:
    asleep = HAND_MADE[Flavour.AUTONOMOUS].replace(
        "interface Dot11Radio0\n no ip address", "interface Dot11Radio0\n no ip address\n shutdown"
    )
    bench = bench_of(Flavour.AUTONOMOUS, asleep)
    with bench.server:
        with pytest.raises(ConfigRejected, match=r"interface Dot11Radio0 is off.*'La red de la tecnica'"):
            bench.change(asked(radios=(Radio(Band.GHZ_2),)))
        assert bench.change(asked(radios=(Radio(Band.GHZ_5),), ssids=()))


def test_keys_that_only_the_device_can_read_are_known_by_our_digest() -> None:
    bench = bench_of(Flavour.CATALYST, hidden_keys=True)
    with bench.server:
        bench.make(WISH)
        assert PASSPHRASE not in bench.device.running_text()
        assert not bench.change()
        assert bench.change(replace(WISH, passphrases={"alcaldia": Secret("otra-clave")}))
        portal = asked(captive=captive())
        bench.make(portal)
        assert "\n key 8 " in bench.device.running_text()
        assert not bench.change(portal)
        assert bench.change(replace(portal, portal_secrets={"portal": Secret("otro-secreto")}))


@pytest.mark.parametrize(
    ("zone", "lines"),
    [
        ("America/Chihuahua", ["clock timezone CST -6 0"]),
        ("America/Ojinaga", ["clock timezone CST -6 0", "clock summer-time CDT recurring"]),
        ("America/Ciudad_Juarez", ["clock timezone MST -7 0", "clock summer-time MDT recurring"]),
        ("Asia/Kolkata", ["clock timezone IST 5 30"]),
    ],
)
def test_a_zone_is_said_in_offsets(bench: Bench, zone: str, lines: list[str]) -> None:
    change = bench.change(asked(manage=Manage(zone=zone)))
    assert [line.shown for line in change.lines if line.shown.startswith("clock ")] == lines


def test_a_summer_time_that_ios_does_not_know_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueRefused, match="summer time of Europe/Madrid"):
        bench.change(asked(manage=Manage(zone="Europe/Madrid")))


def test_a_schedule_is_named_as_what_nobody_carries(bench: Bench) -> None:
    assert Ssid("x", schedule=(OnAir(0, 0, 60),)).schedule
    assert "schedule" in bench.cisco.traits.cannot


def test_a_banner_is_no_configuration() -> None:
    banner = "banner motd ^C\n% Solo personal\nhostname mentira\ndot11 ssid mentira\n^C\n"
    assert not [entry for entry in parse(f"{banner}hostname verdad\n") if "mentira" in entry.line]
    assert [entry.line for entry in parse("banner exec ^Chola^C\nhostname verdad\n")] == ["hostname verdad"]
