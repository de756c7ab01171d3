"""What a technician made by hand at a device of each platform, with a canary (@, or type 7: §) in every place
that can hold a secret; ~ stands for @. Not in remarks, where a person may write anything."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from simulator.vendors.cisco_ios import STARTUP
from simulator.vendors.routeros_config import Configuration
from tests.configure.ciscobox import CiscoPeer
from tests.configure.ordeal import Peer
from tests.configure.peers import ShellPeer
from tests.configure.routerosbox import RouterOsPeer
from tests.configure.unarmed_peers import UnarmedPeer
from tests.drift.canaries import Aviary

WIRELESS: Final = r"""
config wifi-iface
	option device 'radio0'
	option ssid 'WEP vieja'
	option key '1'
	option key1 's:@'
	option key2 '@'
config wifi-iface
	option device 'radio0'
	option ssid 'Empresa'
	option encryption 'wpa2'
	option key '@ con '\''comillas'\'' @'
	option auth_secret '@'
	option acct_secret '@'
	option dae_secret '@'
	option sae_password '@'
	option identity 'tecnica'
	option password '@'
	option priv_key_pwd '@'
	option priv_key2_pwd '@'
	option auth_secret_key '@'
	option wps_pin '@'
	list r0kh '02:00:00:00:00:01,nas,@'
	list r1kh '02:00:00:00:00:01,02:00:00:00:00:02,@'
	list wpa_psk_file '@'
	option iapp_passwd "@ \" mas"
config wifi-vlan
	option name 'v'
	option key '@'
config wifi-station
	option mac '02:00:00:00:00:09'
	option key '@'
"""
NETWORK: Final = """
config interface 'wg0'
	option proto 'wireguard'
	option private_key '@'
config wireguard_wg0
	option public_key 'visible'
	option preshared_key '@'
	option private_key '@'
config interface 'wan'
	option proto 'pppoe'
	option username 'casa'
	option password '@'
	option pincode '@'
config interface 'tunel'
	option proto '6in4'
	option updatekey '@'
config interface 'vpn'
	option proto 'openconnect'
	option password2 '@'
	option token_secret '@'
	option usergroup 'g'
	option form_entry 'frm:pass=@'
config interface 'ext'
	option proto 'external'
	option authkey '@'
	option auth_key '@'
	option passwd '@'
	option psk '@'
	option server 'https://tecnica:@~vpn.example/'
"""
SYSTEM: Final = """
config rpcd 'x'
	option password '@'
config remote
	option token '@'
	option apikey '@'
	option api_key '@'
	option shared_key '@'
	option url 'http://u:@~h.example/p?token=@&key=@'
"""
CHILLI: Final = """
config chilli
	option radiussecret '@'
	option uamsecret '@'
	option adminpasswd '@'
	option adminpassword '@'
	option proxysecret '@'
	option dhcpradiussecret '@'
	option challengesecret '@'
"""
OPENNDS: Final = """
config opennds
	option faskey '@'
	option fas_key '@'
	option voucher_key '@'
"""
SNMPD: Final = """
config com2sec 'public'
	option secname 'ro'
	option source 'default'
	option community '@'
config trapcommunity 'trapcommunity'
	option community '@'
config trapsink
	option host '192.0.2.9'
	option community '@'
config v3
	option username 'u'
	option auth_pass '@'
	option privacy_pass '@'
	option auth_passphrase '@'
	option auth_key '@'
	option priv_key '@'
config line
	list line 'rocommunity @ default'
	list line 'createUser u SHA @ AES @'
	list rouser 'u'
