"""Answers by idempotency key, in PostgreSQL."""

import asyncio
from collections.abc import Sequence
from typing import Final

import psycopg

from honeyguide.clock import Clock
from honeyguide.stores.postgres.address import Address
from honeyguide.stores.postgres.dialect import translated
from honeyguide.stores.postgres.faults import meaning, silent
from honeyguide.stores.postgres.pool import Pool
from honeyguide.stores.sql.keys import EXPIRED_ANSWERS, KEEP_ANSWER, KEPT_ANSWER
from honeyguide.types import StoredAnswer

# Several processes sweep at the same time: each takes what no other has taken.
_SWEEP: Final = f"DELETE FROM idempotency_keys WHERE key IN ({EXPIRED_ANSWERS} FOR UPDATE SKIP LOCKED)"


class PostgresIdempotency:
    """`protocols.IdempotencyKeys` on PostgreSQL."""

    def __init__(self, reads: Pool, writes: Pool, address: Address, clock: Clock, limit: float) -> None:
        """What writes gets `limit` seconds."""
        self._reads, self._writes, self._address, self._clock, self._limit = reads, writes, address, clock, limit

    async def get(self, key: str, *, now: int) -> StoredAnswer | None:
        """The answer kept for `key`, unless it has expired by `now`."""
        rows = await self._reads.fetch(translated(KEPT_ANSWER), [key, now])
        return StoredAnswer(*rows[0]) if rows else None

    async def put(self, key: str, body_hash: str, status: int, body: bytes, *, expires_at: int) -> None:
        """Keep an answer; one that is kept already stays until it expires."""
        values = [key, body_hash, status, body, expires_at, self._clock.now_ms()]
        await self._write(translated(KEEP_ANSWER), values)

    async def sweep(self, *, now: int) -> int:
        """Remove a few answers that have expired by `now`; how many."""
        return await self._write(translated(_SWEEP), [now])

    async def _write(self, sql: str, values: Sequence[object]) -> int:
        try:
            async with asyncio.timeout(self._limit), self._writes.lend() as link:
                return (await link.execute(sql, values, prepare=True)).rowcount
        except psycopg.Error as error:
            raise meaning(error, self._address) from error
        except TimeoutError:
            raise silent(self._address, self._limit) from None
