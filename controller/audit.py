"""Who did what, in rows chained by HMAC so that no edit or deletion stays unseen."""

import getpass
import hashlib
import hmac
import json
import logging
import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from controller import keys
from controller.errors import StoreBusy
from controller.store.tables import audit

log = logging.getLogger(__name__)

KEY_FILE: Final = "audit.key"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row to be: who did what to whom, and when. `detail` must hold no secret."""

    actor: str
    action: str
    subject: str
    detail: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row. Kept outside the store it proves that the newest rows were not cut off."""

    seq: int
    mac: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rows` are sound; `broken_at` is the first seq that is not what was written, 0 when all are."""

    rows: int
    broken_at: int = 0


def actor() -> str:
    """The person at the keyboard: who became root through sudo is still who it was."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"uid {os.getuid()}"


def load_key(data_dir: Path) -> bytes:
    """The chain's key in data_dir/audit.key, made at the first use. Raises StoreError for an unsafe file."""
    return keys.load(data_dir, KEY_FILE, "audit key")


def record(store: Connection | Engine, key: bytes, entry: Entry) -> Head:
    """Append one row: with a Connection inside its transaction, with an Engine in one of its own.

    Raises StoreBusy when another process was quicker.
    """
    row: dict[str, str | int] = {
        "at": int(entry.at.timestamp()),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": json.dumps(entry.detail, sort_keys=True, ensure_ascii=False),
    }
    try:
        with store.begin() if isinstance(store, Engine) else nullcontext(store) as connection:
            head = _append(connection, key, row)
    except (IntegrityError, OperationalError) as error:
        raise StoreBusy("the audit log is being written by another process; try again") from error
    log.info("audit", extra={"seq": head.seq, "mac": head.mac, "action": entry.action})
    return head


def verify(store: Connection | Engine, key: bytes, head: Head | None = None) -> Verdict:
    """Walk the whole chain. With the `head` once returned by `record`, rows cut off the end are found too."""
    rows, before, head_seen = 0, "", head is None
    with store.connect() if isinstance(store, Engine) else nullcontext(store) as connection:
        for row in connection.execute(select(audit).order_by(audit.c.seq)):
            rows += 1
            if row.seq != rows or not hmac.compare_digest(row.mac, _mac(key, before, row._asdict())):
                return Verdict(rows - 1, broken_at=rows)
            before = row.mac
            head_seen = head_seen or (head is not None and (row.seq, row.mac) == (head.seq, head.mac))
    return Verdict(rows) if head_seen else Verdict(rows, broken_at=rows + 1)


def _append(connection: Connection, key: bytes, row: dict[str, str | int]) -> Head:
    newest = select(audit.c.seq, audit.c.mac).order_by(audit.c.seq.desc()).limit(1)
    last = connection.execute(newest).first()
    seq, before = (last.seq, last.mac) if last else (0, "")
    row = {"seq": seq + 1, **row}
    mac = _mac(key, before, row)
    connection.execute(insert(audit).values(**row, mac=mac))
    return Head(seq + 1, mac)


def _mac(key: bytes, before: str, row: Mapping[str, str | int]) -> str:
    fields = [row[name] for name in ("seq", "at", "actor", "action", "subject", "detail")]
    said = json.dumps([before, *fields], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return hmac.new(key, said, hashlib.sha256).hexdigest()
