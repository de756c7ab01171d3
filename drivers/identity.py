"""How a device names itself, ready to be written into `identify`."""

import json
import re
from collections.abc import Mapping
from typing import Final

from drivers.detect import SYS_DESCR, SYS_OBJECT_ID
from drivers.doubts import Doubt
from drivers.labels import printable
from drivers.snmp.seam import Oid, Value
from drivers.values import text_of

_SPECIAL: Final = re.compile(r"([\\.^$*+?{}\[\]|()])")
_MOST_SHOWN: Final = 60


def identity(objects: Mapping[Oid, Value]) -> str:
    """An entry of `identify` that recognises this device, and only those with the same sysDescr."""
    number, descr = _own(objects)
    words = [f"sys_object_id: {number}"] if number else []
    if descr:
        pattern = json.dumps("^" + _SPECIAL.sub(r"\\\1", descr[:_MOST_SHOWN]), ensure_ascii=False)
        words.append(f"sys_descr: {pattern}")
    return "{" + ", ".join(words) + "}"


def unrecognised(objects: Mapping[Oid, Value]) -> Doubt:
    """That `identify` of the platform does not recognise the device."""
    number, descr = _own(objects)
    shown = f'sysObjectID {number or "none"}, sysDescr "{descr}"'
    return Doubt(("identify",), f"does not recognise this device ({shown})")


def _own(objects: Mapping[Oid, Value]) -> tuple[str, str]:
    """sysObjectID in dots, and the first line of sysDescr; empty when it does not say."""
    number, descr = objects.get(SYS_OBJECT_ID), objects.get(SYS_DESCR)
    lines = text_of(descr).strip().splitlines() if descr is not None else []
    return text_of(number) if isinstance(number, tuple) else "", printable(lines[0]) if lines else ""
