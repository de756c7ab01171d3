"""What we want of each figure of the metrics; none is measured here."""

from typing import Final

from bench.poll.goals import Rule
from bench.portal.goals import Goal

ENCODER_OVER_POINT: Final = Goal(Rule.AT_LEAST, 10)
WRITE_OVER_BATCHING: Final = Goal(Rule.AT_LEAST, 6)
INGEST_S: Final = Goal(Rule.AT_MOST, 0.7)
"""CPU seconds for 100,000 rows of twelve fields: checked, stored, journalled and rolled up."""

INGEST_OVER_ROWID: Final = Goal(Rule.AT_MOST, 0.35)
QUERY_MS: Final = Goal(Rule.AT_MOST, 20)
ROLLUP_OVER_RAW: Final = Goal(Rule.AT_LEAST, 1_000)
COLD_OCTETS: Final = Goal(Rule.AT_MOST, 15)
NONE: Final = Goal(Rule.AT_MOST, 0)
BATCHING_LOSES: Final = Goal(Rule.ABOVE, 10)
"""Per cent of the points handed over: else the script was too kind to prove anything."""

KILLS: Final = Goal(Rule.AT_LEAST, 5)
DOWN_S: Final = Goal(Rule.AT_LEAST, 12)
FORWARDER_OVER_SERVER: Final = Goal(Rule.AT_MOST, 0.2)
