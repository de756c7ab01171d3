"""A citizen's request for data as staff answer it: told or erased, and audited without naming anybody."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine

from captive_portal import data_requests
from captive_portal.data_requests import Erased, Found, Sites
from captive_portal.holdings import Subject
from captive_portal.radius.attributes import mac_of
from captive_portal.retention import Retention
from controller import audit
from controller.app import App, portal_sites
from controller.audit import Entry
from controller.errors import SelectorError
from controller.keeping import retention

SUBJECT: Final = "data request"
_NAMING: Final = re.compile(
    r"(?:[0-9A-Fa-f]{2}[-:]){5}|(?:[0-9A-Fa-f]{4}\.){2}|[0-9A-Fa-f]{32}|\d{1,3}(?:\.\d{1,3}){3}"
)
"""What looks like a MAC, a session's number or an IPv4 address, and not like a folio."""

LIMITS: Final = (
    "Cada día destruimos una clave. Sin ella, tu teléfono no dice cuáles conexiones fueron tuyas.",
    "Las direcciones cifradas no se abren aquí. Quien trae un número puede no ser su dueño.",
    "Aquí no están los registros del equipo de otras marcas, ni los respaldos.",
)
"""What the answer cannot hold, in the citizen's words."""


class By(StrEnum):
    """What a citizen brings."""

    SESSION = "session"
    DEVICE = "device"
    VOUCHER = "voucher"


@dataclass(frozen=True, slots=True)
class Request:
    """`said` is what was brought, as typed; `why` goes into the audit log and names nobody."""

    by: By
    said: str = field(repr=False)
    why: str


def export(app: App, request: Request, now: datetime) -> dict[str, object]:
    """All that is kept, ready for JSON. Raises SelectorError when what was brought cannot be understood."""
    sites, periods, key = _ready(app, request)
    with app.engine.begin() as connection:
        found = _found(connection, sites, request, periods, now)
        told = data_requests.told(connection, found.subject, periods)
        counted = {name: len(one["rows"]) for name, one in told["tables"].items()}
        audit.record(connection, key, _entry("data-exported", request, counted, now))
    unread = {"addresses_that_cannot_be_read": found.unread}
    return {"asked_at": now.isoformat(), "by": request.by.value, **told, **unread, "limits": list(LIMITS)}


def erase(app: App, request: Request, now: datetime) -> Erased:
    """Take it away for good, and from the file's free pages too.

    Raises SelectorError when nothing is kept of it, while a session of it has not ended, for its gateway
    would speak of it again, and while a site keeps it out.
    """
    sites, periods, key = _ready(app, request)
    with app.engine.begin() as connection:
        _overwriting(connection)
        subject = _found(connection, sites, request, periods, now).subject
        if subject == Subject():
            raise SelectorError(f"nothing is kept of that {request.by}; nothing was erased")
        _require_ended(connection, subject)
        _require_let_in(connection, subject, now)
        erased = data_requests.erase(connection, subject, now)
        audit.record(connection, key, _entry("data-erased", request, erased.rows, now))
    _shortened(app.engine)
    return erased


def _ready(app: App, request: Request) -> tuple[Sites, Retention, bytes]:
    said = request.said.strip()
    if _NAMING.search(request.why) or (said and said in request.why):
        raise SelectorError(
            "--why looks like an address or a session, and the audit log is kept: name a folio"
        )
    return portal_sites(app), retention(app.settings), audit.load_key(app.settings.data_dir)


def _found(
    connection: Connection, sites: Sites, request: Request, periods: Retention, now: datetime
) -> Found:
    if request.by is By.VOUCHER:
        return data_requests.by_code(connection, sites, request.said)
    if request.by is By.DEVICE:
        mac = mac_of(request.said.strip())
        if not mac:
            raise SelectorError("that is no MAC address; write it like 02:00:5e:10:00:01")
        return data_requests.by_device(connection, sites, mac, periods, now)
    session = data_requests.session_named(sites, request.said)
    if not session:
        raise SelectorError("that is no session; bring its number, or the address of its page")
    return data_requests.by_session(connection, session)


def _require_ended(connection: Connection, subject: Subject) -> None:
    going_on = data_requests.running(connection, subject)
    if going_on:
        latest = data_requests.ended_by(connection, subject).isoformat()
        mend = f"plaza session dismiss {going_on[0]}, and ask again when its gateway has told the end"
        mend += f"; where it tells none, a minute after {latest}"
        raise SelectorError(f"{len(going_on)} of its sessions has not ended, nothing was erased: {mend}")


def _require_let_in(connection: Connection, subject: Subject, now: datetime) -> None:
    sites = data_requests.kept_out(connection, subject, now)
    if sites:
        mend = f"plaza gateway unblock {sites[0]} MAC, and erase then"
        raise SelectorError(f"it is kept out of {', '.join(sites)}, nothing was erased: {mend}")


def _entry(action: str, request: Request, rows: Mapping[str, int], now: datetime) -> Entry:
    detail = {"by": request.by.value, "why": request.why, "rows": json.dumps(dict(rows))}
    return Entry(audit.actor(), action, SUBJECT, detail, now)


def _overwriting(connection: Connection) -> None:
    """SQLite leaves what was in a deleted row in its page unless it is told."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")


def _shortened(engine: Engine) -> None:
    """Empty the write-ahead log, which holds the pages as they were; a reader elsewhere may put it off."""
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()
