"""What OpenWrt is to hold of an intent: kept clocks, logs, keys, users, hours, portals; and nothing else."""

import base64
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.change import Change
from drivers.configurers import features, zones
from drivers.configurers.openwrt import OpenWrt, uci
from drivers.configurers.openwrt.files import FILES
from drivers.configurers.seam import Running, Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import (
    Captive,
    Endpoint,
    GatewayKind,
    Intent,
    Manage,
    OnAir,
    Rate,
    Secret,
    SnmpV3,
    Ssid,
    Syslog,
)
from tests.configure.device import FACTORY, NETWORK, STAND_IN, SYSTEM, WIRELESS
from tests.configure.openwrt import KEY
from tests.configure.test_render import EVIL, INTENT

OPENWRT = OpenWrt()
GUESTS = Ssid("Chihuahua Gratis", vlan=20, captive=True)
PORTAL_SECRET = "clave-de-la-pasarela"
SYSTEM_WITH_NTP = f"""{SYSTEM}
config timeserver 'ntp'
	option enable_server '1'
	list server '0.openwrt.pool.ntp.org'
	list server '1.openwrt.pool.ntp.org'
"""
OPENNDS = """
config opennds
	option enabled '0'
	option maxclients '250'
	option fasremoteip '203.0.113.9'
	list users_to_router 'allow tcp port 22'
"""
USPOT = """
config uspot 'plaza'
	option interface 'vlan20'
	option setname 'uspot'
	option nasmac '02:00:00:00:00:01'
"""
CHILLI = """
config chilli 'guests'
	option disabled '1'
	option tundev 'tun0'
	option dhcpif 'eth1'
	option uamserver 'https://radius.example/'
"""
BRIDGE = """
config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'eth0'
"""
MANAGED = """
config interface 'lan'
	option proto 'dhcp'
	option device 'br-lan'
"""


def running(**packages: str) -> Running:
    """What a device has before."""
    texts = {"system": SYSTEM, "wireless": WIRELESS, "network": NETWORK, **packages}
    return Running(Secret("".join(f"package {name}\n{text}\n" for name, text in texts.items())), "")


def change(wish: Wish, before: Running) -> Change:
    """From one to the other."""
    return OPENWRT.change("ap-1", before, wish)


def managed(manage: Manage) -> Wish:
    """A wish for how a device is kept."""
    return Wish(replace(INTENT, manage=manage))


def captive(kind: GatewayKind, url: str = "http://wifi.example.mx/entrar", **more: object) -> Intent:
    """Guests of VLAN 20 go to the portal."""
    wiring = replace(Captive(kind, url, credentials="portal"), **more)  # type: ignore[arg-type]
    return replace(INTENT, ssids=(GUESTS,), captive=wiring)


def wired(kind: GatewayKind, url: str = "http://wifi.example.mx/entrar", **more: object) -> Wish:
    """With the secret of its gateway."""
    return Wish(captive(kind, url, **more), portal_secrets={"portal": Secret(PORTAL_SECRET)})


def sent(found: Change, package: str) -> list[str]:
    """The commands for one package, secrets hidden."""
    return [line.shown for line in found.lines if line.path.startswith(f"{package}.")]


def test_a_zone_becomes_the_rules_that_a_device_without_a_database_needs() -> None:
    assert zones.posix("America/Chihuahua") == "CST6"
    assert zones.posix("America/Ciudad_Juarez") == "MST7MDT,M3.2.0,M11.1.0"
    assert zones.posix("America/Ojinaga") == "CST6CDT,M3.2.0,M11.1.0"
    for wrong in ("America/Chihuahu", "../../etc/passwd", "/etc/passwd", "", "America", "America/../UTC"):
        with pytest.raises(ValueError, match="no IANA time zone"):
            zones.posix(wrong)
    assert ZoneInfo("America/Ojinaga").key == "America/Ojinaga"


