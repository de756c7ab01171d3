"""Brings a relational store to this program's version, in one transaction per step."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, MetaData

import captive_portal.gateway_tables
import captive_portal.monthly_tables
import captive_portal.radius.tables
import captive_portal.tables
import controller.store.tables
from controller.errors import StoreError

METADATA: tuple[MetaData, ...] = (captive_portal.tables.metadata, controller.store.tables.metadata)


def upgrade(engine: Engine, shown: str, to: str = "head") -> None:
    """Migrate to a version, the newest by default. Raises StoreError when the store is of a newer program."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:  # IMMEDIATE: of two processes that start together, one migrates
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, to)
        except CommandError as error:
            raise StoreError(
                f"{shown}: {error}; the store belongs to a newer Plaza: install that one, or restore a backup"
            ) from None
