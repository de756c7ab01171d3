"""What is known of devices from earlier logins: their facts, and how the nightly sweep found them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from controller.store import facts as known_facts
from controller.store.engine import READ_ONLY
from controller.store.tables import config_versions, device_facts, drift
from drivers.facts import Facts


@dataclass(frozen=True, slots=True)
class Swept:
    """How the last sweep found a device: `state` same owned foreign both unknown."""

    state: str
    fingerprint: str


def keep(engine: Engine, device: str, facts: Facts, now: datetime) -> None:
    """Remember what a device said of itself."""
    with engine.begin() as connection:
        known_facts.keep(connection, device, facts, int(now.timestamp()))


def models(engine: Engine) -> dict[str, str]:
    """The model of each device that ever told it."""
    statement = select(device_facts.c.device, device_facts.c.model).where(device_facts.c.model != "")
    with engine.connect().execution_options(**READ_ONLY) as connection:
        return {row.device: row.model for row in connection.execute(statement)}


def swept(engine: Engine, device: str) -> Swept | None:
    """None where no sweep ever saw it."""
    statement = select(drift.c.state, drift.c.fingerprint).where(drift.c.device == device)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(statement).first()
    return Swept(row.state, row.fingerprint) if row is not None else None


def last_fingerprint(engine: Engine, device: str) -> str:
    """Of the newest configuration in its history, "" where there is none."""
    table = config_versions
    statement = select(table.c.fingerprint).where(table.c.device == device).order_by(table.c.number.desc())
    with engine.connect().execution_options(**READ_ONLY) as connection:
        row = connection.execute(statement.limit(1)).first()
    return str(row.fingerprint) if row is not None else ""
