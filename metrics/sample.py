"""One measured point in time."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """`time` is the polling slot in UTC epoch seconds, so a re-send overwrites itself.

    Tags hold every tag of the measurement and nothing else; a field nobody measured is absent.
    """

    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, int | float]
    time: int
