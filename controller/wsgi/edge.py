"""The application that gateways and new devices call."""

from typing import TYPE_CHECKING

from captive_portal.monthly import Devices
from captive_portal.sessions import StoredSessions
from controller.app import portal_sites, utc_now
from controller.bodies import in_full
from controller.edge.app import create_app
from controller.edge.claiming import claiming_of
from controller.edge.landing import landings_of
from controller.gateway_policy import Policies
from controller.wsgi.beginning import begin

if TYPE_CHECKING:
    from flask import Flask

    from captive_portal.gateway.monthly import MonthKey


@in_full
def edge() -> "Flask":
    """What gateways and new devices call."""
    app = begin()
    sites, devices = portal_sites(app), Devices(app.engine)
    keys = {key: site.wiring.keys for key, site in sites.items()}

    def month(site: str) -> "MonthKey | None":
        return devices.month(sites[site].municipality, sites[site].zone, utc_now())

    claims, policies = claiming_of(app, utc_now), Policies(app, utc_now)
    made = create_app(keys, StoredSessions(app.engine), utc_now, claims, policies, month)
    if app.settings.pollers:
        landings_of(app, utc_now).register(made)
    return made
