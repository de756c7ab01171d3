"""All dashboards, in the order in which one looks at them."""

from typing import Final

from metrics.dashboards import controller, device, municipality, portal, site, state
from metrics.dashboards.model import Dashboard

DASHBOARDS: Final[tuple[Dashboard, ...]] = (
    state.DASHBOARD,
    municipality.DASHBOARD,
    site.DASHBOARD,
    device.DASHBOARD,
    portal.DASHBOARD,
    controller.DASHBOARD,
)
