"""plaza.toml and PLAZA_* variables → Settings."""

import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from controller.errors import ControllerError, SettingsError
from controller.setting_values import Listen, ListenOrOff, Names, OriginOrNone, Places
from drivers.model import Endpoint

DEFAULT_FILE = "plaza.toml"
PREFIX = "PLAZA_"


class SinkSettings(BaseModel):
    """One time-series server. `token` is a `ref+file:` or `ref+env:` reference, or empty.

    `gzip` is for a sink behind a thin line. `ca_file` names the only CA that is trusted, empty the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    url: str
    bucket: str = "plaza"
    org: str = ""
    token: str = ""
    dialect: str = Field(default="v2", pattern=r"^(v1|v2|v3|victoriametrics)$")
    gzip: bool = False
    ca_file: str = ""

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        """An address and nothing secret: it is shown in errors."""
        try:
            parts = urlsplit(url)
            known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise ValueError("no address of a server; write https://host:port")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("holds a user, a password or a query; name them in `token`, as a reference")
        return url


class PollerSettings(BaseModel):
    """A poller without a store, see `plaza run poller --forward-to`; the same table there and at the centre.

    `token` is a `ref+file:` or `ref+env:` reference. Only there: `ca_file` is what the poller trusts instead
    of the system's authorities, `spool_mb` how much it keeps while the centre is out of reach.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    token: str
    ca_file: str = ""
    spool_mb: int = Field(default=8192, ge=16)


class Settings(BaseModel):
    """Everything a process needs to know before it reads the inventory. Paths are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Path("var")
    inventory: Path = Path("inventory.yaml")
    secrets_dir: Path = Path("var/secrets")
    store_url: str = ""
    samples_url: str = Field(default="", pattern=r"^(postgresql(\+psycopg)?://\S+)?$")
    poll_interval_s: int = Field(default=30, ge=5, le=3600)
    raw_hours: int = Field(default=48, ge=2)
    chunk_days: int = Field(default=30, ge=1)
    hour_days: int = Field(default=400, ge=1)
    min_free_mb: int | None = Field(default=None, ge=0)
    ballast_mb: int = Field(default=64, ge=0)
    session_days: int = Field(default=90, ge=1)
    polls_in_flight: int = Field(default=2000, ge=1)
    snmp_backend: Literal["own", "pysnmp"] = "own"
    portal_listen: Listen = "127.0.0.1:8080"
    portal_workers: int = Field(default=2, ge=1, le=64)
    portal_url: OriginOrNone = ""
    portal_hosts: Names = ()
    uplink_probes: Places = ()
    probe_minutes: int = Field(default=15, ge=1, le=1440)
    probe_url: str = Field(default="", pattern=r"^(https?://[!-~]+)?$")
    pseudonym_hour_utc: int = Field(default=10, ge=0, le=23)
    console_listen: Listen = "127.0.0.1:8081"
    edge_listen: Listen = "127.0.0.1:8082"
    edge_url: str = ""
    trap_listen: ListenOrOff = "127.0.0.1:1162"
    radius_listen: ListenOrOff = ""
    drift_fix: bool = False
    log_level: str = Field(default="INFO", pattern=r"^(DEBUG|INFO|WARNING|ERROR)$")
    sinks: tuple[SinkSettings, ...] = ()
    pollers: tuple[PollerSettings, ...] = ()

    @field_validator("sinks", "pollers")
    @classmethod
    def _names_differ(cls, tables: tuple[Any, ...]) -> tuple[Any, ...]:
        """Two of one name would share a cursor, or a shard."""
        names = [one.name for one in tables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two are called {twice[0]!r}; give each a name of its own")
        return tables

    @property
    def database_url(self) -> str:
        """Where the relational store is: SQLite in the data directory unless `store_url` says otherwise."""
        return self.store_url or f"sqlite:///{self.data_dir / 'plaza.db'}"

    @property
    def samples_dir(self) -> Path:
        """Where the embedded metrics store lives, unless `samples_url` says otherwise."""
        return self.data_dir / "samples"

    @property
    def samples_place(self) -> Path | str:
        """A directory, or the URL of a PostgreSQL database."""
        return self.samples_url or self.samples_dir

    @property
    def control_socket(self) -> Path:
        """Where the demonstration's simulator takes orders."""
        return self.data_dir / "demo" / "control"

    @property
    def public_portal_url(self) -> str:
        """What phones are sent to."""
        return self.portal_url or f"http://{self.portal_listen}"

    @property
    def portal_names(self) -> frozenset[str]:
        """The hosts, without a port, under which phones may ask the portal, besides the loopback's."""
        host = urlsplit(self.public_portal_url).hostname or ""
        return frozenset({f"[{host}]" if ":" in host else host, *self.portal_hosts})

    @property
    def public_edge_url(self) -> str:
        """What gateways call."""
        return self.edge_url.rstrip("/") or f"http://{self.edge_listen}"


