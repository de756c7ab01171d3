"""The tables of our own gateways: what each box told, and what each is told."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from captive_portal.tables import metadata

# The boxes that ever called for a site. `have`: we have all its events up to this number. `gap` is the first
# number of a call that left some out, once. The newest is the site's; `replaced_at` is when a newer one came.
gateway_boxes = Table(
    "gateway_box",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("box", String(32), primary_key=True),
    Column("have", BigInteger, nullable=False, server_default="0"),
    Column("gap", BigInteger),
    Column("first_at", BigInteger, nullable=False),  # UTC epoch seconds, by our clock, as all below
    Column("heard_at", BigInteger, nullable=False),
    Column("whole_at", BigInteger),  # when it had told all it had, for the first time
    Column("replaced_at", BigInteger),
    Column("serial", BigInteger, nullable=False, server_default="0"),  # of the policy that it follows
    Column("epoch", Integer, nullable=False, server_default="0"),  # of the key that it signs with
)

# The policy that each site's gateway is to follow, as it was signed; `content` is the hash of what it says.
gateway_policies = Table(
    "gateway_policy",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("serial", BigInteger, nullable=False),
    Column("content", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("signature", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
)

# Devices that staff keep out of a site; `device` is a pseudonym under the site's key.
device_blocks = Table(
    "device_block",
    metadata,
    Column("block", String(16), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("device", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("lifted_at", BigInteger),
    Column("lifted_by", String(64)),
    Index("device_block_until", "until"),
)

# Civil protection's emergencies: everybody is let through in a municipality, with its notice.
emergencies = Table(
    "emergency",
    metadata,
    Column("emergency", String(16), primary_key=True),
    Column("municipality", String(5), nullable=False),
    Column("es", Text, nullable=False),
    Column("en", Text, nullable=False, server_default=""),
    Column("author", String(64), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("stopped_at", BigInteger),
    Column("stopped_by", String(64)),
    Index("emergency_until", "until"),
)

# How a gateway fares: numbers of the whole site, in JSON, never of a device.
gateway_pulses = Table(
    "gateway_pulse",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("box", String(32), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("told", Text, nullable=False),
    Index("gateway_pulse_received", "received_at"),
)

# What a gateway calls for help about; `device` is a pseudonym under the site's key, or empty.
gateway_alarms = Table(
    "gateway_alarm",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("box", String(32), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("cause", String(32), nullable=False),
    Column("device", String(32), nullable=False, server_default=""),
    Column("seconds", Integer),
    Column("told", Text, nullable=False, server_default="{}"),
    Index("gateway_alarm_received", "received_at"),
)
