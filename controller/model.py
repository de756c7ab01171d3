"""The network as the state means it to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from captive_portal.gateway.policy import Away, Filter, Terms
from captive_portal.local import PLAIN, Local
from captive_portal.model import GatewayKind
from drivers.model import Device


@dataclass(frozen=True, slots=True)
class Opening:
    """From `start` until `end` of one day, local time; `end` 00:00 means midnight at the day's end."""

    start: time
    end: time


LONGEST: Final = timedelta(days=32)
"""Longer than any session."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When a site serves: the one value that schedules, portal, alerts and availability read.

    `week` holds seven tuples, Monday first. `holidays` are closed days; `exceptions` replace a single day.
    """

    zone: str
    week: tuple[tuple[Opening, ...], ...]
    holidays: frozenset[date] = frozenset()
    exceptions: Mapping[date, tuple[Opening, ...]] = field(default_factory=dict)

    def openings(self, day: date) -> tuple[Opening, ...]:
        """The openings of one local day: an exception wins over a holiday, a holiday over the week."""
        if day in self.exceptions:
            return self.exceptions[day]
        return () if day in self.holidays else self.week[day.weekday()]

    def open_at(self, moment: datetime) -> bool:
        """Whether the site serves at an aware moment."""
        local = moment.astimezone(ZoneInfo(self.zone))
        return self._end(local.date(), local.time()) is not None

    def open_until(self, moment: datetime) -> datetime | None:
        """When a site that serves at an aware moment closes next; None where it does not serve then.

        Openings that touch, across midnight too, are one. LONGEST later is as good as never.
        """
        zone = ZoneInfo(self.zone)
        local = moment.astimezone(zone)
        day, clock = local.date(), local.time()
        if self._end(day, clock) is None:
            return None
        last = day + LONGEST
        while day < last and (end := self._end(day, clock)) is not None:
            day, clock = (day + timedelta(days=1), end) if end == time(0) else (day, end)
        return datetime.combine(day, clock, zone).replace(fold=local.fold).astimezone(UTC)

    def _end(self, day: date, clock: time) -> time | None:
        """The end of the opening around a local time; None where there is none."""
        around = (
            o.end for o in self.openings(day) if o.start <= clock and (clock < o.end or o.end == time(0))
        )
        return next(around, None)


class UplinkKind(StrEnum):
    """What carries a site's traffic away."""

    FIBRE = "fibre"
    CABLE = "cable"
    DSL = "dsl"
    WIRELESS = "wireless"
    CELLULAR = "cellular"
    SATELLITE = "satellite"


@dataclass(frozen=True, slots=True)
class Uplink:
    """A site's connection: speeds in Mbit/s, `cap_gb` 10^9 octets a month (None = none)."""

    kind: UplinkKind
    provider: str
    down_mbps: int
    up_mbps: int
    cap_gb: int | None = None
    contract: str = ""


@dataclass(frozen=True, slots=True)
class Portal:
    """The portal settings of a site: its languages in order, what one tap gives, which gateway stands there.

    `credentials` and `radius_credentials` name credentials of kind `portal`. `hosts` are the names (host or
    host:port) under which a phone may name its AP or controller, `nas` the NAS-Identifiers or addresses, and
    `radius_client` the address or network from which the site's RADIUS comes. Rates are of one device, 0 = no
    limit; `daily` is how long one device may be online in a day, zero = no limit; `devices` is how many may
    have a session at a time, 0 = any number.
    """

    languages: tuple[str, ...]
    plan: str
    duration: timedelta
    gateway_url: str
    gateway_credentials: str
    octets: int = 0
    kind: GatewayKind = GatewayKind.PLAZA
    hosts: tuple[str, ...] = ()
    variant: str = ""
    credentials: str = ""
    controller_url: str = ""
    controller_site: str = ""
    controller_fingerprint: str = ""
    nas: tuple[str, ...] = ()
    radius_client: str = ""
    radius_credentials: str = ""
    down_kbps: int = 0
    up_kbps: int = 0
    daily: timedelta = timedelta()
    devices: int = 0
    vouchers: bool = False


class Ipv6(StrEnum):
    """What becomes of guests' IPv6 after the tap."""

    ADMIT = "admit"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class OwnGateway:
    """What our own gateway at a site does; it says nothing where another kind stands.

    `away` is what it gives while the portal is out of reach, where `when_controller_away` is open.
    `resolvers` answer names after the tap by the filter `dns`; `garden` are the names that are reached before
    it. `appeal` is where a citizen turns to who is kept out. `guests` is their network (IPv4), "" where
    somebody else gives addresses. The line's rates are what is shared out among them, in kbit/s.
    """

    when_controller_away: Away = Away.CLOSED
    away: Terms = field(default_factory=Terms)
    ipv6: Ipv6 = Ipv6.BLOCK
    dns: Filter = Filter.NONE
    resolvers: tuple[str, ...] = ()
    garden: tuple[str, ...] = ()
    appeal: str = ""
    key_epoch: int = 0
    guests: str = ""
    line_down_kbps: int = 0
    line_up_kbps: int = 0


@dataclass(frozen=True, slots=True)
class Municipality:
    """`key` is INEGI's cvegeo, 08001 … 08067 for Chihuahua; `seat` its cabecera."""

    key: str
    name: str
    seat: str
    zone: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in at the devices of a selector: a technician, with keys of her own.

    `ssh_keys` are lines of authorized_keys.
    """

    name: str
    ssh_keys: tuple[str, ...]
    devices: str = "all"


@dataclass(frozen=True, slots=True)
class Site:
    """A plaza, school or clinic.

    `maintenance` is when its devices may be changed by a rollout, None at any time; `probe` is the network
    interface of this machine that is in the guests' network of the site, "" where there is none. `pages` is
    what its municipality, or it alone, says on the portal's pages, `gateway` what our own gateway does there.
    """

    key: str
    name: str
    municipality: str
    lat: float
    lon: float
    opened_on: date
    hours: Hours
    uplink: Uplink
    portal: Portal
    maintenance: Hours | None = None
    probe: str = ""
    pages: Local = PLAIN
    gateway: OwnGateway = OwnGateway()


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything resolved: past this point nothing is inherited, optional or looked up with a default."""

    municipalities: Mapping[str, Municipality]
    sites: Mapping[str, Site]
    devices: Mapping[str, Device]
    credentials: Mapping[str, Mapping[str, str]]
    people: Mapping[str, Person] = field(default_factory=dict)
