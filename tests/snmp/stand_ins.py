"""Stand-ins for OpenWrt's `ubus` and `iwinfo`, printing what the real ones print (23.05)."""

from dataclasses import dataclass, field
from pathlib import Path

IWINFO_2G = """\
phy0-ap0  ESSID: "Chihuahua Gratis"
          Access Point: 94:83:C4:10:BC:06
          Mode: Master  Channel: 6 (2.437 GHz)  HT Mode: HE20
          Center Channel 1: 6 2: unknown
          Tx-Power: 20 dBm  Link Quality: 61/70
          Signal: -49 dBm  Noise: -92 dBm
          Bit Rate: 86.6 MBit/s
          Encryption: none
          Type: nl80211  HW Mode(s): 802.11ax/b/g/n
          Hardware: 14C3:7915 14C3:7915 [MediaTek MT7915E]
          TX power offset: none
          Frequency offset: none
          Supports VAPs: yes  PHY name: phy0
"""

IWINFO_2G_SECOND = """\
phy0-ap1  ESSID: "Señal "abierta" 100 %"
          Access Point: 96:83:C4:10:BC:06
          Mode: Master  Channel: 6 (2.437 GHz)  HT Mode: HE20
          Center Channel 1: 6 2: unknown
          Tx-Power: 20 dBm  Link Quality: unknown/70
          Signal: unknown  Noise: -92 dBm
          Bit Rate: unknown
          Encryption: none
          Type: nl80211  HW Mode(s): 802.11ax/b/g/n
          Supports VAPs: yes  PHY name: phy0
"""

IWINFO_5G = """\
phy1-ap0  ESSID: "Chihuahua Gratis"
          Access Point: 94:83:C4:10:BC:07
          Mode: Master  Channel: 36 (5.180 GHz)  HT Mode: VHT80
          Center Channel 1: 42 2: unknown
          Tx-Power: 23 dBm  Link Quality: unknown/70
          Signal: unknown  Noise: unknown
          Bit Rate: unknown
          Encryption: none
          Type: nl80211  HW Mode(s): 802.11ac/n
          Supports VAPs: yes  PHY name: phy1
"""

IWINFO_RADIO_OFF = """\
wlan1     ESSID: "Chihuahua Gratis"
          Access Point: 38:A2:8C:92:00:38
          Mode: Master  Channel: unknown (unknown)
          Center Channel 1: unknown 2: unknown
          Tx-Power: 20 dBm  Link Quality: unknown/70
          Signal: unknown  Noise: unknown
          Bit Rate: unknown
          Supports VAPs: yes  PHY name: phy1
"""

IWINFO_CLIENT_MODE = """\
phy0-sta0 ESSID: "Enlace"
          Access Point: C6:16:C8:F9:98:49
          Mode: Client  Channel: 1 (2.412 GHz)  HT Mode: HT20
          Tx-Power: 20 dBm  Link Quality: 68/70
          Signal: -42 dBm  Noise: -87 dBm
          Supports VAPs: yes  PHY name: phy0
"""

STATION = """\
{mac}  -61 dBm / -92 dBm (SNR 31)  310 ms ago
\tRX: 72.2 MBit/s, MCS 7, 20MHz                1183866 Pkts.
\tTX: 1.0 MBit/s                                801556 Pkts.
\texpected throughput: unknown
"""

BOARD = """\
{
\t"kernel": "5.15.167",
\t"hostname": "ap-08019-1",
\t"system": "MediaTek MT7621 ver:1 eco:3",
\t"model": "Example EX-200",
\t"board_name": "example,ex-200",
\t"release": {
\t\t"distribution": "OpenWrt",
\t\t"version": "23.05.5",
\t\t"description": "OpenWrt 23.05.5 r24106-10cc5fcd00"
\t}
}
"""

INFO = """\
{
\t"localtime": 1791429618,
\t"uptime": 86400,
\t"load": [
\t\t6048,
\t\t3072,
\t\t1024
\t],
\t"memory": {
\t\t"total": 250000000,
\t\t"free": 150000000,
\t\t"shared": 512000,
\t\t"buffered": 10000000,
\t\t"available": 170000000,
\t\t"cached": 40000000
\t},
\t"root": {
\t\t"total": 24576,
\t\t"free": 24000,
\t\t"used": 576,
\t\t"avail": 24000
\t},
\t"swap": {
\t\t"total": 0,
\t\t"free": 0
\t}
}
"""