def test_clock_time_servers_and_log_are_set_and_the_rest_of_their_sections_stays() -> None:
    keep = Manage("America/Ciudad_Juarez", ("10.8.0.5", "ntp.example.mx"), Syslog("10.8.0.6", 6514, "tcp"))
    found = change(managed(keep), running(system=SYSTEM_WITH_NTP))
    assert sent(found, "system") == [
        "set system.@system[0].hostname='ap-1'",
        "set system.@system[0].zonename='America/Ciudad_Juarez'",
        "set system.@system[0].timezone='MST7MDT,M3.2.0,M11.1.0'",
        "set system.@system[0].log_ip='10.8.0.6'",
        "set system.@system[0].log_port='6514'",
        "set system.@system[0].log_proto='tcp'",
        "set system.ntp.enabled='1'",
        "delete system.ntp.server",
        "add_list system.ntp.server='10.8.0.5'",
        "add_list system.ntp.server='ntp.example.mx'",
    ]


def test_a_device_without_time_servers_gets_their_section() -> None:
    found = change(managed(Manage(ntp=("10.8.0.5",))), running())
    assert "set system.ntp='timeserver'" in sent(found, "system")


def test_what_an_intent_leaves_empty_is_left_as_the_device_has_it() -> None:
    by_hand = SYSTEM_WITH_NTP.replace("'CST6'", "'CST6'\n\toption log_ip '10.9.9.9'")
    keys = f"config block 'authorized_keys'\n\tlist line '{KEY} de otro dia'\n"
    found = change(Wish(INTENT), running(system=by_hand, files=keys))
    assert sent(found, "system") == ["set system.@system[0].hostname='ap-1'"]
    assert sent(found, "files") == []


@pytest.mark.parametrize("host", ["", "a b", "-h", "x;reboot", "$(reboot)", "a'b", "host\n", "ñandú", "a:b"])
def test_what_is_no_host_is_refused(host: str) -> None:
    for manage in (Manage(ntp=(host,)), Manage(syslog=Syslog(host))):
        with pytest.raises(ValueRefused, match="is no host"):
            change(managed(manage), running())


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ValueRefused, match="'America/Chihuahu' is no IANA time zone"):
        change(managed(Manage(zone="America/Chihuahu")), running())


def test_keys_are_our_lines_of_their_file_and_nobody_elses() -> None:
    found = change(managed(Manage(ssh_keys=(f'{KEY} técnica\'s "llave"',))), running())
    assert sent(found, "files") == ["write 1 lines of files.authorized_keys"]
    assert f"+\tlist line '{KEY} técnica'\\''s \"llave\"'\n" in found.text
    assert found.dangerous(OPENWRT.traits.dangerous) == ("files.authorized_keys",)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        f'command="reboot" {KEY}',
        KEY.replace("ssh-ed25519 ", "ssh-rsa "),
        f"{KEY[:-4]}ñ!!",
        f"{KEY} {'x' * 3000}",
        f"{KEY}\n{KEY}",
        f"{KEY} a\nssh-ed25519 b",
        f"{KEY} \x1b[2J",
    ],
)
def test_what_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(ValueRefused):
        change(managed(Manage(ssh_keys=(line,))), running())


USER = SnmpV3("plaza", "sha256", Secret("auth-no-lo-digas"), "aes128", Secret("priv-no-lo-digas"))


def test_snmp_users_are_lines_of_their_own_file_and_never_shown() -> None:
    wish = Wish(replace(INTENT, manage=Manage(snmp_users=("polling",))), snmp_users={"polling": USER})
    installed = "config agent\n\toption agentaddress 'UDP:161'\n"
    found = change(wish, running(snmpd=installed))
    (line,) = (line for line in found.lines if line.path == "files.snmp_users")
    assert line.command.reveal() == (
        'createUser plaza SHA-256 "auth-no-lo-digas" AES "priv-no-lo-digas"\nrouser plaza priv\n'
    )
    assert "no-lo-digas" not in found.text + repr(found)
    assert "+\tlist secret_line '••• (new)'" in found.text
    after = "config block 'snmp_users'\n" + "".join(
        f"\tlist secret_line '{each}'\n" for each in line.command.reveal().splitlines()
    )
    known = running(snmpd=installed, files=after)
    assert not sent(change(wish, known), "files")
    assert "no-lo-digas" not in OPENWRT.redacted(known)


