"""What devices said of themselves at their last login."""

from sqlalchemy import Connection, delete, insert

from controller.store.tables import device_facts
from drivers.facts import Facts


def keep(connection: Connection, device: str, facts: Facts, seen_at: int) -> None:
    """In place of what was known before; `seen_at` in epoch seconds."""
    values = {
        "device": device,
        "model": facts.model,
        "version": facts.version,
        "serial": facts.serial,
        "free_octets": facts.free_octets,
        "seen_at": seen_at,
    }
    connection.execute(delete(device_facts).where(device_facts.c.device == device))
    connection.execute(insert(device_facts).values(values))
