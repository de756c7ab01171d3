"""The portal's tables. Column names follow FreeRADIUS radacct where it has the thing."""

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, String, Table
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

metadata = MetaData()

# No MAC, no IP address: `device` is a pseudonym under a key that is destroyed every day.
sessions = Table(
    "session",
    metadata,
    Column("acctuniqueid", String(32), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("device", String(32), nullable=False),
    Column("plan", String(64), nullable=False),
    Column("granted_at", BigInteger, nullable=False),  # UTC epoch seconds, the tap
    Column("acctstarttime", BigInteger),  # the gateway opened the door
    Column("expires_at", BigInteger, nullable=False),
    Column("acctstoptime", BigInteger),
    Column("acctterminatecause", String(32)),
    Column("acctsessiontime", Integer),
    Column("acctinputoctets", BigInteger),  # from the phone
    Column("acctoutputoctets", BigInteger),  # to the phone
    Column("dismissed_at", BigInteger),  # staff asked the gateway to end it
    Index("session_site_open", "site", "acctstoptime"),
    Index("session_stop", "acctstoptime"),
)

# Events of a gateway that were applied: a re-sent sync changes nothing.
gateway_events = Table(
    "gateway_event",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("event", String(48), primary_key=True),
    Column("received_at", BigInteger, nullable=False),
)

# The daily keys of device pseudonyms; a row is deleted when its day is over.
pseudonym_keys = Table(
    "pseudonym_key",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("key", String(64), nullable=False),
)

# What the portal did per site and slot; the worker turns it into wifi_portal samples.
portal_counts = Table(
    "portal_count",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column("grants", Integer, nullable=False, server_default="0"),
    Column("refusals", Integer, nullable=False, server_default="0"),
)


def insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that knows ON CONFLICT, in the dialect of the connection."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415  seldom needed, slow to import

        return postgresql.insert(table)
    return sqlite.insert(table)
