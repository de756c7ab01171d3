"""Options for a length of time and for an amount of data."""

import re
from datetime import timedelta
from typing import Any, Final

import click

_UNITS: Final = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_MOST: Final = 10**15
_LENGTH: Final = re.compile(r"(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?")
_AMOUNT: Final = re.compile(r"([0-9]{1,12})([kKMG]B)?")


class Length(click.ParamType[timedelta]):
    """Hours and minutes, from a minute to a week, as the inventory writes them."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Fails with how it is written."""
        found = _LENGTH.fullmatch(str(value))
        length = timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) if found else timedelta(0)
        if not timedelta(0) < length <= timedelta(days=7):
            self.fail(f"{value!r} is no duration up to 168h; write it like 45m, 2h or 1h30m", param, ctx)
        return length


class Octets(click.ParamType[int]):
    """Octets, with a decimal unit where there is one."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Fails with how it is written."""
        found = _AMOUNT.fullmatch(str(value))
        octets = int(found[1]) * _UNITS[(found[2] or "").upper()] if found else _MOST + 1
        if octets > _MOST:
            self.fail(f"{value!r} is no amount of data; write it like 500MB or 2GB", param, ctx)
        return octets
