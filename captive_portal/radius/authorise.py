"""Whether an access point may let a phone on: pure decisions."""

import re
from datetime import datetime
from typing import Final

from captive_portal.gateway.ticket import pseudonym
from captive_portal.gateways.wiring import password
from captive_portal.grants import remainder
from captive_portal.model import Running
from captive_portal.radius import limits
from captive_portal.radius.attributes import mac_of
from captive_portal.radius.model import Accept, RadiusSite, Reject, RejectReason, Speaker

SESSION: Final = re.compile(r"[0-9a-f]{32}")
"""What a session is called; no MAC address, however it is spelt, looks like it."""


def device_of(site: RadiusSite, speaker: Speaker) -> str:
    """The phone's pseudonym, the one its arrival at the portal carried; empty when no MAC was told."""
    return pseudonym(site.key, speaker.mac) if speaker.mac else ""


def refused(site: RadiusSite, speaker: Speaker) -> Reject | None:
    """What is wrong before any session is looked for: a stranger's access point, or no phone."""
    if not speaks_for(site, speaker):
        return Reject(RejectReason.UNKNOWN_NAS)
    return None if speaker.mac else Reject(RejectReason.NO_PHONE)


def speaks_for(site: RadiusSite, speaker: Speaker) -> bool:
    """Whether the access point that a packet names is one of the site whose secret signed it."""
    return speaker.nas in site.nas


def decide(site: RadiusSite, speaker: Speaker, held: Running | None, now: datetime) -> Accept | Reject:
    """`held` is the session of the phone that Calling-Station-Id names.

    With User-Name = that session, its one-time password is to be shown. With User-Name = the phone's own MAC
    there is none to show: that the phone tapped here is what lets it on.
    """
    if held is None:
        return Reject(RejectReason.NO_SESSION)
    by_session = speaker.user == held.session
    if not by_session and mac_of(speaker.user) != speaker.mac:
        return Reject(RejectReason.OTHER_PHONE)
    if held.octets and held.octets_used >= held.octets:
        return Reject(RejectReason.USED_UP)
    left = remainder(held, now)
    return Accept(
        session=held.session,
        password=password(site.key, held.session) if by_session else None,
        attributes=limits.attributes(site, left),
    )
