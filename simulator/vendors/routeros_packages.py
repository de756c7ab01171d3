"""Packages of a RouterOS device: fetched over HTTP, and installed at its next start.

After help.mikrotik.com (Upgrading and installation, Fetch): a package among the files at the top, made for
the architecture, is installed when the device starts, and is gone then. Never compared with a device.
"""

import struct
import urllib.error
import urllib.request
from typing import Final

from simulator.vendors.routeros_script import ScriptError
from simulator.vendors.routeros_values import octets, said

_MAGIC: Final = b"\x1e\xf1\xd0\xba"
_INFO: Final = frozenset({0x01, 0x12})
_ARCHITECTURE: Final = 0x10
_TIMEOUT_S: Final = 10.0


def fetched(url: str) -> str:
    """What a server gives, an octet a letter. Raises ScriptError."""
    if not url.startswith("http://"):
        raise ScriptError("failure: unsupported protocol")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310  # http only, see above
            octets: bytes = answer.read()
    except urllib.error.HTTPError as error:
        raise ScriptError(f"failure: Fetch failed with status {error.code}") from None
    except OSError:
        raise ScriptError("failure: connection timeout") from None
    return octets.decode("latin-1")


def posted(url: str, body: str) -> str:
    """What a server answers a POST, as text. Raises ScriptError."""
    if not url.startswith("http://"):
        raise ScriptError("failure: unsupported protocol")
    asked = urllib.request.Request(url, octets(body), method="POST")  # noqa: S310  # http only, see above
    try:
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            heard: bytes = answer.read()
    except urllib.error.HTTPError as error:
        raise ScriptError(f"failure: Fetch failed with status {error.code}") from None
    except OSError:
        raise ScriptError("failure: connection timeout") from None
    return said(heard)


def version_of(package: str, architecture: str) -> str:
    """The version that a file would install, "" where it is no whole package for this architecture."""
    octets = package.encode("latin-1", "replace")
    if octets[:4] != _MAGIC or struct.unpack("<I", octets[4:8].ljust(4, b"\0"))[0] != len(octets) - 8:
        return ""
    version, made_for, place = "", "", 8
    while place + 6 <= len(octets):
        kind, length = struct.unpack_from("<HI", octets, place)
        data = octets[place + 6 : place + 6 + length]
        place += 6 + length
        if kind in _INFO:
            revision, _, minor, major = data[16:20]
            version = f"{major}.{minor}" + (f".{revision}" if revision else "")
        if kind == _ARCHITECTURE:
            made_for = data.decode("ascii", "replace")
    return version if made_for == architecture else ""
