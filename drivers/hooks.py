"""What no word of a platform.yaml can say: named functions of the values of a few objects.

A hook is a last resort: fewer than one platform in eight may have one, and the YAML says beside it why.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from drivers.snmp.seam import Value

Hook = Callable[..., int | float | str | None]
"""One argument per object in `of`, in their order, None where the device has none → the value, or None."""


def level_of_list(level: Value | None, levels: Value | None) -> int | None:
    """A power level that counts from 1, and the text of the levels in dBm: (2, b"20,17,14") → 17."""
    if not isinstance(level, int) or not isinstance(levels, bytes):
        return None
    texts = levels.decode("ascii", "replace").split(",")
    text = texts[level - 1].strip() if 1 <= level <= len(texts) else ""
    return int(text) if text.lstrip("-").isdigit() else None


HOOKS: Final[Mapping[str, Hook]] = MappingProxyType({"level_of_list": level_of_list})
