"""Units of the catalogue as a person reads them."""

from typing import Final

_SHOWN: Final = {"1": "", "Cel": "°C", "By": "octets"}


def shown(unit: str) -> str:
    """`°C` for Cel, `client` for {client}, nothing for plain numbers."""
    return _SHOWN.get(unit, unit.strip("{}"))
