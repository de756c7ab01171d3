"""What a credential may say: its kind, and references to the secrets, never the secrets."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from controller.inventory_values import ContextName, DerivableReference, SecretReference, Text, fault


class SnmpV1(BaseModel, frozen=True, extra="forbid"):
    """SNMPv1 community, for devices that speak nothing better."""

    kind: Literal["snmp-v1"]
    community: DerivableReference


class SnmpV2c(BaseModel, frozen=True, extra="forbid"):
    """SNMPv2c community."""

    kind: Literal["snmp-v2c"]
    community: DerivableReference


class SnmpV3(BaseModel, frozen=True, extra="forbid"):
    """SNMPv3 user (RFC 3414, 3826, 7860). Longer AES keys are extended after Blumenthal; …c after Reeder."""

    kind: Literal["snmp-v3"]
    user: Text
    auth_protocol: Literal["none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = "sha1"
    auth_key: DerivableReference | None = None
    priv_protocol: Literal["none", "des", "aes128", "aes192", "aes256", "aes192c", "aes256c"] = "aes128"
    priv_key: DerivableReference | None = None
    context: ContextName | None = None

    @model_validator(mode="after")
    def _has_its_keys(self) -> Self:
        for part in ("auth", "priv"):
            protocol, key = getattr(self, f"{part}_protocol"), getattr(self, f"{part}_key")
            if protocol != "none" and key is None:
                raise fault(
                    f"has {part}_protocol {protocol} and no {part}_key", f"add {part}_key, or write none"
                )
            if protocol == "none" and key is not None:
                raise fault(
                    f"has an {part}_key and {part}_protocol none", f"delete {part}_key, or name a protocol"
                )
        if self.auth_protocol == "none" and self.priv_protocol != "none":
            raise fault("has privacy without authentication", "add auth_protocol and auth_key (RFC 3414)")
        return self


class SshCredential(BaseModel, frozen=True, extra="forbid"):
    """How we log in."""

    kind: Literal["ssh"]
    user: Text
    private_key: SecretReference | None = None
    password: SecretReference | None = None

    @model_validator(mode="after")
    def _has_a_way_in(self) -> Self:
        if self.private_key is None and self.password is None:
            raise fault("has neither private_key nor password", "add private_key: ref+file:NAME")
        return self


class HttpCredential(BaseModel, frozen=True, extra="forbid"):
    """How we log in over HTTPS: a user (client id) and a password (client secret), or a token."""

    kind: Literal["http"]
    user: Text | None = None
    password: SecretReference | None = None
    token: SecretReference | None = None

    @model_validator(mode="after")
    def _is_one_way_in(self) -> Self:
        if self.token is None and (self.user is None or self.password is None):
            raise fault("has neither user and password nor a token", "add user: and password: ref+file:NAME")
        if self.token is not None and (self.user is not None or self.password is not None):
            raise fault("has a token and a user or password", "delete one of the two")
        return self


class GatewayCredential(BaseModel, frozen=True, extra="forbid"):
    """The master key of our gateways."""

    kind: Literal["gateway"]
    key: SecretReference


class WifiCredential(BaseModel, frozen=True, extra="forbid"):
    """A Wi-Fi passphrase."""

    kind: Literal["wifi"]
    passphrase: DerivableReference


class PortalCredential(BaseModel, frozen=True, extra="forbid"):
    """What a gateway or its controller shares with the portal or with RADIUS; a login has a `user` too."""

    kind: Literal["portal"]
    user: Text | None = None
    secret: DerivableReference


Credential = Annotated[
    SnmpV1
    | SnmpV2c
    | SnmpV3
    | SshCredential
    | HttpCredential
    | GatewayCredential
    | WifiCredential
    | PortalCredential,
    Field(discriminator="kind"),
]


def credential_fields(credential: Credential) -> dict[str, str]:
    """A credential as the controller keeps it: text by key, references unresolved."""
    return {key: str(value) for key, value in credential.model_dump(exclude_none=True).items()}
