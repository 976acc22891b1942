"""The served slates in PostgreSQL: losable (a power cut of the server may take the last ones), so never waited for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import Lock
from typing import Final

from honeyguide.pseudonyms import Pseudonyms
from honeyguide.stores.postgres.dialect import translated
from honeyguide.stores.postgres.pool import Pool, ThreadPool
from honeyguide.stores.postgres.position import SLATES_LOCK
from honeyguide.stores.postgres.work import Transaction
from honeyguide.stores.spool import Spool
from honeyguide.stores.sql import Reads
from honeyguide.stores.sql.slates import (
    COUNT_SLATES,
    LAST_SLATE,
    REMOVE_SLATE,
    SELECT_SLATE,
    decode_slate,
    encode_slate,
    expire_slates,
    latest_slates,
    remove_slates,
    slates_after,
    slates_between,
    slates_of,
)
from honeyguide.stores.sql.tombstones import LAST_ERASED, erased_before, erased_times
from honeyguide.types import ServedSlate, SlatesLogged

_INSERT: Final = (
    "INSERT INTO slates (request_id, ts, user_id, body) "
    "SELECT * FROM unnest(%s::text[], %s::int8[], %s::text[], %s::bytea[]) ON CONFLICT (request_id) DO NOTHING"
)


class PostgresSlates:
    """`protocols.SlateLog` on PostgreSQL; while it is away, slates wait in a file of this machine."""

    def __init__(self, reads: Pool, snapshots: Reads, writes: ThreadPool, spool: Spool, pseudonyms: Pseudonyms) -> None:
        self._reads, self._snapshots, self._writes, self._spool = reads, snapshots, writes, spool
        self._pseudonyms = pseudonyms
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

    def latest(self, most: int) -> Iterator[list[ServedSlate]]:
        """The slates stored last, newest first, at most so many, in batches of one short read each."""
        return latest_slates(self._snapshots, most)

    def served(self, *, since: int, until: int) -> Iterator[list[ServedSlate]]:
        """The slates that were served in a stretch of time, in batches of one short read each."""
        return slates_between(self._snapshots, since, until)

    def of_users(self, user_ids: Collection[str]) -> Iterator[list[ServedSlate]]:
        """The stored slates of these users, oldest first, in batches of one short read each."""
        for found in slates_of(self._snapshots, user_ids):
            yield [slate for _, slate in found]

    def expire(self, before: int) -> int:
        """Remove some of the slates that were served before a moment (ms), the oldest; returns how many."""
        return expire_slates(self._snapshots, self._remove, before)

    def remove_users(self, users: Mapping[str, int]) -> Iterator[Mapping[str, int]]:
        """Remove slates of users (id -> log position) made of what the log held up to there, in short steps.

        Those that wait on other machines are left out when they come in at last (`_commit`)."""
        yield self._spool.remove(lambda slate: slate.as_of <= users.get(slate.user_id, -1))
        yield from remove_slates(self._snapshots, self._remove, users)

    def scrub(self) -> bool:
        """Nothing is to be done: what was removed is the server's to vacuum."""
        return True

    def position(self) -> int:
        """The number of the last stored slate; 0 if there is none."""
        with self._snapshots.snapshot() as db:
            return int(db.execute(LAST_SLATE).fetchone()[0])

    def count(self) -> int:
        """How many slates are stored."""
        with self._snapshots.snapshot() as db:
            return int(db.execute(COUNT_SLATES).fetchone()[0])

    def _remove(self, sequences: Sequence[int]) -> None:
        with self._writes.lend() as connection, connection.transaction():
            Transaction(connection).executemany(REMOVE_SLATE, [(sequence,) for sequence in sequences])

    def _commit(self, slates: Sequence[ServedSlate]) -> None:
        if not slates:
            return
        with self._writes.lend() as connection, connection.transaction():
            connection.execute(SLATES_LOCK)
            kept = self._of_the_living(Transaction(connection), slates)
            columns = [
                [slate.request_id for slate in kept],
                [slate.ts for slate in kept],
                [slate.user_id for slate in kept],
                [encode_slate(slate) for slate in kept],
            ]
            connection.execute(_INSERT, columns, binary=True)

    def _of_the_living(self, db: Transaction, slates: Sequence[ServedSlate]) -> Sequence[ServedSlate]:
        """Without those of users who were erased while their slates waited in a file."""
        last = erased_before(db.execute(f"SELECT {LAST_ERASED}").fetchone()[0])
        old = {slate.user_id for slate in slates if last is not None and slate.user_id and slate.ts < last}
        if not old:
            return slates
        names = {user_id: self._pseudonyms.of(user_id) for user_id in old}
        erased = erased_times(db, names.values())
        return [slate for slate in slates if slate.ts >= erased.get(names.get(slate.user_id, ""), 0)]
