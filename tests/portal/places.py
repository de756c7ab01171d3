"""Sites for tests that need no portal around them."""

from datetime import timedelta

from captive_portal.local import PLAIN, Local
from captive_portal.model import GatewayKind, Plan, PortalSite, Wiring

LIBRE = Plan("libre", timedelta(hours=1))


def site_of(
    key: str, plan: Plan = LIBRE, kind: GatewayKind = GatewayKind.PLAZA, local: Local = PLAIN
) -> PortalSite:
    """A site of this name with a gateway of this kind."""
    wiring = Wiring(key, kind, key.encode().ljust(32, b"."), landing=f"http://portal.test/p/{key}/online")
    return PortalSite(
        key=key,
        name="Plaza",
        municipality=key[:5],
        municipality_name="Guachochi",
        zone="America/Chihuahua",
        languages=("es",),
        plan=plan,
        gateway_url="http://10.77.0.1:2060",
        wiring=wiring,
        local=local,
    )
