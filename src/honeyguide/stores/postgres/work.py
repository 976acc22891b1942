"""Transactions for threads: what `stores.sql` needs to read and to write in PostgreSQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg

from honeyguide.errors import HoneyguideError
from honeyguide.stores.postgres.dialect import translated
from honeyguide.stores.postgres.faults import blame
from honeyguide.stores.postgres.pool import ThreadPool
from honeyguide.stores.sql import Database, Found, Step

P = TypeVar("P")
R = TypeVar("R")

_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def now(db: Database) -> int:
    """The server's clock: those of the machines around it may differ by hours."""
    return int(db.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()[0])


class Transaction:
    """`sql.Database` on a connection that has a transaction open."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = (), /) -> Found:
        """Run one statement."""
        return self._connection.execute(translated(sql), values, binary=True)

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Found:
        """Run one statement with each of the values."""
        cursor = self._connection.cursor()
        cursor.executemany(translated(sql), values)
        return cursor


class Snapshots:
    """`sql.Reads` on PostgreSQL."""

    def __init__(self, pool: ThreadPool) -> None:
        self._pool = pool

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """A transaction whose reads all see the same moment."""
        with self._pool.lend() as connection:
            connection.execute(_SNAPSHOT)
            try:
                yield Transaction(connection)
            finally:
                _end(connection, "ROLLBACK")


class Steps:
    """`sql.Writes` on PostgreSQL: steps under one lock run one at a time in the whole database, as in SQLite's writer."""

    def __init__(self, pool: ThreadPool, lock: str) -> None:
        self._pool, self._lock = pool, lock

    def call(self, step: Step[P, R], payload: P, size: int = 1) -> R:
        """Run a step in a transaction of its own; it is durable when this returns."""
        with self._pool.lend() as connection:
            connection.execute("BEGIN")
            try:
                connection.execute(self._lock)
                (result,) = step(Transaction(connection), [payload])
                connection.execute("COMMIT")
            except BaseException as error:
                _end(connection, "ROLLBACK")
                if isinstance(error, Exception) and not isinstance(error, HoneyguideError):
                    raise blame(error) from error
                raise
        return result


def _end(connection: psycopg.Connection[Any], how: str) -> None:
    """End the transaction; a connection that cannot is not lent again."""
    if not connection.closed:
        try:
            connection.execute(how)
        except psycopg.Error:
            connection.close()
