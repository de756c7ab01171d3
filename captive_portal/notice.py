"""The facts of a site's privacy notice; its words are in the templates."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from captive_portal.enforced import TOLD_BY_ADDRESS, kept_for_law
from captive_portal.local import LegalRetention, Responsible
from captive_portal.model import GatewayKind, PortalSite
from captive_portal.retention import Retention

VERSION_DIGITS: Final = 32
_TEMPLATES: Final = Path(__file__).parent / "templates"
_WORDS: Final = b"\0".join((_TEMPLATES / name).read_bytes() for name in ("notice.html", "notice-full.html"))


class Kept(StrEnum):
    """What is kept of a session, by the word under which notice-full.html says it."""

    NUMBER = "number"
    PLACE = "place"
    MARK = "mark"
    MEASURE = "measure"
    TIMES = "times"
    OCTETS = "octets"
    END = "end"
    NOTICE = "notice"


COLUMNS: Final[Mapping[str, Kept]] = MappingProxyType(
    {
        "acctuniqueid": Kept.NUMBER,
        "site": Kept.PLACE,
        "box": Kept.PLACE,
        "device": Kept.MARK,
        "plan": Kept.MEASURE,
        "octets_max": Kept.MEASURE,
        "down_kbps": Kept.MEASURE,
        "up_kbps": Kept.MEASURE,
        "granted_at": Kept.TIMES,
        "acctstarttime": Kept.TIMES,
        "expires_at": Kept.TIMES,
        "acctstoptime": Kept.TIMES,
        "acctsessiontime": Kept.TIMES,
        "active_at": Kept.TIMES,
        "acctinputoctets": Kept.OCTETS,
        "acctoutputoctets": Kept.OCTETS,
        "acctterminatecause": Kept.END,
        "dismissed_at": Kept.END,
        "probe": Kept.MEASURE,
        "notice": Kept.NOTICE,
    }
)
"""Under which word the notice names each column of the table of sessions."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a notice says of one site; the periods are whole days.

    `is_ours`: the gateway is Plaza's, which tells the portal no address; another brand's equipment may keep
    records that Plaza does not rule. `holds_address`: the store keeps a phone's address, sealed, while its
    session runs. `legal` is None unless the switch is on and something is kept by it.
    """

    place: str
    responsible: Responsible
    is_ours: bool
    holds_address: bool
    legal: LegalRetention | None
    vouchers: bool
    session_days: int
    voucher_days: int
    radius_days: int
    block_days: int
    kept: tuple[Kept, ...] = tuple(Kept)


def facts(site: PortalSite, retention: Retention) -> Facts:
    """The facts of a site, under the periods that its store is purged by."""
    return Facts(
        place=site.name,
        responsible=site.local.responsible,
        is_ours=site.wiring.kind is GatewayKind.PLAZA,
        holds_address=site.wiring.kind in TOLD_BY_ADDRESS,
        legal=kept_for_law(site),
        vouchers=site.vouchers,
        session_days=retention.sessions.days,
        voucher_days=retention.voucher_uses.days,
        radius_days=retention.radius_associations.days,
        block_days=max(retention.device_blocks, retention.gateway_alarms).days,
    )


def version(site: PortalSite, retention: Retention) -> str:
    """The name of the notice in force: 32 hex digits, others for any other fact or word."""
    return _version(facts(site, retention))


@lru_cache(maxsize=4096)
def _version(known: Facts) -> str:
    said = json.dumps(asdict(known), sort_keys=True, default=date.isoformat).encode()
    return hashlib.sha256(said + b"\0" + _WORDS).hexdigest()[:VERSION_DIGITS]
