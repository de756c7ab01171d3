"""The portal's tables. Column names follow FreeRADIUS radacct where it has the thing."""

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, String, Table, Text
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
    Column("octets_max", BigInteger, nullable=False, server_default="0"),  # 0 = no cap, as the rates
    Column("down_kbps", Integer, nullable=False, server_default="0"),
    Column("up_kbps", Integer, nullable=False, server_default="0"),
    Column("active_at", BigInteger),  # when its octets last grew
    Column("notice", String(32), nullable=False, server_default=""),  # the privacy notice shown at the tap
    Column("box", String(32), nullable=False, server_default=""),  # of our own gateways, the last to tell
    Column("probe", Integer, nullable=False, server_default="0"),  # 1 = our probe, no citizen: not counted
    Index("session_site_open", "site", "acctstoptime"),
    Index("session_stop", "acctstoptime"),
    Index("session_device", "site", "device"),
)

# From which slot on a site's figures are to be made anew, for something was told long after it happened.
late_slots = Table(
    "late_slot",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("since", BigInteger, nullable=False),
)

# Who a gateway's controller knows a running session by; deleted at the session's end. `sealed` holds the
# phone's addresses under the site's key, which is not in this store.
enforcements = Table(
    "enforcement",
    metadata,
    Column("acctuniqueid", String(32), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
    Index("enforcement_site", "site"),
)

# Grants that a gateway will ask for (openNDS level 3), and wishes for more time that it has not answered yet;
# `sealed` as above. Gone when fetched or a minute old.
waiting_grants = Table(
    "waiting_grant",
    metadata,
    Column("acctuniqueid", String(32), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Index("waiting_grant_site", "site"),
)

# Addresses that the law has kept, where somebody signed that it does; `sealed` as above.
legal_records = Table(
    "legal_record",
    metadata,
    Column("acctuniqueid", String(32), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("delete_at", BigInteger, nullable=False),
    Index("legal_record_delete", "delete_at"),
)

# The privacy notices that were ever in force, by the hash of their text.
notices = Table(
    "privacy_notice",
    metadata,
    Column("version", String(32), primary_key=True),
    Column("municipality", String(5), nullable=False),
    Column("text", Text, nullable=False),
    Column("first_shown_at", BigInteger, nullable=False),
)

# A batch of vouchers gives each of `devices` devices one session of its plan; `site` is a site's or a
# municipality's key. Rates and octets: 0 = no cap.
voucher_batches = Table(
    "voucher_batch",
    metadata,
    Column("batch", String(16), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("octets", BigInteger, nullable=False, server_default="0"),
    Column("down_kbps", Integer, nullable=False, server_default="0"),
    Column("up_kbps", Integer, nullable=False, server_default="0"),
    Column("devices", Integer, nullable=False, server_default="1"),
    Column("made_at", BigInteger, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("revoked_at", BigInteger),
)

# A voucher is known by a keyed hash of its code; the code is printed and forgotten.
vouchers = Table(
    "voucher",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("batch", String(16), nullable=False),
    Column("number", Integer, nullable=False),
    Column("revoked_at", BigInteger),
    Index("voucher_batch_number", "batch", "number", unique=True),
)

# `device` is a pseudonym that only who has the code can make.
voucher_uses = Table(
    "voucher_use",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("device", String(32), primary_key=True),
    Column("used_at", BigInteger, nullable=False),
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
    Column("taps", Integer, nullable=False, server_default="0"),
    Column("grants", Integer, nullable=False, server_default="0"),
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("online", Integer, nullable=False, server_default="0"),  # doors that opened, of which we heard
    Column("online_s", Integer, nullable=False, server_default="0"),  # from tap to open door, their sum
    Column("marked", Integer, nullable=False, server_default="0"),  # let in, and counted as a device
    Column("unmarked", Integer, nullable=False, server_default="0"),  # let in, and nobody knows by what
)

# Why: `reason` is one word of RefusalReason or FailureReason.
portal_reasons = Table(
    "portal_reason",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("reason", String(32), primary_key=True),
    Column("times", Integer, nullable=False, server_default="0"),
)


def insert(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that knows ON CONFLICT, in the dialect of the connection."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415  seldom needed, slow to import

        return postgresql.insert(table)
    return sqlite.insert(table)
