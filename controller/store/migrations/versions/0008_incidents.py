"""Outages as incidents; how often in a row devices and services were seen to work or not."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns and tables; what is there stays."""
    op.add_column("health", sa.Column("run", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("health", sa.Column("run_since", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "service_run",
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("works", sa.Integer(), nullable=True),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("run_since", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site"),
    )
    _incidents()
    op.create_table(
        "planned_outage",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=64), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("planned_outage_until", "planned_outage", ["until"])


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("detected_at", sa.BigInteger(), nullable=False),
        sa.Column("reach", sa.String(length=16), nullable=False),
        sa.Column("root", sa.String(length=128), nullable=False),
        sa.Column("open_root", sa.String(length=160), nullable=True),
        sa.Column("municipality", sa.String(length=5), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("open_s", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.Column("acked_at", sa.BigInteger(), nullable=True),
        sa.Column("acked_by", sa.String(length=64), nullable=True),
        sa.Column("acked_why", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.String(length=64), nullable=True),
        sa.Column("closed_why", sa.Text(), nullable=True),
        sa.Column("repair_s", sa.BigInteger(), nullable=True),
        sa.Column("merged_into", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("open_root"),
    )
    op.create_index("incident_closed", "incident", ["closed_at"])
    op.create_table(
        "incident_member",
        sa.Column("incident", sa.String(length=16), nullable=False),
        sa.Column("member", sa.String(length=80), nullable=False),
        sa.Column("site", sa.String(length=64), nullable=False),
        sa.Column("open_member", sa.String(length=80), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("restored_at", sa.BigInteger(), nullable=True),
        sa.Column("went", sa.String(length=16), nullable=False, server_default=""),
        sa.Column("times", sa.Integer(), nullable=False, server_default="1"),
        sa.PrimaryKeyConstraint("incident", "member"),
        sa.ForeignKeyConstraint(["incident"], ["incident.id"]),
        sa.UniqueConstraint("open_member"),
    )
