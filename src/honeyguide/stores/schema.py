"""The whole database as SQLAlchemy Core tables, the same for SQLite and PostgreSQL.

`truth` is the one database that all else is derived from; `losable` holds the served slates, in a file of their own.
Times are integers (milliseconds since 1970-01-01 UTC), JSON is text, ids are compared by their bytes.
Nothing here runs while serving: stores use SQL of their own, and tests compare their columns, and the migrations,
with these tables. To change a table: expand in one release, contract in a later one (docs/stores.md).
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from honeyguide.stores.conditions import BESIDE_HISTORY, CHANGES, HISTORY

truth: Final = MetaData()
losable: Final = MetaData()

Id: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""An id: text in the order of its bytes, on every database."""
Counter: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives out. SQLite numbers rows only under the name INTEGER."""


def _id(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Id, nullable=nullable)


def _key(name: str) -> Column[str]:
    return Column(name, Id, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _ms(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> Column[float]:
    return Column(name, Double, nullable=nullable)


def _serial(name: str) -> Column[int]:
    return Column(name, Counter, primary_key=True, autoincrement=True)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# --- the log ----------------------------------------------------------------------------------------------------------

log: Final = Table(
    "log",
    truth,
    _serial("sequence"),
    _text("kind"),
    _id("event_id"),
    _ms("ts"),
    _ms("received_at"),
    _id("user_id", nullable=True),
    _id("item_id", nullable=True),
    _text("type"),
    _number("value", nullable=True),
    _number("quantity", nullable=True),
    _id("session_id", nullable=True),
    _id("device_id", nullable=True),
    _text("surface", nullable=True),
    _id("request_id", nullable=True),
    _text("payload", nullable=True),
    Column("imported", Boolean, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, also when the newest row was erased
)
# An event touches three of these five: its id, one of the two by user, and time. Each further one costs every ingest.
Index("log_event_id", log.c.event_id, unique=True)
Index("log_history", log.c.user_id, log.c.ts, **_where(HISTORY))
Index("log_beside_history", log.c.user_id, log.c.ts, **_where(BESIDE_HISTORY))
Index("log_changes", log.c.item_id, log.c.sequence, **_where(CHANGES))
Index("log_ts", log.c.ts)

# --- derived from the log ---------------------------------------------------------------------------------------------

items: Final = Table(
    "items",
    truth,
    _key("item_id"),
    _text("title"),
    _text("categories"),
    _number("price", nullable=True),
    _text("image_url", nullable=True),
    _text("url", nullable=True),
    Column("available", Boolean, nullable=False),
    Column("hidden", Boolean, nullable=False),
    _ms("created_at"),
    _ms("deleted_at", nullable=True),
    _text("properties"),
    Column("vector", LargeBinary, nullable=True),  # float32, little endian
    Column("first_sequence", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("items_first_sequence", "first_sequence"),
    Index("items_sequence", "sequence"),
)

users: Final = Table(
    "users",
    truth,
    _key("user_id"),
    _id("canonical_id", nullable=True),
    _text("properties"),
    Column("sequence", BigInteger, nullable=False),
)
Index("users_canonical_id", users.c.canonical_id, **_where("canonical_id IS NOT NULL"))

user_links: Final = Table(  # which id each merged user went by, from one log position to another: the past can be read
    "user_links",
    truth,
    _key("user_id"),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=True),
    _id("canonical_id"),
    Index("user_links_canonical_id", "canonical_id"),
)

folds: Final = Table(  # how far each background fold has come, and what it carries along
    "folds",
    truth,
    _key("fold"),
    Column("sequence", BigInteger, nullable=False),
    _text("state"),
    _ms("updated_at"),
)

feature_states: Final = Table(  # aggregates at a log position; a read adds the tail
    "feature_states",
    truth,
    _key("view"),
    _key("entity_id"),
    Column("sequence", BigInteger, nullable=False),
    _ms("updated_at"),
    Column("state", LargeBinary, nullable=False),
)

# --- people's ids that must not come back -----------------------------------------------------------------------------

tombstones: Final = Table(
    "tombstones",
    truth,
    _key("key_hash"),  # keyed hash of the id: says nothing to whoever does not hold the key
    _ms("erased_at"),
)

# --- models -----------------------------------------------------------------------------------------------------------

model_versions: Final = Table(
    "model_versions",
    truth,
    _key("model"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _ms("created_at"),
    Column("trained_through", BigInteger, nullable=False),
    _text("metrics"),
    _text("manifest"),
)

model_numbers: Final = Table(  # the highest number ever given: a version that was removed leaves its number used
    "model_numbers",
    truth,
    _key("model"),
    Column("last_version", Integer, nullable=False),
)

aliases: Final = Table(
    "aliases",
    truth,
    _key("alias"),
    _id("model"),
    Column("version", Integer, nullable=False),
    _id("previous_model", nullable=True),
    Column("previous_version", Integer, nullable=True),
    _ms("changed_at"),
    ForeignKeyConstraint(["model", "version"], ["model_versions.model", "model_versions.version"], name="aliases_version"),
)

alias_changes: Final = Table(
    "alias_changes",
    truth,
    _serial("change_id"),
    _id("alias"),
    _id("model", nullable=True),
    Column("version", Integer, nullable=True),
    _ms("changed_at"),
    Index("alias_changes_alias", "alias", "change_id"),
    sqlite_autoincrement=True,
)

# --- jobs and processes -----------------------------------------------------------------------------------------------

jobs: Final = Table(
    "jobs",
    truth,
    _key("job_id"),
    _text("kind"),
    _text("state"),
    _ms("created_at"),
    _ms("started_at", nullable=True),
    _ms("finished_at", nullable=True),
    _number("progress"),
    _text("message"),
    _text("params"),
    _text("result"),
    _id("worker", nullable=True),
    _ms("seen_at", nullable=True),
    Column("cancel", Boolean, nullable=False, server_default=text("false")),
    Index("jobs_state", "state", "job_id"),
)

heartbeats: Final = Table(
    "heartbeats",
    truth,
    _key("process_id"),
    _text("role"),
    _text("host"),
    Column("pid", Integer, nullable=False),
    Column("port", Integer, nullable=True),
    _text("release"),
    _ms("started_at"),
    _ms("seen_at"),
)

leases: Final = Table(  # the leader of a kind of work
    "leases",
    truth,
    _key("name"),
    _id("holder"),
    _ms("expires_at"),
)

meta: Final = Table(  # single values of the project, such as the key that tombstones are hashed with
    "meta",
    truth,
    _key("name"),
    _text("value"),
    _ms("changed_at"),
)

# --- experiments and rules --------------------------------------------------------------------------------------------

experiments: Final = Table(
    "experiments",
    truth,
    _key("experiment"),
    _text("kind"),
    _text("state"),
    Column("phase", Integer, nullable=False),
    _text("definition"),
    _ms("created_at"),
    _ms("started_at", nullable=True),
    _ms("stopped_at", nullable=True),
    _text("verdict", nullable=True),
)

experiment_changes: Final = Table(  # phases, ramps, stops and decisions, with who and why
    "experiment_changes",
    truth,
    _serial("change_id"),
    _id("experiment"),
    Column("phase", Integer, nullable=False),
    _ms("changed_at"),
    _text("changed_by"),
    _text("change"),
    Index("experiment_changes_experiment", "experiment", "change_id"),
    sqlite_autoincrement=True,
)

exposures: Final = Table(  # a unit's first exposure, kept for ever, and how often it met another arm after it
    "exposures",
    truth,
    _key("experiment"),
    Column("phase", Integer, primary_key=True, autoincrement=False),
    _key("unit"),
    _text("arm"),
    _text("served_arm"),
    _number("weight"),
    _text("reason"),
    Column("scheme", Integer, nullable=False),
    _ms("first_at"),
    _ms("last_at"),
    _id("request_id", nullable=True),
    Column("served", BigInteger, nullable=False),
    Column("crossed", BigInteger, nullable=False),
    _text("attributes", nullable=True),
)

unit_totals: Final = Table(  # what each unit adds to a metric: the sketches' squares need sums per unit
    "unit_totals",
    truth,
    _key("experiment"),
    Column("phase", Integer, primary_key=True, autoincrement=False),
    _key("metric"),
    _key("unit"),
    _number("x"),
    _number("y"),
    _number("before"),
    _ms("updated_at"),
)

metric_sketches: Final = Table(  # six sums per experiment, arm, day and metric; they merge by addition
    "metric_sketches",
    truth,
    _key("experiment"),
    Column("phase", Integer, primary_key=True, autoincrement=False),
    _key("arm"),
    _key("metric"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    _key("segment"),
    Column("n", BigInteger, nullable=False),
    _number("sum_x"),
    _number("sum_xx"),
    _number("sum_y"),
    _number("sum_yy"),
    _number("sum_xy"),
)

rules: Final = Table(
    "rules",
    truth,
    _key("rule"),
    Column("revision", Integer, nullable=False),
    _text("surface"),
    _text("owner"),
    _text("definition"),
    Column("enabled", Boolean, nullable=False),
    _ms("starts_at", nullable=True),
    _ms("ends_at", nullable=True),
    _ms("changed_at"),
)

rule_changes: Final = Table(
    "rule_changes",
    truth,
    _key("rule"),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    _ms("changed_at"),
    _text("changed_by"),
    _text("definition", nullable=True),
)

# --- access -----------------------------------------------------------------------------------------------------------

api_keys: Final = Table(
    "api_keys",
    truth,
    _key("key_id"),
    _text("name"),
    _text("secret_hash"),
    _text("scopes"),
    _ms("created_at"),
    _ms("expires_at", nullable=True),
    _ms("revoked_at", nullable=True),
    _ms("used_at", nullable=True),
)

idempotency_keys: Final = Table(
    "idempotency_keys",
    truth,
    _key("key"),
    _text("body_hash"),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    _ms("expires_at"),
    Index("idempotency_keys_expires_at", "expires_at"),
)

importer_checkpoints: Final = Table(
    "importer_checkpoints",
    truth,
    _key("source"),
    Column("rows_done", BigInteger, nullable=False),
    _ms("changed_at"),
)

# --- how well it goes -------------------------------------------------------------------------------------------------

quality_results: Final = Table(
    "quality_results",
    truth,
    _key("metric"),
    _key("period"),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    _key("surface"),
    _key("arm"),
    _key("model"),
    _number("value", nullable=True),
    _number("low", nullable=True),
    _number("high", nullable=True),
    Column("n", BigInteger, nullable=False),
    _text("detail", nullable=True),
    _ms("computed_at"),
)

alerts: Final = Table(
    "alerts",
    truth,
    _key("alert_id"),
    _text("rule"),
    _text("severity"),
    _text("labels"),
    _text("message"),
    _number("value", nullable=True),
    _number("threshold", nullable=True),
    _ms("started_at"),
    _ms("resolved_at", nullable=True),
    _ms("notified_at", nullable=True),
    Index("alerts_rule", "rule", "started_at"),
)

# --- the served slates, in a file of their own ------------------------------------------------------------------------

slates: Final = Table(
    "slates",
    losable,
    _serial("sequence"),
    _id("request_id"),
    _ms("ts"),
    _id("user_id"),
    Column("body", LargeBinary, nullable=False),  # the whole slate as MessagePack
    sqlite_autoincrement=True,  # folds follow it by number
)
# Appended in order of request id and nothing else: an index by user would cost every list a random page.
Index("slates_request_id", slates.c.request_id, unique=True)