"""
AIROS: Final = """\
aaa.1.wpa.psk=@
aaa.1.wpa.1.psk=@
aaa.1.radius.auth.1.secret=@
aaa.1.radius.acct.1.secret=@
aaa.1.radius.1.auth.secret=@
ppp.1.password=@
wpasupplicant.profile.1.network.1.psk=@
wpasupplicant.profile.1.network.1.password=@
wpasupplicant.profile.1.network.1.private_key_passwd=@
wpasupplicant.profile.1.network.1.wep_key0=@
wireless.1.security.1.key=@
wireless.1.security.key=@
wireless.1.wep.1.key=@
wireless.1.security.psk=@
snmp.community.2=@
snmp.rw.community=@
users.2.password=@
users.2.passwd=@
dyndns.1.passwd=@
unms.uri=wss://unms.example:443+@+allowSelfSigned
unms.key=@
httpd.auth.key=@
radius.1.auth.1.secret=@
gui.token=@
tshaper.key=@
iptables.sys.ipsec.1.psk=@
system.update.url=https://u:@~h.example/
"""
IOS: Final = """
enable secret 5 @
enable secret @
enable password 7 §
enable password @
username ana privilege 15 password 0 @
username bea password 7 §
username eva secret 5 @
username isa privilege 1 secret 9 @
aaa group server radius GRUPO
 server-private 10.0.0.9 auth-port 1812 acct-port 1813 key 7 §
 server-private 10.0.0.8 key @
radius-server host 10.0.0.7 auth-port 1812 acct-port 1813 key 7 §
radius-server host 10.0.0.6 key @
radius-server key 7 §
radius-server key @
radius server UNO
 address ipv4 10.0.0.5 auth-port 1812 acct-port 1813
 key 7 §
radius server DOS
 key @
 pac key 7 §
tacacs-server host 10.0.0.4 key 7 §
tacacs-server key @
tacacs server TRES
 key 6 @
aaa server radius dynamic-author
 client 10.0.0.3 server-key 7 §
 client 10.0.0.2 server-key @
 server-key 7 §
snmp-server community @ RO
snmp-server community @ view v RW 10
snmp-server host 10.0.0.1 @
snmp-server host 10.0.0.1 version 2c @ udp-port 1162
snmp-server host 10.0.0.1 traps version 2c @
snmp-server user u g v3 auth sha @ priv aes 128 @
snmp mib community-map @ engineid 80
ntp authentication-key 1 md5 @ 7
ntp authentication-key 2 md5 §
key chain CADENA
 key 1
  key-string 7 §
 key 2
  key-string @
crypto isakmp key @ address 10.0.0.1
crypto isakmp key 6 @ address 10.0.0.2
crypto keyring ANILLO
 pre-shared-key address 10.0.0.1 key @
 pre-shared-key hostname h.example key 6 @
crypto ikev2 keyring OTRO
 peer p
  pre-shared-key local 6 @
  pre-shared-key @
ip ftp password 7 §
ip http client password 0 @
ip ssh password @
dot1x username ana password 7 §
dot1x credentials CRED
 username ana
 password 7 §
dot1x credentials OTRA
 password @
eap profile E
 pki-trustpoint t
dot11 ssid Empresa
 wpa-psk ascii 0 @
 wpa-psk hex 7 §
 authentication client username ana password 7 §
dot11 ssid Otra Empresa
 wpa-psk ascii @
 wpa-psk ascii 7 §
wlan-psk set-key ascii 0 @
interface Dot11Radio9
 encryption key 1 size 128bit 7 § transmit-key
 encryption key 2 size 40bit 0 @
 encryption key 3 size 40bit @ transmit-key
 encryption vlan 30 key 1 size 128bit 7 §
interface Dialer1
 ppp chap password 7 §
 ppp chap password 0 @
 ppp pap sent-username ana password 7 §
 ppp chap refuse
interface Tunnel1
 ip nhrp authentication @
 tunnel key 17
 ip ospf message-digest-key 1 md5 7 §
 ip ospf authentication-key @
 ip rip authentication key-chain CADENA
 standby 1 authentication md5 key-string 7 §
 standby 1 authentication @
 vrrp 1 authentication text @
router bgp 65000
 neighbor 10.0.0.1 password 7 §
 neighbor 10.0.0.2 password @
line con 0
 password 7 §
