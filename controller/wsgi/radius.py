"""The application that FreeRADIUS asks."""

from captive_portal.radius.app import Door, Radius, create_app
from captive_portal.radius.holders import StoredHolders
from captive_portal.radius.ledger import Ledger
from controller.app import utc_now
from controller.keeping import retention
from controller.radius import radius_sites, token
from controller.wsgi.beginning import begin


def radius() -> Door:
    """What FreeRADIUS asks; on the loopback only. Who has no token is refused before its body is read."""
    app = begin()
    holders = StoredHolders(app.engine, retention(app.settings).day_begins)
    return create_app(
        Radius(
            sites=radius_sites(app),
            holders=holders,
            ledger=Ledger(app.engine, holders),
            clock=utc_now,
            token=token(app.settings).encode(),
        )
    )
