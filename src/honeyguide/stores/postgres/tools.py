"""What the commands of `honeyguide db` do with a PostgreSQL schema, beside the store."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import psycopg
from psycopg import sql

from honeyguide.config.settings import Settings
from honeyguide.errors import InvalidInput
from honeyguide.stores.copying.tables import Copied, Row, tables
from honeyguide.stores.migrations import Line
from honeyguide.stores.postgres.address import Address, address
from honeyguide.stores.postgres.connect import open_connection
from honeyguide.stores.postgres.faults import OWN_FAULTS, meaning
from honeyguide.stores.postgres.position import FOLDS_LOCK, LOG_LOCK, POSITION, RECORDS_LOCK, SLATES_LOCK
from honeyguide.stores.postgres.schema import versions
from honeyguide.stores.postgres.work import Transaction
from honeyguide.stores.sql import Database

_LOCKS: Final = (LOG_LOCK, RECORDS_LOCK, FOLDS_LOCK, SLATES_LOCK)
_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTools:
    """`copying.End` in a schema. It works with the whole of the tables: its statements may take as long as they take."""

    position = f"SELECT {POSITION}"

    def __init__(self, where: Address, settings: Settings) -> None:
        self._where = where
        self._storage = settings.storage.model_copy(update={"statement_timeout": 0.0, "idle_timeout": 0.0})
        self.where = where.where

    def versions(self) -> dict[Line, str | None]:
        """The version of each line of the schema; None for one that was never made."""
        return versions(self._where, self._storage)

    @contextmanager
    def reading(self, line: Line) -> Iterator[Database]:
        """A snapshot."""
        with self._transaction(_SNAPSHOT) as connection:
            yield Transaction(connection)

    @contextmanager
    def writing(self, line: Line) -> Iterator[Database]:
        """A transaction that holds every lock that writers take."""
        with self._transaction("BEGIN") as connection:
            for lock in _LOCKS:
                connection.execute(lock)
            yield _Loading(connection)
            connection.execute("COMMIT")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """A connection with a transaction, which closing it undoes."""
        try:
            with closing(open_connection(self._where, self._storage, "work")) as connection:
                connection.execute(begin)
                yield connection
        except psycopg.Error as error:
            raise meaning(error, self._where) from error

    def load(self, db: Database, table: Copied, rows: list[Row]) -> None:
        """Add rows to a table by COPY. Raises `InvalidInput` for text that PostgreSQL cannot hold."""
        assert isinstance(db, _Loading)
        try:
            db.copy(table, rows)
        except OWN_FAULTS as error:
            raise InvalidInput(
                f"A row of the table {table.name} cannot be stored in {self.where}: {error}.",
                cure="Correct it in the source and run it again.",
            ) from error

    def number_from(self, db: Database, table: Copied, last: int) -> None:
        """Let the next number of a table be above `last`."""
        db.execute("SELECT setval(pg_get_serial_sequence(?, ?), ?, ?)", (table.name, table.key[0], max(1, last), last > 0))

    def finish(self) -> None:
        """Gather statistics: until it has them, the server plans for empty tables."""
        names = [table.name for line in ("truth", "losable") for table in tables(line)]
        try:
            with closing(open_connection(self._where, self._storage, "work")) as connection:
                connection.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(map(sql.Identifier, names))))
        except psycopg.Error as error:
            raise meaning(error, self._where) from error


class _Loading(Transaction):
    """A transaction that can take many rows at once."""

    def copy(self, table: Copied, rows: list[Row]) -> None:
        """Add rows."""
        into = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
        )
        with self._connection.cursor().copy(into) as copy:
            for row in rows:
                copy.write_row(row)


def open_tools(url: str, settings: Settings) -> PostgresTools:
    """The tools for the schema that a URL names."""
    return PostgresTools(address(url), settings)
