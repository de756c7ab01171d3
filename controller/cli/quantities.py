"""Options for a length of time and for an amount of data."""

import re
from datetime import timedelta
from typing import Any, Final

import click

from controller.amounts import octets_of

_LENGTH: Final = re.compile(r"(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m)?")


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
        octets = octets_of(str(value))
        if octets is None:
            self.fail(f"{value!r} is no amount of data; write it like 500MB or 2GB", param, ctx)
        return octets
