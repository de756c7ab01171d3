"""What the files of ours should be, for a wish and a device as it is."""

import base64
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from drivers import render
from drivers.configurers import keys
from drivers.configurers.linux import owned, wifi
from drivers.configurers.linux.quoting import line, ssid, word
from drivers.configurers.linux.state import Entry, File, Link, State
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Captive, GatewayKind, Intent, SnmpV3

_HOSTNAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,252})")
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_USER: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_KEY: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_CLOCKS: Final = ("/lib/systemd/systemd-timesyncd", "/usr/lib/systemd/systemd-timesyncd")
_AUTH: Final = MappingProxyType(
    {"md5": "MD5", "sha1": "SHA"} | {f"sha{bits}": f"SHA-{bits}" for bits in (224, 256, 384, 512)}
)
_PRIV: Final = MappingProxyType(
    {
        "des": "DES",
        "aes128": "AES",
        "aes192": "AES-192",
        "aes256": "AES-256",
        "aes192c": "AES-192-C",
        "aes256c": "AES-256-C",
    }
)
"""As snmpd.conf(5) names them; what a build of snmpd lacks it refuses, and then does not run."""


def wanted(wish: Wish, state: State) -> dict[str, Entry]:
    """Entries by path; what the intent leaves empty is not in it.

    Raises ValueRefused for a value that cannot be carried, ConfigRejected for what the device has not.
    """
    try:
        return dict(_wanted(wish, state))
    except ValueError as error:
        secrets = wish.passphrases, wish.portal_secrets
        render.refuse(wish.intent, secrets, word, error)


def _wanted(wish: Wish, state: State) -> Iterator[tuple[str, Entry]]:
    yield owned.HOSTNAME, File(_hostname(wish.intent) + "\n")
    yield from _clock(wish.intent, state)
    yield from _syslog(wish.intent, state)
    yield from _snmp(wish, state)
    yield from _keys(wish.intent, state)
    yield from _management(wish.intent, state)
    yield from _wifi(wish, state)
    yield from _portal(wish, state)


def _text(template: str, **values: object) -> File:
    return File(render.text(f"linux/{template}.j2", "word", word, values))


def _hostname(intent: Intent) -> str:
    if not _HOSTNAME.fullmatch(intent.hostname):
        what = f"{intent.hostname!r} is no host name"
        raise ValueRefused(intent.device, what, "use letters, digits and hyphens, at most 63")
    return intent.hostname


def _clock(intent: Intent, state: State) -> Iterator[tuple[str, Entry]]:
    servers, zone = intent.manage.ntp, intent.manage.zone
    if zone:
        if not _ZONE.fullmatch(zone):
            raise ValueRefused(intent.device, f"{zone!r} is no time zone", "write it as America/Chihuahua")
        yield owned.LOCALTIME, Link(f"/usr/share/zoneinfo/{zone}")
    if not servers:
        return
    for server in servers:
        _check_host(intent, server)
    if "/etc/chrony" in state.has:
        yield owned.CHRONY, _text("chrony", servers=servers)
    elif not state.has.isdisjoint(_CLOCKS):
        yield owned.TIMESYNCD, _text("timesyncd", servers=" ".join(servers))
    else:
        raise _lacks(intent, "chrony or systemd-timesyncd", "NTP")


def _syslog(intent: Intent, state: State) -> Iterator[tuple[str, Entry]]:
    syslog = intent.manage.syslog
    if syslog is None:
        return
    _check_host(intent, syslog.host)
    if "/etc/rsyslog.d" not in state.has:
        raise _lacks(intent, "rsyslog", "syslog")
    yield owned.RSYSLOG, _text("rsyslog", syslog=syslog)


def _snmp(wish: Wish, state: State) -> Iterator[tuple[str, Entry]]:
    names = wish.intent.manage.snmp_users
    if not names:
        return
    if "/etc/snmp" not in state.has:
        raise _lacks(wish.intent, "snmpd", "SNMP users")
    users = tuple(_user(wish.intent, name, wish.snmp_users) for name in names)
    yield owned.SNMPD, _text("snmpd", users=users)


def _user(intent: Intent, name: str, known: Mapping[str, SnmpV3]) -> dict[str, object]:
    if name not in known:
        what = f"the SNMP user {name!r} has no credential"
        raise ValueRefused(intent.device, what, "add one of kind snmp-v3")
    user = known[name]
    if not _USER.fullmatch(user.user):
        what = f"the SNMP user of {name!r} has a name that snmpd.conf cannot carry"
        raise ValueRefused(intent.device, what, "use letters, digits, dots and hyphens")
    for protocol, key in ((user.auth_protocol, user.auth_key), (user.priv_protocol, user.priv_key)):
        if protocol != "none":
            _check_key(intent, name, "" if key is None else key.reveal())
    signed, sealed = user.auth_protocol != "none", user.priv_protocol != "none"
    if sealed and not signed:
        what = f"the SNMP user of {name!r} encrypts and does not sign"
        raise ValueRefused(intent.device, what, "give it an auth_protocol")
    return {
        "name": user.user,
        "auth": user.auth_key if signed else None,
        "auth_name": _AUTH.get(user.auth_protocol),
        "priv": user.priv_key if sealed else None,
        "priv_name": _PRIV.get(user.priv_protocol),
        "level": "authPriv" if sealed else "authNoPriv" if signed else "noauth",
    }


