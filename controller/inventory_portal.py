"""What inventory.yaml may say of a site's gateway, its plan and its pages.

`null` at a key that may be absent takes away what a level above wrote there.
"""

import re
from datetime import timedelta
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StrictBool, StrictInt, StrictStr
from pydantic import model_validator as whole

from captive_portal.model import GatewayKind
from controller.amounts import octets_of
from controller.inventory_keeping import Rate
from controller.inventory_values import (
    Daily,
    Date,
    Duration,
    Fingerprint,
    Language,
    Network,
    Origin,
    Text,
    as_address,
    fault,
    printable,
    shown,
)

_NAMED: Final = re.compile(r"(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_COLOUR: Final = re.compile("#[0-9a-fA-F]{6}")


def _named(text: str) -> str:
    found = text.lower()
    if not _NAMED.fullmatch(found):
        mend = "write it like 10.8.27.2, ap.example.mx:8443 or, for an access point, 02:00:5e:10:00:01"
        raise fault(f"{shown(text)} is no host", mend)
    return found


def _controller(text: str) -> str:
    try:
        url = urlsplit(text)
        sound = url.scheme in ("http", "https", "radius") and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound or "@" in url.netloc or url.query or url.fragment or not printable(text).isascii():
        mend = "write it like https://10.8.0.7:8443, or radius://10.8.27.2:3799"
        raise fault("is no address of a controller", mend)
    return text.rstrip("/")


def _https(text: str) -> str:
    try:
        url = urlsplit(printable(text))
        sound = url.scheme == "https" and bool(url.hostname) and "@" not in url.netloc and " " not in text
    except ValueError:
        sound = False
    if not sound:
        raise fault("is no https address", "write it like https://www.example.mx/")
    return text


def _colour(text: str) -> str:
    if not _COLOUR.fullmatch(text):
        raise fault(f"{shown(text)} is no colour", 'write it like "#0c4a42", in quotes')
    return text.lower()


def _client(text: object) -> object:
    return as_address(text) or text if isinstance(text, str) else text


def _octets(written: object) -> object:
    """A number stays what it is; text is an amount with its unit."""
    if not isinstance(written, str):
        return written
    octets = octets_of(written) if written.endswith("B") else None
    if octets is None:
        mend = "write it like 500MB or 2GB, or octets as a number without quotes"
        raise fault(f"{shown(written)} is no amount of data", mend)
    return octets


Named = Annotated[StrictStr, AfterValidator(_named)]
ControllerUrl = Annotated[StrictStr, AfterValidator(_controller)]
HttpsUrl = Annotated[StrictStr, AfterValidator(_https)]
Octets = Annotated[StrictInt, BeforeValidator(_octets), Field(ge=0)]
Colour = Annotated[StrictStr, AfterValidator(_colour)]


class Controller(BaseModel, frozen=True, extra="forbid"):
    """Whom the portal asks to let a phone on, or tells to let it go; `fingerprint` pins its certificate."""

    url: ControllerUrl | None = None
    site: Text | None = None
    fingerprint: Fingerprint | None = None


class Radius(BaseModel, frozen=True, extra="forbid"):
    """From which address or network the site's RADIUS comes, and the secret it shares with ours."""

    client: Annotated[Network, BeforeValidator(_client)] | None = None
    credentials: Text | None = None


class Portal(BaseModel, frozen=True, extra="forbid"):
    """What a citizen meets, what one tap gives, and which gateway stands there; 0 is no limit."""

    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ()
    plan: Text = ""
    duration: Duration = timedelta(0)
    octets: Octets = 0
    rate: Rate = Rate()
    daily: Daily = timedelta(0)
    devices: Annotated[StrictInt, Field(ge=0, le=65_535)] = 0
    vouchers: StrictBool = False
    gateway_url: Origin = ""
    gateway_credentials: Text = ""
    kind: GatewayKind = GatewayKind.PLAZA
    hosts: tuple[Named, ...] = ()
    variant: Text | None = None
    credentials: Text | None = None
    controller: Controller | None = None
    nas: tuple[Text, ...] = ()
    radius: Radius | None = None


class Theme(BaseModel, frozen=True, extra="forbid"):
    """A municipality's colours and one short line in the page's head."""

    sky: Colour | None = None
    on_sky: Colour | None = None
    tap: Colour | None = None
    on_tap: Colour | None = None
    slogan: Annotated[Text, Field(max_length=60)] | None = None


class Neutral(BaseModel, frozen=True, extra="forbid"):
    """Days, both included, on which the pages show no colours, names or slogans of a government."""

    start: Date = Field(alias="from")
    end: Date = Field(alias="to")

    @whole(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end < self.start:
            raise fault("ends before it begins", "write the earlier day in `from`")
        return self


class Responsible(BaseModel, frozen=True, extra="forbid"):
    """Who answers for the data: the facts of the privacy notice."""

    name: Text | None = None
    address: Text | None = None
    phone: Text | None = None
    email: Text | None = None
    unit: Text | None = None
    rights: Text | None = None
    basis: Annotated[StrictStr, AfterValidator(printable), Field(min_length=1, max_length=1000)] | None = None
    updated: Date | None = None


class Help(BaseModel, frozen=True, extra="forbid"):
    """Who helps a citizen."""

    phone: Text | None = None
    hours: Text | None = None
    place: Text | None = None


class Service(BaseModel, frozen=True, extra="forbid"):
    """A service of the municipality."""

    name: Text
    url: HttpsUrl


class Legal(BaseModel, frozen=True, extra="forbid"):
    """The decision that addresses are kept; absent is off."""

    signed_by: Text | None = None
    signed_on: Date | None = None
    basis: Annotated[StrictStr, AfterValidator(printable), Field(min_length=1, max_length=1000)] | None = None
    days: Annotated[StrictInt, Field(ge=1, le=1095)] | None = None


class Pages(BaseModel, frozen=True, extra="forbid"):
    """What a municipality, or one of its sites, says on its pages."""

    theme: Theme | None = None
    neutral: tuple[Neutral, ...] = ()
    responsible: Responsible | None = None
    help: Help | None = None
    services: tuple[Service, ...] = ()
    legal: Legal | None = None