def test_snmp_users_need_an_agent() -> None:
    wish = Wish(replace(INTENT, manage=Manage(snmp_users=("polling",))), snmp_users={"polling": USER})
    with pytest.raises(ConfigRejected, match=r"no SNMP agent.*opkg install snmpd"):
        change(wish, running())


@pytest.mark.parametrize(
    "user",
    [
        replace(USER, user="a b"),
        replace(USER, user='a"b'),
        replace(USER, auth_key=Secret('auth"no-lo-digas')),
        replace(USER, auth_key=Secret("no-lo-digas\nrwuser x")),
        replace(USER, priv_key=Secret("corta")),
        replace(USER, priv_protocol="aes256c"),
        replace(USER, auth_key=None),
        replace(USER, context="otro"),
        None,
    ],
)
def test_an_snmp_user_that_net_snmp_cannot_read_is_refused_without_its_keys(user: SnmpV3 | None) -> None:
    users = {} if user is None else {"polling": user}
    wish = Wish(replace(INTENT, manage=Manage(snmp_users=("polling",))), snmp_users=users)
    with pytest.raises(ValueRefused, match="'polling'") as caught:
        change(wish, running(snmpd="config agent\n\toption agentaddress 'UDP:161'\n"))
    assert "no-lo-digas" not in str(caught.value)


HOURS = (OnAir(0, 480, 1320), OnAir(6, 0, 1440))


def test_a_network_with_hours_is_a_line_for_cron_and_its_clock_decides_whether_it_is_on() -> None:
    wish = Wish(replace(INTENT, ssids=(Ssid("De día", schedule=HOURS),)))
    before = running(wireless=WIRELESS.replace("plaza_2g4_9'", "plaza_2g4_1'\n\toption disabled '1'"))
    found = change(wish, before)
    (line,) = (line for line in found.lines if line.path == "files.crontab")
    assert line.command.reveal() == (
        "* * * * * /etc/plaza/air plaza_2g4_1=1:480-1320,7:0-1440 plaza_5g_1=1:480-1320,7:0-1440\n"
    )
    assert not any(line.path == "wireless.plaza_2g4_1.disabled" for line in found.lines)
    assert "set wireless.plaza_5g_1.disabled='0'" in sent(found, "wireless")


def test_a_network_without_hours_any_more_is_always_on_and_its_line_is_gone() -> None:
    kept = "config block 'crontab'\n\tlist line '* * * * * /etc/plaza/air plaza_2g4_9=1:1-2'\n"
    found = change(Wish(INTENT), running(files=kept))
    assert [line.command.reveal() for line in found.lines if line.path == "files.crontab"] == [""]
    assert "-\tlist line '* * * * * /etc/plaza/air plaza_2g4_9=1:1-2'\n" in found.text


@pytest.mark.parametrize(
    ("network", "device"),
    [
        (MANAGED + BRIDGE, "br-lan.30"),
        (MANAGED.replace("br-lan", "br-lan.1") + BRIDGE, "br-lan.30"),
        (MANAGED.replace("br-lan", "eth0"), "eth0.30"),
        (
            MANAGED.replace("br-lan", "br-lan.1")
            + BRIDGE
            + "\nconfig bridge-vlan\n\toption device 'br-lan'\n\toption vlan '30'\n\tlist ports 'eth0:t'\n",
            "br-lan.30",
        ),
    ],
)
def test_management_moves_into_its_vlan_and_that_is_dangerous(network: str, device: str) -> None:
    guests = "\nconfig interface 'vlan20'\n\toption proto 'none'\n"
    wish = Wish(replace(INTENT, ssids=(Ssid("Gratis", vlan=20),), manage=Manage(vlan=30)))
    found = change(wish, running(network=network + guests))
    assert sent(found, "network") == [f"set network.lan.device='{device}'"]
    assert found.dangerous(OPENWRT.traits.dangerous) == ("network.lan.device",)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (
            "\nconfig interface 'lan'\n\toption ifname 'eth0'\n\toption type 'bridge'\n",
            "before OpenWrt 21.02",
        ),
        (MANAGED + BRIDGE + "\nconfig switch_vlan\n\toption vlan '1'\n", "before OpenWrt 21.02"),
        ("\nconfig interface 'lan'\n\toption proto 'dhcp'\n", "no device with a plain name"),
        (MANAGED, "neither a port nor a bridge"),
        (MANAGED.replace("br-lan", "@wan"), "no device with a plain name"),
        (
            MANAGED + BRIDGE + "\nconfig bridge-vlan\n\toption device 'br-lan'\n\toption vlan '1'\n",
            r"lets no VLAN 30 through.*config bridge-vlan",
        ),
        (MANAGED + BRIDGE + "\toption vlan_filtering '1'\n", "lets no VLAN 30 through"),
    ],
)
def test_a_network_that_is_laid_out_otherwise_is_left_alone(network: str, said: str) -> None:
    guests = "\nconfig interface 'vlan20'\n\toption proto 'none'\n"
    wish = Wish(replace(INTENT, ssids=(Ssid("Gratis", vlan=20),), manage=Manage(vlan=30)))
    with pytest.raises(ConfigRejected, match=said):
        change(wish, running(network=network + guests))


