"""How a RouterOS device itself is kept: clock, log, SNMPv3 users, SSH keys, the VLAN of its management."""

import base64
import binascii
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from drivers.configurers import keys
from drivers.configurers.routeros.diff import Thing, gone, made, single
from drivers.configurers.routeros.language import Item
from drivers.configurers.routeros.menus import OWN_COMMENT, is_ours
from drivers.configurers.routeros.state import State, digest_of
from drivers.configurers.seam import Wish
from drivers.errors import ConfigRejected, ValueRefused
from drivers.model import Intent, Secret, SnmpV3

_AUTH: Final[Mapping[str, str]] = {"md5": "MD5", "sha1": "SHA1"}
_PRIV: Final[Mapping[str, str]] = {"des": "DES", "aes128": "AES"}
_SNMP_LEAST: Final = 8
_ADDRESSES: Final = ("ip address", "ip dhcp-client")
_BEHIND_NTP: Final = 7  # the version since which the servers are a menu of their own


def things(wish: Wish, state: State) -> Iterator[Thing]:
    manage = wish.intent.manage
    if manage.zone:
        yield single("system clock", {"time-zone-autodetect": "no", "time-zone-name": manage.zone})
    if manage.ntp:
        yield from _ntp(manage.ntp, state)
    if manage.syslog is not None:
        yield from _syslog(wish)
    for user in manage.snmp_users:
        yield _snmp_user(wish, user)
    if manage.snmp_users:
        yield single("snmp", {"enabled": "yes"})
    yield from _ssh_keys(wish, state)
    if manage.vlan is not None:
        yield _management_vlan(wish, state, manage.vlan)


def _ntp(servers: tuple[str, ...], state: State) -> Iterator[Thing]:
    if state.version < _BEHIND_NTP:
        yield single("system ntp client", {"enabled": "yes", "server-dns-names": ",".join(servers)})
        return
    yield single("system ntp client", {"enabled": "yes"})
    for server in servers:
        yield made("system ntp client servers", f"{OWN_COMMENT} {server}", {"address": server})


def _syslog(wish: Wish) -> Iterator[Thing]:
    syslog = wish.intent.manage.syslog
    if syslog is None:
        return
    # `remote-protocol` came late in version 7; a device without it speaks UDP and refuses the word.
    protocol = {"remote-protocol": "tcp"} if syslog.protocol == "tcp" else {}
    values = {"target": "remote", "remote": syslog.host, "remote-port": str(syslog.port), **protocol}
    yield made("system logging action", OWN_COMMENT, values)
    yield made("system logging", OWN_COMMENT, {"topics": "!debug,!packet,!raw"})


def _snmp_user(wish: Wish, name: str) -> Thing:
    """A community whose name is the SNMPv3 user's (help.mikrotik.com, SNMP)."""
    user = wish.snmp_users[name]
    if user.auth_protocol not in _AUTH or user.priv_protocol not in {*_PRIV, "none"}:
        what = f"the SNMPv3 user {name!r} needs {user.auth_protocol} and {user.priv_protocol}"
        hint = "RouterOS has md5 or sha1, with des, aes128 or no privacy"
        raise ValueRefused(wish.intent.device, what, hint)
    return made(
        "snmp community",
        f"{OWN_COMMENT} {user.user}",
        {
            "name": user.user,
            "security": "authorized" if user.priv_protocol == "none" else "private",
            "authentication-protocol": _AUTH[user.auth_protocol],
            "authentication-password": _snmp_key(wish, name, user.auth_key),
            **_privacy(wish, name, user),
        },
    )


def _privacy(wish: Wish, name: str, user: SnmpV3) -> dict[str, str]:
    if user.priv_protocol == "none":
        return {"encryption-protocol": "DES", "encryption-password": ""}
    return {
        "encryption-protocol": _PRIV[user.priv_protocol],
        "encryption-password": _snmp_key(wish, name, user.priv_key),
    }


def _snmp_key(wish: Wish, name: str, key: Secret | None) -> str:
    if key is None or len(key.reveal()) < _SNMP_LEAST:
        what = f"the SNMPv3 user {name!r} has a password of less than {_SNMP_LEAST} characters"
        raise ValueRefused(wish.intent.device, what)
    return key.reveal()


def _ssh_keys(wish: Wish, state: State) -> Iterator[Thing]:
    """Ours are known by their fingerprint; the one that we log in with stays whatever is wished."""
    manage = wish.intent.manage
    gone = _refused(wish.intent.device, state, manage.revoked_keys)
    yield from _of_others(manage.revoked_keys, state)
    wanted = {_fingerprint(wish.intent, line): line for line in manage.ssh_keys}
    for thing in _login_key(state):
        yield thing
        wanted.pop(state.login.key, None)
    wanted = {fingerprint: line for fingerprint, line in wanted.items() if fingerprint not in gone}
    _refuse_keys_beside_a_password(wish.intent, state, wanted)
    for fingerprint, line in wanted.items():
        values = {"user": state.login.user, "key": line}
        yield made("user ssh-keys", f"{OWN_COMMENT} {fingerprint}", values)


