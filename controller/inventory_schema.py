"""What inventory.yaml may say: one frozen model per map of the file.

Every inherited key is optional here, because it may be written at any level; what is missing at all levels is
found when the levels are merged. Whether a key was written is `model_fields_set`, never its default.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    model_validator,
)

from controller.inventory_credentials import Credential
from controller.inventory_gateway import Gateway
from controller.inventory_hosts import SshKeys
from controller.inventory_keeping import Captive, Manage, Rate, Vlan
from controller.inventory_portal import Pages, Portal
from controller.inventory_values import (
    Address,
    Channel,
    Country,
    Date,
    Fingerprint,
    Interface,
    Mac,
    MunicipalityKey,
    Name,
    Network,
    Openings,
    Port,
    SsidName,
    Text,
    Timeout,
    Week,
    Zone,
    fault,
)
from controller.model import UplinkKind
from drivers.model import Band, Lifecycle, PollBy, PollProfile, ReachKind, Role, Security

RUNS: Final = {
    Band.GHZ_2: (range(1, 14),),
    Band.GHZ_5: (range(36, 65, 4), range(100, 145, 4), range(149, 166, 4)),
    Band.GHZ_6: (range(1, 234, 4),),
}
"""The channels of each band, as far as one lies beside the next."""

_WIDTHS: Final = {Band.GHZ_2: (20, 40), Band.GHZ_5: (20, 40, 80, 160), Band.GHZ_6: (20, 40, 80, 160, 320)}
_WAYS: Final = {ReachKind.VIA: "gateway device", ReachKind.TUNNEL: "interface", ReachKind.AGENT: "agent"}


class Snmp(BaseModel, frozen=True, extra="forbid"):
    """Where and with what SNMP is asked."""

    host: Address = ""
    port: Port = 0
    credentials: Text = ""


class Ssh(BaseModel, frozen=True, extra="forbid"):
    """Where and with what we log in.

    `jump` names the device whose SSH server carries us on to this one, which then is where that device finds
    it; `timeout` is for one login.
    """

    host: Address = ""
    port: Port = 0
    credentials: Text = ""
    jump: Text | None = None
    timeout: Timeout | None = None


class Http(BaseModel, frozen=True, extra="forbid"):
    """Where the device's own web pages are; for `poll: http` also our login, and which server we believe.

    `site` is the controller's own name for it; `fingerprint` pins one certificate, `ca` is a file of
    authorities, `server_name` what the certificate is for when that is not the address.
    """

    host: Address = ""
    port: Port = 0
    credentials: Text = ""
    site: Text = ""
    server_name: Text = ""
    ca: Text = ""
    fingerprint: Fingerprint = ""


class Reach(BaseModel, frozen=True, extra="forbid"):
    """How packets get to the device; one value, never merged."""

    kind: ReachKind
    through: Text = ""

    @model_validator(mode="after")
    def _names_the_way(self) -> Self:
        if self.kind is ReachKind.DIRECT and self.through:
            raise fault("is direct and yet goes through something", "delete `through`, or write `kind: via`")
        if self.kind in _WAYS and not self.through:
            thing = _WAYS[self.kind]
            raise fault(
                f"is {self.kind} and does not say through what",
                f"add `through:` with the name of the {thing}",
            )
        return self


class Power(BaseModel, frozen=True, extra="forbid"):
    """The switch port or UPS outlet the device is powered by."""

    device: Text
    port: Annotated[Text, BeforeValidator(lambda port: str(port) if type(port) is int else port)]


def _channel_of(band: Band) -> AfterValidator:
    def known(channel: int) -> int:
        if channel and not any(channel in run for run in RUNS[band]):
            raise fault(f"{band} has no channel {channel}", "write a channel of that band, or auto")
        return channel

    return AfterValidator(known)


def _width_of(band: Band) -> AfterValidator:
    def known(width_mhz: int) -> int:
        if width_mhz not in _WIDTHS[band]:
            widths = ", ".join(map(str, _WIDTHS[band]))
            raise fault(f"{band} has no width of {width_mhz} MHz", f"write one of {widths}")
        return width_mhz

    return AfterValidator(known)


class Radio(BaseModel, frozen=True, extra="forbid"):
    """Wanted radio settings; `channel: auto` lets the device choose."""

    channel: Channel = 0
    width_mhz: StrictInt = 20
    power_dbm: Annotated[StrictInt, Field(ge=0, le=40)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise fault("is empty", "write {channel: auto}, or null to take the radio away")
        return self


class Radio2(Radio, frozen=True, extra="forbid"):
    """Of 2.4 GHz."""

    channel: Annotated[Channel, _channel_of(Band.GHZ_2)] = 0
    width_mhz: Annotated[StrictInt, _width_of(Band.GHZ_2)] = 20


class Radio5(Radio, frozen=True, extra="forbid"):
    """Of 5 GHz."""

    channel: Annotated[Channel, _channel_of(Band.GHZ_5)] = 0
    width_mhz: Annotated[StrictInt, _width_of(Band.GHZ_5)] = 20


class Radio6(Radio, frozen=True, extra="forbid"):
    """Of 6 GHz."""

    channel: Annotated[Channel, _channel_of(Band.GHZ_6)] = 0
    width_mhz: Annotated[StrictInt, _width_of(Band.GHZ_6)] = 20


class Radios(BaseModel, frozen=True, extra="forbid"):
    """One entry per band; `5g: null` takes an inherited radio away."""

    ghz_2: Radio2 | None = Field(default=None, alias="2g4")
    ghz_5: Radio5 | None = Field(default=None, alias="5g")
    ghz_6: Radio6 | None = Field(default=None, alias="6g")


class Ssid(BaseModel, frozen=True, extra="forbid"):
    """A wanted network name; `passphrase` names a credential of kind wifi.

    `schedule: hours` is on the air in the weekly hours of the site. Unless written, `captive` is true where
    the device has a `captive:` and the network is open or owe.
    """

    name: SsidName
    security: Security = Security.OPEN
    vlan: Vlan | None = None
    isolation: StrictBool = True
    bands: Annotated[tuple[Band, ...], Field(min_length=1)] = (Band.GHZ_2, Band.GHZ_5)
    passphrase: Text = ""
    rate: Rate = Rate()
    schedule: Literal["always", "hours"] = "always"
    captive: StrictBool | None = None

    @model_validator(mode="after")
    def _has_what_its_security_needs(self) -> Self:
        protected = self.security in (Security.WPA2, Security.WPA3)
        if protected and not self.passphrase:
            raise fault(
                f"is {self.security} without a passphrase", "add `passphrase:` with the name of a credential"
            )
        if self.passphrase and not protected:
            raise fault(
                f"is {self.security} and has a passphrase", "delete the passphrase, or write `security: wpa2`"
            )
        return self


def _told_apart(ssids: tuple[Ssid, ...]) -> tuple[Ssid, ...]:
    on_air = [(ssid.name, band) for ssid in ssids for band in ssid.bands]
    twice = [f"{name!r} on {band}" for name, band in on_air if on_air.count((name, band)) > 1]
    if twice:
        raise fault(f"sends {twice[0]} twice", "delete one of the two, or give them different bands")
    return ssids


class Hours(BaseModel, frozen=True, extra="forbid"):
    """When a site serves. `zone` is the municipality's unless written."""

    zone: Zone = ""
    week: Week = {}
    holidays: tuple[Date, ...] = ()
    exceptions: dict[Date, Openings | None] = {}


