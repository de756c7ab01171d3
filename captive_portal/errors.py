"""Errors of the portal, named by what the caller does next. A Refusal is a value, not an error.

PortalError
├── ArrivalInvalid   forged, damaged or of another site: send the phone back to its gateway
└── GatewayFailed    its controller could not be asked, or said no: say so and let the citizen try again
"""


class PortalError(Exception):
    """Any error of this room; `site` is the site's key."""

    def __init__(self, site: str, reason: str) -> None:
        self.site = site
        self.reason = reason
        super().__init__(f"{site}: {reason}")


class ArrivalInvalid(PortalError):
    """The arrival cannot be believed."""


class GatewayFailed(PortalError):
    """The gateway's controller did not do it; `reason` holds no address of a phone and no secret."""
