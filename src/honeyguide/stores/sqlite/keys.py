"""What must not be done twice, in SQLite: answers by idempotency key, and how far an import has come."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from honeyguide.clock import Clock
from honeyguide.stores.sqlite.connect import Readers
from honeyguide.stores.sqlite.writer import Writer
from honeyguide.types import StoredAnswer

_Answer = tuple[str, str, int, bytes, int]
_SWEEP: Final = 100
_PUT: Final = (
    "INSERT INTO idempotency_keys (key, body_hash, status, body, expires_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET body_hash = excluded.body_hash, status = excluded.status, body = excluded.body, "
    "expires_at = excluded.expires_at WHERE expires_at <= ?"
)
_EXPIRED: Final = (
    "DELETE FROM idempotency_keys WHERE key IN "
    f"(SELECT key FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT {_SWEEP})"
)
_RECORD: Final = (
    "INSERT INTO importer_checkpoints (source, rows_done, changed_at) VALUES (?, ?, ?) "
    "ON CONFLICT (source) DO UPDATE SET rows_done = excluded.rows_done, changed_at = excluded.changed_at"
)


class SqliteIdempotency:
    """`protocols.IdempotencyKeys` on SQLite. Each `put` also removes a few answers that have expired."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def get(self, key: str, *, now: int) -> StoredAnswer | None:
        """The answer kept for `key`, unless it has expired by `now`."""
        sql = "SELECT body_hash, status, body FROM idempotency_keys WHERE key = ? AND expires_at > ?"
        with self._readers.snapshot() as db:
            row = db.execute(sql, (key, now)).fetchone()
        return StoredAnswer(*row) if row else None

    async def put(self, key: str, body_hash: str, status: int, body: bytes, *, expires_at: int) -> None:
        """Keep an answer; one that is kept already stays until it expires."""
        await self._writer.commit(_put, ((key, body_hash, status, body, expires_at), self._clock.now_ms()))


class SqliteCheckpoints:
    """`protocols.Checkpoints` on SQLite."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    def rows_done(self, source: str) -> int:
        """How many rows of `source` were imported; 0 for one never begun."""
        with self._readers.snapshot() as db:
            row = db.execute("SELECT rows_done FROM importer_checkpoints WHERE source = ?", (source,)).fetchone()
        return int(row[0]) if row else 0

    def record(self, source: str, rows: int) -> None:
        """Note that the first `rows` rows of `source` are in the log."""
        self._writer.call(_record, (source, rows, self._clock.now_ms()))

    def forget(self, source: str) -> None:
        """Begin anew with `source` next time."""
        self._writer.call(_forget, source)


def _put(db: sqlite3.Connection, answers: Sequence[tuple[_Answer, int]]) -> list[None]:
    for answer, now in answers:
        db.execute(_PUT, (*answer, now))
        db.execute(_EXPIRED, (now,))
    return [None] * len(answers)


def _record(db: sqlite3.Connection, checkpoints: Sequence[tuple[str, int, int]]) -> list[None]:
    db.executemany(_RECORD, checkpoints)
    return [None] * len(checkpoints)


def _forget(db: sqlite3.Connection, sources: Sequence[str]) -> list[None]:
    db.executemany("DELETE FROM importer_checkpoints WHERE source = ?", [(source,) for source in sources])
    return [None] * len(sources)
