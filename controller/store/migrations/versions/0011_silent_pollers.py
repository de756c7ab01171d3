"""When each poller without a store landed something last, and how often in a row it did, or did not."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add two tables; what is there stays."""
    op.create_table(
        "poller_landing",
        sa.Column("poller", sa.String(length=32), nullable=False),
        sa.Column("landed_at", sa.BigInteger(), nullable=False),
        sa.Column("landings", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("poller"),
    )
    op.create_table(
        "poller_run",
        sa.Column("poller", sa.String(length=32), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.Column("quiet", sa.Integer(), nullable=False),
        sa.Column("works", sa.Integer(), nullable=True),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("run_since", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("poller"),
    )


def downgrade() -> None:
    """Back to the tables before."""
    op.drop_table("poller_run")
    op.drop_table("poller_landing")
