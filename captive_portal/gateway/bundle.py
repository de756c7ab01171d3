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

from captive_portal.gateway.__main__ import main

sys.exit(main(sys.argv[1:]))
"""
CONFIG: Final = "site/gateway.toml"
KEY: Final = "site/site.key"


@dataclass(frozen=True, slots=True)
class SiteFiles:
    """What makes it one site's gateway: the texts of gateway.toml and site.key."""

    config: str
    key: str = field(repr=False)


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
        **({CONFIG: site.config, KEY: site.key} if site else {}),
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
        if not {CONFIG, KEY} <= set(archive.namelist()):
            return None
        return SiteFiles(archive.read(CONFIG).decode(), archive.read(KEY).decode())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m captive_portal.gateway.bundle OUT.pyz")
    build(Path(sys.argv[1]))
