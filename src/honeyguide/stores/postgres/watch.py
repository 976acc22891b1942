"""Noticing what others have committed: one short question, asked again and again. No message has to arrive."""

from typing import Final

from honeyguide.stores.postgres.pool import Pool
from honeyguide.stores.postgres.position import POSITION
from honeyguide.stores.sql import Reads

_ENDS: Final = f"SELECT {POSITION}, (SELECT max(change_id) FROM alias_changes)"
"""Where the log and the changes of aliases end."""


class Watch:
    """`protocols.LogWatch` on PostgreSQL."""

    def __init__(self, pool: Pool, reads: Reads) -> None:
        self._pool = pool
        with reads.snapshot() as db:
            self._seen: tuple[int | None, ...] = db.execute(_ENDS).fetchone()

    async def changed(self) -> bool:
        """True at the first call after rows of the log or a change of an alias were committed, by whomever."""
        (ends,) = await self._pool.fetch(_ENDS)
        before, self._seen = self._seen, ends
        return before != ends
