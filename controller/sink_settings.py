"""One [[sinks]] table of plaza.toml: what each kind of server needs is judged before anything is sent."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"v1": "InfluxDB 1", "v2": "InfluxDB 2", "v3": "InfluxDB 3", "victoriametrics": "VictoriaMetrics"}
)
"""Each dialect and the server that speaks it."""

OTHER_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "database": "bucket",
        "db": "bucket",
        "rp": "bucket",
        "retention_policy": "bucket",
        "organization": "org",
        "organisation": "org",
        "user": "token",
        "username": "token",
        "password": "token",
        "type": "dialect",
        "kind": "dialect",
        "version": "dialect",
        "address": "url",
        "host": "url",
        "server": "url",
        "endpoint": "url",
        "ca": "ca_file",
        "cafile": "ca_file",
        "compress": "gzip",
        "compression": "gzip",
    }
)
"""What other programs, or a hasty reader, call our keys."""

_PLACES: Final[Mapping[str, str]] = MappingProxyType({"v1": "database", "v2": "bucket", "v3": "database"})
_WORD: Final = re.compile(r"[\w.-]{1,16}")  # too short for a token that somebody put into the wrong line
_REFERENCE: Final = re.compile(r"ref\+(file|env):\S(.*\S)?")
_UNUSED: Final = "plaza"  # VictoriaMetrics has no buckets and is told of one all the same


def place_of(dialect: str, bucket: str) -> str:
    """What a server of this dialect keeps points in, by name; "" where it has nothing of the kind."""
    kind = _PLACES.get(dialect)
    return f"{kind} {bucket.partition('/')[0] if dialect == 'v1' else bucket}" if kind else ""


def _reference(token: str) -> str:
    """Whatever stands there may be the secret itself, so it is not repeated."""
    if token and not _REFERENCE.fullmatch(token):
        raise ValueError(
            "is no reference, and a secret does not belong here; "
            'write "ref+file:NAME" (the token is in that file below secrets_dir) or "ref+env:NAME"'
        )
    return token


Token = Annotated[str, AfterValidator(_reference)]


class SinkSettings(BaseModel):
    """One time-series server. `token` is a `ref+file:` or `ref+env:` reference, or empty.

    `gzip` is for a sink behind a thin line. `ca_file` names the only CA that is trusted, empty the system's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,32}$")
    url: str
    dialect: str = "v2"  # before `bucket`, which depends on it
    bucket: str = Field(default="", validate_default=True)
    org: str = ""
    token: Token = ""
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

    @field_validator("dialect")
    @classmethod
    def _spoken(cls, dialect: str) -> str:
        if dialect not in KINDS:
            *others, last = (f"{name} ({server})" for name, server in KINDS.items())
            shown = f"{dialect!r} " if _WORD.fullmatch(dialect) else ""
            raise ValueError(f"{shown}is none that Plaza speaks; write {', '.join(others)} or {last}")
        return dialect

    @field_validator("bucket")
    @classmethod
    def _placed(cls, bucket: str, found: ValidationInfo) -> str:
        """InfluxDB takes no point without one."""
        dialect = found.data.get("dialect", "")  # absent when it is wrong itself
        kind = _PLACES.get(dialect)
        if kind and not bucket.strip():
            raise ValueError(f'dialect {dialect} needs the name of a {kind}; write bucket = "plaza"')
        if dialect == "v1" and not re.fullmatch(r"[^/]+(/[^/]+)?", bucket):
            raise ValueError('write "database" or "database/policy"')
        return bucket or _UNUSED
