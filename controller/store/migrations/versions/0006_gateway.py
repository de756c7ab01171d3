"""Our own gateways: their boxes, policies, pulses and alarms, who is kept out, emergencies."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and tables; what is there stays."""
    op.add_column("session", sa.Column("box", sa.String(length=32), nullable=False, server_default=""))
    op.create_table(
        "gateway_box",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("have", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("gap", sa.BigInteger(), nullable=True),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("whole_at", sa.BigInteger(), nullable=True),
        sa.Column("replaced_at", sa.BigInteger(), nullable=True),
        sa.Column("serial", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("site", "box"),
    )
    op.create_table(
        "gateway_policy",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site"),
    )
    op.create_table(
        "device_block",
        sa.Column("block", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("block"),
    )
    op.create_index("device_block_until", "device_block", ["until"])
    op.create_table(
        "emergency",
        sa.Column("emergency", sa.String(length=16), nullable=False),
        sa.Column("municipality", sa.String(length=5), nullable=False),
        sa.Column("es", sa.Text(), nullable=False),
        sa.Column("en", sa.Text(), nullable=False, server_default=""),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("emergency"),
    )
    op.create_index("emergency_until", "emergency", ["until"])
    _told()


def _told() -> None:
    op.create_table(
        "gateway_pulse",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "box", "seq"),
    )
    op.create_index("gateway_pulse_received", "gateway_pulse", ["received_at"])
    op.create_table(
        "gateway_alarm",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("device", sa.String(length=32), nullable=False, server_default=""),
        sa.Column("seconds", sa.Integer(), nullable=True),
        sa.Column("told", sa.Text(), nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("site", "box", "seq"),
    )
    op.create_index("gateway_alarm_received", "gateway_alarm", ["received_at"])
