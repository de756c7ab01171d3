"""The tables of distinct devices: keys that are destroyed when their term is over, and what is left then."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table

from captive_portal.tables import metadata

# The keys of a municipality's month (YYYY-MM) and day (YYYY-MM-DD) by its own zone; a row is overwritten and
# deleted when its term is over. Rows never change their length: no copy of a key is left in a page.
device_keys = Table(
    "device_key",
    metadata,
    Column("municipality", String(5), primary_key=True),
    Column("term", String(10), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("ends_at", BigInteger, nullable=False),  # UTC epoch seconds
)

# How many devices a municipality had in a term, those with a MAC of their own making (`kind` local) apart
# from those with their maker's (maker). While the term runs a sketch, then three numbers and no sketch.
device_counts = Table(
    "device_count",
    metadata,
    Column("municipality", String(5), primary_key=True),
    Column("term", String(10), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("sketch", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False, server_default="0"),  # how often it was written
    Column("devices", Float),
    Column("devices_low", Float),
    Column("devices_high", Float),
)