def load(environ: Mapping[str, str] | None = None, directory: Path | None = None) -> Settings:
    """Settings of this working directory. A PLAZA_* variable wins over plaza.toml. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    directory = Path.cwd() if directory is None else directory
    file = directory / environ.get("PLAZA_CONFIG", DEFAULT_FILE)
    values = _read(file, must_exist="PLAZA_CONFIG" in environ) | _from_environ(environ)
    _refuse_old(values, file, environ)
    if "data_dir" in values and "secrets_dir" not in values:
        values["secrets_dir"] = str(Path(values["data_dir"]) / "secrets")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error, file, environ))) from None
    absolute = {
        name: directory / getattr(settings, name) for name in ("data_dir", "inventory", "secrets_dir")
    }
    return settings.model_copy(update=absolute)


def _read(file: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"{file}: no such file; mend PLAZA_CONFIG or unset it") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: {error}; mend the file, it is TOML") from None


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    names = (name for name in Settings.model_fields if name not in {"sinks", "pollers"})
    return {name: environ[PREFIX + name.upper()] for name in names if PREFIX + name.upper() in environ}


_OLD = {
    "raw_days": "is gone: days stay as they came for raw_hours (default 48), then in chunks for chunk_days "
    "(default 30); write chunk_days in its place",
}


def _refuse_old(values: Mapping[str, Any], file: Path, environ: Mapping[str, str]) -> None:
    """A setting of an older Plaza that nobody would miss otherwise."""
    for name, sentence in _OLD.items():
        variable = PREFIX + name.upper()
        if variable in environ or name in values:
            place = variable if variable in environ else f"{file}: {name}"
            raise SettingsError(f"{place} {sentence}")


def _sentences(error: ValidationError, file: Path, environ: Mapping[str, str]) -> list[str]:
    def place(name: str) -> str:
        variable = PREFIX + name.partition(".")[0].upper()
        return variable if variable in environ else f"{file}: {name}"

    return [
        f"{place('.'.join(str(part) for part in item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    ]


@dataclass(frozen=True, slots=True)
class Listener:
    """Where one role listens, and by which setting."""

    setting: str
    endpoint: Endpoint
    kind: socket.SocketKind

    @property
    def variable(self) -> str:
        """What moves it elsewhere."""
        return PREFIX + self.setting.upper()


def listeners(settings: Settings) -> list[Listener]:
    """Every address that a running Plaza takes."""
    tcp = ("portal_listen", "edge_listen", "console_listen")
    taken = [Listener(name, endpoint(getattr(settings, name)), socket.SOCK_STREAM) for name in tcp]
    if settings.radius_listen:
        taken.append(Listener("radius_listen", endpoint(settings.radius_listen), socket.SOCK_STREAM))
    if settings.trap_listen:
        taken.append(Listener("trap_listen", endpoint(settings.trap_listen), socket.SOCK_DGRAM))
    return taken


def endpoint(listen: str) -> Endpoint:
    """The host and port of a validated HOST:PORT."""
    host, _, port = listen.rpartition(":")
    return Endpoint(host.strip("[]"), int(port))


def require_loopback(settings: Settings) -> None:
    """Raise ControllerError when others could reach what only this machine may."""
    loopback = {"127.0.0.1", "::1", "localhost"}
    if settings.radius_listen and endpoint(settings.radius_listen).host not in loopback:
        raise ControllerError(
            f"radius_listen {settings.radius_listen}: passwords cross it in clear; set 127.0.0.1:PORT"
        )
    if endpoint(settings.console_listen).host not in loopback:
        raise ControllerError(
            f"console_listen {settings.console_listen}: the console has no logins yet; set 127.0.0.1:PORT"
        )