def _check_key(intent: Intent, name: str, key: str) -> None:
    """RFC 3414 wants 8 characters."""
    try:
        word(key)
    except ValueError as error:
        raise ValueRefused(
            intent.device, f"a key of the SNMP user {name!r} {error}", "choose another"
        ) from None
    if len(key) < 8:
        raise ValueRefused(intent.device, f"a key of the SNMP user {name!r} is too short", "use 8 or more")


def _keys(intent: Intent, state: State) -> Iterator[tuple[str, Entry]]:
    """The whole file without revoked keys, and our block in it; the key we are logged in with stays."""
    wished, gone = intent.manage.ssh_keys, refused(intent.device, state, intent.manage.revoked_keys)
    if not wished and not gone:
        return
    for key in wished:
        if not _KEY.fullmatch(key) or len(key.split(" ")) < 2:
            raise ValueRefused(
                intent.device, "a line of ssh_keys is no key", "write it as in authorized_keys"
            )
    before = _shared(intent, state, state.keys)
    content = keys.stripped(before, gone)
    inside = "".join(f"{one}\n" for one in dict.fromkeys(keys.without(wished, gone)))
    inside += kept_login(state, inside) if wished else owned.block(content)
    if before or inside:
        yield state.keys, File(owned.with_block(content, inside))


def refused(device: str, state: State, revoked: tuple[str, ...]) -> frozenset[bytes]:
    """The keys that may not log in. Raises ValueRefused, and ConfigRejected where our own is among them."""
    gone = keys.revoked(device, revoked)
    keys.refuse_own(device, own=base64.b64decode(state.login) in gone)
    return gone


def kept_login(state: State, wished: str) -> str:
    """What of our block must stay beside the wished lines: the key we are logged in with, if it is there."""
    if not state.login or state.login in wished.split():
        return ""
    ours = owned.block(state.content(state.keys)).splitlines(keepends=True)
    return "".join(one for one in ours if state.login in one.split())


def _shared(intent: Intent, state: State, path: str) -> str:
    """The content of a file in which others write too; a link is nothing we could put a block into."""
    if isinstance(state.entries.get(path), Link):
        what = f"its {path} is a link to another file"
        raise ConfigRejected(intent.device, what, "make it a file, or keep its keys by hand")
    return state.content(path)


def _management(intent: Intent, state: State) -> Iterator[tuple[str, Entry]]:
    vlan = intent.manage.vlan
    if vlan is None:
        return
    if not state.uplink:
        what = "systemd-networkd does not keep its uplink, so the management VLAN cannot be set"
        raise ConfigRejected(intent.device, what, "take `vlan` from `manage` for this device")
    yield owned.NETDEV, _text("mgmt.netdev", vlan=vlan)
    yield owned.NETWORK, _text("mgmt.network")
    yield state.uplink, _text("uplink.network")


def _wifi(wish: Wish, state: State) -> Iterator[tuple[str, Entry]]:
    aps = wifi.aps(wish.intent, state, wish.passphrases)
    written = {ap.band: ap for ap in aps}
    for band, path in owned.HOSTAPD.items():
        yield path, _hostapd(written[band]) if band in written else None
    yield owned.UNIT, _text("hostapd.service", aps=aps, files=owned.HOSTAPD) if aps else None
    yield owned.WANTED, Link("../plaza-hostapd.service") if aps else None


def _hostapd(ap: wifi.Ap) -> File:
    names = {bss.ssid: ssid(bss.ssid) for bss in ap.networks}
    return File(render.text("linux/hostapd.j2", "line", line, {"ap": ap, "names": names}))


def _portal(wish: Wish, state: State) -> Iterator[tuple[str, Entry]]:
    captive = wish.intent.captive
    if captive is None or captive.kind is GatewayKind.PLAZA:
        return
    if captive.kind is not GatewayKind.COOVACHILLI:
        what = f"Plaza cannot set up a portal of kind {captive.kind.value} on a Linux device"
        raise ValueRefused(wish.intent.device, what, "use plaza or coovachilli")
    if "/etc/chilli" not in state.has:
        raise _lacks(wish.intent, "CoovaChilli", "the portal")
    if captive.credentials not in wish.portal_secrets:
        what = "the portal has no secret"
        raise ValueRefused(wish.intent.device, what, "name a credential in `captive`")
    yield owned.CHILLI, _chilli(captive, wish)
    content = _shared(wish.intent, state, owned.CHILLI_LOCAL)
    yield owned.CHILLI_LOCAL, File(owned.with_block(content, f"include {owned.CHILLI}\n"))


def _chilli(captive: Captive, wish: Wish) -> File:
    """A name that stands for all below it is a uamdomain, any other a uamallowed (chilli.conf(5))."""
    return _text(
        "chilli",
        portal_url=captive.portal_url,
        secret=wish.portal_secrets[captive.credentials],
        hosts=",".join(name for name in captive.allow if not name.startswith("*.")),
        domains=tuple(name.removeprefix("*") for name in captive.allow if name.startswith("*.")),
        radius=captive.radius,
    )


def _check_host(intent: Intent, host: str) -> None:
    if not _HOST.fullmatch(host):
        raise ValueRefused(intent.device, f"{host!r} is no host", "write a name or an address")


def _lacks(intent: Intent, program: str, what: str) -> ConfigRejected:
    hint = "install it there, or take the setting from the inventory for this device"
    return ConfigRejected(intent.device, f"it has no {program}, which {what} needs", hint)
