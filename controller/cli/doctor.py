"""`plaza doctor`."""

import json
import sys
from dataclasses import asdict

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def doctor(as_json: bool) -> None:
    """Say what is missing and the command that mends it. Exit code 2 when something needs mending."""
    from controller import settings
    from controller.doctor import examine

    findings = list(examine(settings.load()))
    if as_json:
        click.echo(
            json.dumps({"findings": [asdict(finding) | {"well": finding.well} for finding in findings]})
        )
    else:
        for finding in findings:
            mark = click.style("[ok]  ", fg="green") if finding.well else click.style("[mend]", fg="red")
            click.echo(f"{mark} {finding.what}: {finding.found}")
            if not finding.well:
                click.echo(f"         mend: {finding.mend}")
    sys.exit(0 if all(finding.well for finding in findings) else 2)
