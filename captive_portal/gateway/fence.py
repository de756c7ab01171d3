"""A fence behind the rules: two routing rules by which no packet of a guest passes without their stamp.

Who flushes the ruleset, or has the kernel refuse it, leaves a box that forwards with nothing in the way. What
says here where packets go is not part of any ruleset, so it outlives that: packets from the guests' interface
are routed only with the mark that the table `inet plaza` puts on each of them; others are answered that it is
prohibited. What is addressed to the gateway itself is decided before these rules, and not theirs.
"""

import errno
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from captive_portal.gateway.errors import EnforcerFailed, Refused
from captive_portal.gateway.netlink import CREATE, EXCLUSIVE, ROUTE, Channel, Message, Opened, leaf
from captive_portal.gateway.rules import STAMP

STAMPED: Final = 90
REST: Final = 91
"""The preferences of the two rules: after the machine's own addresses (0), before all other routing."""

_NEWRULE, _DELRULE = 32, 33
_IIF, _PREFERENCE, _MARK, _TABLE, _MASK = 3, 6, 10, 15, 16
_TO_TABLE, _PROHIBIT = 1, 8
_MAIN: Final = 254
_HEADER: Final = struct.Struct("=BBBBBBBBI")
"""struct fib_rule_hdr of <linux/fib_rules.h>: family, four that are not used, two reserved, action, flags."""

_NUMBER: Final = struct.Struct("=I")
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)
_IPV6_IS_THERE: Final = Path("/proc/net/if_inet6")


def raise_fence(lan: str, opened: Opened = socket.socket) -> None:
    """Have no packet from this interface pass without the stamp; nothing changes where that is so already.

    Raises EnforcerFailed.
    """
    channel = Channel(opened, ROUTE)
    for family in _here():
        # the one that shuts comes first
        for rule in (_rest(family, lan), _stamped(family, lan)):
            _made(channel, rule)


def lower(lan: str, opened: Opened = socket.socket) -> None:
    """Take the fence away, as often as it was put there; nothing happens where there is none.

    Raises EnforcerFailed.
    """
    channel = Channel(opened, ROUTE)
    for family in _here():
        for rule in (_stamped(family, lan), _rest(family, lan)):
            while _removed(channel, rule):
                pass


def _here() -> Iterator[int]:
    """The families that this kernel has."""
    return (family for family in _FAMILIES if family == socket.AF_INET or _IPV6_IS_THERE.exists())


def _made(channel: Channel, rule: bytes) -> None:
    try:
        channel.get(Message(_NEWRULE, CREATE | EXCLUSIVE, rule))
    except Refused as refused:
        if refused.failures[0][1] != errno.EEXIST:
            raise _meaning(refused) from refused


def _removed(channel: Channel, rule: bytes) -> bool:
    try:
        channel.get(Message(_DELRULE, 0, rule))
    except Refused as refused:
        if refused.failures[0][1] == errno.ENOENT:
            return False
        raise _meaning(refused) from refused
    return True


def _meaning(refused: Refused) -> EnforcerFailed:
    if refused.failures[0][1] in (errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
        return EnforcerFailed("this kernel lacks CONFIG_IP_MULTIPLE_TABLES: take one that has routing rules")
    return EnforcerFailed(f"the fence behind the rules: {refused}")


def _stamped(family: int, lan: str) -> bytes:
    marked = leaf(_MARK, _NUMBER.pack(STAMP)) + leaf(_MASK, _NUMBER.pack(0xFFFFFFFF))
    return _rule(family, lan, STAMPED, _TO_TABLE) + marked + leaf(_TABLE, _NUMBER.pack(_MAIN))


def _rest(family: int, lan: str) -> bytes:
    return _rule(family, lan, REST, _PROHIBIT)


def _rule(family: int, lan: str, preference: int, action: int) -> bytes:
    table = _MAIN if action == _TO_TABLE else 0
    head = _HEADER.pack(family, 0, 0, 0, table, 0, 0, action, 0)
    return head + leaf(_IIF, lan.encode() + b"\0") + leaf(_PREFERENCE, _NUMBER.pack(preference))
