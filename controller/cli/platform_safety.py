"""What Plaza promises of each platform it configures, for a person who is about to."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import click

from drivers.configurers.seam import Safety, Traits
from drivers.configurers.ways import CONFIGURERS, CONTROLLERS, why_only_watched
from drivers.definition import load_platforms

_BACK: Final = MappingProxyType(
    {
        Safety.A: "class A: a timer of ours on the device, run here under real shells and SSH servers",
        Safety.B: "class B: a timer of its vendor's on the device, run here against the simulator",
        Safety.C: "class C: the device undoes what a lost session did",
        Safety.D: "class D: nothing but its power switch; one device at a time, its name typed",
    }
)


def show_safety(name: str) -> None:
    """One platform; without a name all that are configured, then those that another controller configures.

    Raises click.ClickException for what is no platform.
    """
    if name:
        _show_one(name)
        return
    for each in sorted(CONFIGURERS):
        _show_one(each)
    for each, controller in sorted(CONTROLLERS.items()):
        click.echo(f"{each} is only watched: it is configured through {controller}")
    click.echo("every other platform is only watched")


def _show_one(name: str) -> None:
    if name not in CONFIGURERS:
        if name not in load_platforms():
            raise click.ClickException(f"no platform is called {name!r}; `plaza platform list` has them")
        click.echo(why_only_watched(name))
        return
    click.echo(click.style(name, bold=True))
    for what, said in _facts(CONFIGURERS[name].traits):
        click.echo(f"  {what:20} {said}")


def _facts(traits: Traits) -> Iterator[tuple[str, str]]:
    yield "what brings it back", _BACK[traits.safety]
    if traits.revert_reboots:
        yield "going back", f"restarts it, about {traits.reboot_s:.0f} s"
    yield "on hardware", "verified" if traits.verified else "never tried"
    yield "how it is sent", _sent(traits.chunk_octets)
    yield "cannot set", ", ".join(sorted(traits.cannot)) or "-"
    yield "may cut us off", ", ".join(traits.dangerous) or "-"


def _sent(octets: int) -> str:
    if octets == 0:
        return "as one script"
    if octets == 1:
        return "line by line, waiting for the prompt after each"
    return f"several lines together, up to {octets} octets, then waiting for the prompts"
