"""The application that phones see."""

from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from captive_portal.capport import Api
from captive_portal.gateway.clock import KernelClock
from captive_portal.guest import Door, create_app
from captive_portal.portal import Portal
from captive_portal.uplink import Uplink
from captive_portal.voucher_throttle import Throttle
from controller.app import portal_sites, utc_now
from controller.bodies import in_full
from controller.capport import naming
from controller.keeping import retention
from controller.wsgi.beginning import begin
from metrics import distinct


@in_full
def portal() -> Door:
    """What phones see."""
    app = begin()
    distinct.ready()

    @lru_cache(maxsize=4096)
    def of_minute(site: str, minute: datetime) -> datetime | None:
        return app.inventory.sites[site].hours.open_until(minute)

    def open_until(site: str, moment: datetime) -> datetime | None:
        # hours begin and end on whole minutes; looking days ahead for each phone costs as much as its page
        return of_minute(site, moment.replace(second=0, microsecond=0))

    kept = retention(app.settings)
    portal = Portal.over(app.engine, portal_sites(app), utc_now, open_until, retention=kept)
    uplink = Uplink(app.settings.uplink_probes, KernelClock()).start()
    return create_app(
        replace(portal, cut_off=lambda: uplink.down, throttle=Throttle(app.settings.portal_workers)),
        names=app.settings.portal_names,
        api=Api(app.engine, naming(app.inventory), utc_now, open_until).answer,
    )
