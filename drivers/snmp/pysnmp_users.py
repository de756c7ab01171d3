"""The SNMPv3 users of a pysnmp engine that hears notices: two rows a name, however many devices there are."""

from collections.abc import Sequence
from typing import Any

from pysnmp.entity import config
from pysnmp.proto.rfc1902 import OctetString
from pysnmp.proto.secmod.rfc3414.service import SnmpUSMSecurityModel

from drivers.model import Secret, SnmpCredentials, SnmpV3
from drivers.snmp.pysnmp_engines import AUTH_PROTOCOLS, PRIV_PROTOCOLS

_ANY_ENGINE = bytes(SnmpUSMSecurityModel.wildcard_security_engine_id)


class Users:
    """Enters the one user that a datagram may come from, just before it is decoded.

    A row of pysnmp's takes 4 ms and 300 kB, too much for one per device. So a user stands at most twice:
    below our engineID, for informs, and below the one that means any, with keys for the sender at hand.
    """

    def __init__(self, engine: Any, own_id: bytes) -> None:
        self._engine = engine
        self._own_id = own_id
        self._by_source: dict[str, dict[bytes, SnmpV3]] = {}
        self._masters: dict[SnmpV3, tuple[Any, Any]] = {}
        self._entered: dict[tuple[bytes, str], tuple[bytes, SnmpV3]] = {}

    def add(self, source: str, engine_id: bytes, credentials: SnmpV3) -> None:
        """There is an engine at `source`."""
        self._by_source.setdefault(source, {})[engine_id] = credentials

    def is_engine_of(self, source: str, engine_id: bytes) -> bool:
        """Whether it was added for this source."""
        return engine_id in self._by_source.get(source, {})

    def enter(self, datagram: bytes, source: str, known: Sequence[SnmpCredentials]) -> None:
        """Make the users known whom it may come from: it holds the engineID that their keys are for."""
        if self._own_id in datagram:
            for credentials in known:
                if isinstance(credentials, SnmpV3):
                    self._enter(self._own_id, self._own_id, credentials)
        for engine_id, credentials in self._by_source.get(source, {}).items():
            if engine_id in datagram:
                self._enter(_ANY_ENGINE, engine_id, credentials)

    def _enter(self, row: bytes, engine_id: bytes, credentials: SnmpV3) -> None:
        place, wanted = (row, credentials.user), (engine_id, credentials)
        if self._entered.get(place) == wanted:
            return
        auth = AUTH_PROTOCOLS[credentials.auth_protocol]
        priv = PRIV_PROTOCOLS[credentials.priv_protocol]
        auth_master, priv_master = self._master(credentials)
        localized = OctetString(engine_id)
        config.add_v3_user(
            self._engine,
            credentials.user,
            auth,
            config.AUTH_SERVICES[auth].localize_key(auth_master, localized),
            priv,
            config.PRIV_SERVICES[priv].localize_key(auth, priv_master, localized),
            securityEngineId=OctetString(row),
            authKeyType=config.USM_KEY_TYPE_LOCALIZED,
            privKeyType=config.USM_KEY_TYPE_LOCALIZED,
        )
        self._entered[place] = wanted

    def _master(self, credentials: SnmpV3) -> tuple[Any, Any]:
        """The keys of the passphrases (RFC 3414 §A.2), 8 ms each: made once."""
        if credentials not in self._masters:
            auth = AUTH_PROTOCOLS[credentials.auth_protocol]
            priv = PRIV_PROTOCOLS[credentials.priv_protocol]
            self._masters[credentials] = (
                config.AUTH_SERVICES[auth].hash_passphrase(_octets(credentials.auth_key)),
                config.PRIV_SERVICES[priv].hash_passphrase(auth, _octets(credentials.priv_key)),
            )
        return self._masters[credentials]


def _octets(secret: Secret | None) -> Any:
    return OctetString(secret.reveal() if secret else "")
