"""CPU of detecting and collecting a recorded device, and how long the definitions are."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from drivers.collect import collect, request
from drivers.definition import Platform, platform_text
from drivers.detect import detect
from drivers.model import Secret, SnmpV2c
from drivers.recording import Recording, read_recording
from drivers.trying import device

_NOBODY: Final = SnmpV2c(Secret(""))
_ROUNDS: Final = 15


@dataclass(frozen=True, slots=True)
class Cost:
    """One recorded device: its platform, the median of its CPU time, and how many samples came out."""

    recording: str
    platform: str
    cpu_ms: float
    samples: int


@dataclass(frozen=True, slots=True)
class Size:
    """One definition: lines that say something, and whether any value needs a hook."""

    platform: str
    lines: int
    hooks: bool


def cost(path: Path, platforms: Mapping[str, Platform]) -> Cost | None:
    """What one device costs; None when no platform recognises it."""
    agent = Recording(read_recording(path))
    spent_ms = []
    found: tuple[str, int] | None = None
    with asyncio.Runner() as runner:
        for _ in range(_ROUNDS):
            before_s = time.process_time()
            found = runner.run(_poll(agent, platforms))
            spent_ms.append(1000 * (time.process_time() - before_s))
    return None if found is None else Cost(path.stem, found[0], median(spent_ms), found[1])


async def _poll(agent: Recording, platforms: Mapping[str, Platform]) -> tuple[str, int] | None:
    name = await detect(device(""), platforms, _NOBODY, agent)
    if name is None:
        return None
    known = device(name)
    reply = agent.ask(request(known, platforms[name], _NOBODY))
    return name, len(collect(known, platforms[name], reply, 0).samples)


def size(platform: Platform) -> Size:
    """Of one definition; comments and empty lines say nothing to a machine."""
    lines = platform_text(platform.name).splitlines()
    said = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    readings = [reading for _, table in platform.tables for _, reading in table.readings()]
    readings += [reading for _, reading in platform.own_readings()]
    return Size(platform.name, len(said), any(reading.hook for reading in readings))
