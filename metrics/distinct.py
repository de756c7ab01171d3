"""How many different devices there were, without keeping any of them: HyperLogLog sketches."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self

LG_K: Final = 12
"""2^12 registers: a standard error of 1.6 %. Up to some 380 names are counted one by one."""

HASHES: Final = frozenset({0, 1})
"""The kinds of content that are hashes: a list, a set. The third is registers."""

DEVIATIONS: Final = 2
"""The bounds hold the truth in 95 cases of 100."""


class BadSketch(ValueError):
    """The octets are no sketch of ours."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many different names; `low` and `high` are its bounds."""

    names: float = 0.0
    low: float = 0.0
    high: float = 0.0

    def __add__(self, other: "Estimate") -> "Estimate":
        """Of two sets that share no name: their sum, within the sum of their bounds."""
        return Estimate(self.names + other.names, self.low + other.low, self.high + other.high)


class Sketch:
    """What is left of a set of names: neither a name nor how often it came can be read from it.

    A name that is added again changes nothing, and the order of names does not matter. For one thread.
    """

    def __init__(self) -> None:
        ours = _library()
        self._hll = ours.hll_sketch(LG_K, ours.tgt_hll_type.HLL_4)

    @classmethod
    def read(cls, octets: bytes) -> Self:
        """The sketch that was written; an empty one of no octets. Raises BadSketch."""
        found = cls()
        if octets:
            try:
                found._hll = _library().hll_sketch.deserialize(octets)
            except (ValueError, RuntimeError, IndexError) as error:
                raise BadSketch(f"{len(octets)} octets are no sketch") from error
            if found._hll.lg_config_k != LG_K:
                raise BadSketch(f"a sketch of 2^{found._hll.lg_config_k} registers; ours have 2^{LG_K}")
        return found

    def add(self, name: str) -> bool:
        """One more, unless it was added before; whether it changed anything."""
        before = self._hll.get_estimate()
        self._hll.update(name)
        return bool(self._hll.get_estimate() != before)

    @property
    def octets(self) -> bytes:
        """To be read again: at most 2.2 kB, of few names less. They do not tell in which order names came."""
        return _unordered(bytes(self._hll.serialize_compact()))

    def estimate(self) -> Estimate:
        """How many names were added."""
        hll = self._hll
        bounds = hll.get_lower_bound(DEVIATIONS), hll.get_upper_bound(DEVIATIONS)
        return Estimate(hll.get_estimate(), *bounds)


def _unordered(octets: bytes) -> bytes:
    """The hashes of few names, 32 bits each, sorted: the library writes the first eight as they came.

    Its format: the first octet counts the 32-bit words before them, the eighth says in two bits what follows.
    """
    begin, kind = 4 * octets[0], octets[7] & 3
    if kind not in HASHES:
        return octets
    hashes = sorted(octets[at : at + 4] for at in range(begin, len(octets), 4))
    return octets[:begin] + b"".join(hashes)


@cache
def _library() -> Any:
    """Apache DataSketches; it brings numpy, 18 MB and a tenth of a second."""
    import datasketches  # noqa: PLC0415  only roles that count devices need it

    return datasketches


def ready() -> None:
    """Load the library, so that nobody waits for it later."""
    _library()
