"""The poll in the terms of our own seam."""

from collections.abc import Iterable
from typing import Final

from bench.poll.work import (
    AUTH_KEY,
    COLUMNS,
    COMMUNITY,
    PRIV_KEY,
    RETRIES,
    SCALARS,
    TIMEOUT_S,
    USER,
    WALK_ROWS,
    Version,
    address,
)
from drivers.model import Endpoint, Secret, SnmpCredentials, SnmpV2c, SnmpV3
from drivers.snmp.seam import Oid, PollRequest

CREDENTIALS: Final[dict[Version, SnmpCredentials]] = {
    Version.V2C: SnmpV2c(Secret(COMMUNITY)),
    Version.V3: SnmpV3(USER, "sha1", Secret(AUTH_KEY), "aes128", Secret(PRIV_KEY)),
}


def _oids(texts: Iterable[str]) -> tuple[Oid, ...]:
    return tuple(tuple(map(int, text.split("."))) for text in texts)


_SCALARS: Final = _oids(SCALARS)
_COLUMNS: Final = _oids(COLUMNS)


def requests(
    version: Version, port: int, numbers: Iterable[int], timeout_s: float = TIMEOUT_S
) -> list[PollRequest]:
    """One per agent number; the device is named by it."""
    return [
        PollRequest(
            device=f"ap-{number:05}",
            endpoint=Endpoint(address(number), port),
            credentials=CREDENTIALS[version],
            scalars=_SCALARS,
            columns=_COLUMNS,
            timeout_s=timeout_s,
            retries=RETRIES,
            repetitions=WALK_ROWS,
        )
        for number in numbers
    ]