def test_guests_never_follow_the_management_into_its_vlan() -> None:
    with pytest.raises(ValueRefused, match="'Chihuahua Gratis' has no VLAN"):
        change(managed(Manage(vlan=30)), running(network=MANAGED + BRIDGE))


MOVED = MANAGED.replace("br-lan", "br-lan.99") + BRIDGE
OWN_VLAN = "\nconfig bridge-vlan\n\toption device 'br-lan'\n\toption vlan '99'\n\tlist ports 'eth0{}'\n"
OTHER_NAME = "\nconfig device\n\toption name 'gestion'\n\toption type '8021q'\n\toption vid '99'\n"


@pytest.mark.parametrize(
    "network",
    [
        MOVED,
        MOVED + OWN_VLAN.format(":t") + "\tlist ports 'eth1:u*'\n",
        MANAGED.replace("br-lan", "eth0.99"),
        MANAGED.replace("br-lan", "gestion") + OTHER_NAME,
    ],
)
def test_guests_never_follow_a_management_that_stayed_in_its_vlan(network: str) -> None:
    guests = "\nconfig interface 'vlan20'\n\toption proto 'none'\n"
    with pytest.raises(ConfigRejected, match=r"'Chihuahua Gratis' has no VLAN.*in VLAN 99.*`vlan`.*rollback"):
        change(Wish(INTENT), running(network=network + guests))
    apart = replace(INTENT, ssids=(GUESTS,))
    assert not sent(change(Wish(apart), running(network=network + guests)), "network")


def test_a_lan_that_is_untagged_in_a_bridge_with_vlans_carries_guests_as_any_lan() -> None:
    network = MOVED + OWN_VLAN.format("") + "\tlist ports 'eth1:u*'\n"
    assert change(Wish(INTENT), running(network=network))


def test_our_own_gateway_needs_nothing_of_the_access_point() -> None:
    assert (
        change(wired(GatewayKind.PLAZA), running()).paths
        == change(Wish(replace(INTENT, ssids=(GUESTS,))), running()).paths
    )


def test_opennds_sends_guests_to_the_portal_and_keeps_its_own_rules() -> None:
    wish = wired(GatewayKind.OPENNDS, "http://wifi.example.mx:8080/entrar", allow=("*.gob.mx", "a.example"))
    found = change(wish, running(opennds=OPENNDS))
    assert sent(found, "opennds") == [
        "delete opennds.@opennds[0].fasremoteip",
        "set opennds.@opennds[0].enabled='1'",
        "set opennds.@opennds[0].gatewayinterface='vlan20'",
        "set opennds.@opennds[0].login_option_enabled='0'",
        "set opennds.@opennds[0].fasport='8080'",
        "set opennds.@opennds[0].fasremotefqdn='wifi.example.mx'",
        "set opennds.@opennds[0].faspath='/entrar'",
        "set opennds.@opennds[0].faskey='•••'",
        "set opennds.@opennds[0].fas_secure_enabled='2'",
        "add_list opennds.@opennds[0].walledgarden_fqdn_list='wifi.example.mx'",
        "add_list opennds.@opennds[0].walledgarden_fqdn_list='gob.mx'",
        "add_list opennds.@opennds[0].walledgarden_fqdn_list='a.example'",
    ]
    assert PORTAL_SECRET not in found.text + repr(found)
    known = running(opennds=f"{OPENNDS}\toption faskey '{PORTAL_SECRET}'\n")
    assert PORTAL_SECRET not in OPENWRT.redacted(known)
    assert found.dangerous(OPENWRT.traits.dangerous)