def _refuse_keys_beside_a_password(intent: Intent, state: State, wanted: Collection[str]) -> None:
    """A user's first key ends its logins by password, ours too, unless `/ip ssh` says otherwise.

    Source: help.mikrotik.com, SSH: `always-allow-password-login`, and `password-authentication` of later
    releases; unverified on hardware.
    """
    allowed = any(
        item.get(name) == "yes"
        for item in state.of("ip ssh")
        for name in ("always-allow-password-login", "password-authentication")
    )
    has_some = any(map(is_ours, state.of("user ssh-keys")))
    if wanted and not (state.login.key or allowed or has_some):
        what = f"its first SSH key would end the logins of {state.login.user!r} by password, Plaza's too"
        hint = "let Plaza log in with a key: `private_key` in place of `password` in its credential"
        raise ValueRefused(intent.device, what, hint)


def with_keys_in_force(
    device: str, state: State, things: Iterable[Thing], revoked: tuple[str, ...]
) -> Iterator[Thing]:
    """Things of an earlier configuration without revoked keys, and with the one that we log in with.

    Raises ValueRefused, and ConfigRejected where that one is revoked.
    """
    gone = {f"{OWN_COMMENT} {one}" for one in _refused(device, state, revoked)}
    yield from (thing for thing in things if thing.menu != "user ssh-keys" or thing.key[1] not in gone)
    yield from _login_key(state)
    yield from _of_others(revoked, state)


def _refused(device: str, state: State, revoked: tuple[str, ...]) -> frozenset[str]:
    gone = frozenset(map(digest_of, keys.revoked(device, revoked)))
    keys.refuse_own(device, own=state.login.key in gone)
    return gone


def _login_key(state: State) -> Iterator[Thing]:
    for item in state.of("user ssh-keys"):
        if item.get("comment") == f"{OWN_COMMENT} {state.login.key}":
            yield made("user ssh-keys", item.get("comment"), {})


def _of_others(revoked: tuple[str, ...], state: State) -> Iterator[Thing]:
    """Those of their keys: RouterOS tells only the comment that one came with, as its owner."""
    owners = {" ".join(line.split()[2:]) for line in revoked} - {""}
    for item in state.of("user ssh-keys"):
        if item.get("key-owner") in owners and not is_ours(item):
            yield gone("user ssh-keys", {name: item.get(name) for name in ("key-owner", "comment")})


def _fingerprint(intent: Intent, line: str) -> str:
    words = line.split()
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error):
        what = f"{line[:40]!r} is no line of authorized_keys"
        raise ValueRefused(intent.device, what, "write `ssh-ed25519 AAAA…`") from None
    return digest_of(blob)


def _management_vlan(wish: Wish, state: State, vlan: int) -> Thing:
    """The VLAN interface that carries its management: its number is what changes, all else stays."""
    carrying = _carrying(wish, state)
    if len(carrying) != 1:
        what = f"{len(carrying)} of its VLAN interfaces may carry its management"
        hint = f"give the one that does the comment `{OWN_COMMENT} management`, or take `vlan` from `manage`"
        raise ConfigRejected(wish.intent.device, what, hint)
    bridge = carrying[0].get("interface")
    if _filters(state, bridge) and vlan not in _known_vlans(state, bridge):
        what = f"its bridge {bridge} filters VLANs and does not know {vlan}"
        raise ConfigRejected(wish.intent.device, what, "add it to /interface bridge vlan by hand")
    comment = carrying[0].get("comment")
    marked = comment if comment.startswith(OWN_COMMENT) else f"{OWN_COMMENT} {comment or 'management'}"
    values = {"vlan-id": str(vlan), "comment": marked}
    return Thing("interface vlan", ("name", carrying[0].get("name")), values, True, {"comment": ""})


def _carrying(wish: Wish, state: State) -> list[Item]:
    """By its comment, else the only one with an address that is none of our guests'."""
    named = [item for item in state.of("interface vlan") if item.get("comment").startswith(OWN_COMMENT)]
    if named:
        return named
    guests = {str(ssid.vlan) for ssid in wish.intent.ssids}
    addressed = {item.get("interface") for menu in _ADDRESSES for item in state.of(menu)}
    return [
        item
        for item in state.of("interface vlan")
        if item.get("name") in addressed and item.get("vlan-id", "1") not in guests
    ]


def _filters(state: State, bridge: str) -> bool:
    bridges = state.of("interface bridge")
    return any(item.get("name") == bridge and item.get("vlan-filtering") == "yes" for item in bridges)


def _known_vlans(state: State, bridge: str) -> set[int]:
    tables = [
        item.get("vlan-ids") for item in state.of("interface bridge vlan") if item.get("bridge") == bridge
    ]
    return {int(vlan) for ids in tables for vlan in ids.split(",") if vlan.isdigit()}
