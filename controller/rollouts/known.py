"""What is known of devices from earlier logins: their facts, and how the nightly sweep found them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from controller.store import facts as known_facts
from controller.store.engine import READ_ONLY
from controller.store.tables import config_versions, device_facts, drift
from drivers.facts import Facts


@dataclass(frozen=True, slots=True)
class Last:
    """The newest configuration in the history of a device; `reason` as in controller.history."""

    fingerprint: str
    reason: str


def keep(engine: Engine, device: str, facts: Facts, now: datetime) -> None:
    """Remember what a device said of itself."""
    with engine.begin() as connection:
        known_facts.keep(connection, device, facts, int(now.timestamp()))


def models(engine: Engine) -> dict[str, str]:
    """The model of each device that ever told it."""
    statement = select(device_facts.c.device, device_facts.c.model).where(device_facts.c.model != "")
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return {row.device: row.model for row in connection.execute(statement)}


def drifted(engine: Engine, device: str) -> bool:
    """Whether the last sweep saw that somebody else had changed it."""
    statement = select(drift.c.state).where(drift.c.device == device)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return connection.execute(statement).scalar() in {"foreign", "both"}


def last(engine: Engine, device: str) -> Last | None:
    """None where nothing is kept of it."""
    table = config_versions
    columns = (table.c.fingerprint, table.c.reason)
    statement = select(*columns).where(table.c.device == device).order_by(table.c.number.desc())
    with engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(statement.limit(1)).first()
    return Last(row.fingerprint, row.reason) if row is not None else None
