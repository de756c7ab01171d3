"""Ties a program to its starter: `python -m controller.leash PARENT ARGV…` runs ARGV until either ends."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the one that started it is gone, however it went."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Become ARGV; the leash stays on."""
    parent, *argv = sys.argv[1:]
    die_with_parent()
    if os.getppid() != int(parent):
        sys.exit(1)  # it died before the leash was on
    os.execvp(argv[0], argv)  # noqa: S606  becoming the program is the point


if __name__ == "__main__":
    main()
