"""Creating and migrating a file when it is opened."""

import sqlite3
from contextlib import closing
from pathlib import Path

from honeyguide.stores import migrations
from honeyguide.stores.sqlite.connect import open_writer


def migrate(path: Path, line: migrations.Line) -> None:
    """Bring the file at `path` to the present schema, creating it if need be.

    Raises `Conflict` for a file of a newer release, `sqlite3.Error` for one that is no database."""
    if not migrations.pending(line, version(path), str(path)):
        return
    with closing(open_writer(path, synchronous="FULL")):  # WAL can only be switched on outside a transaction
        pass
    # Only a migration needs SQLAlchemy, and it costs a tenth of a second to import.
    from sqlalchemy import URL, NullPool, create_engine

    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": 60.0},
    )
    migrations.upgrade(engine, line, "BEGIN IMMEDIATE", lambda found: migrations.pending(line, found, str(path)))


def version(path: Path) -> str | None:
    """The version of the file at `path`; None for one that is not there or was never made."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path, timeout=60.0)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None
