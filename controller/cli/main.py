"""`plaza`: finds the command that was asked for and turns expected errors into one line and exit code 2."""

import gc
import importlib
import sys
from types import MappingProxyType
from typing import Final

import click

COMMANDS: Final = MappingProxyType(
    {
        "access": "Show who may log in at devices, and end it.",
        "adopt": "Take new devices in, and pin SSH host keys.",
        "apply": "Make devices what the inventory says, safely.",
        "credentials": "Rotate credentials, and say who shares what.",
        "demo": "Run everything against simulated access points.",
        "diff": "Show what `apply` would change.",
        "doctor": "Say what is missing and how to mend it.",
        "drift": "Show who is no longer what it was.",
        "emergency": "Let everybody through in a municipality.",
        "firmware": "Keep images, and flash devices with them in waves.",
        "gateway": "Build, show and order a site's own gateway.",
        "history": "Show what a device ran, version by version.",
        "incident": "Show outages, take them on, announce them, count repairs.",
        "inventory": "Check and explain the inventory.",
        "metrics": "Ask for what was measured, by place and time.",
        "platform": "List, write and try platforms.",
        "poll": "Ask devices over SNMP and show what they say.",
        "portal": "Print a site's sign, and count what its portal did.",
        "privacy": "Answer a citizen's data request, and print a notice.",
        "probe": "Be a citizen's phone at a site.",
        "radius": "Write and check what FreeRADIUS needs.",
        "replace": "Put another box in a device's place.",
        "rollback": "Make a device again what it was before a change.",
        "rollout": "Change many devices in waves, watched and stopped.",
        "run": "Run all roles, or one.",
        "session": "List and end citizens' sessions.",
        "sink": "Show what each time-series server has got.",
        "snmp": "Ask one device for objects, and why it does not answer.",
        "stolen": "Make worthless what a stolen device held.",
        "store": "Check, repair and back up the samples.",
        "voucher": "Make, count and revoke vouchers.",
    }
)


class Lazy(click.Group):
    """Imports a command's module only when it is used, so that `plaza --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, or None."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"controller.cli.{name}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="plaza")
def plaza() -> None:
    """The controller of a state's free public Wi-Fi."""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a bug, 2 an expected error, 3 changes pending."""
    from controller.errors import ControllerError
    from drivers.errors import DriverError
    from metrics.errors import MetricsError

    # Imports and an inventory leave objects that stay: a tenth of a command went on looking for garbage.
    gc.set_threshold(500_000)
    try:
        code = plaza.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (ControllerError, DriverError, MetricsError) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except Exception as error:
        if not (line := _database_trouble(error)):
            raise
        click.echo(line, err=True)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _database_trouble(error: Exception) -> str:
    """One line for what the database said, empty when it was something else: a bug keeps its traceback."""
    sqlalchemy = sys.modules.get("sqlalchemy.exc")  # not imported, not its error
    if sqlalchemy is None or not isinstance(error, sqlalchemy.DatabaseError):
        return ""
    return f"the store: {error.orig}; plaza doctor says which file and how to mend it"


if __name__ == "__main__":
    main()
