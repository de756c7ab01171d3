"""What we want of each figure of the gateway; none is measured here."""

from typing import Final

from bench.poll.goals import Rule
from bench.portal.goals import Goal

CPU_OVER_OPENNDS: Final = Goal(Rule.AT_MOST, 1 / 12)
"""Of openNDS's in the same run. What we aim at is 1/50; it is told beside the figure."""

AIM: Final = 50
RATE_OVER_OPENNDS: Final = Goal(Rule.AT_LEAST, 20)
NONE: Final = Goal(Rule.AT_MOST, 0)
CORE: Final = Goal(Rule.BELOW, 100)
"""Per cent of the one core that the gateway has."""

TAP_MS: Final = Goal(Rule.AT_MOST, 400)
"""As for the portal's own way from tap to online on a LAN (bench.portal.goals)."""

BESIDE_BULK: Final = Goal(Rule.AT_MOST, 2)
"""Times what page loads take on the idle line."""
