"""The text for `tc` and `nft` by which phones take turns on a line; nothing is done here.

With CAKE the queue itself knows hosts. Without, phones are dealt to lanes: classes of HTB with equal shares,
which lend what they leave. Its turns are by deficit, a packet each (quantum), so who takes all he can delays
another by no more than his own share of the line.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from captive_portal.gateway import marks

NAME: Final = "plaza_lanes"
REMOVAL: Final = f"add table inet {NAME}\ndelete table inet {NAME}\n"
HANDLE: Final = "706c"
"""Of our queue at an interface, by which we know it again among those of others."""

LANES: Final = 256
"""To so many each way phones are dealt; an empty one costs 2 kB of the kernel's memory."""

BELOW_DOWN, BELOW_UP = 0.85, 0.95
"""Of what the line carries, so that the queue is here and not in the modem. What comes down the line has gone
through the modem already: what a download fills there before it slows down must drain by the rest."""

_MAJOR: Final = int(HANDLE, 16) << 16
_LINE: Final = 1
_OWN: Final = 2
_FIRST: Final = 0x100
_PACKET: Final = 1514
_HEAD_START: Final = 16_384
"""Octets of a phone that was silent which go before those of who is not: TCP's first window, RFC 6928."""

_HELD_S: Final = 0.06
_SHALLOWEST: Final = 16
_DEEPEST: Final = 128
"""Packets in a lane: what the whole line carries in _HELD_S, enough for one TCP at 40 ms; so few that little
is sent again after a loss, and that every lane may be full on a box of 128 MB."""

_OWN_SHARE: Final = 1 / 8
_FLOWS: Final = 32


class Kind(StrEnum):
    """What the kernel may have for it, the best first."""

    CAKE = "CAKE"
    FQ_CODEL = "HTB and fq_codel"
    HTB = "HTB"


class Way(StrEnum):
    """Towards the guests, or from them."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Direction:
    """One way of the line: what leaves by `device` is held to a little less than `line_kbps`."""

    way: Way
    device: str
    line_kbps: int

    @property
    def kbps(self) -> int:
        """What is let through."""
        below = BELOW_DOWN if self.way is Way.DOWN else BELOW_UP
        return max(1, int(self.line_kbps * below))


def queue(kind: Kind, direction: Direction) -> str:
    """A batch for `tc` that makes the queue at an interface which has none of its own."""
    lines = [_cake(direction)] if kind is Kind.CAKE else [*_trunk(kind, direction), *_lanes(kind, direction)]
    return "".join(f"{line}\n" for line in lines)


def _cake(direction: Direction) -> str:
    # down, the line carried also what is dropped here; up, every phone has our own address by then
    hosts = "dual-dsthost ingress" if direction.way is Way.DOWN else "dual-srchost nat"
    return _root(direction, f"cake bandwidth {direction.kbps}kbit {hosts}")


def _trunk(kind: Kind, direction: Direction) -> list[str]:
    """What all share. What is not a guest's waits for none: down, it did not come by the line."""
    whole = f"rate {direction.kbps}kbit burst {2 * _PACKET} cburst {2 * _PACKET}"
    if direction.way is Way.DOWN:
        return [_root(direction, "htb default 0"), _class(direction, "", _LINE, whole)]
    own = _share(direction, direction.kbps * _OWN_SHARE)
    return [
        _root(direction, f"htb default {_OWN:x}"),
        _class(direction, "", _LINE, whole),
        _class(direction, f"{_LINE:x}", _OWN, own),
        _leaf(kind, direction, _OWN),
    ]


def _lanes(kind: Kind, direction: Direction) -> list[str]:
    share = _share(direction, direction.kbps * (1 - _OWN_SHARE) / LANES)
    numbers = range(_FIRST, _FIRST + LANES)
    classes = [_class(direction, f"{_LINE:x}", number, share) for number in numbers]
    return classes + [_leaf(kind, direction, number) for number in numbers]


def _share(direction: Direction, kbps: float) -> str:
    ceiling = f"ceil {direction.kbps}kbit burst {_HEAD_START} cburst {2 * _PACKET}"
    return f"rate {max(1, int(kbps))}kbit {ceiling}"


def _root(direction: Direction, queue: str) -> str:
    return f"qdisc add dev {direction.device} root handle {HANDLE}: {queue}"


def _class(direction: Direction, parent: str, number: int, rates: str) -> str:
    place = f"parent {HANDLE}:{parent} classid {HANDLE}:{number:x}"
    return f"class add dev {direction.device} {place} htb {rates} quantum {_PACKET}"


def _leaf(kind: Kind, direction: Direction, number: int) -> str:
    held = min(_DEEPEST, max(_SHALLOWEST, int(direction.kbps * 125 * _HELD_S / _PACKET)))
    if kind is Kind.FQ_CODEL:
        # its own memory is 64 octets a flow, of which it makes 1,024 unless told
        leaf = f"fq_codel flows {_FLOWS} limit {2 * held} memory_limit {4 * held * _PACKET}"
    else:
        leaf = f"pfifo limit {held}"
    return f"qdisc add dev {direction.device} parent {HANDLE}:{number:x} {leaf}"


def dealing(lan: str, wan: str, seed: int) -> str:
    """The rules that deal phones to lanes, for `nft -f`.

    Up by its MAC, down by its session, which all its addresses have; by one address where there is none.
    """
    lane = f"mod {LANES} seed {seed:#x} offset {_MAJOR + _FIRST:#x}"
    return f"""\
{REMOVAL}table inet {NAME} {{
  chain forward {{
    type filter hook forward priority filter + 10; policy accept;
    iifname "{lan}" oifname "{wan}" meta priority set jhash ether saddr {lane}
    iifname "{wan}" oifname "{lan}" jump arriving
  }}
  chain arriving {{
    ct mark {marks.FIRST:#x}-{marks.LAST:#x} meta priority set jhash ct mark {lane} return
    ip version 4 meta priority set jhash ip daddr {lane}
    ip6 version 6 meta priority set jhash ip6 daddr {lane}
  }}
}}
"""
