"""`python -m tests.platforms.expect NAME…`: write what comes of a platform's own recording."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from tests.platforms.expected import tried

FOLDER = Path(__file__).with_name("recordings")


def outcome(recording: Path) -> dict[str, Any]:
    """What `plaza platform try --json` prints, without how long it took."""
    found = tried(recording, "generic" if recording.stem == "generic" else "")  # recognised as nothing else
    for sample in found["samples"]:
        sample["fields"].pop("poll_ms", None)
    return found


def main(names: list[str]) -> None:
    """Write NAME.expected.json beside each NAME.snmprec."""
    for name in names:
        path = FOLDER / f"{name}.expected.json"
        text = json.dumps(outcome(FOLDER / f"{name}.snmprec"), ensure_ascii=False, indent=1)
        path.write_text(f"{text}\n", "utf-8")
        click.echo(f"wrote {path}: read it")


if __name__ == "__main__":
    main(sys.argv[1:])
