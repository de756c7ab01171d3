"""Where the parts of this bench keep what they make."""

import shutil
from pathlib import Path

from bench.poll import machine


def place(name: str) -> Path:
    """A folder of a part, empty at its beginning and left for who wants to look."""
    directory = machine.PLACE / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory
