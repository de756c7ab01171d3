"""The supervisor of a running Plaza: one child process for each role."""

from collections.abc import Sequence
from pathlib import Path

from controller.app import build, portal_sites
from controller.model import Inventory
from controller.poller import Targets
from controller.processes import Child, only_one, python, require_free, supervise
from controller.radius import radius_sites
from controller.roles import RELOADING, wanted
from controller.settings import Settings, listeners, require_loopback
from controller.signals import reload_on_signal, stop_on_signals
from controller.store.engine import require_sound
from drivers.definition import load_platforms


def run_all(settings: Settings, extra: Sequence[Child] = (), log_dir: Path | None = None) -> None:
    """Be the supervisor of one child per role, and of `extra` programs, until SIGTERM or Ctrl-C.

    Whatever would make a role fail at once (a wrong inventory, store, secret or port) is raised here, first.
    SIGHUP goes on to the roles of RELOADING, which serve over HTTP; see controller.serving.
    """
    with only_one(settings.data_dir / "plaza.lock"):
        children = [_child(role) for role in wanted(settings, check(settings))]
        supervise([*extra, *children], stop_on_signals(), log_dir, reload_on_signal())


def check(settings: Settings) -> Inventory:
    """The inventory of a Plaza whose roles can start. Raises the ControllerError that one would fail with."""
    app = build(settings)
    require_sound(app.engine)
    Targets.of(app.inventory.devices.values(), load_platforms(), app.secrets)
    portal_sites(app)
    radius_sites(app)
    require_loopback(settings)
    for one in listeners(settings):
        require_free(one.endpoint, one.variable, one.kind)
    app.samples.close()
    app.engine.dispose()
    return app.inventory


def _child(role: str) -> Child:
    return Child(role, python("-m", "controller.cli.main", "run", role), reloads=role in RELOADING)
