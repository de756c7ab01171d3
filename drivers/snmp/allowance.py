"""How much of the event loop's time somebody may take."""

from dataclasses import dataclass


@dataclass(slots=True)
class Allowance:
    """A token bucket of seconds: `share` of all time, at most `burst_s` saved up. Starts full."""

    share: float
    burst_s: float
    left_s: float = 0.0
    at_s: float = float("-inf")

    def is_left(self, now_s: float) -> bool:
        """Whether anything is left now."""
        self.left_s = min(self.burst_s, self.left_s + (now_s - self.at_s) * self.share)
        self.at_s = now_s
        return self.left_s > 0

    def spend(self, seconds: float) -> None:
        """Take what was used; the last use may run into debt."""
        self.left_s -= seconds