line vty 5 15
 password @
ap dot1x username ana password 0 @ secret 0 @
ap profile default-ap-profile
 mgmtuser username ana password 0 @ secret 8 @
 dot1x username ana password 8 @
wlan vieja 9 vieja
 security wpa psk set-key ascii 0 @
 security wpa psk set-key hex 8 @
 security ft psk set-key ascii 0 @
 security static-wep-key encryption 104 ascii 0 @ 1
 security wpa wpa2 mpsk
 priority 0 set-key ascii 0 @
wireless mobility group member mac-address 0000.0000.0001 ip 10.0.0.1 data-link-encryption hash @
wireless profile mesh malla
 security psk set-key ascii 0 @
wireless profile radio r
 mesh backhaul
archive
 path ftp://ana:@~10.0.0.1/cfg
 log config
ip domain lookup
boot host tftp://10.0.0.1/x
event manager environment _clave @
event manager environment clave @
alias exec subir copy ftp://ana:@~10.0.0.1/ flash:
kron policy-list X
 cli copy run scp://ana:@~10.0.0.1/x
mgcp call-agent x
parameter-map type webauth global
 redirect for-login https://u:@~p.example/
crypto pki trustpoint T
 enrollment url http://ana:@~ca.example/
 password 7 §
 password @
 rsakeypair T
call-home
 http-proxy u
 profile P
  destination address http https://u:@~h.example
vpdn-group 1
 l2tp tunnel password 7 §
 l2tp tunnel password @
l2tp-class C
 password 7 §
 digest secret 7 §
tunnel-key @
cts credentials id x password 7 §
cts sxp default password 7 §
key config-key password-encrypt @
license smart url https://h.example/?token=@
banner motd ^C
solo personal
^C
"""
INSTANT: Final = """\
mgmt-user admin @
mgmt-user admin @ read-only
hash-mgmt-user admin password hash @
hash-mgmt-user visor password cleartext @ usertype read-only
hash-mgmt-password
user ana @ portal
user "ana maria" "@ con espacio" radius
snmp-server community @
snmp-server host 10.0.0.1 version 2c @ inform
snmp-server host 10.0.0.1 version 3 name inform
snmp-server user otra sha @ aes @
snmp-server user tercera auth-prot sha @ priv-prot des @
virtual-controller-key @
ams-ip 10.0.0.2
ams-key @
ams-identity @
ams-backup-key @
vpn ikepsk @ username ana password @
vpn gre-outside
pppoe-uplink-profile
 pppoe-username ana
 pppoe-passwd @
 pppoe-chapsecret @
cellular-uplink-profile
 modem-user ana
 modem-passwd @
 modem-pin @
wlan ssid-profile vieja
 essid vieja
 opmode static-wep
 wep-key @ 1
 wpa-passphrase @
 wpa-hexkey @
 mac-authentication-password @
 ft-psk @
wlan ssid-profile otra
 wpa-passphrase "@ con espacio"
wlan auth-server radius1
 ip 10.0.0.3
 key @
 rfc5997
wlan auth-server radius2
 key "@ y mas"
wlan tacacs-server t
 ip 10.0.0.4
 key @
wlan ldap-server l
 admin-dn x
 admin-passwd @
wlan external-captive-portal p
 server p.example
 auth-text visible
ap1x peap user ana @
ap1x-peap-user ana @
airgroupservice x
 id visible
syslog-server 10.0.0.5
dynamic-dns-interval 900
dynamic-dns-ap key @
wlan mesh-profile m
 mesh-passphrase @
 wpa-passphrase @
rap password @
proxy server 10.0.0.6 3128 ana @
url https://u:@~h.example/
enet0-port-profile x
wlan sae-password @
mpsk-local m
 mpsk-local-passphrase nombre @
 mpsk-local-passphrase "nombre dos" @
wlan mpsk-local n
 mpsk-local-passphrase nombre @
cluster-security
 psk @