def test_an_address_of_the_portal_is_told_as_one() -> None:
    found = change(wired(GatewayKind.OPENNDS, "http://203.0.113.7/"), running(opennds=OPENNDS))
    assert "set opennds.@opennds[0].fasremoteip='203.0.113.7'" in sent(found, "opennds")


@pytest.mark.parametrize("url", ["https://wifi.example.mx/", "http://wifi.example.mx/?a=b", "http:///x"])
def test_opennds_is_refused_what_it_would_not_do(url: str) -> None:
    with pytest.raises(ValueRefused):
        change(wired(GatewayKind.OPENNDS, url), running(opennds=OPENNDS))


def test_uspot_gets_the_portal_in_the_section_of_its_guests() -> None:
    wish = wired(GatewayKind.USPOT, "https://wifi.example.mx", radius=Endpoint("10.8.0.7", 1812))
    found = change(wish, running(uspot=USPOT))
    assert sent(found, "uspot") == [
        "set uspot.plaza.auth_mode='uam'",
        "set uspot.plaza.uam_server='https://wifi.example.mx/'",
        "set uspot.plaza.uam_secret='•••'",
        "set uspot.plaza.nasid='ap-1'",
        "set uspot.plaza.auth_server='10.8.0.7'",
        "set uspot.plaza.auth_port='1812'",
        "set uspot.plaza.auth_secret='•••'",
        "set uspot.plaza.acct_server='10.8.0.7'",
        "set uspot.plaza.acct_port='1813'",
        "set uspot.plaza.acct_secret='•••'",
    ]
    with pytest.raises(ConfigRejected, match=r"not set up for the interface vlan20"):
        change(wish, running(uspot=USPOT.replace("vlan20", "captive")))


def test_coovachilli_starts_once_nothing_disables_it() -> None:
    wish = wired(
        GatewayKind.COOVACHILLI,
        "https://wifi.example.mx/",
        radius=Endpoint("10.8.0.7", 1812),
        allow=("*.gob.mx", "a.example", "b.example"),
    )
    commands = sent(change(wish, running(chilli=CHILLI)), "chilli")
    assert commands[:2] == ["delete chilli.guests.dhcpif", "delete chilli.guests.disabled"]
    assert "set chilli.guests.network='vlan20'" in commands
    assert "set chilli.guests.uamallowed='a.example,b.example'" in commands
    assert "set chilli.guests.uamdomain='.gob.mx'" in commands
    assert not any("tundev" in command for command in commands)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (GatewayKind.OPENNDS, "opkg install opennds"),
        (GatewayKind.USPOT, "opkg install uspot"),
        (GatewayKind.COOVACHILLI, "opkg install coova-chilli"),
    ],
)
def test_a_gateway_that_is_not_installed_is_refused_with_how_to_install_it(
    kind: GatewayKind, said: str
) -> None:
    with pytest.raises(ConfigRejected, match=said):
        change(wired(kind, radius=Endpoint("10.8.0.7", 1812)), running())


@pytest.mark.parametrize("kind", [GatewayKind.MIKROTIK, GatewayKind.CISCO_WLC, GatewayKind.CAMBIUM])
def test_a_gateway_of_another_vendor_is_refused(kind: GatewayKind) -> None:
    with pytest.raises(ValueRefused, match=f"OpenWrt has no gateway {kind.value}"):
        change(wired(kind), running())


def test_guests_of_two_networks_are_refused() -> None:
    wish = wired(GatewayKind.OPENNDS)
    two = replace(wish.intent, ssids=(GUESTS, Ssid("Otra", captive=True)))
    with pytest.raises(ValueRefused, match="from lan and vlan20"):
        change(replace(wish, intent=two), running(opennds=OPENNDS))


