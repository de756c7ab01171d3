"""plaza.toml and PLAZA_* variables → Settings."""

import os
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from controller.errors import ControllerError, SettingsError
from controller.setting_values import Listen, ListenOrOff, Names, OriginOrNone, Places
from controller.settings_words import Written, sentences
from controller.sink_settings import OTHER_WORDS, SinkSettings, Token
from drivers.model import Endpoint

DEFAULT_FILE = "plaza.toml"
PREFIX = "PLAZA_"


class PollerSettings(BaseModel):
    """A poller without a store, see `plaza run poller --forward-to`; the same table there and at the centre.

    `token` is a `ref+file:` or `ref+env:` reference. Only there: `ca_file` is what the poller trusts instead
    of the system's authorities, `spool_mb` how much it keeps while the centre is out of reach.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    token: Token
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
        for number, name in enumerate(names):
            if name in names[:number]:
                words = "is the name of another one, too; give each a name of its own"
                raise PydanticCustomError("twice", words, {"at": (number, "name")})
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
    text = _text(file, must_exist="PLAZA_CONFIG" in environ)
    values = _parsed(text, file) | _from_environ(environ)
    _refuse_old(values, file, environ)
    if isinstance(values.get("data_dir"), str) and "secrets_dir" not in values:
        values["secrets_dir"] = str(Path(values["data_dir"]) / "secrets")
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        written = Written(file, text, values, _variables(environ), _keys(), {"sinks": OTHER_WORDS})
        raise SettingsError("\n".join(sentences(error, written))) from None
    absolute = {
        name: directory / getattr(settings, name) for name in ("data_dir", "inventory", "secrets_dir")
    }
    return settings.model_copy(update=absolute)


def _text(file: Path, *, must_exist: bool) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"{file}: no such file; mend PLAZA_CONFIG or unset it") from None
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: {error}; mend the file, it is TOML") from None


def _parsed(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}; mend the file, it is TOML") from None


_TABLES: Final[Mapping[str, type[BaseModel]]] = {"sinks": SinkSettings, "pollers": PollerSettings}
"""What no variable can hold."""


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """By setting, the variable that is set."""
    names = {name: PREFIX + name.upper() for name in Settings.model_fields if name not in _TABLES}
    return {name: variable for name, variable in names.items() if variable in environ}


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    return {name: environ[variable] for name, variable in _variables(environ).items()}


def _keys() -> dict[str, list[str]]:
    """What may stand at the top, and in each table."""
    return {"": list(Settings.model_fields)} | {name: list(of.model_fields) for name, of in _TABLES.items()}


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
