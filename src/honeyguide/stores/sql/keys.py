"""What must not be done twice: answers by idempotency key, and how far an import has come."""

from collections.abc import Sequence
from typing import Final

from honeyguide.clock import Clock
from honeyguide.stores.sql import Database, Reads, Writes

KEPT_ANSWER: Final = "SELECT body_hash, status, body FROM idempotency_keys WHERE key = ? AND expires_at > ?"
KEEP_ANSWER: Final = (
    "INSERT INTO idempotency_keys (key, body_hash, status, body, expires_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (key) DO UPDATE SET body_hash = excluded.body_hash, status = excluded.status, body = excluded.body, "
    "expires_at = excluded.expires_at WHERE idempotency_keys.expires_at <= ?"
)
"""Values of the answer, and the present: one that is kept already stays until it expires."""
_SWEEP: Final = 100
EXPIRED_ANSWERS: Final = f"SELECT key FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT {_SWEEP}"
"""A few answers that have expired."""
_RECORD: Final = (
    "INSERT INTO importer_checkpoints (source, rows_done, changed_at) VALUES (?, ?, ?) "
    "ON CONFLICT (source) DO UPDATE SET rows_done = excluded.rows_done, changed_at = excluded.changed_at"
)


class TableCheckpoints:
    """`protocols.Checkpoints` on any database."""

    def __init__(self, writes: Writes, reads: Reads, clock: Clock) -> None:
        self._writes = writes
        self._reads = reads
        self._clock = clock

    def rows_done(self, source: str) -> int:
        """How many rows of `source` were imported; 0 for one never begun."""
        with self._reads.snapshot() as db:
            row = db.execute("SELECT rows_done FROM importer_checkpoints WHERE source = ?", (source,)).fetchone()
        return int(row[0]) if row else 0

    def record(self, source: str, rows: int) -> None:
        """Note that the first `rows` rows of `source` are in the log."""
        self._writes.call(_record, (source, rows, self._clock.now_ms()))

    def forget(self, source: str) -> None:
        """Begin anew with `source` next time."""
        self._writes.call(_forget, source)


def _record(db: Database, checkpoints: Sequence[tuple[str, int, int]]) -> list[None]:
    db.executemany(_RECORD, checkpoints)
    return [None] * len(checkpoints)


def _forget(db: Database, sources: Sequence[str]) -> list[None]:
    db.executemany("DELETE FROM importer_checkpoints WHERE source = ?", [(source,) for source in sources])
    return [None] * len(sources)
