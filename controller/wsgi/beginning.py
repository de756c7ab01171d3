"""What every process begins with that serves one of our applications."""

from controller import logs, settings
from controller.app import App, build
from controller.leash import die_with_parent


def begin() -> App:
    """What its application is made of, by the settings and inventory of now. Raises a ControllerError."""
    die_with_parent()
    wanted = settings.load()
    logs.set_up(wanted.log_level)
    return build(wanted)
