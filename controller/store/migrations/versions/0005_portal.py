"""The portal for every kind of gateway: plans, vouchers, enforcement, notices, reasons, RADIUS."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables; what is there stays."""
    op.add_column("session", sa.Column("octets_max", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("session", sa.Column("down_kbps", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("session", sa.Column("up_kbps", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("session", sa.Column("active_at", sa.BigInteger(), nullable=True))
    op.add_column("session", sa.Column("notice", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("portal_count", sa.Column("taps", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("portal_count", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("portal_count", sa.Column("online", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("portal_count", sa.Column("online_s", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("session_device", "session", ["site", "device"])
    op.create_table(
        "enforcement",
        sa.Column("acctuniqueid", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("acctuniqueid"),
    )
    op.create_index("enforcement_site", "enforcement", ["site"])
    op.create_table(
        "waiting_grant",
        sa.Column("acctuniqueid", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("acctuniqueid"),
    )
    op.create_index("waiting_grant_site", "waiting_grant", ["site"])
    op.create_table(
        "legal_record",
        sa.Column("acctuniqueid", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("delete_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("acctuniqueid"),
    )
    op.create_index("legal_record_delete", "legal_record", ["delete_at"])
    op.create_table(
        "privacy_notice",
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("municipality", sa.String(length=5), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_shown_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "voucher_batch",
        sa.Column("batch", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("octets", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("down_kbps", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("up_kbps", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("devices", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False, server_default=""),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("batch"),
    )
    op.create_table(
        "voucher",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("batch", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("voucher_batch_number", "voucher", ["batch", "number"], unique=True)
    op.create_table(
        "voucher_use",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", "device"),
    )
    op.create_table(
        "portal_reason",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("site", "slot", "reason"),
    )
    op.create_table(
        "radius_association",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("association", sa.String(length=32), nullable=False),
        sa.Column("nas", sa.String(length=32), nullable=False),
        sa.Column("acctuniqueid", sa.String(length=32), nullable=False),
        sa.Column("acctsessiontime", sa.BigInteger(), nullable=True),
        sa.Column("acctinputoctets", sa.BigInteger(), nullable=True),
        sa.Column("acctoutputoctets", sa.BigInteger(), nullable=True),
        sa.Column("acctstoptime", sa.BigInteger(), nullable=True),
        sa.Column("acctterminatecause", sa.String(length=32), nullable=False, server_default=""),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", "association"),
    )
    op.create_index("radius_association_nas", "radius_association", ["site", "nas", "acctstoptime"])
    op.create_index("radius_association_session", "radius_association", ["acctuniqueid"])
