"""The WSGI applications of the portal, the edge, RADIUS and the console, each for a process of its own."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from captive_portal.capport import Api
from captive_portal.gateway.clock import KernelClock
from captive_portal.guest import Door
from captive_portal.guest import create_app as create_portal
from captive_portal.portal import Portal
from captive_portal.radius.app import Door as RadiusDoor
from captive_portal.radius.app import Radius
from captive_portal.radius.app import create_app as create_radius
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.ledger import Ledger
from captive_portal.sessions import StoredSessions
from captive_portal.uplink import Uplink
from captive_portal.voucher_throttle import Throttle
from controller import logs, settings
from controller.app import App, build, portal_sites, utc_now
from controller.bodies import in_full
from controller.capport import naming
from controller.console.app import create_app as create_console
from controller.edge.app import create_app as create_edge
from controller.edge.claiming import claiming_of
from controller.keeping import retention
from controller.leash import die_with_parent
from controller.radius import radius_sites, token

if TYPE_CHECKING:
    from flask import Flask


@in_full
def portal() -> Door:
    """What phones see."""
    app = _begin()

    def open_at(site: str, moment: datetime) -> bool:
        return app.inventory.sites[site].hours.open_at(moment)

    kept = retention(app.settings)
    portal = Portal.over(app.engine, portal_sites(app), utc_now, open_at, retention=kept)
    uplink = Uplink(app.settings.uplink_probes, KernelClock()).start()
    return create_portal(
        replace(portal, cut_off=lambda: uplink.down, throttle=Throttle(app.settings.portal_workers)),
        names=app.settings.portal_names,
        api=Api(app.engine, naming(app.inventory), utc_now).answer,
    )


@in_full
def edge() -> "Flask":
    """What gateways and new devices call."""
    app = _begin()
    keys = {key: site.wiring.key for key, site in portal_sites(app).items()}
    return create_edge(keys, StoredSessions(app.engine), utc_now, claiming_of(app, utc_now))


def radius() -> RadiusDoor:
    """What FreeRADIUS asks; on the loopback only. Who has no token is refused before its body is read."""
    app = _begin()
    holders = StoredHolders(app.engine, retention(app.settings).day_begins)
    return create_radius(
        Radius(
            sites=radius_sites(app),
            holders=holders,
            ledger=Ledger(app.engine, holders),
            clock=utc_now,
            token=token(app.settings).encode(),
        )
    )


@in_full
def console() -> "Flask":
    """What staff see; on the loopback only, it has no logins."""
    app = _begin()
    stale_after_s = 4 * app.settings.poll_interval_s
    return create_console(app.inventory, app.engine, app.samples, utc_now, stale_after_s=stale_after_s)


def _begin() -> App:
    die_with_parent()
    wanted = settings.load()
    logs.set_up(wanted.log_level)
    return build(wanted)
