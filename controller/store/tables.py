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
    Column("run", Integer, nullable=False, server_default="0"),  # looks in a row: all down, or none down
    Column("run_since", BigInteger, nullable=False, server_default="0"),
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
    Column("state", String(16), nullable=False),  # running paused halted aborted done
    Column("selector", Text, nullable=False),
    Column("kind", String(16), nullable=False, server_default="apply"),  # apply configure firmware
    Column("why", Text, nullable=False, server_default=""),
    Column("policy", Text, nullable=False, server_default="{}"),  # JSON: controller.rollouts.seam.Policy
    Column("wave", Integer, nullable=False, server_default="0"),  # the one that is under way
    Column("soaking_since", BigInteger),  # NULL = its devices are still being changed
    Column("reason", Text, nullable=False, server_default=""),  # why it is paused, halted or aborted
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
    Column("wave", Integer, nullable=False, server_default="0"),
    Column("place", Integer, nullable=False, server_default="0"),  # its turn within the wave
    Column("model", String(64), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", BigInteger),  # a pending one is not tried before
)

# What devices ran before and after our changes: `text` without secrets, `sealed` whole and encrypted.
config_versions = Table(
    "config_version",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("reason", String(16), nullable=False),  # before after seen accepted wished tried
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

# What a device last said of itself at a login: the fields of drivers.facts.Facts.
device_facts = Table(
    "device_facts",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("model", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("serial", String(64), nullable=False),
    Column("free_octets", BigInteger),  # NULL = it does not tell
    Column("seen_at", BigInteger, nullable=False),
)

# What the nightly sweep found of each device.
drift = Table(
    "drift",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("state", String(16), nullable=False),  # same owned foreign both unknown
    Column("fingerprint", String(64), nullable=False),  # keyed, of all that was judged
    Column("owned", Integer, nullable=False),  # lines of ours that are not as wished
    Column("text", Text, nullable=False),  # the difference, without secrets
    Column("detail", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)

# What a new device proves itself with: the token itself is nowhere, only its SHA-256.
claims = Table(
    "claim",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("device", String(64), nullable=False),
    Column("mac", String(17), nullable=False),
    Column("kind", String(16), nullable=False),  # adopt replace
    Column("issued_at", BigInteger, nullable=False),
    Column("issued_by", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),  # NULL = not yet
    Index("claim_device", "device"),
)

# Public keys that may no longer log in anywhere, by their fingerprint ("SHA256:…").
revoked_keys = Table(
    "revoked_key",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("person", String(64), nullable=False),
    Column("line", Text, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
    Column("revoked_by", String(64), nullable=False),
    Column("why", Text, nullable=False),
)

# A change of a credential: devices take the new one beside the old, then give the old one up.
rotations = Table(
    "rotation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("credential", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # ssh snmp-v3
    Column("state", String(16), nullable=False),  # adding removing done
    Column("why", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("started_by", String(64), nullable=False),
    Column("ended_at", BigInteger),
)

rotation_steps = Table(
    "rotation_step",
    metadata,
    Column("rotation", String(32), ForeignKey("rotation.id"), primary_key=True),
    Column("device", String(64), primary_key=True),
    Column("accepts", String(8), nullable=False),  # old both new
    Column("detail", Text, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)

# Images that may be put on devices; the octets lie in the data directory under their SHA-256.
firmware_images = Table(
    "firmware_image",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("platform", String(32), nullable=False),
    Column("model", String(64), nullable=False),
    Column("version", String(64), nullable=False),
    Column("octets", BigInteger, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("added_by", String(64), nullable=False),
)

# How much of an image has come to each device that keeps it, over its site's uplink.
firmware_copies = Table(
    "firmware_copy",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("octets", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),  # over the uplink, again or for the first time
    Column("updated_at", BigInteger, nullable=False),
)

# What a citizen would have met at each site, as the last probe found it.
probes = Table(
    "probe",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("works", Integer),  # 1, 0, NULL = it could not be tried
    Column("step", String(16), nullable=False),  # dhcp router dns redirect portal api grant http
    Column("detail", Text, nullable=False),
    Column("took_ms", Integer),
    Column("probed_at", BigInteger, nullable=False),
    Column("since", BigInteger),  # when `works` became what it is, NULL = probed last by an older Plaza
    Column("rtt_ms", Integer),  # NULL = nobody measured, as below
    Column("down_bps", BigInteger),
)

# How often in a row the probes of a site said the same; the last is in `probe`.
service_runs = Table(
    "service_run",
    metadata,
    Column("site", String(64), primary_key=True),
    Column("works", Integer),  # 1, 0, NULL = nobody could tell yet
    Column("run", Integer, nullable=False),
    Column("run_since", BigInteger, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)

# When each poller without a store landed something last, by the clock of the centre.
poller_landings = Table(
    "poller_landing",
    metadata,
    Column("poller", String(32), primary_key=True),
    Column("landed_at", BigInteger, nullable=False),
    Column("landings", BigInteger, nullable=False),  # how often until then
)

# What the worker's looks at each of them found: the number of looks, not a clock, makes it silent.
poller_runs = Table(
    "poller_run",
    metadata,
    Column("poller", String(32), primary_key=True),
    Column("counted", BigInteger, nullable=False),  # `landings` at the last look
    Column("quiet", Integer, nullable=False),  # looks in a row since it landed something
    Column("works", Integer),  # 1, 0 = silent, NULL = nobody can tell yet
    Column("run", Integer, nullable=False),
    Column("run_since", BigInteger, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)

# Outages, one of each root cause. `open_root` keeps two of one root from being open at a time.
incidents = Table(
    "incident",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("opened_at", BigInteger, nullable=False),  # when it began, as far as is known
    Column("detected_at", BigInteger, nullable=False),
    Column("reach", String(16), nullable=False),  # controller.incidents.model.Reach
    Column("root", String(128), nullable=False),  # its key, "" for the portal
    Column("open_root", String(160), unique=True),  # reach and root; NULL = closed
    Column("municipality", String(5), nullable=False),  # "" where it is several
    Column("cause", String(16), nullable=False),  # power backhaul device poller unknown
    Column("evidence", Text, nullable=False),  # JSON: a list of [code, {name: value}]
    Column("state", String(16), nullable=False),  # open acknowledged closed
    Column("expected", Integer, nullable=False, server_default="0"),  # 1 = somebody said so while it was open
    Column("open_s", BigInteger, nullable=False),  # how long it has lasted, whatever was done to the clock
    Column("counted_at", BigInteger, nullable=False),  # until when `open_s` is counted
    Column("acked_at", BigInteger),
    Column("acked_by", String(64)),
    Column("acked_why", Text),
    Column("closed_at", BigInteger),
    Column("closed_by", String(64)),  # "" = all of it works again
    Column("closed_why", Text),
    Column("repair_s", BigInteger),  # NULL = not closed, or it went into another one
    Column("merged_into", String(16)),
    Index("incident_closed", "closed_at"),
)

# What was, or is, down because of it: a device, "service:" and a site, or "poller:" and its name.
incident_members = Table(
    "incident_member",
    metadata,
    Column("incident", String(16), ForeignKey("incident.id"), primary_key=True),
    Column("member", String(80), primary_key=True),
    Column("site", String(64), nullable=False),
    Column("open_member", String(80), unique=True),  # the member; NULL = no more down because of this
    Column("since", BigInteger, nullable=False),
    Column("restored_at", BigInteger),  # NULL = still down, or it left: see `went`
    Column("went", String(16), nullable=False, server_default=""),  # released gone closed merged
    Column("times", Integer, nullable=False, server_default="1"),  # how often it went down in this incident
)

# Outages that somebody announced.
planned_outages = Table(
    "planned_outage",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("place", String(64), nullable=False),  # a site or a municipality
    Column("start_at", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("author", String(64), nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("cancelled_at", BigInteger),
    Index("planned_outage_until", "until"),
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
