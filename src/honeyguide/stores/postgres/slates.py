"""The served slates in PostgreSQL: losable (a power cut of the server may take the last ones), so never waited for."""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Final

from honeyguide.stores.postgres.dialect import translated
from honeyguide.stores.postgres.pool import Pool, ThreadPool
from honeyguide.stores.postgres.position import SLATES_LOCK
from honeyguide.stores.spool import Spool
from honeyguide.stores.sql import Reads
from honeyguide.stores.sql.slates import COUNT_SLATES, SELECT_SLATE, decode_slate, encode_slate, slates_after, slates_of_user
from honeyguide.types import ServedSlate, SlatesLogged

_INSERT: Final = (
    "INSERT INTO slates (request_id, ts, user_id, body) "
    "SELECT * FROM unnest(%s::text[], %s::int8[], %s::text[], %s::bytea[]) ON CONFLICT (request_id) DO NOTHING"
)


class PostgresSlates:
    """`protocols.SlateLog` on PostgreSQL; while it is away, slates wait in a file of this machine."""

    def __init__(self, reads: Pool, snapshots: Reads, writes: ThreadPool, spool: Spool) -> None:
        self._reads, self._snapshots, self._writes, self._spool = reads, snapshots, writes, spool
        self._lock = Lock()

    def append(self, slates: Sequence[ServedSlate]) -> SlatesLogged:
        """Commit a group and what waited before it; if the database is away, let the group wait in the spool."""
        with self._lock:
            return self._spool.through(slates, self._commit)

    async def get(self, request_id: str) -> ServedSlate | None:
        """The slate of a request id."""
        rows = await self._reads.fetch(translated(SELECT_SLATE), [request_id])
        return decode_slate(rows[0][0]) if rows else None

    def scan(self, *, after: int = 0) -> Iterator[list[tuple[int, ServedSlate]]]:
        """The stored slates after a number, in batches of one short read each."""
        return slates_after(self._snapshots, after)

    def of_user(self, user_id: str) -> Iterator[list[ServedSlate]]:
        """The stored slates of a user, oldest first, in batches of one short read each."""
        return slates_of_user(self._snapshots, user_id)

    def count(self) -> int:
        """How many slates are stored."""
        with self._snapshots.snapshot() as db:
            return int(db.execute(COUNT_SLATES).fetchone()[0])

    def _commit(self, slates: Sequence[ServedSlate]) -> None:
        columns = [
            [slate.request_id for slate in slates],
            [slate.ts for slate in slates],
            [slate.user_id for slate in slates],
            [encode_slate(slate) for slate in slates],
        ]
        if slates:
            with self._writes.lend() as connection, connection.transaction():
                connection.execute(SLATES_LOCK)
                connection.execute(_INSERT, columns, binary=True)
