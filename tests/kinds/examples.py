"""The recorded arrivals of all kinds; each kind has its own file beside this one."""

from typing import Final

from tests.kinds.example import Example
from tests.kinds.plaza_kind import PLAZA

EXAMPLES: Final[tuple[Example, ...]] = (PLAZA,)
