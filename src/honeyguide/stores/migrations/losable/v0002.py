"""Slates without indexes by user and time: the one by user cost every list a random page of the disk (decision 0006).

Times rise with `sequence`; who looks for a user reads all, which exports and erasures do in the background.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Drop two indexes."""
    op.drop_index("slates_user_id", table_name="slates")
    op.drop_index("slates_ts", table_name="slates")
