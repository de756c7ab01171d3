"""Builds the gateway as one file: `python -m captive_portal.gateway.bundle OUT.pyz`."""

import sys
import zipfile
from pathlib import Path
from typing import Final

INTERPRETER: Final = b"#!/usr/bin/env python3\n"
LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same source always makes the same octets
START: Final = (
    "import sys\n\nfrom captive_portal.gateway.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n"
)


def build(target: Path) -> None:
    """Write the zipapp: this package and nothing else of ours; it needs only Python's standard library."""
    package = Path(__file__).parent
    sources = {
        "__main__.py": START,
        "captive_portal/__init__.py": "",
        **{
            f"captive_portal/gateway/{file.name}": file.read_text(encoding="utf-8")
            for file in package.glob("*.py")
        },
    }
    with target.open("wb") as file:
        file.write(INTERPRETER)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(sources):
                archive.writestr(zipfile.ZipInfo(name, LONG_AGO), sources[name], zipfile.ZIP_DEFLATED)
    target.chmod(0o755)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m captive_portal.gateway.bundle OUT.pyz")
    build(Path(sys.argv[1]))
