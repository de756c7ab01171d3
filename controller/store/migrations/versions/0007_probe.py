"""Which sessions are a probe's and no citizen's; since when a site works or not, and how fast it is."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; what is there stays."""
    op.add_column("session", sa.Column("probe", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("probe", sa.Column("since", sa.BigInteger(), nullable=True))
    op.add_column("probe", sa.Column("rtt_ms", sa.Integer(), nullable=True))
    op.add_column("probe", sa.Column("down_bps", sa.BigInteger(), nullable=True))
