"""Creating and migrating a project's schema when it is opened."""

from contextlib import closing
from typing import Any, Final

import psycopg
from psycopg import sql

from honeyguide.config.settings import Storage
from honeyguide.stores import migrations
from honeyguide.stores.migrations import Line
from honeyguide.stores.postgres.address import Address
from honeyguide.stores.postgres.connect import check_server, open_connection
from honeyguide.stores.postgres.faults import meaning

TABLES: Final[dict[Line, str]] = {"truth": "alembic_version", "losable": "alembic_version_losable"}
"""Where each line keeps its version: both live in one schema."""
_LOCK: Final = "SELECT pg_advisory_xact_lock(1752133221, hashtext({}))"


def versions(address: Address, storage: Storage) -> dict[Line, str | None]:
    """The version of each line; None for one that was never made."""
    try:
        with closing(open_connection(address, storage, "work")) as connection:
            check_server(connection, address)
            return {line: _version(connection, table) for line, table in TABLES.items()}
    except psycopg.Error as error:
        raise meaning(error, address) from error


def migrate(address: Address, storage: Storage) -> None:
    """Bring the project's schema to the present version, creating it if need be.

    Raises `Conflict` for one of a newer release, `Unavailable` for what PostgreSQL cannot do."""
    found = versions(address, storage)
    waiting = [line for line, version in found.items() if migrations.pending(line, version, address.where)]
    if not waiting:
        return
    try:
        with closing(open_connection(address, storage, "work")) as connection:
            _create_schema(connection, address.schema)
        for line in waiting:
            _upgrade(address, storage, line)
    except psycopg.Error as error:
        raise meaning(error, address) from error


def _create_schema(connection: psycopg.Connection[Any], schema: str) -> None:
    """Only where it is not there: a user who may not create any may still use this one."""
    with connection.transaction():
        connection.execute(sql.SQL(_LOCK).format(schema))
        if connection.execute("SELECT to_regnamespace(%s) IS NULL", (schema,)).fetchone() == (True,):
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))


def _upgrade(address: Address, storage: Storage, line: Line) -> None:
    # Only a migration needs SQLAlchemy, and it costs a tenth of a second to import.
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import DBAPIError

    def connect() -> psycopg.Connection[Any]:
        connection = open_connection(address, storage, "work")
        connection.autocommit = False
        return connection

    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    begin = _LOCK.format(f"'{address.schema}'")
    try:
        migrations.upgrade(
            engine,
            line,
            begin,
            lambda found: migrations.pending(line, found, address.where),
            version_table=TABLES[line],
        )
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from error
        raise


def _version(connection: psycopg.Connection[Any], table: str) -> str | None:
    if connection.execute("SELECT to_regclass(%s) IS NULL", (table,)).fetchone() == (True,):
        return None
    row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(table))).fetchone()
    return str(row[0]) if row else None
