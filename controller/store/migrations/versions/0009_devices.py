"""Distinct devices: keys of months and days, sketches, and of how many grants the device was counted."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add tables and columns; what is there stays."""
    for name in ("marked", "unmarked"):
        op.add_column("portal_count", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "device_key",
        sa.Column("municipality", sa.String(length=5), nullable=False),
        sa.Column("term", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("municipality", "term"),
    )
    op.create_table(
        "device_count",
        sa.Column("municipality", sa.String(length=5), nullable=False),
        sa.Column("term", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("devices", sa.Float(), nullable=True),
        sa.Column("devices_low", sa.Float(), nullable=True),
        sa.Column("devices_high", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("municipality", "term", "kind"),
    )
