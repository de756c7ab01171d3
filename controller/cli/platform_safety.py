"""What Plaza promises of each platform it configures, for a person who is about to."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import click

from drivers.configurers.seam import Safety, Traits
from drivers.configurers.ways import CONFIGURERS, CONTROLLERS

_BACK: Final = MappingProxyType(
    {
        Safety.A: "class A: a timer of ours on the device, run here under real shells and SSH servers",
        Safety.B: "class B: a timer of its vendor's on the device, run here against the simulator",
        Safety.C: "class C: the device undoes what a lost session did",
        Safety.D: "class D: nothing but its power switch; one device at a time, its name typed",
    }
)


def show_safety() -> None:
    """Every platform that is configured, then those that another controller configures."""
    for name, one in sorted(CONFIGURERS.items()):
        click.echo(click.style(name, bold=True))
        for what, said in _facts(one.traits):
            click.echo(f"  {what:20} {said}")
    for name, controller in sorted(CONTROLLERS.items()):
        click.echo(f"{name} is only watched: it is configured through {controller}")
    click.echo("every other platform is only watched")


def _facts(traits: Traits) -> Iterator[tuple[str, str]]:
    yield "what brings it back", _BACK[traits.safety]
    if traits.revert_reboots:
        yield "going back", f"restarts it, about {traits.reboot_s:.0f} s"
    yield "on hardware", "verified" if traits.verified else "never tried"
    yield "written at once", _written(traits.chunk_octets)
    yield "cannot set", ", ".join(sorted(traits.cannot)) or "-"
    yield "may cut us off", ", ".join(traits.dangerous) or "-"


def _written(octets: int) -> str:
    if octets == 0:
        return "a script, through exec"
    return "a line" if octets == 1 else f"lines of {octets} octets together"
