"""`plaza probe`: what a citizen would meet at a site."""

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from drivers.probe.report import Finding

_MARKS: Final = MappingProxyType(
    {"worked": ("[ok]  ", "green"), "failed": ("[fail]", "red"), "untried": ("[ -- ]", "yellow")}
)


@click.command()
@click.argument("site")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--no-tap", is_flag=True, help="Stop before the button; what is found is shown, not kept.")
def probe(site: str, as_json: bool, no_tap: bool) -> None:
    """Be a new citizen's phone in the guests' network of SITE: DHCP, DNS, redirect, portal, tap, Internet.

    Needs root, and `probe:` at the site in the inventory: the interface of this machine that is in its
    guests' network. Exit code 0: a citizen gets online; 2: not, or it could not be tried.
    """
    from controller import app, probing, settings
    from drivers.probe.report import works

    built = app.build(settings.load())
    chosen = probing.site_to_probe(built.inventory, site)
    begun = int(datetime.now(UTC).timestamp())
    errand = probing.errand(built, chosen, begun)
    wanted = probing.looking(errand) if no_tap else errand
    found: list[Finding] = []
    with closing(probing.visit(wanted)) as findings:
        for finding in findings:
            found.append(finding)
            if not as_json:
                _show(finding)
    if wanted == errand:
        probing.keep(built.engine, site, found, int(datetime.now(UTC).timestamp()))
    verdict = works(found)
    if as_json:
        steps = [json.loads(finding.line()) for finding in found]
        place = {"site": site, "interface": chosen.probe, "works": verdict}
        told = {**place, "only_looks": wanted.only_looks, "steps": steps}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{site}: {_sum(verdict, wanted.only_looks)}")
    sys.exit(0 if verdict else 2)


def _show(finding: "Finding") -> None:
    mark, colour = _MARKS[finding.went]
    took = "" if finding.took_ms is None else f"  {finding.took_ms:.0f} ms"
    trip = "" if finding.rtt_ms is None else f", round trip {finding.rtt_ms:.0f} ms"
    click.echo(f"{click.style(mark, fg=colour)} {finding.step:<8}  {finding.said}{took}{trip}")


def _sum(verdict: bool | None, only_looks: str) -> str:
    if verdict is None:
        return "could not be tried"
    if not verdict:
        return f"a citizen does not get {'to the portal' if only_looks else 'online'}"
    if only_looks:
        return f"a citizen gets to the portal; not tried further: {only_looks}"
    return "a citizen gets online"
