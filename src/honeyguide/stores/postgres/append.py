"""Appends to the log: whatever waits is committed together, in as few round trips as there can be.

A commit takes the server longer than the rows of many callers, so those who come while one is under way share the
next. A group is either wholly committed when its callers are told, or not at all; if the connection breaks while it is
being committed nobody knows, the callers are told so, and sending it again counts each `event_id` once.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import msgspec
import psycopg
from msgspec.structs import astuple
from psycopg import errors, pq

from honeyguide.errors import HoneyguideError
from honeyguide.pseudonyms import Pseudonyms
from honeyguide.stores.postgres.address import Address
from honeyguide.stores.postgres.connect import Link
from honeyguide.stores.postgres.dialect import translated
from honeyguide.stores.postgres.faults import OWN_FAULTS, blame, closed, meaning, silent
from honeyguide.stores.postgres.pool import Pool
from honeyguide.stores.postgres.position import LOG_LOCK, POSITION
from honeyguide.stores.sql.appended import left_out, settle
from honeyguide.stores.sql.derive import KnownItems, Touched, changes, touched
from honeyguide.stores.sql.rows import LOG_COLUMNS, SELECT_ITEM, SELECT_USER, Statement, item, user
from honeyguide.stores.sql.tombstones import LAST_ERASED, Kept, erased_before, suspects, without
from honeyguide.types import Appended, Item, LogRow, User

GROUP_ROWS: Final = 2_000
"""Rows that share a commit: the lock is held for as long as they take, some 30 ms."""
COPY_ROWS: Final = 100
"""From so many rows on, COPY is faster than INSERT."""

_TYPES: Final = {
    **dict.fromkeys(LOG_COLUMNS, "text"),
    **dict.fromkeys(("ts", "received_at", "sequence"), "int8"),
    **dict.fromkeys(("value", "quantity"), "float8"),
    "imported": "bool",
}
_GIVEN: Final = LOG_COLUMNS[:-1]
_DEFAULTS: Final = {"kind": "coalesce(kind, 'event')", "type": "coalesce(type, '')", "imported": "coalesce(imported, false)"}
_BASE: Final = f"SELECT {POSITION} AS position, {LAST_ERASED} AS last_erased"
# All rows are one parameter, encoded from the structs at once; it leaves out fields that hold their default.
_INSERT: Final = (
    f"INSERT INTO log ({', '.join(LOG_COLUMNS)}) "
    f"SELECT {', '.join(_DEFAULTS.get(name, name) for name in _GIVEN)}, position + at "
    f"FROM ROWS FROM (json_to_recordset(%s::json) AS ({', '.join(f'{name} {_TYPES[name]}' for name in _GIVEN)})) "
    f"WITH ORDINALITY AS given ({', '.join(_GIVEN)}, at), ({_BASE}) AS base "
    "WHERE last_erased IS NOT DISTINCT FROM %s ORDER BY at ON CONFLICT (event_id) DO NOTHING RETURNING sequence"
)
_TOMBSTONES: Final = "SELECT key_hash, erased_at FROM tombstones WHERE key_hash = ANY(%s)"
_COPY: Final = f"COPY log ({', '.join(LOG_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_SEQUENCES: Final = "SELECT event_id, sequence FROM log WHERE event_id = ANY(%s)"
_ITEMS: Final = f"{SELECT_ITEM} WHERE item_id = ANY(%s)"
_PEOPLE: Final = (
    'WITH wanted AS (SELECT unnest(%(ids)s::text[]) COLLATE "C" AS id '
    "UNION SELECT canonical_id FROM users WHERE user_id = ANY(%(ids)s) AND canonical_id IS NOT NULL) "
    f"{SELECT_USER} WHERE user_id IN (SELECT id FROM wanted) OR canonical_id IN (SELECT id FROM wanted)"
)
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Work:
    """The rows of one caller, and how to tell the caller."""

    rows: Sequence[LogRow]
    told: "asyncio.Future[Appended]"

    def settle(self, ended: Appended | Exception) -> None:
        """Tell how it ended; a caller who has given up waiting is told nothing."""
        if self.told.done():
            return
        if isinstance(ended, Exception):
            self.told.set_exception(ended)
        else:
            self.told.set_result(ended)


class Appender:
    """Group commit on the caller's event loop; each loop has a queue of its own, and commits one group at a time."""

    def __init__(self, pool: Pool, address: Address, limit: float, pseudonyms: Pseudonyms) -> None:
        """A group gets `limit` seconds: a server that hangs does not hold its callers for longer."""
        self._pool, self._address, self._limit = pool, address, limit
        self._pseudonyms = pseudonyms
        self._erasures: str | None = None
        self._queues: dict[asyncio.AbstractEventLoop, deque[_Work]] = {}
        self._known = KnownItems()
        self._meets_duplicates = False
        self._closed = False
        self.commits = 0

    async def append(self, rows: Sequence[LogRow]) -> Appended:
        """Commit rows with their derived rows. A caller that is cancelled while waiting does not undo it."""
        if self._closed:
            raise closed()
        loop = asyncio.get_running_loop()
        work = _Work(rows, loop.create_future())
        queue = self._queues.get(loop)
        if queue is None:
            queue = self._queues[loop] = deque()
            loop.create_task(self._drain(loop, queue), name="honeyguide-append")  # noqa: RUF006 - callers wait for it
        queue.append(work)
        return await work.told

    def close(self) -> None:
        """Take no more."""
        self._closed = True

    async def _drain(self, loop: asyncio.AbstractEventLoop, queue: deque[_Work]) -> None:
        """Commit group after group until nobody waits."""
        group: list[_Work] = []
        try:
            while queue:
                group = self._gather(queue)
                await self._commit(group)
        except BaseException as error:
            for work in [*group, *queue]:
                work.settle(error if isinstance(error, Exception) else closed())
            raise
        finally:
            del self._queues[loop]

    @staticmethod
    def _gather(queue: deque[_Work]) -> list[_Work]:
        """The first that waits, and after it whatever else waits and fits."""
        group = [queue.popleft()]
        size = len(group[0].rows)
        while queue and size + len(queue[0].rows) <= GROUP_ROWS:
            size += len(queue[0].rows)
            group.append(queue.popleft())
        return group

    async def _commit(self, group: Sequence[_Work]) -> None:
        """Commit a group and tell its callers, or tell each of them what went wrong."""
        try:
            async with asyncio.timeout(self._limit):
                async with self._pool.lend() as link:
                    results = await self._transact(link, [work.rows for work in group])
        except OWN_FAULTS as error:
            await self._one_by_one(group, error)
        except (psycopg.Error, HoneyguideError) as error:
            self._fail(group, error)
        except TimeoutError:
            self._fail(group, silent(self._address, self._limit))
        else:
            self.commits += 1
            for work, result in zip(group, results, strict=True):
                self._known.add(row for row in work.rows if row.sequence)
                work.settle(result)

    async def _one_by_one(self, group: Sequence[_Work], error: Exception) -> None:
        """One of the group has a fault: find which by giving each a transaction of its own."""
        if len(group) == 1:
            group[0].settle(blame(error))
            return
        for work in group:
            await self._commit([work])

    def _fail(self, group: Sequence[_Work], error: psycopg.Error | HoneyguideError) -> None:
        for work in group:
            work.settle(meaning(error, self._address))

    async def _transact(self, link: Link, batches: Sequence[Sequence[LogRow]]) -> list[Appended]:
        try:
            return await self._append(link, batches)
        except Exception:
            if not link.closed and link.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                await link.execute("ROLLBACK")
            raise

    async def _append(self, link: Link, batches: Sequence[Sequence[LogRow]]) -> list[Appended]:
        """Insert the rows of several appends as one, with what follows from them, and commit.

        What users did before they were erased is left out. Which erasures there were is known from the last append; if the
        lock shows that there was another since, nothing has been inserted, and all is done again."""
        while True:
            kept = [await self._living(link, batch) for batch in batches]
            living = [each.rows if each else batch for each, batch in zip(kept, batches, strict=True)]
            results = await self._insert_all(link, living)
            if results is not None:
                return [each.told(result) if each else result for each, result in zip(kept, results, strict=True)]
            if link.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                await link.execute("ROLLBACK")

    async def _living(self, link: Link, rows: Sequence[LogRow]) -> Kept | None:
        """The rows without those of the dead. Looked up before the lock; whether that still holds, the lock shows."""
        last = erased_before(self._erasures)
        suspected = [] if last is None else suspects(rows, last, self._pseudonyms)
        if not suspected:
            return None
        found = await link.execute(_TOMBSTONES, [[each.pseudonym for each in suspected]], prepare=True, binary=True)
        return without(rows, suspected, dict(await found.fetchall()))

    async def _insert_all(self, link: Link, batches: Sequence[Sequence[LogRow]]) -> list[Appended] | None:
        """None if there was an erasure that this process did not know of."""
        rows = [row for batch in batches for row in batch]
        relevant = self._known.relevant(rows)
        ids = touched(relevant)
        many = len(rows) >= COPY_ROWS
        if many and not self._meets_duplicates:
            done = await self._copy(link, rows)
        else:
            done = await self._insert(link, rows, commit=not relevant)
            self._meets_duplicates = many and done is not None and len(done[1]) < len(rows)
        if done is None:
            return None
        base, landed = done
        position = max(landed, default=base)
        all_landed = None if len(landed) == len(rows) else landed
        starts = accumulate((len(batch) for batch in batches), initial=base)
        again = left_out(rows, base, all_landed)
        there = dict(await (await link.execute(_SEQUENCES, [again], prepare=True, binary=True)).fetchall()) if again else {}
        results = [settle(batch, start, all_landed, there, position) for batch, start in zip(batches, starts, strict=False)]
        if relevant:
            items, people = await _present(link, ids)
            await _run(link, changes([row for row in relevant if row.sequence], items, people))
        if link.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            await link.execute("COMMIT")
        return results

    def _knows(self, erasures: str | None) -> bool:
        """Whether these are the erasures that rows were looked up by; if not, they are from now on."""
        known, self._erasures = self._erasures, erasures
        return known == erasures

    async def _copy(self, link: Link, rows: Sequence[LogRow]) -> tuple[int, Collection[int]] | None:
        """COPY, in the hope that no `event_id` is there; else INSERT. Returns the position before and the numbers taken,
        None for an erasure that was not known."""
        async with link.pipeline():
            await link.execute("BEGIN")
            await link.execute(LOG_LOCK, prepare=True)
            found = await link.execute(_BASE, prepare=True, binary=True)
            await link.execute("SAVEPOINT copied")
        base, erasures = await found.fetchone() or (0, None)
        if not self._knows(erasures):
            return None
        try:
            async with link.cursor().copy(_COPY) as copy:
                copy.set_types([_TYPES[name] for name in LOG_COLUMNS])
                for number, row in enumerate(rows, base + 1):
                    await copy.write_row((*astuple(row)[:-1], number))
        except errors.UniqueViolation:
            self._meets_duplicates = True
            await link.execute("ROLLBACK TO SAVEPOINT copied")
            taken = await link.execute(_INSERT, [_encode(rows).decode(), erasures], prepare=True, binary=True)
            return base, {number for (number,) in await taken.fetchall()}
        return base, range(base + 1, base + len(rows) + 1)

    async def _insert(self, link: Link, rows: Sequence[LogRow], *, commit: bool) -> tuple[int, Collection[int]] | None:
        """INSERT rows whose `event_id` is new, in one round trip; `commit` where nothing else is to be done. Returns as
        `_copy` does; then nothing was inserted."""
        values = [_encode(rows).decode(), self._erasures]
        async with link.pipeline():
            await link.execute("BEGIN")
            await link.execute(LOG_LOCK, prepare=True)
            found = await link.execute(_BASE, prepare=True, binary=True)
            taken = await link.execute(_INSERT, values, prepare=True, binary=True)
            if commit:
                await link.execute("COMMIT")
        base, erasures = await found.fetchone() or (0, None)
        if not self._knows(erasures):
            return None
        return base, {number for (number,) in await taken.fetchall()}


async def _present(link: Link, ids: Touched) -> tuple[list[Item], list[User]]:
    """The items and users that rows may change, as they are."""
    items = people = None
    async with link.pipeline():
        if ids.items:
            items = await link.execute(_ITEMS, [ids.items], prepare=True, binary=True)
        if ids.users:
            people = await link.execute(_PEOPLE, {"ids": ids.users}, prepare=True, binary=True)
    return (
        [item(values) for values in await items.fetchall()] if items else [],
        [user(values) for values in await people.fetchall()] if people else [],
    )


async def _run(link: Link, statements: Iterable[Statement]) -> None:
    """Run statements and commit."""
    todo = list(statements)
    async with link.pipeline():
        for sql, values in todo:
            await link.cursor().executemany(translated(sql), values)
        await link.execute("COMMIT")
