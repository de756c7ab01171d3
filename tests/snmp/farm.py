"""Thousands of agents, in a simulator process of their own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.simulator.lab import V2C, V3, Simulator, free_port

ACCESS = {"2c": V2C | {"community": "public"}, "3": V3}


@contextmanager
def farm(version: str, agents: int) -> Iterator[int]:
    """The port at which agents 127.64.0.1 and on answer."""
    port = free_port(host="0.0.0.0")
    with tempfile.TemporaryDirectory() as directory:
        simulator = Simulator(Path(directory), "")
        simulator.spec["farm"] = {
            "network": "127.64.0.0/14",
            "port": port,
            "agents": agents,
            "access": ACCESS[version],
            "dead_pct": 0,
        }
        simulator.start()
        try:
            yield port
        finally:
            simulator.stop()
