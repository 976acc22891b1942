"""The first schema of the served slates."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    _slates()


def _slates() -> None:
    op.create_table(
        "slates",
        sa.Column("sequence", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("slates_request_id", "slates", ["request_id"], unique=True)
    op.create_index("slates_ts", "slates", ["ts"])
    op.create_index("slates_user_id", "slates", ["user_id", "ts"])
