"""The controller's tables. Times are UTC epoch seconds."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# What the poller last knew of each device: two separate facts and a verdict.
health = Table(
    "health",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("state", String(16), nullable=False),  # up degraded down unknown
    Column("agent_answers", Integer),  # 1, 0, NULL = nobody measured
    Column("service_works", Integer),  # 1, 0, NULL = nobody measured
    Column("reason", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),  # when it last answered what it was asked, NULL = never yet
)

# What each SNMP agent has taught us: the fields of drivers.snmp.seam.Learned.
snmp_learned = Table(
    "snmp_learned",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("varbinds", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("repetitions", Integer, nullable=False),
    Column("bulk", Integer, nullable=False),  # 1, 0
    Column("rows", Integer, nullable=False),
    Column("missing", Text, nullable=False),  # dotted OIDs with a space between
    Column("engine_id", Text, nullable=False),  # hex
    Column("boots", BigInteger, nullable=False),
    Column("learned_at", BigInteger, nullable=False),
)

# The newest failures of polls, ten per device. One that goes on moves `last_at` and `times`, and adds no row.
poll_errors = Table(
    "poll_error",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", String(32), nullable=False),
    Column("detail", Text, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
    Column("ended_at", BigInteger),  # NULL = it still fails so
)

# SSH host keys pinned at adoption, "SHA256:…" as OpenSSH prints them, with the key itself.
host_keys = Table(
    "host_key",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("pinned_at", BigInteger, nullable=False),
    Column("pinned_by", String(64), nullable=False),
)

rollouts = Table(
    "rollout",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("state", String(16), nullable=False),  # running done halted
    Column("selector", Text, nullable=False),
)

# The journal: a row per device of a rollout, updated before each remote act; `token` finds the armed timer.
rollout_steps = Table(
    "rollout_step",
    metadata,
    Column("rollout", String(32), ForeignKey("rollout.id"), primary_key=True),
    Column("device", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("token", String(64)),
    Column("intent_hash", String(64), nullable=False),
    Column("diff", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("updated_at", BigInteger, nullable=False),
    Column("deadline_at", BigInteger),
)

# What devices ran before and after our changes: `text` without secrets, `sealed` whole and encrypted.
config_versions = Table(
    "config_version",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("reason", String(16), nullable=False),  # before after
    Column("rollout", String(32), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("detail", Text, nullable=False),
    Column("mac", String(64), nullable=False),  # HMAC over this row and the one before
    Index("audit_at", "at"),
)

# Poller shards; the epoch fences out a poller that lost its lease.
shard_leases = Table(
    "shard_lease",
    metadata,
    Column("shard", Integer, primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
