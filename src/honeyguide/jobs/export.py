"""Everything that is held about a person, told in batches: memory holds one of them, however much there is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import NotFound
from honeyguide.features import FeatureReader
from honeyguide.jobs.erase import KIND
from honeyguide.protocols import Store
from honeyguide.types import Json

FORMAT: Final = 1
_JOBS: Final = 200

Records = list[Json]
"""Lines of an export: each names its `table`; the first line says whose export it is, the last counts the others."""


class Export:
    """Reads exports. What is said holds for the log position `as_of`; slates and features are as of their reading."""

    def __init__(self, store: Store, features: FeatureReader, clock: Clock) -> None:
        self._store, self._features, self._clock = store, features, clock

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
        return self._all(begin, first, batches)

    def _batches(self, ids: Sequence[str], as_of: int) -> Iterator[Records]:
        for table, rows in self._store.people.held(ids, until=as_of):
            yield [{"table": table, **row} for row in rows]
        for slates in self._store.slates.of_users(ids):
            yield [{"table": "slates", **msgspec.to_builtins(slate)} for slate in slates]
        yield from self._receipts(ids)

    def _receipts(self, ids: Sequence[str]) -> Iterator[Records]:
        """Erasures of these ids in an earlier life."""
        pseudonyms, after = {self._store.people.pseudonyms.of(user_id) for user_id in ids}, None
        while page := self._store.jobs.page(limit=_JOBS, after=after):
            ours = [job for job in page if job.kind == KIND and not pseudonyms.isdisjoint(job.params.get("users", ()))]
            if ours:
                told = ("job_id", "kind", "state", "created_at", "finished_at", "result")
                yield [{"table": "jobs", **{name: getattr(job, name) for name in told}} for job in ours]
            after = page[-1].job_id

    async def _all(self, begin: Json, first: Records, batches: Iterator[Records]) -> AsyncIterator[Records]:
        yield [begin]
        counts: Counter[str] = Counter()
        batch: Records | None = first
        while batch:
            counts.update(record["table"] for record in batch)
            yield batch
            batch = await asyncio.to_thread(next, batches, None)
        if features := await self._values(begin["user_id"]):
            counts["features"] = len(features)
            yield features
        yield [{"table": "end", "rows": dict(counts)}]

    async def _values(self, user_id: str) -> Records:
        """What the feature views say of the person."""
        found = (await self._features.read([user_id])).users.get(user_id, {})
        values = {name: value for name, value in found.items() if value.status != "missing"}
        return [{"table": "features", "view": name, **msgspec.to_builtins(value)} for name, value in sorted(values.items())]