def station(number: int) -> str:
    """One block of `iwinfo … assoclist`."""
    return STATION.format(mac=f"60:32:B1:49:21:{number:02X}")


def hostapd(utilization: int, status: str = "ENABLED", time: int = 259561738, ssid: str = "Gratis") -> str:
    """`ubus call hostapd.* get_status`; utilization counts in 255ths."""
    return f"""\
{{
\t"status": "{status}",
\t"bssid": "94:83:c4:10:bc:06",
\t"ssid": "{ssid}",
\t"freq": 2437,
\t"channel": 6,
\t"op_class": 81,
\t"beacon_interval": 100,
\t"phy": "phy0-ap0",
\t"airtime": {{
\t\t"time": {time},
\t\t"time_busy": 2844249,
\t\t"utilization": {utilization}
\t}},
\t"dfs": {{
\t\t"cac_seconds": 0,
\t\t"cac_active": false,
\t\t"cac_seconds_left": 0
\t}}
}}
"""


def device(rx: int, tx: int) -> str:
    """`ubus call network.device status`."""
    return f"""\
{{
\t"external": false,
\t"present": true,
\t"type": "Network device",
\t"up": true,
\t"carrier": true,
\t"mtu": 1500,
\t"macaddr": "94:83:c4:10:bc:06",
\t"statistics": {{
\t\t"collisions": 0,
\t\t"rx_bytes": {rx},
\t\t"rx_dropped": 0,
\t\t"rx_packets": 1183866,
\t\t"tx_bytes": {tx},
\t\t"tx_packets": 801556
\t}}
}}
"""


@dataclass(frozen=True, slots=True)
class OpenWrt:
    """What the tools of one device say; an absent answer is an error, as on the device."""

    iwinfo: str = "\n".join((IWINFO_2G, IWINFO_2G_SECOND, IWINFO_5G))
    stations: dict[str, str] = field(
        default_factory=lambda: {
            "phy0-ap0": station(1) + station(2) + station(3),
            "phy0-ap1": station(4),
            "phy1-ap0": "No station connected\n",
        }
    )
    ubus: dict[str, str] = field(
        default_factory=lambda: {
            "hostapd.phy0-ap0.get_status.": hostapd(80),
            "hostapd.phy0-ap1.get_status.": hostapd(80),
            "hostapd.phy1-ap0.get_status.": hostapd(0, time=0),
            'network.device.status.{"name":"phy0-ap0"}': device(5_000_000_123, 70_000_000_456),
            'network.device.status.{"name":"phy1-ap0"}': device(11, 22),
            'network.device.status.{"name":"eth0"}': device(900_000_000_001, 100_000_000_002),
            'network.device.status.{"name":"br-lan"}': device(3, 4),
            "system.board.": BOARD,
            "system.info.": INFO,
        }
    )

    def install(self, directory: Path) -> Path:
        """Put the commands into a directory for PATH."""
        directory.mkdir(parents=True, exist_ok=True)
        answers = directory / "answers"
        answers.mkdir(exist_ok=True)
        (answers / "iwinfo").write_text(self.iwinfo)
        for interface, text in self.stations.items():
            (answers / f"assoclist.{interface}").write_text(text)
        for question, text in self.ubus.items():
            (answers / f"ubus.{question}").write_text(text)
        _command(directory / "iwinfo", _IWINFO.format(answers=answers))
        _command(directory / "ubus", _UBUS.format(answers=answers))
        return directory


_IWINFO = """\
#!/bin/sh
case "$2" in
"") cat "{answers}/iwinfo" ;;
assoclist)
    cat "{answers}/assoclist.$1" 2>/dev/null && exit
    echo "No such wireless device: $1" >&2
    exit 1
    ;;
esac
"""

_UBUS = """\
#!/bin/sh
[ "$1" = call ] || exit 2
cat "{answers}/ubus.$2.$3.$4" 2>/dev/null || {{ echo "Command failed: Not found" >&2; exit 4; }}
"""


def _command(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
