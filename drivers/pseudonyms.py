"""What stands for addresses and names in a recording: of the same shape, in the same order, and nobody's.

The order stays because radios are numbered in the order of their index, and the length because an index
holds the length of its text.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

_LETTERS: Final = b"nopqrstuvwxyz"
"""None of them is a hexadecimal digit: a pseudonym looks like no address."""
_NOBODYS: Final = frozenset({bytes(6), b"\xff" * 6})
_NOBODYS_IP: Final = re.compile(rb"[\0-\x09\x7f\xe0-\xff]", re.DOTALL)  # below 10 it is more often a version
_V4: Final = tuple(bytes(net) for net in ((192, 0, 2), (198, 51, 100), (203, 0, 113)))  # RFC 5737
_V6: Final = bytes.fromhex("20010db8")  # RFC 3849


@dataclass(slots=True)
class Found:
    """What a recording must not tell: MAC addresses, IPv4 and IPv6 addresses, and names, all as octets."""

    macs: set[bytes] = field(default_factory=set)
    addresses: set[bytes] = field(default_factory=set)
    names: set[bytes] = field(default_factory=set)

    def see_mac(self, octets: bytes) -> None:
        """One more MAC address; of nobody are those of all devices and of none."""
        if len(octets) == 6 and octets not in _NOBODYS:
            self.macs.add(octets)

    def see_address(self, octets: bytes) -> None:
        """One more address of a device; masks, loopback and groups are nobody's."""
        if not _NOBODYS_IP.match(octets) if len(octets) == 4 else octets[0] not in (0, 0xFF):
            self.addresses.add(octets)

    def see_name(self, octets: bytes) -> None:
        """One more name, serial number or place."""
        plain = octets.strip(b" \0\r\n\t")
        if plain:
            self.names.add(plain)


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What stands for what."""

    macs: dict[bytes, bytes]
    addresses: dict[bytes, bytes]
    names: dict[bytes, bytes]

    @classmethod
    def of(cls, found: Found) -> "Pseudonyms":
        """In the order of the originals."""
        v4 = [one for one in found.addresses if len(one) == 4]
        v6 = [one for one in found.addresses if len(one) == 16]
        names: dict[bytes, bytes] = {}
        for length in {len(name) for name in found.names}:
            same = [name for name in found.names if len(name) == length]
            names |= _numbered(same, lambda number, length=length: _word(number, length))  # type: ignore[misc]
        return cls(_numbered(found.macs, _mac), _numbered(v4, _v4) | _numbered(v6, _v6), names)


def _numbered(originals: Iterable[bytes], make: Callable[[int], bytes]) -> dict[bytes, bytes]:
    return {original: make(number) for number, original in enumerate(sorted(originals), 1)}


def _mac(number: int) -> bytes:
    """Locally administered (IEEE 802c)."""
    return b"\x02\0\0" + number.to_bytes(3, "big")


def _v4(number: int) -> bytes:
    net, host = divmod(number - 1, 254)
    if net < len(_V4):
        return _V4[net] + bytes([host + 1])
    return b"\xc6\x12" + (number % 2**16).to_bytes(2, "big")  # 198.18.0.0/15 of RFC 2544


def _v6(number: int) -> bytes:
    return _V6 + number.to_bytes(12, "big")


def _word(number: int, length: int) -> bytes:
    letters = bytearray()
    for _ in range(length):
        number, digit = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[digit])
    return bytes(reversed(letters))
