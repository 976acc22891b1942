"""The first schema of the truth."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create every table."""
    _log()
    _derived()
    _people()
    _models()
    _processes()
    _experiments()
    _sums()
    _rules()
    _access()
    _quality()


def _log() -> None:
    op.create_table(
        "log",
        sa.Column("sequence", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("item_id", ID, nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("quantity", sa.Double(), nullable=True),
        sa.Column("session_id", ID, nullable=True),
        sa.Column("device_id", ID, nullable=True),
        sa.Column("surface", sa.Text(), nullable=True),
        sa.Column("request_id", ID, nullable=True),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "log_beside_history",
        "log",
        ["user_id", "ts"],
        **_where("user_id IS NOT NULL AND (item_id IS NULL OR type = 'impression')"),
    )
    op.create_index("log_changes", "log", ["item_id", "sequence"], **_where("kind <> 'event'"))
    op.create_index("log_event_id", "log", ["event_id"], unique=True)
    op.create_index(
        "log_history",
        "log",
        ["user_id", "ts"],
        **_where("user_id IS NOT NULL AND item_id IS NOT NULL AND type <> 'impression'"),
    )
    op.create_index("log_ts", "log", ["ts"])


def _derived() -> None:
    op.create_table(
        "items",
        sa.Column("item_id", ID, primary_key=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("price", sa.Double(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
    )
    op.create_index("items_first_sequence", "items", ["first_sequence"])
    op.create_index("items_sequence", "items", ["sequence"])
    op.create_table(
        "users",
        sa.Column("user_id", ID, primary_key=True),
        sa.Column("canonical_id", ID, nullable=True),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
    )
    op.create_index("users_canonical_id", "users", ["canonical_id"], **_where("canonical_id IS NOT NULL"))
    op.create_table(
        "user_links",
        sa.Column("user_id", ID, primary_key=True),
        sa.Column("since", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("canonical_id", ID, nullable=False),
    )
    op.create_index("user_links_canonical_id", "user_links", ["canonical_id"])
    op.create_table(
        "folds",
        sa.Column("fold", ID, primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "feature_states",
        sa.Column("view", ID, primary_key=True),
        sa.Column("entity_id", ID, primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
    )


def _people() -> None:
    op.create_table(
        "tombstones",
        sa.Column("key_hash", ID, primary_key=True),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
    )


def _models() -> None:
    op.create_table(
        "model_versions",
        sa.Column("model", ID, primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("trained_through", sa.BigInteger(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
    )
    op.create_table(
        "model_numbers",
        sa.Column("model", ID, primary_key=True),
        sa.Column("last_version", sa.Integer(), nullable=False),
    )
    op.create_table(
        "aliases",
        sa.Column("alias", ID, primary_key=True),
        sa.Column("model", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("previous_model", ID, nullable=True),
        sa.Column("previous_version", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model", "version"], ["model_versions.model", "model_versions.version"], name="aliases_version"
        ),
    )
    op.create_table(
        "alias_changes",
        sa.Column("change_id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("alias", ID, nullable=False),
        sa.Column("model", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("alias_changes_alias", "alias_changes", ["alias", "change_id"])


def _processes() -> None:
    op.create_table(
        "jobs",
        sa.Column("job_id", ID, primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("worker", ID, nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.Column("cancel", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.create_index("jobs_state", "jobs", ["state", "job_id"])
    op.create_table(
        "heartbeats",
        sa.Column("process_id", ID, primary_key=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", ID, primary_key=True),
        sa.Column("holder", ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "meta",
        sa.Column("name", ID, primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )


def _experiments() -> None:
    op.create_table(
        "experiments",
        sa.Column("experiment", ID, primary_key=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
    )
    op.create_table(
        "experiment_changes",
        sa.Column("change_id", COUNTER, primary_key=True, autoincrement=True),
        sa.Column("experiment", ID, nullable=False),
        sa.Column("phase", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("experiment_changes_experiment", "experiment_changes", ["experiment", "change_id"])
    op.create_table(
        "exposures",
        sa.Column("experiment", ID, primary_key=True),
        sa.Column("phase", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("unit", ID, primary_key=True),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("served_arm", sa.Text(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("request_id", ID, nullable=True),
        sa.Column("served", sa.BigInteger(), nullable=False),
        sa.Column("crossed", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=True),
    )


def _sums() -> None:
    op.create_table(
        "unit_totals",
        sa.Column("experiment", ID, primary_key=True),
        sa.Column("phase", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("metric", ID, primary_key=True),
        sa.Column("unit", ID, primary_key=True),
        sa.Column("x", sa.Double(), nullable=False),
        sa.Column("y", sa.Double(), nullable=False),
        sa.Column("before", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "metric_sketches",
        sa.Column("experiment", ID, primary_key=True),
        sa.Column("phase", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("arm", ID, primary_key=True),
        sa.Column("metric", ID, primary_key=True),
        sa.Column("day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("segment", ID, primary_key=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("sum_x", sa.Double(), nullable=False),
        sa.Column("sum_xx", sa.Double(), nullable=False),
        sa.Column("sum_y", sa.Double(), nullable=False),
        sa.Column("sum_yy", sa.Double(), nullable=False),
        sa.Column("sum_xy", sa.Double(), nullable=False),
    )


def _rules() -> None:
    op.create_table(
        "rules",
        sa.Column("rule", ID, primary_key=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("surface", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "rule_changes",
        sa.Column("rule", ID, primary_key=True),
        sa.Column("revision", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=True),
    )


def _access() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", ID, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", ID, primary_key=True),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])
    op.create_table(
        "importer_checkpoints",
        sa.Column("source", ID, primary_key=True),
        sa.Column("rows_done", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )


def _quality() -> None:
    op.create_table(
        "quality_results",
        sa.Column("metric", ID, primary_key=True),
        sa.Column("period", ID, primary_key=True),
        sa.Column("starts_at", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("surface", ID, primary_key=True),
        sa.Column("arm", ID, primary_key=True),
        sa.Column("model", ID, primary_key=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("computed_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "alerts",
        sa.Column("alert_id", ID, primary_key=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("notified_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("alerts_rule", "alerts", ["rule", "started_at"])
