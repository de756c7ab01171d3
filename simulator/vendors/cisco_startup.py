"""What a technician made on two Cisco devices before Plaza came."""

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Flavour(Enum):
    """Which of the two it is."""

    AUTONOMOUS = "autonomous"
    CATALYST = "catalyst"


HAND_MADE: Final[Mapping[Flavour, str]] = {
    Flavour.AUTONOMOUS: """
service password-encryption
hostname ap-viejo
username plaza privilege 15 secret 9 $9$salt$hash
dot11 ssid La red de la tecnica
   vlan 30
   authentication open
   authentication key-management wpa version 2
   wpa-psk ascii 7 0007160A1B541F0A1D2E1D
bridge irb
interface Dot11Radio0
 no ip address
 encryption vlan 30 mode ciphers aes-ccm
 ssid La red de la tecnica
 station-role root
 bridge-group 1
interface Dot11Radio0.30
 encapsulation dot1Q 30
 bridge-group 30
interface Dot11Radio1
 no ip address
 shutdown
 station-role root
 bridge-group 1
interface GigabitEthernet0
 no ip address
 bridge-group 1
interface GigabitEthernet0.30
 encapsulation dot1Q 30
 bridge-group 30
interface BVI1
 ip address 10.8.19.2 255.255.255.0
ip default-gateway 10.8.19.1
snmp-server location Plaza de Armas
line vty 0 4
 login local
 transport input ssh
""",
    Flavour.CATALYST: """
hostname wlc-viejo
aaa new-model
username plaza privilege 15 secret 9 $9$salt$hash
interface Vlan10
 ip address 10.8.19.2 255.255.255.0
interface Vlan20
 ip address 10.8.20.2 255.255.255.0
wireless management interface Vlan10
wireless country US
wlan tecnica 3 tecnica
 no security wpa akm dot1x
 security wpa akm psk
 security wpa psk set-key ascii 0 hecha-a-mano
 no shutdown
wireless profile policy default-policy-profile
 no shutdown
wireless tag policy default-policy-tag
 wlan tecnica policy default-policy-profile
line vty 0 4
 transport input ssh
""",
}