@pytest.mark.parametrize(
    "secret", ["corta", "a b c d e f g", "x'; reboot; '", "$(reboot)$(reboot)", 'a"b"c"d"e']
)
def test_a_gateways_secret_that_would_not_stay_one_word_is_refused_unseen(secret: str) -> None:
    wish = replace(wired(GatewayKind.OPENNDS), portal_secrets={"portal": Secret(secret)})
    with pytest.raises(ValueRefused, match="'portal'") as caught:
        change(wish, running(opennds=OPENNDS))
    assert secret not in str(caught.value)


def test_a_limit_for_each_client_is_said_to_be_impossible() -> None:
    wish = Wish(replace(INTENT, ssids=(Ssid("Gratis", rate=Rate(down_kbps=2000)),)))
    with pytest.raises(ValueRefused, match="cannot set rate on openwrt"):
        features.check(OPENWRT.platform, OPENWRT.traits, wish.intent)
    features.check(OPENWRT.platform, OPENWRT.traits, captive(GatewayKind.OPENNDS))


def test_going_back_to_radios_that_slept_wakes_nothing_and_leaves_no_trace(tmp_path: Path) -> None:
    factory = running(wireless=FACTORY)
    now = _after(tmp_path, FACTORY, change(Wish(INTENT), factory))
    back = OPENWRT.restoration("ap-1", now, factory)
    assert "-\toption disabled '1'\n" in back.text
    assert OPENWRT.restoration("ap-1", _after(tmp_path, _wireless(now), back), factory).lines == ()
    names = {"wireless.default_radio0.disabled", "wireless.radio0.disabled", "wireless.radio1.disabled"}
    assert names <= {line.path for line in back.lines}
    slept = uci.parse("package wireless\n" + _wireless(_after(tmp_path, _wireless(now), back)))
    assert (
        slept.sections["wireless.default_radio0"]
        == uci.parse(f"package wireless\n{FACTORY}").sections["wireless.default_radio0"]
    )


def test_going_back_leaves_a_network_that_somebody_switched_off_on_a_radio_that_stays_on() -> None:
    earlier = running()
    off = WIRELESS.replace("'hecha-a-mano'", "'hecha-a-mano'\n\toption disabled '1'")
    assert not any(
        "@wifi-iface" in line.path
        for line in OPENWRT.restoration("ap-1", running(wireless=off), earlier).lines
    )


def test_going_back_leaves_a_network_that_somebody_made_her_own_since(tmp_path: Path) -> None:
    factory = running(wireless=FACTORY)
    now = _wireless(_after(tmp_path, FACTORY, change(Wish(INTENT), factory)))
    hers = now.replace("option ssid 'OpenWrt'", "option ssid 'De la tecnica'")
    back = OPENWRT.restoration("ap-1", running(wireless=hers), factory)
    assert not any("default_radio0" in line.path or "@wifi-iface" in line.path for line in back.lines)


def test_a_radio_that_carries_the_way_out_is_dangerous() -> None:
    backhaul = f"{WIRELESS}\nconfig wifi-iface 'subida'\n\toption device 'radio1'\n\toption mode 'sta'\n"
    found = change(Wish(INTENT), running(wireless=backhaul))
    dangerous = found.dangerous(OPENWRT.traits.dangerous)
    assert dangerous
    assert all(path.startswith("uplink.wireless.radio1.") for path in dangerous)
    assert not change(Wish(INTENT), running()).dangerous(OPENWRT.traits.dangerous)


