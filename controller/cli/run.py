"""`plaza run [ROLE]`."""

import click

ROLE_NAMES = ("poller", "worker", "portal", "edge", "console", "radius")


@click.command()
@click.argument("role", required=False, type=click.Choice(ROLE_NAMES))
def run(role: str | None) -> None:
    """Run every role under a supervisor, or be one ROLE."""
    from controller import logs, roles, settings

    wanted = settings.load()
    if role is not None:
        roles.run_role(role, wanted)
        return
    from controller.supervisor import run_all

    logs.set_up(wanted.log_level)
    run_all(wanted)
