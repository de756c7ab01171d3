"""`python -m simulator SPEC.json`: plays the simulated network until SIGTERM or Ctrl-C."""

import logging
import sys
from pathlib import Path

from simulator.clock import steady_clock
from simulator.errors import SimulatorError
from simulator.spec import load
from simulator.world import World


def main(arguments: list[str]) -> int:
    """0 after a clean stop, 2 after an expected error, told in one line."""
    logging.basicConfig(level=logging.INFO, format="simulator: %(message)s", stream=sys.stderr)
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m simulator SPEC.json\n")
        return 2
    try:
        world = World(load(Path(arguments[0])), steady_clock())
    except SimulatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        world.open()
        world.run()
    except SimulatorError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        world.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
