"""Answers by idempotency key, in SQLite."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from honeyguide.clock import Clock
from honeyguide.stores.sql.keys import EXPIRED_ANSWERS, KEEP_ANSWER, KEPT_ANSWER
from honeyguide.stores.sqlite.connect import Readers
from honeyguide.stores.sqlite.writer import Writer
from honeyguide.types import StoredAnswer

_SWEEP: Final = f"DELETE FROM idempotency_keys WHERE key IN ({EXPIRED_ANSWERS})"
_Answer = tuple[str, str, int, bytes, int]


class SqliteIdempotency:
    """`protocols.IdempotencyKeys` on SQLite."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock) -> None:
        self._writer = writer
        self._readers = readers
        self._clock = clock

    async def get(self, key: str, *, now: int) -> StoredAnswer | None:
        """The answer kept for `key`, unless it has expired by `now`."""
        with self._readers.snapshot() as db:
            row = db.execute(KEPT_ANSWER, (key, now)).fetchone()
        return StoredAnswer(*row) if row else None

    async def put(self, key: str, body_hash: str, status: int, body: bytes, *, expires_at: int) -> None:
        """Keep an answer; one that is kept already stays until it expires."""
        await self._writer.commit(_put, ((key, body_hash, status, body, expires_at), self._clock.now_ms()))

    async def sweep(self, *, now: int) -> int:
        """Remove a few answers that have expired by `now`; how many."""
        return await self._writer.commit(_sweep, now)


def _sweep(db: sqlite3.Connection, moments: Sequence[int]) -> list[int]:
    return [db.execute(_SWEEP, (now,)).rowcount for now in moments]


def _put(db: sqlite3.Connection, answers: Sequence[tuple[_Answer, int]]) -> list[None]:
    for answer, now in answers:
        db.execute(KEEP_ANSWER, (*answer, now))
    return [None] * len(answers)
