"""How long to wait for one agent's answer, from how long its answers took (RFC 6298); no network here."""

from math import ceil
from typing import Final

FLOOR_S: Final = 0.5
"""An agent that answers in milliseconds may be busy for a moment."""
CEILING_S: Final = 8.0
_STEP_S: Final = 0.25  # alarms of one duration share a queue: few durations, few queues
_LEAST_TRIP_S: Final = 1e-6
_MOST_DOUBLINGS: Final = 8


class RoundTrip:
    """Smoothed round trip and its variation, in seconds; of an agent not measured both are 0."""

    __slots__ = ("smoothed_s", "variation_s")

    def __init__(self) -> None:
        self.smoothed_s = self.variation_s = 0.0

    def measured(self, trip_s: float) -> None:
        """The answer to a first try took this long: which try an answer belongs to, its request id tells."""
        if not self.smoothed_s:
            self.smoothed_s, self.variation_s = max(trip_s, _LEAST_TRIP_S), trip_s / 2
            return
        self.variation_s += (abs(self.smoothed_s - trip_s) - self.variation_s) / 4
        self.smoothed_s += (trip_s - self.smoothed_s) / 8

    def forget(self) -> None:
        """It fell silent: what comes next may be another link."""
        self.smoothed_s = self.variation_s = 0.0

    def timeout_s(self, guess_s: float, retries: int, tries: int, waited_s: float) -> float:
        """How long to wait after try number `tries`, counted from 1; those before it waited `waited_s`.

        Each waits twice as long as the one before, up to the guess or twice the first. Together they wait no
        shorter than `retries + 1` times the guess, as for an agent not measured: a link that became
        slow is not an agent that died.
        """
        if not self.smoothed_s:
            return guess_s
        least_s = guess_s if guess_s < FLOOR_S else FLOOR_S
        first_s = self.smoothed_s + 4 * self.variation_s
        if first_s <= least_s and tries == 1 <= retries:
            return least_s  # a near agent, the most frequent case
        wait_s = _doubled(max(first_s, least_s), guess_s, tries)
        if tries <= retries:
            return wait_s
        left_s = guess_s * (retries + 1) - waited_s
        room_for_another = retries and left_s >= 3 * wait_s
        return wait_s if room_for_another else max(wait_s, left_s)


def _doubled(first_s: float, guess_s: float, tries: int) -> float:
    doubled_s = first_s * (1 << min(tries - 1, _MOST_DOUBLINGS))
    return ceil(min(doubled_s, max(guess_s, 2 * first_s), CEILING_S) / _STEP_S) * _STEP_S
