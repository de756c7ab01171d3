"""The option that names a file to be written: refused before anything is done where it cannot be."""

import os
from pathlib import Path
from typing import Any

import click


class NewFile(click.ParamType[Path]):
    """A file in a folder that is there and that we may write to."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Fails with what mends it."""
        path = Path(value)
        folder = path.absolute().parent
        if path.is_dir():
            self.fail(f"{path} is a folder; name a file in it", param, ctx)
        if not folder.is_dir():
            self.fail(f"there is no folder {folder}; make it with: mkdir -p {folder}", param, ctx)
        if not os.access(folder, os.W_OK):
            self.fail(f"{folder} cannot be written to; choose another place", param, ctx)
        return path