class Maintenance(BaseModel, frozen=True, extra="forbid"):
    """When a rollout may change the devices of a site, local time."""

    week: Week = {}


class Uplink(BaseModel, frozen=True, extra="forbid"):
    """What carries the site's traffic away; `cap_gb: null` says there is no cap."""

    kind: UplinkKind = UplinkKind.FIBRE
    provider: Text = ""
    down_mbps: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 0
    up_mbps: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = 0
    cap_gb: Annotated[StrictInt, Field(ge=1)] | None = None
    contract: Text = ""


class DeviceKeys(BaseModel, frozen=True, extra="forbid"):
    """What a device inherits."""

    role: Role = Role.AP
    platform: Text = ""
    state: Lifecycle = Lifecycle.ACTIVE
    country: Country = ""
    poll: PollBy = PollBy.SNMP
    poll_profile: PollProfile = PollProfile.NORMAL
    snmp: Snmp = Snmp()
    ssh: Ssh = Ssh()
    http: Http = Http()
    reach: Reach = Reach(kind=ReachKind.DIRECT)
    radios: Radios = Radios()
    ssids: Annotated[tuple[Ssid, ...], AfterValidator(_told_apart)] = ()
    labels: dict[Name, Text | None] = {}
    manage: Manage | None = None
    captive: Captive | None = None


class SiteKeys(BaseModel, frozen=True, extra="forbid"):
    """What a site inherits."""

    hours: Hours = Hours()
    uplink: Uplink = Uplink()
    portal: Portal = Portal()
    pages: Pages = Pages()
    gateway: Gateway = Gateway()
    maintenance: Maintenance | None = None


class Profile(DeviceKeys, SiteKeys, frozen=True, extra="forbid"):
    """Settings with a name; they apply at the level that names the profile, beneath that level's own keys."""


class Defaults(DeviceKeys, SiteKeys, frozen=True, extra="forbid"):
    """The state's level."""

    profile: Text = ""


class Municipality(DeviceKeys, SiteKeys, frozen=True, extra="forbid"):
    """A municipality, with what its sites and devices inherit."""

    name: Text
    seat: Text
    zone: Zone
    profile: Text = ""


class Site(DeviceKeys, SiteKeys, frozen=True, extra="forbid"):
    """A plaza, school or clinic; `lan` is its local network, which may be the same at other sites.

    `probe` is the network interface of this machine that is in the guests' network there.
    """

    municipality: MunicipalityKey
    name: Text
    lat: Annotated[StrictFloat, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[StrictFloat, Field(ge=-180, le=180, allow_inf_nan=False)]
    opened_on: Date
    lan: Network = ""
    probe: Interface = ""
    profile: Text = ""


class Device(DeviceKeys, frozen=True, extra="forbid"):
    """A device; `address` is what it calls itself at its site.

    `serial` and `mac` are printed on it; `link` names the device at the other end of its radio link.
    """

    site: Text
    address: Address
    parent: Text = ""
    powered_by: Power | None = None
    serial: Text = ""
    mac: Mac = ""
    link: Text = ""
    profile: Text = ""


class Person(BaseModel, frozen=True, extra="forbid"):
    """Somebody who may log in at the devices of a selector, with keys of her own."""

    ssh_keys: Annotated[SshKeys, Field(min_length=1)]
    devices: Text = "all"


class File(BaseModel, frozen=True, extra="forbid"):
    """The whole file."""

    version: Literal[1]
    credentials: dict[Name, Credential] = {}
    people: dict[Name, Person] = {}
    profiles: dict[Name, Profile] = {}
    defaults: Defaults = Defaults()
    municipalities: dict[MunicipalityKey, Municipality] = {}
    sites: dict[Name, Site] = {}
    devices: dict[Name, Device] = {}
