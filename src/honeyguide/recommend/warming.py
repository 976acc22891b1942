"""Lists that will be asked for, made before anybody does: at the start of a process and before other versions serve.

Which ones they are, the latest served slates tell: those that came most often will come again.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from math import inf
from typing import Final, Protocol

import structlog

from honeyguide.cache import Cache, Want
from honeyguide.config.settings import Cache as CacheSettings
from honeyguide.messages import Query
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import SlateLog
from honeyguide.recommend.lineup import Lineup
from honeyguide.recommend.ranked import SHORT, bucket_for
from honeyguide.types import MAX_N

log = structlog.get_logger(__name__)

_LATEST: Final = 10_000
"""Slates that are looked at."""
_BEFORE_SWITCH: Final = 1.0
"""Seconds for which a switch waits at most: whoever promotes a version, or rolls one back, wants it served."""

Work = Callable[[Query], Awaitable[bool]]
"""Makes one list; False if there is none to make."""


class Lists(Protocol):
    """Who makes the lists."""

    async def keep(self, query: Query) -> bool:
        """See to it that the list of a query is in memory; False if it has none."""

    async def prepare(self, query: Query, lineup: Lineup, cache: Cache) -> Want | None:
        """The same in another cache's memory, with versions that do not serve yet; as what it is kept there."""


class Warming:
    """At most `cache.warm_users` lists, `cache.warm_workers` at once, for at most `cache.warm_time`; what that does not
    suffice for is made when it is asked for. Nothing here fails a start, a switch or a request."""

    def __init__(self, slates: SlateLog, lists: Lists, cache: Cache, settings: CacheSettings, metrics: Metrics) -> None:
        self._slates, self._lists, self._cache, self._settings = slates, lists, cache, settings
        self._warmed, self._failed = metrics.cache_warmed, metrics.background_errors.labels("warming")
        self._prepared: tuple[Cache, list[Want]] | None = None
        self._beginning: asyncio.Task[None] | None = None
        self._times: set[asyncio.Timeout] = set()

    async def begin(self, ready: Callable[[], None]) -> None:
        """Make the usual lists beside the requests that come already; `ready` is told when it is over, at once if there are
        none."""
        end = self._end()
        usual = await self._told(end)

        async def make() -> None:
            try:
                self._warmed.labels("start").inc(await self._each(usual, self._lists.keep, end))
            finally:
                ready()

        if usual:
            self._beginning = asyncio.get_running_loop().create_task(make(), name="honeyguide-warming")
        else:
            ready()

    async def stop(self) -> None:
        """Let the time be over."""
        for time in self._times:
            time.reschedule(0.0)
        if self._beginning is not None:
            await asyncio.wait([self._beginning])

    async def on_request(self, queries: Iterable[Query]) -> int:
        """Make these lists, however long it takes; how many there are."""
        made = await self._each(queries, self._lists.keep, inf)
        self._warmed.labels("request").inc(made)
        return made

    async def before_switch(self, lineup: Lineup) -> None:
        """Make the usual lists with the versions that will serve next."""
        end, beside, wants = self._end(_BEFORE_SWITCH), self._cache.beside(self._settings.l1_size), list[Want]()

        async def prepare(query: Query) -> bool:
            want = await self._lists.prepare(query, lineup, beside)
            if want is not None:
                wants.append(want)
            return want is not None

        self._warmed.labels("switch").inc(await self._each(await self._told(end), prepare, end))
        self._prepared = beside, wants

    def switched(self) -> None:
        """The versions serve: so do the lists that were made with them."""
        if self._prepared is not None:
            self._cache.take_over(*self._prepared)
            self._prepared = None

    def _end(self, most: float = inf) -> float:
        return asyncio.get_running_loop().time() + min(most, self._settings.warm_time)

    @contextlib.asynccontextmanager
    async def _until(self, end: float) -> AsyncIterator[None]:
        time = asyncio.timeout_at(end if end < inf else None)
        self._times.add(time)
        try:
            async with time:
                yield
        except TimeoutError:
            log.info("no more time to make lists in advance")
        finally:
            self._times.remove(time)

    async def _told(self, end: float) -> list[Query]:
        """The usual lists; none if nobody can tell."""
        async with self._until(end):
            try:
                return await asyncio.to_thread(self.usual, self._settings.warm_users)
            except Exception:  # counted: lists are made when they are asked for, as without it
                self._failed.inc()
                log.exception("the lists that are asked for most often cannot be told")
        return []

    async def _each(self, queries: Iterable[Query], work: Work, end: float) -> int:
        """Do this for all of them until the time is over; for how many it was done."""
        waiting, done = iter(queries), list[bool]()
        async with self._until(end):
            await asyncio.gather(*(self._work(waiting, work, done) for _ in range(self._settings.warm_workers)))
        return sum(done)

    async def _work(self, waiting: Iterator[Query], work: Work, done: list[bool]) -> None:
        for query in waiting:
            try:
                done.append(await work(query))
            except Exception:  # counted: whoever asks for this one will hear of it
                self._failed.inc()
                log.exception("a list cannot be made in advance", surface=query.surface)
            await asyncio.sleep(0)  # those who ask now go first

    def usual(self, most: int) -> list[Query]:
        """The lists that were asked for most often lately, most often first. Reads the slates: not for the event loop.

        Filters, anchors and context come and go: lists with those are not among them."""
        counts: Counter[tuple[str, str, int]] = Counter()
        for batch in self._slates.latest(_LATEST if most else 0):
            for slate in batch:
                if not set(slate.context) - {"offset", "shown", "personalised", "session_id", "device_id"}:
                    bucket = bucket_for(int(slate.context.get("offset", 0)) + slate.n)
                    counts[slate.user_id, slate.surface, 1 if bucket == SHORT else MAX_N] += 1
        return [
            Query(user_id=user_id, personalised=bool(user_id), surface=surface, n=n)
            for (user_id, surface, n), _ in counts.most_common(most)
        ]
