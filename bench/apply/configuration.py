"""What the devices run before anybody changes them: about 190 lines, as an access point of a plaza has."""

from typing import Final

_RADIOS: Final = (("radio0", "2g", "1", "HE20"), ("radio1", "5g", "36", "HE80"))
_ZONES: Final = ("lan", "vlan10", "vlan20", "vlan30", "vlan40")
_PORTS: Final = ("22", "53", "67", "80", "443", "123", "161", "514", "8080", "5060", "1194", "1812", "51820")


def _section(kind: str, name: str, /, **options: str) -> str:
    title = f"\nconfig {kind} '{name}'\n" if name else f"\nconfig {kind}\n"
    return title + "".join(f"\toption {key} '{value}'\n" for key, value in options.items())


def _system() -> str:
    system = _section("system", "", hostname="OpenWrt", timezone="CST6", zonename="America/Chihuahua")
    servers = "".join(f"\tlist server '{number}.openwrt.pool.ntp.org'\n" for number in range(4))
    return system + _section("timeserver", "ntp", enabled="1") + servers


def _wireless() -> str:
    radios = [
        _section("wifi-device", name, type="mac80211", band=band, channel=channel, htmode=mode, country="MX")
        for name, band, channel, mode in _RADIOS
    ]
    by_hand = [
        _section(
            "wifi-iface",
            f"tecnica{number}",
            device=radio,
            network="lan",
            mode="ap",
            ssid=f"La red de la tecnica {number}",
            encryption="psk2",
            key="hecha-a-mano",
        )
        for number, (radio, *_) in enumerate(_RADIOS)
    ]
    return "".join([*radios, *by_hand])


def _network() -> str:
    loopback = _section("interface", "loopback", device="lo", proto="static", ipaddr="127.0.0.1/8")
    lan = _section("interface", "lan", device="br-lan", proto="dhcp")
    vlans = [
        _section("interface", zone, proto="none", device=f"br-lan.{zone.removeprefix('vlan')}")
        for zone in _ZONES[1:]
    ]
    return "".join([loopback, lan, *vlans])


def _firewall() -> str:
    zones = [
        _section("zone", zone, name=zone, input="REJECT", output="ACCEPT", forward="REJECT")
        for zone in _ZONES
    ]
    rules = [
        _section("rule", f"port{port}", src="lan", proto="tcp udp", dest_port=port, target="ACCEPT")
        for port in _PORTS
    ]
    return "".join([*zones, *rules])


UCI: Final = {
    "dropbear": _section("dropbear", "", PasswordAuth="off", Port="22", RootPasswordAuth="off"),
    "firewall": _firewall(),
    "network": _network(),
    "system": _system(),
    "wireless": _wireless(),
}
"""By package, as `uci` keeps it."""


def _ios_vlan(number: int) -> str:
    return (
        f"interface Dot11Radio0.{number}\n encapsulation dot1Q {number}\n bridge-group {number}\n"
        f"interface GigabitEthernet0.{number}\n encapsulation dot1Q {number}\n bridge-group {number}\n"
    )


IOS: Final = (
    "hostname ap-bench\n"
    + "".join(f"interface Dot11Radio{radio}\n no ip address\n station-role root\n" for radio in range(2))
    + "".join(map(_ios_vlan, range(10, 30)))
    + "interface BVI1\n ip address 10.8.19.2 255.255.255.0\n"
    + "".join(f"logging host 10.8.0.{number}\n" for number in range(1, 5))
    + "ip default-gateway 10.8.19.1\nline vty 0 4\n login local\n transport input ssh\n"
)
"""The startup configuration of an autonomous access point."""
