"""What a replayed device says to one command over SSH: sshd's forced command, with a dialogue's file.

A POSIX shell's script (`sh -s`) is run for real; the commands it calls are those of the dialogue.
"""

import json
import os
import sys
import tempfile
from pathlib import Path


def main(dialogue: Path, scratch: Path) -> None:
    """Say it, and end with the status of a console that does not know the command otherwise."""
    exchanges = json.loads(dialogue.read_text(encoding="utf-8"))["exchanges"]
    asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    for exchange in exchanges:
        if exchange["ask"] == asked:
            sys.stdout.write(exchange["say"])
            return
    if asked != "sh -s":
        sys.stdout.write("bad command name\n")
        raise SystemExit(1)
    _in_a_shell({exchange["ask"]: exchange["say"] for exchange in exchanges}, scratch)


def _in_a_shell(programs: dict[str, str], scratch: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=scratch))
    for name, says in programs.items():
        (folder / f"{name}.txt").write_text(says, encoding="utf-8")
        (folder / name).write_text(f"#!/bin/sh\nexec cat {folder}/{name}.txt\n")
        (folder / name).chmod(0o700)
    os.execvpe("sh", ["sh", "-s"], {"PATH": f"{folder}:/usr/bin:/bin"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
