"""The roles that serve over HTTP: the portal, the edge, the console, and what FreeRADIUS asks."""

import gc
import importlib

from controller.errors import ControllerError
from controller.processes import require_free
from controller.serving import serve
from controller.settings import Settings, endpoint, require_loopback


def run_portal(settings: Settings) -> None:
    """Serve the citizens' pages until SIGTERM; SIGHUP has them made of the inventory as it is then."""
    place, name = settings.portal_listen, "PLAZA_PORTAL_LISTEN"
    _serve("controller.wsgi.portal:portal", place, name, settings.portal_workers)


def run_edge(settings: Settings) -> None:
    """Serve the site gateways until SIGTERM."""
    _serve("controller.wsgi.edge:edge", settings.edge_listen, "PLAZA_EDGE_LISTEN")


def run_radius(settings: Settings) -> None:
    """Serve FreeRADIUS until SIGTERM; on the loopback only, it shows passwords."""
    if not settings.radius_listen:
        raise ControllerError("radius_listen is off; set it in plaza.toml, such as 127.0.0.1:8083")
    require_loopback(settings)
    _serve("controller.wsgi.radius:radius", settings.radius_listen, "PLAZA_RADIUS_LISTEN")


def run_console(settings: Settings) -> None:
    """Serve the staff console until SIGTERM; on the loopback only, it has no logins."""
    require_loopback(settings)
    _serve("controller.wsgi.console:console", settings.console_listen, "PLAZA_CONSOLE_LISTEN")


def _serve(target: str, listen: str, setting: str, workers: int = 1) -> None:
    place = endpoint(listen)
    require_free(place, setting)
    # Before the first process is forked: all of them share what is imported, and the next stands at once.
    importlib.import_module(target.partition(":")[0])
    gc.freeze()  # looking through it for garbage, each would write into it and so get a copy of its own
    serve(target, place, workers)
