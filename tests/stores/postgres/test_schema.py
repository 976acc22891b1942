"""The schema in PostgreSQL: migrations make what `schema.py` says, however many processes open it at the same time."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import run as run_program

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, NullPool, create_engine

from honeyguide.clock import SystemClock
from honeyguide.stores import schema
from honeyguide.stores.migrations import VERSIONS, Line
from honeyguide.stores.postgres import PostgresStore
from honeyguide.stores.postgres.address import address
from honeyguide.stores.postgres.schema import TABLES, versions
from honeyguide.stores.urls import open_store
from honeyguide.testing.stores.rows import event, run
from tests import postgres

LINES: list[tuple[Line, MetaData]] = [("truth", schema.truth), ("losable", schema.losable)]


@pytest.mark.parametrize(("line", "metadata"), LINES)
def test_migrations_make_the_schema(url: str, line: Line, metadata: MetaData) -> None:
    def connect() -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(url, options="-c search_path=honeyguide")

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    ours = {*metadata.tables}

    def looked_at(_: object, name: str | None, kind: str, *__: object) -> bool:
        return kind != "table" or name in ours

    with engine.connect() as connection:
        options = {
            "compare_type": True, "compare_server_default": True, "include_object": looked_at,
            "version_table": TABLES[line],
        }  # fmt: skip
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_conditions_of_indexes_are_those_of_the_schema(other: psycopg.Connection[tuple[str, str]]) -> None:
    sql = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'honeyguide'"
    made = dict(other.execute(sql).fetchall())
    for table in (*schema.truth.tables.values(), *schema.losable.tables.values()):
        for index in table.indexes:
            partial = index.dialect_options["postgresql"]["where"] is not None
            assert (" WHERE " in made[str(index.name)]) == partial
            assert ("UNIQUE" in made[str(index.name)]) == index.unique


def test_ids_are_compared_by_their_bytes(other: psycopg.Connection[tuple[str, str, str]]) -> None:
    sql = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'honeyguide' AND data_type = 'text' AND column_name LIKE '%id'"
    )
    rows = other.execute(sql).fetchall()
    assert len(rows) > 15
    assert {row[2] for row in rows} == {"C"}


def test_two_projects_in_one_database_know_nothing_of_each_other(tmp_path: Path) -> None:
    server = postgres.server()
    name = server.database()
    stores = [
        open_store(postgres.patient(server.url_of(name, schema=schema), tmp_path / schema), SystemClock())
        for schema in ("one", "two")
    ]
    run(stores[0].log.append([event("u", "i")]))
    assert [run(store.log.position()) for store in stores] == [1, 0]
    assert not run(stores[1].log.user_state("u", limit=5)).known
    for store in stores:
        store.close()


def test_many_open_an_empty_database_at_the_same_time(tmp_path: Path) -> None:
    server = postgres.server()
    url = server.url_of(server.database())
    where, storage = address(url), postgres.patient(url, tmp_path).storage
    assert versions(where, storage) == {"truth": None, "losable": None}

    def open_one(_: int) -> PostgresStore:
        store = open_store(postgres.patient(url, tmp_path), SystemClock())
        assert isinstance(store, PostgresStore)
        return store

    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(open_one, range(4)))
    assert versions(where, storage) == {line: numbers[-1] for line, numbers in VERSIONS.items()}
    assert [run(store.log.append([event("u", "i")])).sequence for store in stores] == [1, 2, 3, 4]
    for store in stores:
        store.close()


def test_a_migration_that_is_cut_short_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = postgres.server()
    url = server.url_of(server.database())
    real = psycopg.Connection.commit

    def cut(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        if not connection.autocommit:
            raise KeyboardInterrupt
        real(connection)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "commit", cut)
        with pytest.raises(KeyboardInterrupt):
            open_store(postgres.patient(url, tmp_path), SystemClock())
    assert versions(address(url), postgres.patient(url, tmp_path).storage) == {"truth": None, "losable": None}
    open_store(postgres.patient(url, tmp_path), SystemClock()).close()


def test_an_old_database_is_opened_without_sqlalchemy(url: str, tmp_path: Path) -> None:
    """Slow to import, and only a migration has need of it; without PostgreSQL nobody imports its driver."""
    program = (
        "import sys\n"
        "from honeyguide.clock import SystemClock\n"
        "from honeyguide.stores.urls import open_store\n"
        "from tests import postgres\n"
        "from pathlib import Path\n"
        f"settings = postgres.patient({url!r}, Path({str(tmp_path)!r}))\n"
        "open_store(settings, SystemClock()).close()\n"
        "assert not {'sqlalchemy', 'alembic'} & set(sys.modules)\n"
    )
    ended = run_program([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    program = "import sys, honeyguide.cli, honeyguide.bootstrap\nassert not {'psycopg', 'alembic'} & set(sys.modules)\n"
    ended = run_program([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_package_that_is_missing_is_named(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from honeyguide.clock import SystemClock\n"
        "from honeyguide.config.settings import Settings, Storage\n"
        "from honeyguide.errors import ConfigError\n"
        "from honeyguide.stores.urls import open_store\n"
        "try:\n"
        "    open_store(Settings(storage=Storage(url='postgresql://ann:secret@host/db')), SystemClock())\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    ended = run_program([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "pip install 'honeyguide[postgres]'" in ended.stdout
    assert "secret" not in ended.stdout


def test_a_store_on_a_shared_database_keeps_nobody_out(open_postgres: Callable[..., PostgresStore]) -> None:
    first, second = open_postgres(), open_postgres()
    assert first.shared
    with first.hold("serve"), second.hold("serve"):
        assert run(second.log.position()) == 0
