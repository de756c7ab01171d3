"""Builds the gateway as one file: `python -m captive_portal.gateway.bundle OUT.pyz`."""

import os
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

INTERPRETER: Final = b"#!/usr/bin/env python3\n"
LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same source always makes the same octets
START: Final = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("gateway: this is Python %d.%d; install Python 3.11 or later" % sys.version_info[:2])
try:
    import sqlite3, ssl
except ImportError as missing:
    sys.exit("gateway: this Python lacks %s; install python3 (opkg install python3)" % missing.name)

from captive_portal.gateway.__main__ import main

sys.exit(main(sys.argv[1:]))
"""
CONFIG: Final = "site/gateway.toml"
KEY: Final = "site/site.key"
POLICY: Final = "site/policy.json"


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """What makes it one site's gateway: the texts of gateway.toml, site.key and, if any, policy.json."""

    config: str
    key: str = field(repr=False)
    policy: str = field(default="", repr=False)

    @property
    def named(self) -> dict[str, str]:
        """The texts by their names in the zipapp."""
        first = {POLICY: self.policy} if self.policy else {}
        return {CONFIG: self.config, KEY: self.key, **first}


def build(target: Path, site: SiteFiles | None = None) -> None:
    """Write the zipapp: this package, nothing else of ours, and a site's files.

    It needs only Python's standard library. With a key in it only its owner may read it.
    """
    package = Path(__file__).parent
    sources = {
        "__main__.py": START,
        "captive_portal/__init__.py": "",
        **{
            f"captive_portal/gateway/{file.name}": file.read_text(encoding="utf-8")
            for file in package.glob("*.py")
        },
        **(site.named if site else {}),
    }
    mode = 0o600 if site else 0o755
    with open(target, "wb", opener=lambda path, flags: os.open(path, flags, mode)) as file:
        os.fchmod(file.fileno(), mode)
        file.write(INTERPRETER)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(sources):
                archive.writestr(zipfile.ZipInfo(name, LONG_AGO), sources[name], zipfile.ZIP_DEFLATED)


def held(pyz: Path) -> SiteFiles | None:
    """The site's files in a zipapp; None where there are none."""
    if not zipfile.is_zipfile(pyz):
        return None
    with zipfile.ZipFile(pyz) as archive:
        held = set(archive.namelist())
        if not {CONFIG, KEY} <= held:
            return None
        return SiteFiles(*(archive.read(name).decode() for name in (CONFIG, KEY, POLICY) if name in held))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m captive_portal.gateway.bundle OUT.pyz")
    build(Path(sys.argv[1]))
