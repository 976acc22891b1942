"""Everything that is held about a person, told in batches: memory holds one of them, however much there is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import NotFound
from honeyguide.protocols import Store
from honeyguide.types import Json

FORMAT: Final = 1

Records = list[Json]
"""Lines of an export: each names its `table`; the first line says whose export it is, the last counts the others."""


class Export:
    """Reads exports. What is said holds for the log position `as_of`; the store's slates are as of their reading."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def open(self, user_id: str) -> AsyncIterator[Records]:
        """The records of the person who goes by `user_id`, all ids merged with it included. Raises NotFound if there
        are none."""
        store = self._store
        ids = [user.user_id for user in await store.catalogue.person(user_id)] or [user_id]
        as_of = await store.log.position()
        await asyncio.to_thread(store.slates.append, ())  # writes what waits for the database
        batches = self._batches(ids, as_of)
        first = await asyncio.to_thread(next, batches, None)
        if first is None:
            raise NotFound(f"Nothing is held about {user_id!r}.", cure="Ids are case-sensitive.", code="user_not_found")
        begin = {"table": "export", "format": FORMAT, "user_id": user_id, "user_ids": ids}
        begin |= {"as_of": as_of, "exported_at": self._clock.now_ms()}
        return _all(begin, first, batches)

    def _batches(self, ids: Sequence[str], as_of: int) -> Iterator[Records]:
        for table, rows in self._store.people.held(ids, until=as_of):
            yield [{"table": table, **row} for row in rows]
        for user_id in ids:
            for slates in self._store.slates.of_user(user_id):
                yield [{"table": "slates", **msgspec.to_builtins(slate)} for slate in slates]


async def _all(begin: Json, first: Records, batches: Iterator[Records]) -> AsyncIterator[Records]:
    yield [begin]
    counts: Counter[str] = Counter()
    batch: Records | None = first
    while batch is not None:
        counts.update(record["table"] for record in batch)
        yield batch
        batch = await asyncio.to_thread(next, batches, None)
    yield [{"table": "end", "rows": dict(counts)}]
