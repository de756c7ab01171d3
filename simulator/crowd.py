"""How many people use an access point at a time of the week, as a curve whose integral is known exactly."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Final

from simulator.chance import between, draw, wobble
from simulator.model import Band

HOUR_S: Final = 3600
WEEK_S: Final = 7 * 24 * HOUR_S
LOCAL_OFFSET_S: Final = -6 * HOUR_S  # most of the state keeps UTC-6 all year
MONDAY_S: Final = 4 * 24 * HOUR_S  # 1970-01-01 was a Thursday

# Share of the peak at each local hour of a day, in per cent.
# fmt: off
_PLAZA: Final = (
    20, 12, 9, 8, 8, 10, 16, 25, 32, 38, 44, 50,
    56, 60, 58, 57, 62, 72, 86, 97, 100, 90, 62, 36,
)
_SCHOOL: Final = (
    9, 8, 8, 8, 8, 9, 22, 68, 88, 94, 100, 96,
    92, 84, 60, 42, 34, 30, 26, 22, 18, 14, 12, 10,
)
_CLINIC: Final = (
    16, 14, 13, 12, 13, 16, 30, 58, 86, 100, 98, 92,
    84, 76, 68, 62, 56, 50, 44, 38, 32, 26, 22, 18,
)
# fmt: on
_KINDS: Final = (_PLAZA, _PLAZA, _SCHOOL, _CLINIC)
_DAYS: Final = (
    (0.90, 0.92, 0.94, 0.96, 1.00, 0.85, 0.70),
    (0.80, 0.80, 0.84, 0.88, 1.00, 1.00, 0.96),
    (1.00, 1.00, 1.00, 1.00, 0.95, 0.25, 0.15),
    (1.00, 0.96, 0.95, 0.95, 0.92, 0.55, 0.45),
)
_BAND_WEIGHTS: Final = {Band.GHZ_2: 0.38, Band.GHZ_5: 0.62, Band.GHZ_6: 0.25}


@dataclass(frozen=True, slots=True)
class Crowd:
    """The people of one AP: `peak` of them at the busiest hour of the week."""

    seed: int
    name: str
    kind: int
    peak: int
    shares: tuple[tuple[Band, float], ...]

    def clients(self, band: Band, now_s: float) -> int:
        """Associated clients on one band: the curve with a noise that changes within minutes."""
        expected = self.peak * self._share(band) * _level(self.kind, now_s)
        noise = 0.25 * wobble(now_s, 300, self.seed, self.name, band, "clients")
        return max(0, round(expected * (1 + noise)))

    def client_seconds(self, band: Band, start_s: float, end_s: float) -> float:
        """Integral of the curve (without its noise): grows with time, never shrinks."""
        area = _area(self.kind, end_s) - _area(self.kind, start_s)
        return self.peak * self._share(band) * max(0.0, area)

    def _share(self, band: Band) -> float:
        return dict(self.shares)[band]


def crowd(seed: int, name: str, bands: tuple[Band, ...]) -> Crowd:
    """The crowd that this name draws."""
    total = sum(_BAND_WEIGHTS[band] for band in bands)
    shares = tuple((band, _BAND_WEIGHTS[band] / total) for band in bands)
    kind = int(draw(seed, name, "kind") * len(_KINDS))
    return Crowd(seed, name, kind, between(14, 64, seed, name, "peak"), shares)


@lru_cache(maxsize=len(_KINDS))
def _week(kind: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Level at each hour of the week (and at its end, equal to its start), and the area before each."""
    levels = [hour / 100 * day for day in _DAYS[kind] for hour in _KINDS[kind]]
    levels.append(levels[0])
    areas = accumulate((HOUR_S * (a + b) / 2 for a, b in pairwise(levels)), initial=0.0)
    return tuple(levels), tuple(areas)


def _place(now_s: float) -> tuple[int, int, float]:
    """Whole weeks since the epoch's Monday, hour of the local week, share of that hour gone."""
    weeks, rest = divmod(now_s + LOCAL_OFFSET_S - MONDAY_S, WEEK_S)
    hour = min(int(rest / HOUR_S), 167)
    return int(weeks), hour, rest / HOUR_S - hour


def _level(kind: int, now_s: float) -> float:
    levels, _ = _week(kind)
    _, hour, share = _place(now_s)
    return levels[hour] + share * (levels[hour + 1] - levels[hour])


def _area(kind: int, now_s: float) -> float:
    levels, areas = _week(kind)
    weeks, hour, share = _place(now_s)
    slope = levels[hour + 1] - levels[hour]
    return weeks * areas[-1] + areas[hour] + HOUR_S * share * (levels[hour] + slope * share / 2)
