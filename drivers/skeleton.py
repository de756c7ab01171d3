"""The first lines of a new platform: a file that loads, with a place for everything."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from drivers.errors import PlatformError

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,40}")
_TEXT: Final = """\
# Which devices and firmware this is for, and where its objects are documented.
name: NAME
vendor: VENDOR # the tag of its samples
verified: false # true once it was tried on hardware
tested_on: [] # recordings and devices, each as one text

identify: # first: `plaza platform try` prints the entry. Any of these; in each, everything that is said
  - {sys_object_id: 1.3.6.1.4.1.99999, sys_descr: "^Model"}

include: [system] # and what it has of: ucd, host, ethernet, entity (platforms/shared/parts.yaml)

facts:
  version: {scalar: 1.3.6.1.2.1.1.1.0, match: "Version ([\\\\w.]+)"}

radios:
  clients: 1.3.6.1.4.1.99999.1.1.2 # VENDOR-MIB objectName: always say which object it is
  channel: 1.3.6.1.4.1.99999.1.1.3
  noise_dbm: 1.3.6.1.4.1.99999.1.1.4

ssids:
  ssid: 1.3.6.1.4.1.99999.1.2.2
  clients: 1.3.6.1.4.1.99999.1.2.3
"""


def write_skeleton(name: str, folder: Path | None) -> Path:
    """Write NAME/platform.yaml there, or among our own; never over another. Raises PlatformError."""
    if not _NAME.fullmatch(name):
        raise PlatformError(
            "new", f"{name!r} is no name", "write it as vendor_model: small letters, digits, _"
        )
    root = folder or Path(str(files("drivers").joinpath("platforms")))
    path = root / name / "platform.yaml"
    if path.exists():
        raise PlatformError("new", f"{path} is there already", "choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_TEXT.replace("NAME", name).replace("VENDOR", name.partition("_")[0]), "utf-8")
    except OSError as error:
        raise PlatformError("new", f"{path}: {error.strerror}", "choose a folder with --in") from error
    return path