words = st.text(max_size=40) | st.sampled_from(EVIL)
paths = st.sampled_from(("http://wifi.example.mx/", "http://10.0.0.1:99/", "http://")).flatmap(
    lambda start: words.map(lambda word: start + word)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(comment=words, host=words, url=paths, allowed=words, name=words)
def test_every_value_goes_through_a_real_shell_and_uci_as_it_is_or_not_at_all(
    comment: str, host: str, url: str, allowed: str, name: str, tmp_path: Path
) -> None:
    before = running(opennds=OPENNDS)
    base = wired(GatewayKind.OPENNDS).intent
    assert base.captive is not None
    tries = (
        (replace(base, manage=Manage(syslog=Syslog(host))), "system.@system[0].log_ip", host),
        (replace(base, manage=Manage(ntp=(host,))), "system.ntp.server", host),
        (replace(base, hostname=name), "system.@system[0].hostname", name),
        (replace(base, ssids=(replace(GUESTS, name=name),)), "wireless.plaza_2g4_1.ssid", name),
        (replace(base, captive=replace(base.captive, portal_url=url)), "opennds.@opennds[0].faspath", None),
        (replace(base, captive=replace(base.captive, allow=(allowed,))), "opennds.@opennds[0].enabled", "1"),
    )
    for wanted, option, value in tries:
        wish = Wish(wanted, portal_secrets={"portal": Secret(PORTAL_SECRET)})
        try:
            found = change(wish, before)
        except ValueRefused:
            continue
        got = _through_uci(tmp_path, found, option)
        assert value is None or got == value
        assert value is not None or got == "/" or url.endswith(got)
    _a_key_goes_whole(comment, before, tmp_path)
    assert not (tmp_path / "PWNED").exists()


def _through_uci(folder: Path, found: Change, option: str) -> str:
    """The value that a real shell and uci made of a change."""
    shutil.rmtree(folder / "config", ignore_errors=True)
    (folder / "config").mkdir()
    texts = {"system": SYSTEM, "wireless": WIRELESS, "network": NETWORK, "opennds": OPENNDS}
    for package, text in texts.items():
        (folder / "config" / package).write_text(text)
    lines = [line for line in found.lines if not line.path.startswith("files.")]
    batch = "".join(f"{line.command.reveal()}\n" for line in lines)
    tool = f"{shutil.which('uci') or STAND_IN} -c {folder}/config -t {folder}/stage"
    script = f"{tool} batch <<'END'\n{batch}END\n{tool} get {option}\n"
    done = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, cwd=folder, check=True)
    shutil.rmtree(folder / "stage", ignore_errors=True)
    assert done.stderr == b""
    return done.stdout.decode().removesuffix("\n")


def _wireless(found: Running) -> str:
    """The package without its head."""
    return found.text.reveal().partition("package wireless\n")[2].partition("package ")[0]


def _after(folder: Path, wireless: str, found: Change) -> Running:
    """What a device runs once a real shell and uci committed a change."""
    shutil.rmtree(folder / "config", ignore_errors=True)
    (folder / "config").mkdir()
    for package, text in {"system": SYSTEM, "wireless": wireless, "network": NETWORK}.items():
        (folder / "config" / package).write_text(text)
    batch = "".join(f"{line.command.reveal()}\n" for line in found.lines if line.path[:6] != "files.")
    tool = f"{shutil.which('uci') or STAND_IN} -c {folder}/config -t {folder}/stage"
    script = f"{tool} batch <<'END'\n{batch}END\n{tool} commit\n"
    script += "".join(f"{tool} export {package}\n" for package in ("system", "network", "wireless"))
    done = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True)
    assert done.stderr == b""
    return Running(Secret(done.stdout.decode()), "")


def _a_key_goes_whole(comment: str, before: Running, folder: Path) -> None:
    """Through the shell that writes the block, and the one that reads it."""
    try:
        found = change(managed(Manage(ssh_keys=(f"{KEY} {comment}",))), before)
    except ValueRefused:
        return
    (line,) = (line for line in found.lines if line.path == "files.authorized_keys")
    place = folder / FILES[0].path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"ssh-rsa AAAA a mano\n# plaza: begin\n{line.command.reveal()}# plaza: end\n")
    (folder / "etc/config").mkdir(exist_ok=True)
    printed = read_back(folder)
    lists = uci.parse(printed).sections["files.authorized_keys"].options["line"]
    assert lists == (f"{KEY} {comment}".strip(" "),)
    assert base64.b64decode(KEY.split()[1])


def read_back(folder: Path) -> str:
    """What the device's own script prints of its files."""
    script = (Path(__file__).parents[2] / "drivers/platforms/openwrt/trial.sh").read_text()
    spec = " ".join(map(str, FILES))
    known = f"PLAZA_ROOT={folder}\nPACKAGES=\nOPTIONAL=\nCONSULTED=\nFILES='{spec}'\n"
    done = subprocess.run(
        ["sh", "-s"], input=f"{known}{script}\nread_config\n".encode(), capture_output=True, check=True
    )
    assert done.stderr == b""
    return done.stdout.decode().partition("\n")[2]
