"""An access point as OpenWrt leaves it, and a wish of two radios and six networks.

What is wished is as much as in the comparison of renderers that preceded this bench: a name, a clock, two
time servers, three open networks on each of two radios.
"""

from typing import Final

from drivers.configurers.seam import Wish
from drivers.model import Band, Intent, Manage, Radio, Ssid

_SYSTEM: Final = """
config system
	option hostname 'OpenWrt'
	option timezone 'UTC'
	option ttylogin '0'
	option log_size '64'
	option urandom_seed '0'

config timeserver 'ntp'
	option enabled '1'
	option enable_server '0'
	list server '0.openwrt.pool.ntp.org'
	list server '1.openwrt.pool.ntp.org'
	list server '2.openwrt.pool.ntp.org'
	list server '3.openwrt.pool.ntp.org'
"""

_NETWORK: Final = """
config interface 'loopback'
	option device 'lo'
	option proto 'static'
	option ipaddr '127.0.0.1'
	option netmask '255.0.0.0'

config globals 'globals'
	option ula_prefix 'fd5c:1d3a:90e2::/48'

config device
	option name 'br-lan'
	option type 'bridge'
	list ports 'eth0'

config interface 'lan'
	option device 'br-lan'
	option proto 'static'
	option ipaddr '192.168.1.1'
	option netmask '255.255.255.0'
	option ip6assign '60'
"""

_RADIO: Final = """
config wifi-device 'radio{number}'
	option type 'mac80211'
	option path 'platform/soc/18000000.wifi+{number}'
	option channel '{channel}'
	option band '{band}'
	option htmode '{mode}'
	option disabled '1'

config wifi-iface 'default_radio{number}'
	option device 'radio{number}'
	option network 'lan'
	option mode 'ap'
	option ssid 'OpenWrt'
	option encryption 'none'
"""

UCI: Final = {
    "network": _NETWORK,
    "system": _SYSTEM,
    "wireless": _RADIO.format(number=0, channel=1, band="2g", mode="HE20")
    + _RADIO.format(number=1, channel=36, band="5g", mode="HE80"),
}
"""By package, as `uci` keeps it; those of them that are read."""


def wish(name: str) -> Wish:
    """Six names, in turns on one radio and on the other."""
    bands = (Band.GHZ_2, Band.GHZ_5)
    return Wish(
        Intent(
            device=name,
            hostname=name,
            country="MX",
            radios=(Radio(Band.GHZ_2, channel=1), Radio(Band.GHZ_5, channel=36)),
            ssids=tuple(
                Ssid(f"Chihuahua Gratis {number}", bands=(bands[number % 2],)) for number in range(6)
            ),
            manage=Manage(zone="America/Chihuahua", ntp=("0.mx.pool.ntp.org", "1.mx.pool.ntp.org")),
        )
    )
