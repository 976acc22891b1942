"""The event log in SQLite: appends through the writer, reads beside it."""

import asyncio
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import polars as pl

from honeyguide.protocols import LogWatch
from honeyguide.pseudonyms import Pseudonyms
from honeyguide.stores.sql.appended import check_size, left_out, settle
from honeyguide.stores.sql.derive import KnownItems
from honeyguide.stores.sql.rows import LOG_AFTER, log_row
from honeyguide.stores.sql.scan import happened, scan
from honeyguide.stores.sql.tombstones import Kept, keep
from honeyguide.stores.sqlite import derive, history, state
from honeyguide.stores.sqlite.connect import Readers
from honeyguide.stores.sqlite.rows import LOG_WIDTH, flat, insert_log
from honeyguide.stores.sqlite.watch import Watch
from honeyguide.stores.sqlite.writer import Writer
from honeyguide.types import Appended, LogRow, UserState

_SEQUENCES: Final = "SELECT event_id, sequence FROM log WHERE event_id IN (SELECT value FROM json_each(?))"
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Batch:
    """The rows of one append, and all their values in one list."""

    rows: Sequence[LogRow]
    values: list[Any]


class SqliteLog:
    """`protocols.EventLog` on SQLite. Reads are done at once on the caller's thread: a snapshot takes microseconds,
    and handing it to another thread would take longer."""

    def __init__(self, writer: Writer, readers: Readers, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._writer = writer
        self._readers = readers
        self._known = KnownItems()
        self._watches: list[Watch] = []

    async def append(self, rows: Sequence[LogRow]) -> Appended:
        """Commit up to `MAX_BATCH` rows in one transaction; see `protocols.EventLog.append`."""
        if not rows:
            return Appended(sequence=await self.position(), accepted=0)
        check_size(rows)
        appended = await self._writer.commit(self._append, _Batch(rows, flat(rows)), size=len(rows))
        self._known.add(row for row in rows if row.sequence)
        return appended

    async def position(self) -> int:
        """The sequence number of the last committed row; 0 for an empty log."""
        with self._readers.snapshot() as db:
            return state.position(db)

    async def user_state(
        self, user_id: str, *, limit: int, until: int | None = None, features: str | None = None
    ) -> UserState:
        """A user's attributes and latest events in one snapshot; see `protocols.EventLog.user_state`."""
        with self._readers.snapshot() as db:
            return state.user_state(db, user_id, limit=limit, until=until, features=features)

    async def impressions(self, user_id: str, *, since: int, until: int, limit: int) -> list[tuple[str, int]]:
        """What a user has seen lately; see `protocols.EventLog.impressions`."""
        with self._readers.snapshot() as db:
            return state.impressions(db, user_id, since=since, until=until, limit=limit)

    async def user_states(
        self, user_ids: Collection[str], *, limit: int, features: str | None = None
    ) -> dict[str, UserState]:
        """Many users in one snapshot, on another thread: it is no longer a matter of microseconds."""

        def read() -> dict[str, UserState]:
            with self._readers.snapshot() as db:
                return {name: state.user_state(db, name, limit=limit, features=features) for name in user_ids}

        return await asyncio.to_thread(read)

    async def rows_after(self, sequence: int, *, limit: int) -> list[LogRow]:
        """The next rows after a position, in log order."""
        with self._readers.snapshot() as db:
            return [log_row(values) for values in db.execute(LOG_AFTER, (sequence, limit)).fetchall()]

    def scan(self, *, after: int = 0, until: int | None = None, limit: int | None = None) -> Iterator[list[LogRow]]:
        """Rows in log order, in batches of one short read each; without `until`, up to the position at the start."""
        return scan(self._readers, state.POSITION, after=after, until=until, limit=limit)

    def happened(self, types: Collection[str], *, since: int, until: int) -> Iterator[list[LogRow]]:
        """Events of some types in order of their time, in batches of one short read each."""
        return happened(self._readers, types, since=since, until=until)

    def interactions(self, *, until: int | None = None) -> pl.DataFrame:
        """The history for training; see `protocols.EventLog.interactions`."""
        return history.interactions(self._readers, until)

    def watch(self) -> LogWatch:
        """A watch with a connection of its own."""
        watch = Watch(self._readers.connect(), self._readers.path)
        self._watches.append(watch)
        return watch

    def close(self) -> None:
        """Let go of the watches."""
        while self._watches:
            self._watches.pop().close()

    def _append(self, db: sqlite3.Connection, batches: Sequence[_Batch]) -> list[Appended]:
        """Insert the rows of several appends as one, then tell each what became of its own."""
        base, last_erased = state.head(db)
        kept: list[Kept | None] = [None] * len(batches)
        if last_erased is not None:
            kept = [keep(db, batch.rows, last_erased, self._pseudonyms) for batch in batches]
            batches = [_Batch(k.rows, flat(k.rows)) if k else batch for k, batch in zip(kept, batches, strict=True)]
        values = batches[0].values if len(batches) == 1 else [value for batch in batches for value in batch.values]
        count = len(values) // LOG_WIDTH
        values[LOG_WIDTH - 1 :: LOG_WIDTH] = range(base + 1, base + count + 1)
        before = db.total_changes
        insert_log(db, values)
        landed: set[int] | None = None
        if db.total_changes - before != count:
            landed = {row[0] for row in db.execute("SELECT sequence FROM log WHERE sequence > ?", (base,))}
            # What was left out has used up numbers at the end: give them back, so that the last row is the position.
            db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'log'", (max(landed, default=base),))
        position = base + count if landed is None else max(landed, default=base)
        again = left_out([row for batch in batches for row in batch.rows], base, landed)
        there = dict(db.execute(_SEQUENCES, (_encode(again).decode(),)).fetchall()) if again else {}
        results = []
        for batch in batches:
            results.append(settle(batch.rows, base, landed, there, position))
            base += len(batch.rows)
        fresh = (row for batch in batches for row in batch.rows if row.sequence)
        derive.apply(db, self._known.relevant(fresh))
        return [k.told(result) if k else result for k, result in zip(kept, results, strict=True)]
