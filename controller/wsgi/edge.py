"""The application that gateways and new devices call."""

from typing import TYPE_CHECKING

from captive_portal.sessions import StoredSessions
from controller.app import portal_sites, utc_now
from controller.bodies import in_full
from controller.edge.app import create_app
from controller.edge.claiming import claiming_of
from controller.gateway_policy import Policies
from controller.wsgi.beginning import begin

if TYPE_CHECKING:
    from flask import Flask


@in_full
def edge() -> "Flask":
    """What gateways and new devices call."""
    app = begin()
    keys = {key: site.wiring.keys for key, site in portal_sites(app).items()}
    claims, policies = claiming_of(app, utc_now), Policies(app, utc_now)
    return create_app(keys, StoredSessions(app.engine), utc_now, claims, policies)
