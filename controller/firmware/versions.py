"""What devices ran when they were last looked at."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select, update

from controller.store.engine import READ_ONLY
from controller.store.tables import device_facts


@dataclass(frozen=True, slots=True)
class Told:
    """What a device said of itself at `seen_at` (epoch seconds)."""

    model: str
    version: str
    seen_at: int


def told(engine: Engine) -> dict[str, Told]:
    """By device, of all that were ever looked at."""
    columns = (device_facts.c.device, device_facts.c.model, device_facts.c.version, device_facts.c.seen_at)
    with engine.connect().execution_options(**READ_ONLY) as connection:
        rows = connection.execute(select(*columns)).all()
    return {row.device: Told(row.model, row.version, row.seen_at) for row in rows}


def note(engine: Engine, device: str, version: str, now: datetime) -> None:
    """It runs this version now."""
    values = {"version": version, "seen_at": int(now.timestamp())}
    with engine.begin() as connection:
        connection.execute(update(device_facts).where(device_facts.c.device == device).values(values))
