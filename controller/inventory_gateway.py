"""What inventory.yaml may say of our own gateway at a site.

`null` at a key that may be absent takes away what a level above wrote there.
"""

from datetime import timedelta
from ipaddress import IPv4Network
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, StrictInt, StrictStr

from captive_portal.gateway.policy import AT_MOST, LONGEST, NAME, Away, Filter
from controller.inventory_keeping import Kbps, Rate
from controller.inventory_portal import Octets
from controller.inventory_values import Address, Duration, fault, printable, shown
from controller.model import Ipv6

LONGEST_AWAY: Final = timedelta(hours=24)
WIDEST, NARROWEST = 16, 28


def _name(text: str) -> str:
    found = text.lower().removeprefix("*.")
    if not NAME.fullmatch(found):
        raise fault(f"{shown(text)} is no name of a service", "write it like gob.mx, with all below it")
    return found


def _guests(text: str) -> str:
    try:
        guests = IPv4Network(text)
    except ValueError:
        guests = None
    if guests is None or not WIDEST <= guests.prefixlen <= NARROWEST:
        mend = f"write it like 10.8.16.0/20, from /{WIDEST} to /{NARROWEST}, zero behind the mask"
        raise fault(f"{shown(text)} is no network of guests", mend)
    return str(guests)


def _away(length: timedelta) -> timedelta:
    if length > LONGEST_AWAY:
        raise fault("is longer than 24h", "write at most 24h")
    return length


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())


GardenName = Annotated[StrictStr, AfterValidator(_name)]
Guests = Annotated[StrictStr, AfterValidator(_guests)]
AwayDuration = Annotated[Duration, AfterValidator(_away)]
Words = Annotated[StrictStr, AfterValidator(_lines), Field(min_length=1, max_length=LONGEST)]


class AwayTerms(BaseModel, frozen=True, extra="forbid"):
    """What is given while the portal is out of reach; 0 is no limit."""

    duration: AwayDuration | None = None
    octets: Octets = 0
    rate: Rate = Rate()


class Names(BaseModel, frozen=True, extra="forbid"):
    """How names are answered after the tap, and by whom."""

    policy: Filter = Filter.NONE
    resolvers: Annotated[tuple[Address, ...], Field(max_length=AT_MOST["resolvers"])] = ()


class Line(BaseModel, frozen=True, extra="forbid"):
    """What the gateway shares out among guests; the site's uplink unless written."""

    down_kbps: Kbps = 0
    up_kbps: Kbps = 0


class Gateway(BaseModel, frozen=True, extra="forbid"):
    """What our own gateway at a site does."""

    when_controller_away: Away | None = None
    away: AwayTerms | None = None
    ipv6: Ipv6 | None = None
    dns: Names | None = None
    garden: Annotated[tuple[GardenName, ...], Field(max_length=AT_MOST["garden"])] | None = None
    appeal: Words | None = None
    key_epoch: Annotated[StrictInt, Field(ge=0, le=999_999)] = 0
    guests: Guests | None = None
    line: Line | None = None
