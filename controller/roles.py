"""The roles of a running Plaza, each a process of its own that imports only what its role needs."""

import gc
import importlib
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from controller import logs
from controller.settings import Settings

if TYPE_CHECKING:
    from controller.model import Inventory

ROLES: Final = MappingProxyType(
    {
        "poller": "controller.poller_role:run_poller",
        "worker": "controller.worker:run_worker",
        "portal": "controller.web_roles:run_portal",
        "edge": "controller.web_roles:run_edge",
        "console": "controller.web_roles:run_console",
        "radius": "controller.web_roles:run_radius",
        "prober": "controller.prober:run_prober",
    }
)
"""Role → where the function is that is this role until SIGTERM, given the settings."""

RELOADING: Final = frozenset({"portal", "edge", "console", "radius"})


def wanted(settings: Settings, inventory: "Inventory") -> list[str]:
    """The roles that the supervisor starts: all but one that its setting turns off, or that has no site."""
    idle = set() if settings.radius_listen else {"radius"}
    if not any(site.probe for site in inventory.sites.values()):
        idle.add("prober")
    return [role for role in ROLES if role not in idle]


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