"""
CNPILOT: Final = """\
management user admin password $crypt$1$@
management user visor password @
management radius secret @
management radius-server 10.0.0.1 secret @
management cambium-remote cambium-id IDRED @
management cambium-remote url https://u:@~h.example/
cambium-id IDRED @
snmp-server community @
snmp-server ro-community @
snmp-server rw-community @
snmp-server trap-host 10.0.0.2 @
snmp-server trap-host 10.0.0.2 community @
snmp-server v3 user u auth sha @ priv aes @
snmp-server user otra sha @ aes @
radius-server auth 10.0.0.3 secret @
pppoe password @
pppoe username ana password @
interface vlan 1
 pppoe password @
 ip dhcp client password @
tunnel l2tp secret @
tunnel password @
wireless wlan 2
 ssid vieja
 passphrase @
 wep key 1 @
 wep-key @
 security wpa2-psk
 radius-server authentication host 1 secret @
 radius-server accounting host 1 10.0.0.4 secret @
 radius-server authentication 10.0.0.4 1812 @
 guest-access radius-server 10.0.0.4 1812 secret @
 guest-access key @
 sae-password @
 epsk nombre @
 epsk user nombre passphrase @
 epsk nombre passphrase @ vlan 4
 mac-authentication password @
wireless wlan 3
 passphrase "@ con espacio"
 passphrase 0 @
 mesh passphrase @
