"""The roles of a running Plaza, each a process of its own that imports only what its role needs."""

import gc
import importlib
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from controller import logs
from controller.settings import Settings

ROLES: Final = MappingProxyType(
    {
        "poller": "controller.poller_role:run_poller",
        "worker": "controller.worker:run_worker",
        "portal": "controller.web_roles:run_portal",
        "edge": "controller.web_roles:run_edge",
        "console": "controller.web_roles:run_console",
        "radius": "controller.web_roles:run_radius",
    }
)
"""Role → where the function is that is this role until SIGTERM, given the settings."""

RELOADING: Final = frozenset({"portal", "edge", "console", "radius"})


def wanted(settings: Settings) -> list[str]:
    """The roles that the supervisor starts: all but one that its setting turns off."""
    return [role for role in ROLES if role != "radius" or settings.radius_listen]


def run_role(name: str, settings: Settings) -> None:
    """Be one role until told to stop."""
    gc.set_threshold(100_000)  # a role lives long: its garbage is to go sooner than a command's
    logs.set_up(settings.log_level)
    role(name)(settings)


def role(name: str) -> Callable[[Settings], None]:
    """The function that is this role."""
    module, _, function = ROLES[name].partition(":")
    run: Callable[[Settings], None] = getattr(importlib.import_module(module), function)
    return run
