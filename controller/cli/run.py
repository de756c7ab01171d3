"""`plaza run [ROLE]`."""

import click

ROLE_NAMES = ("poller", "worker", "portal", "edge", "console", "radius", "prober")


@click.command()
@click.argument("role", required=False, type=click.Choice(ROLE_NAMES))
@click.option(
    "--forward-to",
    metavar="URL",
    default="",
    help="Only `poller`: keep no store, bring what the devices behind this agent say to a centre's edge_url.",
)
@click.option("--name", default="", help="With --forward-to: which of the [[pollers]] this is.")
def run(role: str | None, forward_to: str, name: str) -> None:
    """Run every role under a supervisor, or be one ROLE."""
    from controller import logs, roles, settings

    if (forward_to or name) and (role != "poller" or not forward_to):
        raise click.UsageError("--forward-to URL and its --name go with `plaza run poller`")
    wanted = settings.load()
    if forward_to:
        from controller.remote_poller import run_remote_poller

        run_remote_poller(wanted, forward_to, name)
        return
    if role is not None:
        roles.run_role(role, wanted)
        return
    from controller.supervisor import run_all

    logs.set_up(wanted.log_level)
    run_all(wanted)
