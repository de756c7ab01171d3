"""A state's access points, minute by minute: smooth as real ones are, the same in every run."""

import math
import random
from collections.abc import Mapping
from typing import Final

from metrics.sample import Sample

START: Final = 1_795_305_600
"""2026-11-22 00:00 UTC."""

MINUTE_S: Final = 60
MUNICIPALITIES: Final = 67
_BUSY: Final = 0.9
_ANSWERS: Final = 0.9995
_RECOVERS: Final = 0.03


class Town:
    """`aps` access points over the municipalities; a few of them are down at any time."""

    def __init__(self, aps: int, seed: int = 7, start: int = START) -> None:
        self.time = start - MINUTE_S
        self.aps = aps
        self.tags: list[Mapping[str, str]] = []
        self._random = random.Random(seed)  # noqa: S311  nothing secret
        draw = self._random
        for number in range(aps):
            mun = f"08{min(MUNICIPALITIES, int(draw.paretovariate(_BUSY))):03d}"
            site = f"{mun}-site-{number // 3:04d}"
            self.tags.append({"ap": f"{site}-ap-{number}", "mun": mun, "site": site, "vendor": "openwrt"})
        self._up = [True] * aps
        self._seats = [draw.randrange(4, 60) for _ in range(aps)]
        self._load = [draw.random() for _ in range(aps)]
        self._rx = [draw.randrange(10**9, 10**12) for _ in range(aps)]
        self._tx = [draw.randrange(10**9, 10**12) for _ in range(aps)]
        self._booted = [start - draw.randrange(1_000, 10**7) for _ in range(aps)]
        self._cpu = [10 + 20 * draw.random() for _ in range(aps)]
        self._memory = [35 + 30 * draw.random() for _ in range(aps)]
        self._warmth = [30 + 20 * draw.random() for _ in range(aps)]

    def minute(self) -> list[Sample]:
        """What the next polling slot gives: twelve fields of each that answers."""
        self.time += MINUTE_S
        day = 0.5 + 0.5 * math.sin(self.time % 86_400 / 86_400 * 2 * math.pi - 2)
        return [self._sample(number, max(0.02, day)) for number in range(self.aps)]

    def _sample(self, number: int, day: float) -> Sample:
        draw = self._random.random
        self._up[number] = draw() < (_ANSWERS if self._up[number] else _RECOVERS)
        load = self._load[number]
        load = self._load[number] = min(1.0, max(0.0, load + (day - load) * 0.05 + (draw() - 0.5) * 0.12))
        clients = int(self._seats[number] * load)
        traffic = int(clients * draw() * 2e6)
        self._rx[number] += traffic // 4
        self._tx[number] += traffic
        tags = self.tags[number]
        if not self._up[number]:
            return Sample("wifi_ap", tags, {"up": 0, "poll_octets": 340}, self.time)
        self._cpu[number] = min(100.0, max(1.0, self._cpu[number] + (draw() - 0.5) * 6))
        self._memory[number] = min(95.0, max(20.0, self._memory[number] + (draw() - 0.5) * 0.6))
        self._warmth[number] = min(80.0, max(5.0, self._warmth[number] + (draw() - 0.5) * 0.5))
        fields = {
            "up": 1,
            "clients": clients,
            "rx_octets": self._rx[number],
            "tx_octets": self._tx[number],
            "uptime_s": self.time - self._booted[number],
            "cpu_pct": round(self._cpu[number], 1),
            "memory_pct": round(self._memory[number], 1),
            "temperature_c": round(self._warmth[number]),
            "poll_ms": round(4 + 3 * draw(), 1),
            "poll_octets": 1180,
            "aps": 0,
            "aps_up": 0,
        }
        return Sample("wifi_ap", tags, fields, self.time)
