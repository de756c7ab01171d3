"""What Plaza promises of each platform it configures, for a person who is about to."""

from types import MappingProxyType
from typing import Final

from rich.console import Console
from rich.table import Table

from drivers.configurers.seam import Safety, Traits
from drivers.configurers.ways import CONFIGURERS, CONTROLLERS

_BACK: Final = MappingProxyType(
    {
        Safety.A: "A: a timer on the device, proved against its own kind of software",
        Safety.B: "B: a timer on the device, as its vendor documents it",
        Safety.C: "C: the device undoes what a lost session did",
        Safety.D: "D: nothing; one device at a time, its name typed",
    }
)


def show_safety() -> None:
    """Every platform that is configured, then those that another controller configures."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Platform", "What brings it back", "On hardware", "Cannot set", "May cut us off"):
        table.add_column(heading, overflow="fold")
    for name, one in sorted(CONFIGURERS.items()):
        table.add_row(name, *_cells(one.traits))
    console = Console()
    console.print(table)
    for name, controller in sorted(CONTROLLERS.items()):
        console.print(f"{name}: only watched; it is configured through {controller}", soft_wrap=True)
    console.print("Every other platform is only watched.")


def _cells(traits: Traits) -> tuple[str, str, str, str]:
    written = f"; at most {traits.chunk_octets} octets at once" if traits.chunk_octets else ""
    reboots = "; it reboots to go back" if traits.revert_reboots else ""
    return (
        _BACK[traits.safety] + written + reboots,
        "verified" if traits.verified else "never tried",
        ", ".join(sorted(traits.cannot)) or "-",
        ", ".join(traits.dangerous) or "-",
    )
