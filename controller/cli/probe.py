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
def probe(site: str, as_json: bool) -> None:
    """Be a new citizen's phone in the guests' network of SITE: DHCP, DNS, redirect, portal.

    Needs root, and `probe:` at the site in the inventory: the interface of this machine that is in its
    guests' network. Exit code 0: a citizen gets to the portal; 2: not, or it could not be tried.
    """
    from controller import app, probing, settings
    from drivers.probe.report import works

    built = app.build(settings.load())
    chosen = probing.site_to_probe(built.inventory, site)
    found: list[Finding] = []
    with closing(probing.visit(chosen.probe)) as findings:
        for finding in findings:
            found.append(finding)
            if not as_json:
                _show(finding)
    probing.keep(built.engine, site, found, int(datetime.now(UTC).timestamp()))
    verdict = works(found)
    if as_json:
        steps = [json.loads(finding.line()) for finding in found]
        told = {"site": site, "interface": chosen.probe, "works": verdict, "steps": steps}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{site}: {_sum(verdict)}")
    sys.exit(0 if verdict else 2)


def _show(finding: "Finding") -> None:
    mark, colour = _MARKS[finding.went]
    took = "" if finding.took_ms is None else f"  {finding.took_ms:.0f} ms"
    click.echo(f"{click.style(mark, fg=colour)} {finding.step:<8}  {finding.said}{took}")


def _sum(verdict: bool | None) -> str:
    if verdict is None:
        return "could not be tried"
    return "a citizen gets to the portal" if verdict else "a citizen does not get to the portal"
