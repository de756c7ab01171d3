"""RouterOS: what is quoted, read, wished, compared and hidden, against the virtual device's own console."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drivers.change import Change
from drivers.configurers.features import check
from drivers.configurers.routeros import RouterOs, portal, state
from drivers.configurers.routeros.language import NotRouterOs, parse, quote
from drivers.configurers.routeros.state import Login, digest_of
from drivers.configurers.seam import Running, Wish
from drivers.errors import ConfigRejected, UnexpectedReply, ValueRefused
from drivers.model import (
    Band,
    Captive,
    Endpoint,
    GatewayKind,
    Manage,
    Radio,
    Rate,
    Secret,
    Security,
    SnmpV3,
    Ssid,
    Syslog,
)
from simulator.vendors.device import Session
from simulator.vendors.routeros import HELP, LEAVE, SAFE_MODE
from simulator.vendors.routeros import RouterOs as FakeRouterOs
from simulator.vendors.routeros_startup import hand_made
from tests.configure.routerosbox import INTENT, wishing

CONFIGURER = RouterOs()
NASTY = (
    'a"b', "a\\b", "$(reboot)", "[/system reboot]", "{:put x}", "; /system reboot", "a?b", "`x`", "|", "#",
    "ñ á 🛜",
    "\\", '"', "$x", "a=b", " ", "'", "%0a", "\\24", "!disabled", "*1", "\\\\", "-", "]", "}", ")",
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=40), st.sampled_from(NASTY))
NAMES = st.one_of(
    st.text(min_size=1, max_size=10).filter(
        lambda text: 1 <= len(text.encode("utf-8", "surrogatepass")) <= 32
    ),
    st.sampled_from(NASTY),
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICP8JY8kA2jtxx3nyx1qqAvo09BC3DQjdZEQRqM+qtwJ tecnica"
DIGEST = "SHA256:wGgTFxR8llq/jS3mrGEDrckdwZO4ztAXGHI7Pge+PEo"


def made(version: str = "7.16.2", *, wifi: bool = True) -> FakeRouterOs:
    """A device as a technician left it."""
    device = FakeRouterOs(version=version)
    hand_made(device, wifi=wifi)
    return device


BY_KEY = Login("plaza", "SHA256:of-another-key", "")
BY_PASSWORD = Login("plaza", "", "")


def running(device: FakeRouterOs, login: Login = BY_KEY) -> Running:
    """What would be read of it, through its own console."""
    session = Session("plaza", "exec")
    device.greet(session)
    export = device.execute(session, "/export terse show-sensitive")
    if "expected end" in export:
        export = device.execute(session, "/export terse")
    keys = device.execute(session, "/user ssh-keys print terse")
    files = {one["name"]: one["contents"] for one in device.files()}
    return state.compose(export.rstrip("\n"), login, keys, files.get(login.folder + state.PAGE))


def typed(device: FakeRouterOs, change: Change) -> None:
    """Send a change to its console, and see that each line is taken and touches no key of the terminal."""
    session = Session("plaza")
    device.greet(session)
    for line in change.lines:
        command = line.command.reveal()
        assert command.isascii()
        assert command.isprintable()
        assert not set(command) & {SAFE_MODE, LEAVE, HELP}
        assert device.execute(session, command) == "", line.shown


def settled(device: FakeRouterOs, wish: Wish) -> Change:
    """Make it so; afterwards nothing is left to do."""
    change = CONFIGURER.change("ap-1", running(device), wish)
    typed(device, change)
    again = CONFIGURER.change("ap-1", running(device), wish)
    assert not again, again.text
    return change


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_a_quoted_value_is_one_string_of_the_console_and_nothing_more(value: str) -> None:
    device = made()
    before = device.exported()
    session = Session("plaza")
    device.greet(session)
    try:
        quoted = quote(value)
    except ValueError:
        quoted = ""
    if not quoted:
        assert any(not char.isprintable() for char in value)
        return
    assert quoted.isascii()
    assert device.execute(session, f'/system script add name="x" source={quoted} owner={quoted}') == ""
    assert device.value("system script", "source") == value
    assert device.value("system script", "owner") == value
    assert device.execute(session, f"/system script remove [find source={quoted}]") == ""
    assert device.exported() == before
    assert session.facts["menu"] == ()


@settings(max_examples=150, deadline=None)
@given(NAMES, st.sampled_from(["7.16.2", "6.49.10"]))
@example("$(reboot)", "7.16.2")
def test_no_ssid_becomes_a_command_and_it_is_read_back_as_it_was_written(name: str, version: str) -> None:
    wifi = version.startswith("7")
    device = made(version, wifi=wifi)
    wish = wishing(ssids=(Ssid(name, bands=(Band.GHZ_2,)),))
    try:
        settled(device, wish)
    except ValueRefused:
        assert any(not char.isprintable() for char in name)
        return
    menu, ssid = ("interface wifi", "configuration.ssid") if wifi else ("interface wireless", "ssid")
    assert device.value(menu, ssid, ("name", "plaza-2g4-1")) == name
    assert device.reboots == 1


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=8, max_size=63))
def test_a_passphrase_is_carried_and_never_shown(passphrase: str) -> None:
    def shown_of(word: str) -> tuple[str, ...]:
        device = made()
        wish = wishing({"clave": word}, ssids=(Ssid("Personal", Security.WPA3, passphrase="clave"),))
        change = settled(device, wish)
        assert device.value("interface wifi", "security.passphrase", ("name", "plaza-2g4-1")) == word
        lines = (line.shown for line in change.lines)
        return (change.text, *lines, repr(change), CONFIGURER.redacted(running(device)))

    assert shown_of(passphrase) == shown_of("another one")


@given(st.text(max_size=300))
def test_what_is_no_export_is_told_and_never_believed(text: str) -> None:
    try:
        parse(text)
    except NotRouterOs as error:
        said = str(error)
    else:
        said = "line "
    assert said.startswith("line ")


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=40), st.sampled_from(NASTY)))
def test_whatever_somebody_wrote_by_hand_is_read_as_it_is(text: str) -> None:
    device = made()
    device.config.items("ip firewall filter")[0]["values"]["comment"] = text
    said = text.encode("utf-8", "replace").decode()
    rules = [
        item for item in state.decompose("ap-1", running(device)).items if item.menu == "ip firewall filter"
    ]
    assert [rule.get("comment") for rule in rules] == [said]


def test_an_export_is_read_with_its_abbreviations_and_escapes() -> None:
    lines = (
        "# 2026-11-26 16:00:00 by RouterOS 7.16.2\n"
        "/interface wifi set [ find default-name=wifi1 ] channel.band=2ghz-ax .width=20mhz "
        'configuration.ssid="caf\\C3\\A9 \\"x\\" \\$y \\?" .mode=ap disabled=no\n'
        "/ip service set telnet disabled=yes\n"
    )
    wifi, service = parse(lines)
    assert (wifi.menu, wifi.verb, dict(wifi.where)) == ("interface wifi", "set", {"default-name": "wifi1"})
    assert wifi.get("channel.width") == "20mhz"
    assert wifi.get("configuration.ssid") == 'café "x" $y ?'
    assert wifi.get("configuration.mode") == "ap"
    assert dict(service.where) == {"": "telnet"}
    assert "20mhz" not in repr(wifi)


def test_what_somebody_made_by_hand_is_in_no_change() -> None:
    device = made()
    with_hands = {"name": "de-la-tecnica", "master-interface": "wifi1", "configuration.ssid": "A mano"}
    device.config.put("interface wifi", {**with_hands, "disabled": "no"})
    before = {line for line in device.exported().splitlines() if "wifi1" not in line}
    settled(device, wishing(ssids=(Ssid("Una"), Ssid("Otra", vlan=20))))
    settled(device, wishing(ssids=(), radios=INTENT.radios[:1]))
    after = set(device.exported().splitlines())
    assert {line for line in before if "wifi2" not in line} <= after
    assert device.value("interface wifi", "security.passphrase", ("default-name", "wifi1")) == "hecha-a-mano"


def test_everything_an_intent_may_ask_is_carried() -> None:
    device = made()
    wish = everything()
    settled(device, wish)
    assert device.value("system clock", "time-zone-name") == "America/Chihuahua"
    assert device.value("system ntp client servers", "address") == "ntp.example.mx"
    assert device.value("system logging action", "remote", ("name", "plaza")) == "10.0.0.5"
    assert device.value("snmp community", "security", ("name", "sondeo")) == "private"
    assert device.value("user ssh-keys", "key") == KEY
    assert device.value("ip hotspot", "interface") == "guests"
    assert device.value("ip hotspot profile", "use-radius") == "yes"
    assert device.value("radius", "secret") == "radius-secreto"
    assert device.value("radius incoming", "accept") == "yes"
    assert device.value("interface wifi", "security.authentication-types", ("name", "plaza-2g4-3")) == "owe"
    hosts = [item["values"]["dst-host"] for item in device.config.items("ip hotspot walled-garden")]
    assert hosts == ["portal.example.mx", "*.gob.mx"]
    by_address = [item["values"]["dst-host"] for item in device.config.items("ip hotspot walled-garden ip")]
    assert by_address == ["portal.example.mx"]
    (page,) = device.files()
    assert "url=https://portal.example.mx/a?b=1&amp;c=2&amp;mac=$(mac-esc)" in page["contents"]


def everything() -> Wish:
    """A wish that uses all that this platform has."""
    manage = Manage(
        zone="America/Chihuahua",
        ntp=("ntp.example.mx",),
        syslog=Syslog("10.0.0.5", 1514, "tcp"),
        snmp_users=("sondeo",),
        ssh_keys=(KEY,),
        vlan=11,
    )
    url = "https://portal.example.mx/a?b=1&c=2"
    radius = Endpoint("10.0.0.9", 1812)
    captive = Captive(GatewayKind.MIKROTIK, url, ("*.gob.mx",), "radius", radius)
    ssids = (
        Ssid("Chihuahua Gratis", vlan=20, captive=True),
        Ssid("Personal", Security.WPA2, passphrase="clave"),
        Ssid("Abierta y cifrada", Security.OWE),
    )
    return Wish(
        replace(INTENT, ssids=ssids, manage=manage, captive=captive),
        {"clave": Secret("muy-secreta")},
        {"sondeo": SnmpV3("sondeo", auth_key=Secret("autentica"), priv_key=Secret("privadisima"))},
        {"radius": Secret("radius-secreto")},
    )


def test_no_secret_is_shown() -> None:
    device = made()
    change = settled(device, everything())
    shown = change.text + "".join(line.shown for line in change.lines) + CONFIGURER.redacted(running(device))
    hidden = (
        "muy-secreta",
        "autentica",
        "privadisima",
        "radius-secreto",
        "hecha-a-mano",
        "comunidad-secreta",
    )
    for secret in hidden:
        assert secret not in shown
        assert secret not in repr((change, running(device)))
    assert "•••" in shown
    assert {"muy-secreta", "autentica", "privadisima", "radius-secreto"} <= {
        one.reveal() for one in change.secrets
    }


def test_a_wish_that_ends_takes_its_items_away_and_puts_radios_to_sleep() -> None:
    device = made()
    before = device.exported().splitlines()
    settled(device, everything())
    wish = wishing(ssids=(), hostname="MikroTik")
    settled(device, wish)
    after = device.exported().splitlines()
    left = [line for line in after if "plaza" in line]
    assert [line for line in left if not line.startswith(("/interface wifi set", "/interface vlan"))] == []
    assert device.value("interface wifi", "disabled", ("default-name", "wifi2")) == "yes"
    assert [line for line in before if line not in after and "wifi" not in line and "vlan" not in line] == []


@pytest.mark.parametrize("version", ["6.49.10", "7.16.2"])
def test_of_the_older_system_too_nothing_of_ours_is_left(version: str) -> None:
    device = made(version, wifi=False)
    ssids = (Ssid("Una", Security.WPA2, passphrase="clave"), Ssid("Dos", vlan=20))
    settled(device, wishing({"clave": "muy-secreta"}, ssids=ssids))
    settled(device, wishing(ssids=()))
    left = [line for line in device.exported().splitlines() if "plaza-" in line]
    assert left == []
    assert device.value("interface wireless", "disabled", ("default-name", "wlan2")) == "yes"
    assert device.value("interface wireless", "ssid", ("default-name", "wlan1")) == "La red de la técnica"


def test_an_earlier_configuration_of_ours_is_restored() -> None:
    device = made()
    settled(device, wishing(ssids=(Ssid("Una"), Ssid("Dos", vlan=20))))
    earlier, text = running(device), device.exported()
    settled(device, everything())
    change = CONFIGURER.restoration("ap-1", running(device), earlier)
    typed(device, change)
    assert not CONFIGURER.restoration("ap-1", running(device), earlier)
    wifi = [line for line in text.splitlines() if line.startswith("/interface wifi")]
    after = [line for line in device.exported().splitlines() if line.startswith("/interface wifi")]
    assert [line.replace(" .vlan-id=none", "") for line in after] == [
        line.replace(" .vlan-id=none", "") for line in wifi
    ]


def test_networks_of_others_that_slept_with_their_radio_are_not_woken() -> None:
    device = made()
    slept = {
        "name": "de-otro",
        "master-interface": "wlan5",
        "configuration.ssid": "De otro",
        "disabled": "no",
    }
    device.config.put("interface wifi", slept)
    settled(device, wishing())
    assert device.value("interface wifi", "disabled", ("default-name", "wifi2")) == "no"
    assert device.value("interface wifi", "disabled", ("name", "de-otro")) == "yes"
    device.config.items("interface wifi")[2]["values"]["disabled"] = "no"  # she wakes it herself
    assert not CONFIGURER.change("ap-1", running(device), wishing())


def test_what_somebody_changed_by_hand_since_is_not_restored() -> None:
    device = made()
    settled(device, wishing(manage=Manage(vlan=11)))
    earlier = running(device)
    by_hand = device.config.items("interface wifi")[0]["values"]
    by_hand |= {"configuration.ssid": "Nuevo nombre", "channel.frequency": "2462"}
    device.config.items("interface vlan")[1]["values"]["vlan-id"] = "21"
    settled(device, wishing(manage=Manage(vlan=12)))
    typed(device, CONFIGURER.restoration("ap-1", running(device), earlier))
    assert by_hand["configuration.ssid"] == "Nuevo nombre"
    assert by_hand["channel.frequency"] == "2437"
    assert device.value("interface vlan", "vlan-id", ("name", "guests")) == "21"
    assert device.value("interface vlan", "vlan-id", ("name", "management")) == "11"


def test_guests_without_a_vlan_stay_beside_a_management_that_moved_or_stayed_in_one() -> None:
    device = made()
    for manage in (Manage(vlan=11), Manage()):
        settled(device, wishing(ssids=(Ssid("Una"),), manage=manage))
        assert device.value("interface wifi", "datapath.vlan-id", ("default-name", "wifi2")) in {"none", ""}
        assert device.value("interface vlan", "vlan-id", ("name", "management")) == "11"


def test_the_vlan_of_the_management_is_marked_once_it_is_ours() -> None:
    device = made()
    (management, guests) = device.config.items("interface vlan")
    management["values"]["comment"] = "de la técnica"
    device.config.items("ip address").pop()
    settled(device, wishing(manage=Manage(vlan=11)))
    assert management["values"]["comment"] == "plaza de la técnica"
    assert "comment" not in guests["values"]


def test_the_fingerprint_is_of_what_a_backup_brings_back() -> None:
    device = made()
    first = running(device)
    device.box.deaths += 1  # another minute in the header
    device.config.put("system scheduler", {"name": "plaza-revert", "comment": "plaza t"})
    device.config.put("system script", {"name": "plaza-last", "comment": "plaza confirmed t"})
    assert running(device).fingerprint == first.fingerprint
    device.config.put("system script", {"name": "de-la-tecnica", "source": ":put 1"})
    assert running(device).fingerprint != first.fingerprint


def test_the_key_we_log_in_with_is_never_taken_away() -> None:
    device = made()
    settled(device, wishing(manage=Manage(ssh_keys=(KEY,))))
    ours = Login("plaza", DIGEST, "")
    assert not CONFIGURER.change("ap-1", running(device, ours), wishing(manage=Manage()))
    change = CONFIGURER.change("ap-1", running(device), wishing(manage=Manage()))
    assert [line.path for line in change.lines] == [f"user.ssh-keys.plaza {DIGEST}"]
    assert change.dangerous(CONFIGURER.traits.dangerous)


def test_a_first_key_that_would_end_our_own_login_by_password_is_refused() -> None:
    wish = wishing(manage=Manage(ssh_keys=(KEY,)))
    device = made()
    with pytest.raises(ValueRefused, match="would end the logins of 'plaza' by password") as refused:
        CONFIGURER.change("ap-1", running(device, BY_PASSWORD), wish)
    assert "`private_key` in place of `password`" in str(refused.value)
    settled(device, wish)  # who is let in although there is a key is not shut out by one
    assert not CONFIGURER.change("ap-1", running(device, BY_PASSWORD), wish)


@pytest.mark.parametrize("name", ["always-allow-password-login", "password-authentication"])
def test_a_key_beside_a_password_is_no_danger_where_the_device_allows_both(name: str) -> None:
    seen = running(made(), BY_PASSWORD)
    both = replace(seen, text=Secret(f"{seen.text.reveal()}\n/ip ssh set {name}=yes\n"))
    change = CONFIGURER.change("ap-1", both, wishing(manage=Manage(ssh_keys=(KEY,))))
    assert f"user.ssh-keys.plaza {DIGEST}" in [line.path for line in change.lines]


def test_a_fingerprint_is_as_openssh_prints_it() -> None:
    assert digest_of(base64.b64decode(KEY.split()[1])) == DIGEST


def test_lines_that_may_take_our_login_away_come_last() -> None:
    change = CONFIGURER.change("ap-1", running(made()), everything())
    dangerous = set(change.dangerous(CONFIGURER.traits.dangerous))
    risky = [line.path in dangerous for line in change.lines]
    assert risky == sorted(risky)
    assert sum(risky) == 2


def test_a_vlan_that_ends_is_taken_off_its_network() -> None:
    device = made(wifi=False)
    settled(device, wishing(ssids=(Ssid("Una", vlan=20, isolation=True),)))
    settled(device, wishing(ssids=(Ssid("Una", isolation=False),)))
    assert device.value("interface wireless", "vlan-mode", ("name", "plaza-2g4-1")) == "no-tag"
    assert device.value("interface wireless", "default-forwarding", ("name", "plaza-2g4-1")) == "yes"


def asking(user: SnmpV3) -> Wish:
    """A wish for one SNMPv3 user."""
    return replace(wishing(manage=Manage(snmp_users=("u",))), snmp_users={"u": user})


def test_an_snmp_user_without_privacy_is_only_authorized() -> None:
    device = made()
    settled(device, asking(SnmpV3("sondeo", "md5", Secret("autentica"), "none")))
    assert device.value("snmp community", "security", ("name", "sondeo")) == "authorized"
    settled(device, wishing())
    assert device.value("snmp community", "name", ("name", "sondeo")) == ""


def test_a_property_that_is_wished_no_more_gets_its_default_back() -> None:
    device = made()
    settled(device, wishing(manage=Manage(syslog=Syslog("10.0.0.5", 514, "tcp"))))
    change = settled(device, wishing(manage=Manage(syslog=Syslog("10.0.0.5"))))
    shown = [line.shown for line in change.lines]
    assert shown == ['/system logging action set [find name="plaza"] remote-protocol="udp"']
    assert device.value("system logging action", "remote-protocol", ("name", "plaza")) == "udp"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (wishing(hostname="con espacio"), "is no host name"),
        (wishing(country="AQ"), "knows no RouterOS country"),
        (wishing(ssids=(Ssid("x" * 33),)), "has 33 octets"),
        (wishing(ssids=(Ssid("x", Security.WPA2),)), "has no passphrase"),
        (wishing({"k": "corta"}, ssids=(Ssid("x", Security.WPA2, passphrase="k"),)), "cannot be one"),
        (wishing(radios=(Radio(Band.GHZ_2, width_mhz=80),)), "no channels of 80 MHz"),
        (wishing(radios=(Radio(Band.GHZ_5, channel=3),)), "has no channel 3"),
        (wishing(captive=Captive(GatewayKind.OPENNDS, "https://p/")), "cannot be a gateway of kind opennds"),
        (wishing(manage=Manage(ssh_keys=("no es clave",))), "no line of authorized_keys"),
        (asking(SnmpV3("u", "sha256", Secret("x" * 8))), "needs sha256 and aes128"),
        (asking(SnmpV3("u", "sha1", Secret("corta"))), "password of less than 8 characters"),
        (
            wishing(captive=Captive(GatewayKind.MIKROTIK, "https://p/", radius=Endpoint("10.0.0.9", 1812))),
            "RADIUS server needs a secret",
        ),
    ],
)
def test_what_routeros_cannot_carry_is_refused_by_name(wish: Wish, said: str) -> None:
    with pytest.raises(ValueRefused, match=said):
        CONFIGURER.change("ap-1", running(made()), wish)


@pytest.mark.parametrize(
    ("prepare", "wish", "said"),
    [
        (
            lambda d: d.content.pop("interface wifi"),
            wishing(),
            "neither /interface wifi nor /interface wireless",
        ),
        (lambda d: None, wishing(radios=(Radio(Band.GHZ_6),)), "no radio for the band 6g"),
        (
            lambda d: d.items("interface wifi")[0]["values"].update({"configuration.mode": "station"}),
            wishing(),
            "may carry the uplink",
        ),
        (
            lambda d: d.items("interface wifi")[1]["values"].update({"security": "perfil"}),
            wishing(),
            "takes its security from profiles",
        ),
        (lambda d: d.put("interface bridge", {"name": "otro"}), wishing(), "2 bridges"),
        (
            lambda d: d.items("interface wifi")[0]["values"].update({"configuration.manager": "capsman"}),
            wishing(),
            "wifi1 is managed by CAPsMAN",
        ),
        (
            lambda d: None,
            wishing(captive=Captive(GatewayKind.MIKROTIK, "https://p/"), ssids=(Ssid("x", captive=True),)),
            "in a VLAN of their own",
        ),
        (
            lambda d: None,
            wishing(
                captive=Captive(GatewayKind.MIKROTIK, "https://p/"), ssids=(Ssid("x", vlan=7, captive=True),)
            ),
            "no interface with an address in the VLAN 7",
        ),
        (
            lambda d: d.items("interface bridge")[0]["values"].update({"vlan-filtering": "yes"}),
            wishing(manage=Manage(vlan=11)),
            "filters VLANs and does not know 11",
        ),
        (
            lambda d: d.items("interface vlan").clear(),
            wishing(manage=Manage(vlan=11)),
            "0 of its VLAN interfaces may carry",
        ),
    ],
)
def test_what_the_device_does_not_have_is_told(
    prepare: Callable[[object], object], wish: Wish, said: str
) -> None:
    device = made()
    prepare(device.config)
    with pytest.raises(ConfigRejected, match=said):
        CONFIGURER.change("ap-1", running(device), wish)


def test_version_6_keeps_its_servers_of_time_in_one_property() -> None:
    device = made("6.49.10", wifi=False)
    settled(device, wishing(manage=Manage(ntp=("a.mx", "b.mx"))))
    assert device.value("system ntp client", "server-dns-names") == "a.mx,b.mx"


def test_version_6_is_given_no_login_page() -> None:
    captive = Captive(GatewayKind.MIKROTIK, "https://p/")
    with pytest.raises(ConfigRejected, match="RouterOS 6 cannot be given a login page"):
        CONFIGURER.change("ap-1", running(made("6.49.10", wifi=False)), wishing(captive=captive))


def test_the_older_system_takes_neither_owe_nor_wpa3() -> None:
    with pytest.raises(ValueRefused, match="is owe, which /interface wireless cannot"):
        CONFIGURER.change("ap-1", running(made(wifi=False)), wishing(ssids=(Ssid("x", Security.OWE),)))


def test_a_band_is_read_from_a_profile_too() -> None:
    device = made()
    radio = device.config.items("interface wifi")[1]["values"]
    del radio["channel.band"]
    radio["channel"] = "cinco"
    device.config.put("interface wifi channel", {"name": "cinco", "frequency": "5180,5220"})
    change = CONFIGURER.change("ap-1", running(device), wishing())
    assert "interface.wifi.wifi2" in change.paths


def test_rates_and_schedules_are_refused() -> None:
    with pytest.raises(ValueRefused, match="cannot set rate on"):
        check("mikrotik_routeros", CONFIGURER.traits, replace(INTENT, ssids=(Ssid("x", rate=Rate(1000)),)))


def test_what_nobody_can_read_is_an_unexpected_reply() -> None:
    for text in ("", "% Invalid input\n", '# plaza user="" key="" folder=""\n# x by RouterOS 7.1\nquatsch\n'):
        with pytest.raises(UnexpectedReply):
            CONFIGURER.change("ap-1", Running(Secret(text), ""), wishing())


def test_the_login_page_needs_no_script_and_is_one_line() -> None:
    page = portal.login_page('https://p.mx/"><script>')
    assert "<script" not in page
    assert "\n" not in page
    assert "$(link-login-only-esc)" in page


@pytest.mark.parametrize(
    "line",
    [
        "/interface macsec add ckn=1 cak=CANARY",
        '/ip dhcp-server add lease-script="CANARY"',
        '/ip dhcp-client add script="CANARY" interface=ether1',
        '/ppp profile add name=x on-up="CANARY"',
        '/tool netwatch add host=10.0.0.1 down-script="CANARY"',
        "/interface lte add sim-pin=CANARY",
        '/system script add name=x source="CANARY"',
    ],
)
def test_a_key_or_a_script_of_a_technician_is_in_no_history(line: str) -> None:
    text = f'# plaza user="a" key="b" folder=""\n# by RouterOS 7.1\n{line}\n/system identity set name=queda\n'
    told = CONFIGURER.redacted(Running(Secret(text), ""))
    assert "CANARY" not in told
    assert "queda" in told


def test_a_portal_address_that_has_a_query_is_gone_on_with() -> None:
    assert "https://p.mx/p?site=1&amp;mac=$(mac-esc)" in portal.login_page("https://p.mx/p?site=1")
    assert "https://p.mx/p?mac=$(mac-esc)" in portal.login_page("https://p.mx/p")