aaa server 10.0.0.5 key @
lte pin @
location "nada"
"""
ROUTEROS: Final = """\
/interface wifi security add name=vieja passphrase=@
/interface wifi security add name=eap eap-password=@ eap-username=ana
/interface wifi access-list add mac-address=02:00:00:00:00:01 passphrase=@
/interface wifi security multi-passphrase add group=g passphrase=@
/interface wireless security-profiles add name=vieja wpa-pre-shared-key=@ wpa2-pre-shared-key="@ y mas"
/interface wireless security-profiles add static-key-0=@ static-sta-private-key=@ mschapv2-password=@
/interface wireless security-profiles add name=x management-protection-key=@ supplicant-identity=ana
/interface wireless access-list add private-key=@ private-pre-shared-key=@
/interface wireless nstreme-dual add x-key=@
/caps-man security add name=vieja passphrase=@ eap-radius-accounting=yes
/caps-man access-list add private-passphrase=@
/interface pppoe-client add name=casa user=ana password=@
/interface l2tp-client add connect-to=h.example ipsec-secret=@ password=@ user=ana
/interface l2tp-server server set enabled=yes ipsec-secret=@
/interface sstp-client add password=@ http-proxy=10.0.0.1
/interface pptp-client add password=@
/interface ovpn-client add password=@ user=ana
/interface ovpn-server server set auth-key=@ tls-auth-key=@
/interface wireguard add name=wg private-key="@"
/interface wireguard peers add interface=wg preshared-key="@" private-key=@ public-key=visible
/interface vrrp add name=v password=@ authentication=ah
/interface lte apn set [ find default=yes ] apn=x password=@ user=ana
/interface lte set [ find ] pin=@ modem-init="AT+CPIN=@"
/interface macsec add cak=@ ckn=@
/interface eoip add ipsec-secret=@ remote-address=10.0.0.1
/interface gre add ipsec-secret=@
/interface ipip add ipsec-secret=@
/interface dot1x client add identity=ana password=@
/ppp secret add name=ana password=@ service=pppoe
/ppp aaa set use-radius=yes
/radius add address=10.0.0.2 secret=@ service=hotspot
/radius incoming set accept=yes
/ip hotspot user add name=ana password=@
/ip hotspot profile add name=h radius-mac-format=x mac-auth-password=@ trial-uptime-limit=1m
/user-manager user add name=ana password=@ otp-secret=@
/user-manager router add address=10.0.0.3 shared-secret=@
/tool user-manager customer set admin password=@
/tool user-manager router add shared-secret=@
/snmp community add name=@
/snmp community set [ find default=yes ] name=@ authentication-password=@ encryption-password=@
/snmp set trap-community=@ enabled=yes
/tool e-mail set from=a~b address=10.0.0.4 password=@ user=ana
/ip ipsec identity add peer=p secret=@
/ip ipsec identity add peer=p auth-method=eap password=@ username=ana
/ip ipsec peer add address=10.0.0.5 secret=@
/ip ipsec manual-sa add ah-key=@ esp-auth-key=@ esp-enc-key=@
/ip ipsec installed-sa add auth-key=@ enc-key=@
/ip socks users add name=ana password=@
/ip smb users add name=ana password=@
/ip proxy set parent-proxy=10.0.0.6 cache-administrator=x
/ip cloud back-to-home-users add name=ana private-key=@
/ip cloud advanced set auth-token=@
/ip ssh set strong-crypto=yes
/ip traffic-flow target add dst-address=10.0.0.7
/ip dns set servers=10.0.0.8 use-doh-server=https://h.example/?token=@
/routing bgp connection add name=b tcp-md5-key=@
/routing bgp peer add tcp-md5-key=@
/routing ospf interface add authentication-key=@
/routing ospf interface-template add auth-key=@ auth-id=1
/routing rip interface add authentication-key=@
/routing rip keys add key=@
/routing rip interface-template add password=@
/system script add name=subir source="/tool fetch url=ftp://ana:@~h/ password=@"
/system scheduler add name=cada on-event="/tool fetch password=@"
/system logging action add name=x target=email email-to=a
/system gps set enabled=no
/system watchdog set send-smtp-server=10.0.0.9 send-email-to=a
/tool netwatch add host=10.0.0.1 down-script="/tool fetch http-header-field=Authorization:@" up-script=@
/tool fetch add url="https://ana:@~h.example/x?token=@"
/tool traffic-monitor add on-event=@
/tool sms set secret=@ auto-erase=yes
/tool romon set enabled=yes secrets=@
/tool mac-server set x=y
/mpls ldp interface add transport=10.0.0.1
/mpls interface add name=x
/tr069-client set acs-url=https://h.example password=@ username=ana connection-request-password=@
/iot mqtt brokers add address=10.0.0.1 name=b password=@ username=ana
/iot lora servers add name=l key=@ joineui=x
/container envs add list=e key=CLAVE value=@
/container config set password=@ registry-url=https://r.example username=ana
/certificate settings set crl-use=yes
/certificate scep-server add otp=@ challenge-password=@
/openflow add name=o passwd=@
/zerotier set zt1 identity=@ name=zt1
/zerotier set zt2 identity="@,publica" port=9993
/ip kid-control add name=n
/ipv6 nd add authentication-key=@
/user add name=ana password=@ group=full
/password set new-password=@
/dude agent add password=@ username=ana
"""


def _openwrt(peer: Peer, aviary: Aviary) -> None:
    assert isinstance(peer, ShellPeer)
    folder = peer.ap.root / "etc/config"
    texts = {"wireless": WIRELESS, "network": NETWORK, "system": SYSTEM, "snmpd": SNMPD}
    texts |= {"chilli": CHILLI, "opennds": OPENNDS}
    for name, text in texts.items():
        file = folder / name
        before = file.read_text() if file.exists() else ""
        file.write_text(before + aviary.planted(text))


def _linux(peer: Peer, aviary: Aviary) -> None:
    assert isinstance(peer, ShellPeer)
    files = {
        "etc/chilli/local.conf": "HS_RADSECRET=@\nHS_UAMSECRET='@'\nHS_ADMPWD=@\nHS_WPA_KEY=@\n",
        "etc/hostapd/plaza-2g4.conf": (
            "interface=wlan0\nssid=vieja\nwpa_passphrase=@\nwpa_psk=@\nsae_password=@|mac=ff\nwep_key0=@\n"
            "auth_server_shared_secret=@\nacct_server_shared_secret=@\nprivate_key_passwd=@\nap_pin=@\n"
            "r0kh=02:00:00:00:00:01 nas @\nr1kh=02:00:00:00:00:01 02:00:00:00:00:02 @\n"
            "radius_das_client=10.0.0.1 @\nsae_password=@|id=x\n#wpa_passphrase=@\nvendor_key=@\n"
        ),
        "etc/snmp/snmpd.conf.d/plaza.conf": (
            'createUser u SHA "@" AES @\nrocommunity @ default\nrwcommunity6 @\ncom2sec ro default @\n'
            "trapcommunity @\ntrapsink 10.0.0.1 @\ntrap2sink 10.0.0.1 @ 162\ninformsink 10.0.0.1 @\n"
            "trapsess -v 3 -u u -A @ -X @ 10.0.0.1\nproxy -v 2c -c @ 10.0.0.1 .1.3\n  rocommunity @\n"
            'usmUser 1 3 0x80 "u" "u" NULL .1.3 0x@ .1.3 0x@ ""\nauthcommunity log @\n'
        ),
        "etc/chilli/plaza.conf": "uamsecret @\nradiussecret @\nadminpasswd @\nproxysecret=@\n",
        "etc/rsyslog.d/plaza.conf": 'action(type="omhttp" uid="u" pwd="@" token="@")\n*.* 10.0.0.1\n',
        "root/.ssh/authorized_keys": 'command="subir --password @",no-pty ssh-rsa AAAAB3Nz de la tecnica\n',
    }
    for name, text in files.items():
        file = peer.ap.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if file.exists() else ""
        file.write_text(before + aviary.planted(text))


def _airos(peer: Peer, aviary: Aviary) -> None:
    assert isinstance(peer, ShellPeer)
    memory = peer.ap.root / "tmp"
    text = (memory / "system.cfg").read_text() + aviary.planted(AIROS)
    for name in ("system.cfg", "running.cfg"):
        (memory / name).write_text(text)


def _ios(peer: Peer, aviary: Aviary) -> None:
    assert isinstance(peer, CiscoPeer)
    with peer.fake.box.lock:
        text = aviary.planted(IOS)
        while "§" in text:
            text = text.replace("§", aviary.seven(), 1)
        peer.fake.box.flash[STARTUP] += text
        peer.fake.boot()


def _unarmed(text: str) -> Callable[[Peer, Aviary], None]:
    def plant(peer: Peer, aviary: Aviary) -> None:
        assert isinstance(peer, UnarmedPeer)
        planted = aviary.planted(text)
        model = peer.at.model
        shown = model.execute

        def execute(session: object, line: str) -> str:
            said = shown(session, line)  # type: ignore[arg-type]  # whatever session the model has
            return said + planted if line.startswith(("show running-config", "show config")) else said

        model.execute = execute  # type: ignore[method-assign]  # its grammar knows a part of these lines

    return plant


class _Planted(Configuration):
    """With menus that the simulator knows nothing of."""

    lines = ""

    def export(self, *, secrets: bool, only: str = "") -> Iterator[str]:
        yield from super().export(secrets=secrets, only=only)
        yield from self.lines.splitlines()


def _routeros(peer: Peer, aviary: Aviary) -> None:
    assert isinstance(peer, RouterOsPeer)
    config = peer.fake.config
    planted = _Planted(config.version, config.content)
    planted.lines = aviary.planted(ROUTEROS)
    peer.fake.config = planted


NESTS: Final[Mapping[str, Callable[[Peer, Aviary], None]]] = MappingProxyType(
    {
        "aruba_instant": _unarmed(INSTANT),
        "cambium_cnpilot": _unarmed(CNPILOT),
        "cisco_9800": _ios,
        "cisco_ios": _ios,
        "mikrotik_routeros": _routeros,
        "linux": _linux,
        "openwrt": _openwrt,
        "ubiquiti_airos": _airos,
    }
)
"""Puts canaries into a device, by platform."""
