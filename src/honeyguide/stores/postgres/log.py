"""The event log in PostgreSQL."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import polars as pl

from honeyguide.protocols import LogWatch
from honeyguide.stores.postgres import history, state
from honeyguide.stores.postgres.append import Appender
from honeyguide.stores.postgres.dialect import translated
from honeyguide.stores.postgres.pool import Pool, ThreadPool
from honeyguide.stores.postgres.position import POSITION
from honeyguide.stores.postgres.watch import Watch
from honeyguide.stores.postgres.work import Snapshots
from honeyguide.stores.sql.appended import check_size
from honeyguide.stores.sql.impressions import items_seen
from honeyguide.stores.sql.rows import LOG_AFTER, log_row
from honeyguide.stores.sql.scan import happened, scan
from honeyguide.types import Appended, LogRow, UserState

_POSITION: Final = f"SELECT {POSITION}"


class PostgresLog:
    """`protocols.EventLog` on PostgreSQL."""

    def __init__(self, appender: Appender, reads: Pool, pages: Pool, work: ThreadPool) -> None:
        """`reads` is for the request path, `pages` for who follows the log, `work` for other threads."""
        self._appender, self._reads, self._pages, self._work = appender, reads, pages, work

    async def append(self, rows: Sequence[LogRow]) -> Appended:
        """Commit up to `MAX_BATCH` rows in one transaction; see `protocols.EventLog.append`."""
        check_size(rows)
        if not rows:
            return Appended(sequence=await self.position(), accepted=0)
        return await self._appender.append(rows)

    async def position(self) -> int:
        """The sequence number of the last committed row; 0 for an empty log."""
        ((position,),) = await self._reads.fetch(_POSITION)
        return int(position)

    async def user_state(
        self, user_id: str, *, limit: int, until: int | None = None, features: str | None = None
    ) -> UserState:
        """A user's attributes and latest events in one snapshot and round trip; see `protocols.EventLog.user_state`."""
        (row,) = await self._reads.fetch(*state.question(user_id, limit=limit, until=until, features=features))
        return state.answer(row, user_id, until=until, features=features)

    async def impressions(self, user_id: str, *, since: int, until: int, limit: int) -> list[tuple[str, int]]:
        """What a user has seen lately; see `protocols.EventLog.impressions`."""
        values = {"user": user_id, "since": since, "until": until, "limit": limit}
        return items_seen(await self._reads.fetch(state.IMPRESSIONS_SEEN, values))

    async def user_states(
        self, user_ids: Collection[str], *, limit: int, features: str | None = None
    ) -> dict[str, UserState]:
        """Many users in one snapshot and round trip; see `protocols.EventLog.user_states`."""
        names = list(user_ids)
        asked = [state.question(name, limit=limit, features=features) for name in names]
        rows = await self._reads.together(asked) if asked else []
        return {name: state.answer(row, name, features=features) for name, (row,) in zip(names, rows, strict=True)}

    async def rows_after(self, sequence: int, *, limit: int) -> list[LogRow]:
        """The next rows after a position, in log order."""
        return [log_row(values) for values in await self._pages.fetch(translated(LOG_AFTER), [sequence, limit])]

    def scan(self, *, after: int = 0, until: int | None = None, limit: int | None = None) -> Iterator[list[LogRow]]:
        """Rows in log order, in batches of one short read each; without `until`, up to the position at the start."""
        return scan(Snapshots(self._work), _POSITION, after=after, until=until, limit=limit)

    def happened(self, types: Collection[str], *, since: int, until: int) -> Iterator[list[LogRow]]:
        """Events of some types in order of their time, in batches of one short read each."""
        return happened(Snapshots(self._work), types, since=since, until=until)

    def interactions(self, *, until: int | None = None) -> pl.DataFrame:
        """The history for training; see `protocols.EventLog.interactions`."""
        return history.interactions(self._work, until)

    def watch(self) -> LogWatch:
        """A watch that asks for the position."""
        return Watch(self._pages, Snapshots(self._work))
