"""The schema: migrations make what `schema.py` says, what SQL of our own names is there, and queries meet their index."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Engine, MetaData, NullPool, create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict
from honeyguide.stores import migrations, schema
from honeyguide.stores.migrations import VERSIONS, Line
from honeyguide.stores.sql.registry import _FIELDS
from honeyguide.stores.sql.rows import ITEM_COLUMNS, LOG_COLUMNS, USER_COLUMNS
from honeyguide.stores.sqlite import SLATES, TRUTH, SqliteStore, state
from honeyguide.stores.sqlite.schema import migrate
from honeyguide.types import Job

FILES: list[tuple[Line, str, MetaData]] = [("truth", TRUTH, schema.truth), ("losable", SLATES, schema.losable)]


@pytest.fixture(autouse=True)
def _migrated_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of this page is migrated, and none a copy of one that was."""
    monkeypatch.setattr("honeyguide.stores.sqlite.migrate", migrate)
    monkeypatch.setattr("honeyguide.stores.sqlite.slates.migrate", migrate)


def engine(path: Path) -> Engine:
    return create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)


def written(path: Path) -> dict[str, str]:
    """The SQL of everything in a file, by name, without SQLite's own tables and Alembic's."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(sql.split()) for name, sql in rows if not name.startswith(("sqlite_", "alembic_"))}


@pytest.mark.parametrize(("line", "name", "metadata"), FILES)
def test_migrations_make_the_schema(store: SqliteStore, tmp_path: Path, line: Line, name: str, metadata: MetaData) -> None:
    with engine(tmp_path / name).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    # Alembic does not compare everything, the condition of an index for one; the text of the SQL says all.
    made = engine(tmp_path / "made.sqlite")
    metadata.create_all(made)
    assert written(tmp_path / name) == written(tmp_path / "made.sqlite")


@pytest.mark.parametrize("line", ["truth", "losable"])
def test_the_versions_are_those_of_the_scripts(line: Line) -> None:
    config = Config()
    folder = Path(migrations.__file__).parent
    config.set_main_option("script_location", str(folder))
    config.set_main_option("version_locations", str(folder / line))
    config.set_main_option("path_separator", "newline")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [VERSIONS[line][-1]]
    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(VERSIONS[line]))


@pytest.mark.parametrize("metadata", [schema.truth, schema.losable])
def test_the_same_tables_are_good_for_postgresql(metadata: MetaData) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in metadata.tables.values():
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert ("WHERE" in str(CreateIndex(index).compile(dialect=dialect))) == bool(
                index.dialect_options["sqlite"]["where"] is not None
            )
    ids = [column for table in metadata.tables.values() for column in table.columns if column.name.endswith("_id")]
    texts = [column for column in ids if column.type.python_type is str]
    assert texts
    assert all('COLLATE "C"' in column.type.compile(dialect=dialect) for column in texts), "an id not ordered by its bytes"


def test_every_thing_of_the_design_has_its_table() -> None:
    wanted = {
        "log", "items", "users", "tombstones", "model_versions", "aliases", "jobs", "experiments", "rules", "exposures",
        "metric_sketches", "api_keys", "quality_results", "alerts", "idempotency_keys", "importer_checkpoints",
        "heartbeats", "meta",
    }  # fmt: skip
    assert wanted <= set(schema.truth.tables)
    assert set(schema.losable.tables) == {"slates"}


def test_our_own_sql_names_the_columns_that_there_are() -> None:
    columns = {name: [column.name for column in table.columns] for name, table in schema.truth.tables.items()}
    assert sorted(columns["log"]) == sorted(LOG_COLUMNS)
    assert LOG_COLUMNS[-1] == "sequence", "the writer numbers rows in the last place of their tuple"
    assert columns["items"] == [*ITEM_COLUMNS[:-1], "first_sequence", "sequence"]
    assert columns["users"] == list(USER_COLUMNS)
    assert columns["jobs"][: len(Job.__struct_fields__)] == list(Job.__struct_fields__)
    assert columns["model_versions"] == list(_FIELDS)


@pytest.mark.parametrize(("line", "name", "metadata"), FILES)
def test_a_newer_schema_is_refused(
    store: SqliteStore, tmp_path: Path, clock: ManualClock, line: Line, name: str, metadata: MetaData
) -> None:
    store.close()
    with closing(sqlite3.connect(tmp_path / name)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    before = written(tmp_path / name)
    with pytest.raises(Conflict, match=r"9999.*pip install") as refused:
        SqliteStore(tmp_path, clock)
    assert refused.value.code == "schema_too_new"
    assert written(tmp_path / name) == before


def test_a_migration_that_is_cut_short_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / TRUTH
    real = sqlite3.connect

    class Cut(sqlite3.Connection):
        def commit(self) -> None:
            raise KeyboardInterrupt

    def connect(*args: Any, **options: Any) -> Any:
        return real(*args, **{**options, "factory": Cut})

    with monkeypatch.context() as patch:
        patch.setattr("sqlite3.dbapi2.connect", connect)
        patch.setattr("sqlite3.connect", connect)
        with pytest.raises(KeyboardInterrupt):
            SqliteStore(tmp_path, ManualClock())
    assert written(path) == {}
    SqliteStore(tmp_path, ManualClock()).close()
    assert "log" in written(path)


def plan(folder: Path, sql: str, values: Any) -> str:
    with closing(sqlite3.connect(folder / TRUTH)) as db:
        return " | ".join(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values))


def test_hot_queries_meet_their_index(store: SqliteStore, tmp_path: Path) -> None:
    history = plan(tmp_path, state._EVENTS, ("u", 5, 5))
    assert "USING INDEX log_history" in history
    assert "TEMP B-TREE" not in history, "the index is in the order asked for"
    beside = plan(tmp_path, state._SEEN, {"user_id": "u", "until": 5})
    assert "log_history" in beside
    assert "log_beside_history" in beside
    assert "SCAN" not in beside.replace("SCAN CONSTANT ROW", "")
    assert "log_beside_history" in plan(tmp_path, f"{state._CHANGES} IN (?, ?)", ("u", "v"))
    merged = plan(tmp_path, "SELECT * FROM users WHERE canonical_id = ?", ("u",))
    assert "users_canonical_id" in merged
    changes = "SELECT * FROM log WHERE kind <> 'event' AND item_id = ? AND sequence > ? AND sequence <= ? ORDER BY sequence"
    assert "USING INDEX log_changes (item_id=? AND sequence>? AND sequence<?)" in plan(tmp_path, changes, ("i", 1, 2))
    assert "TEMP" not in plan(tmp_path, changes, ("i", 1, 2))


def test_how_the_files_are_written(store: SqliteStore, tmp_path: Path, open_sqlite: Callable[[], SqliteStore]) -> None:
    """The truth survives a power cut, the slates need not; both let readers read while somebody writes."""

    def pragma(db: sqlite3.Connection | None, name: str) -> Any:
        assert db is not None
        return db.execute(f"PRAGMA {name}").fetchone()[0]

    truth, slates = store._writer._db, store._slates._db
    assert [pragma(db, "journal_mode") for db in (truth, slates)] == ["wal", "wal"]
    assert [pragma(db, "synchronous") for db in (truth, slates)] == [2, 1]
    assert pragma(truth, "foreign_keys") == 1
    with store._readers.snapshot() as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM log")
