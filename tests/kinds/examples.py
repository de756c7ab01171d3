"""The recorded arrivals of all kinds; each kind has its own file beside this one."""

from typing import Final

from tests.kinds.aruba_instant_kind import ARUBA_INSTANT, ARUBA_INSTANT_ON
from tests.kinds.cambium_kind import CAMBIUM, CAMBIUM_OLD
from tests.kinds.cisco_wlc_kind import CISCO_WLC
from tests.kinds.coovachilli_kind import COOVACHILLI
from tests.kinds.example import Example
from tests.kinds.meraki_kind import MERAKI_CLICK_THROUGH, MERAKI_SIGN_ON
from tests.kinds.mikrotik_kind import MIKROTIK_CHAP, MIKROTIK_HTTPS
from tests.kinds.omada_kind import OMADA, OMADA_GATEWAY
from tests.kinds.opennds_kind import OPENNDS
from tests.kinds.plaza_kind import PLAZA
from tests.kinds.radius_kind import RADIUS
from tests.kinds.ruckus_smartzone_kind import RUCKUS_SMARTZONE
from tests.kinds.ruckus_zd_kind import RUCKUS_ZD, UNLEASHED
from tests.kinds.unifi_kind import UNIFI, UNIFI_CONSOLE, UNIFI_KEYED
from tests.kinds.uspot_kind import USPOT

POSTING: Final[tuple[Example, ...]] = (
    MIKROTIK_CHAP,
    MIKROTIK_HTTPS,
    CISCO_WLC,
    ARUBA_INSTANT,
    ARUBA_INSTANT_ON,
    RUCKUS_ZD,
    UNLEASHED,
    CAMBIUM,
    CAMBIUM_OLD,
)
"""Those to which a phone POSTs its password, or would over HTTPS."""

EXAMPLES: Final[tuple[Example, ...]] = (
    PLAZA,
    COOVACHILLI,
    USPOT,
    MERAKI_CLICK_THROUGH,
    MERAKI_SIGN_ON,
    *POSTING,
    *OPENNDS,
    UNIFI,
    UNIFI_CONSOLE,
    UNIFI_KEYED,
    OMADA,
    OMADA_GATEWAY,
    RUCKUS_SMARTZONE,
    RADIUS,
)
