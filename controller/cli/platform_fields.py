"""What a platform may tell: the fields of the catalogue, with unit and meaning."""

from typing import Final

from rich.console import Console
from rich.table import Table

from controller.errors import SelectorError
from drivers.faults import near
from drivers.sheets import TABLES
from drivers.units import shown
from metrics.catalog import MEASUREMENTS

_OURS: Final = frozenset({"poll_ms", "poll_octets"})
"""Fields that the poller tells, no platform."""


def show_fields(name: str) -> None:
    """Every measurement that platforms tell, or the one of this name or of this block of a platform.yaml."""
    blocks = {table.measurement: word for word, table in TABLES.items()} | {"wifi_ap": "measure, aps"}
    told_in = {word: measurement for measurement, words in blocks.items() for word in words.split(", ")}
    chosen = told_in.get(name, name)
    if chosen and chosen not in blocks:
        close = near(name, (*blocks, *told_in)) or f"; write one of {', '.join(blocks)}"
        raise SelectorError(f"platforms tell no {name!r}{close}")
    for measurement in [chosen] if chosen else blocks:
        _show(measurement, blocks[measurement])


def _show(measurement: str, words: str) -> None:
    one = MEASUREMENTS[measurement]
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for heading in ("Field", "Unit", "Meaning"):
        table.add_column(heading, overflow="fold")
    for name, field in one.fields.items():
        if name not in _OURS:
            table.add_row(name, shown(field.unit), field.meaning)
    console = Console()
    console.print(f"{measurement} (in `{words}`): {one.meaning}", markup=False, highlight=False)
    console.print(table)
