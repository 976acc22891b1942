"""The cache: keeps encoded bytes fresh by tokens and deadlines. It knows nothing of recommending.

A value carries the tokens of what it was made from. Reading compares tokens; invalidating replaces one.
`get` looks into memory, never waits and never computes; `fetch` goes on from there: the tier that processes share, then a
computation, one however many ask; `refresh` does so behind a stale answer. Several caches of a process, each with a name, a
memory tier and lifetimes of its own, share one machinery.
"""

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from functools import partial

from honeyguide.cache.counted import CacheMetrics, Count
from honeyguide.cache.entry import Entry, Epoch, Lifetime
from honeyguide.cache.flight import Flight, Flights
from honeyguide.cache.freshness import is_early
from honeyguide.cache.generations import Generations
from honeyguide.cache.making import Maker
from honeyguide.cache.memory import MemoryTier
from honeyguide.cache.shared import NoTier, SharedTier
from honeyguide.cache.standing import Copy, Standing, set_by
from honeyguide.cache.values import Compute, Computed, ComputeMany, Found, Machinery, Want

__all__ = [
    "Cache",
    "Computed",
    "Copy",
    "Epoch",
    "Found",
    "Generations",
    "Lifetime",
    "Machinery",
    "MemoryTier",
    "NoTier",
    "SharedTier",
    "Standing",
    "Want",
    "set_by",
]

_QUIET_SECONDS = 1.0
_UNTOLD = b"nobody can tell"  # no flight has this mark
_AGES = 64  # of so many hits, the age of one is noted


class Cache:
    """One cache of encoded values. Each value belongs to a subject, which has a hard and a soft token (`Generations`), and
    to an epoch, which says what values are made with."""

    def __init__(
        self, name: str, machinery: Machinery, memory: MemoryTier, lifetime: Lifetime, metrics: CacheMetrics
    ) -> None:
        self.name, self._machinery, self._memory, self._life, self._metrics = name, machinery, memory, lifetime, metrics
        self._generations, self._held = machinery.generations, machinery.generations.held
        self._now, self._chance = machinery.clock.monotonic, machinery.chance
        self._hit, self._stale = metrics.results["l1", "hit"], metrics.results["l1", "stale"]
        self._miss, self._unverified = metrics.results["l1", "miss"], metrics.results["l1", "unverified"]
        self._hits = 0
        self._flights: Flights[Found] = Flights()
        self._maker = Maker(name, machinery, memory, lifetime, metrics)

    def get(self, key: Hashable, subject: str, epoch: bytes, *, again: bool = False) -> Found | None:
        """The value in memory under `key` if its hard token and deadline hold and can be trusted; never waits.

        With `again` whoever finds nothing looks once more, and only that look is counted as one that found nothing."""
        entry = self._memory.get(key)
        if entry is None:
            return self._nothing(self._miss, again)
        now = self._now()
        tokens = self._held.get(subject)
        if tokens is None or now >= self._generations.trusted_until:
            return self._nothing(self._unverified, again)
        state = entry.state(tokens, epoch, now)
        if state == "gone":
            return self._nothing(self._miss, again)
        if state == "stale":
            self._stale.inc()
            return Found(entry.payload, "stale", now >= entry.quiet_until, entry.negative)
        self._hit.inc()
        self._hits += 1
        if not self._hits % _AGES:
            self._metrics.ages["l1"].observe(now - entry.made_at)
        return Found(entry.payload, "l1", now >= entry.early_at and self._is_early(entry, now), entry.negative)

    @staticmethod
    def _nothing(counter: Count, again: bool) -> None:
        if not again:
            counter.inc()

    def _is_early(self, entry: Entry, now: float) -> bool:
        if now < entry.quiet_until or not is_early(
            now, entry.soft_deadline, entry.seconds, self._life.early, self._chance()
        ):
            return False
        self._metrics.refreshes["early"].inc()
        return True

    async def fetch(self, want: Want, compute: Compute) -> Found:
        """The value, from wherever it is good, else computed, once for all who ask meanwhile, and kept under the guard of
        its tokens.

        Errors reach every waiter and are never kept; a cancelled caller does not cancel the others' computation; a
        computation that began before an invalidation is not joined by those who ask after it."""
        (found,) = await self.fetch_many([want], lambda places: _alone(compute))
        return found

    async def fetch_many(self, wants: Sequence[Want], compute: ComputeMany) -> list[Found]:
        """All of the values, in order: one question to the shared tier, one computation of what nobody has or makes."""
        flights = [self._under_way(want) for want in wants]
        mine: dict[Hashable, list[int]] = {}
        for place, flight in enumerate(flights):
            if flight is None:
                mine.setdefault(_flight_key(wants[place]), []).append(place)
        self._metrics.waits.inc(len(wants) - len(mine))
        if mine:
            firsts = [places[0] for places in mine.values()]
            launched = self._launch([wants[place] for place in firsts], lambda some: compute([firsts[n] for n in some]))
            for flight, places in zip(launched, mine.values(), strict=True):
                for place in places:
                    flights[place] = flight
        found = [await flight.landed() for flight in flights if flight is not None]
        for place, each in enumerate(found):
            if each.refresh:
                self.refresh(wants[place], partial(_only, compute, place))
        return found

    def refresh(self, want: Want, compute: Compute) -> None:
        """Make a value anew in the background, unless that is under way or enough others are; nobody hears its errors, and
        the next attempt is held back for a second."""
        machinery = self._machinery
        if self._under_way(want) is not None:
            return
        if machinery.refreshing >= machinery.most_refreshes:
            self._metrics.refreshes["dropped"].inc()
            return
        self._metrics.refreshes["begun"].inc()
        entry = self._memory.get(want.key)
        if entry is not None:
            entry.quiet_until = self._now() + _QUIET_SECONDS
        machinery.refreshing += 1
        (flight,) = self._launch([want], lambda places: _alone(compute), behind=True)
        flight.result.add_done_callback(self._refreshed)

    def _refreshed(self, result: "asyncio.Future[Found]") -> None:
        self._machinery.refreshing -= 1

    def _launch(self, wants: Sequence[Want], compute: ComputeMany, *, behind: bool = False) -> list[Flight[Found]]:
        keys = [_flight_key(want) for want in wants]
        return self._flights.launch(keys, lambda flights: self._maker.load(wants, flights, compute, behind=behind))

    def _under_way(self, want: Want) -> Flight[Found] | None:
        """A computation to wait for: one that began before an invalidation is not for those who ask after it, and where
        nobody can tell whether there was one, only such as have not read anything yet."""
        tokens = self._held.get(want.subject) if self._now() < self._generations.trusted_until else None
        return self._flights.under_way(_flight_key(want), tokens.hard if tokens is not None else _UNTOLD)

    async def inspect(self, want: Want) -> Standing:
        """How it stands with a value, for people who ask why; nothing is served, made or counted."""
        return await self._maker.looker.inspect(want)

    def beside(self, size: int) -> "Cache":
        """A cache of the same name and kind with a memory of its own (bytes), for values that are not to be served yet."""
        return Cache(self.name, self._machinery, MemoryTier(size), self._life, self._metrics)

    def take_over(self, other: "Cache", wants: Iterable[Want]) -> None:
        """Take values of another cache of the same kind into memory, in the place of those there are. One that was
        invalidated meanwhile stays out."""
        for want in wants:
            entry, tokens = other._memory.get(want.key), self._held.get(want.subject)
            if entry is not None and tokens is not None and entry.tokens.hard == tokens.hard:
                self._memory.set(want.key, entry, max(0.0, entry.hard_deadline + self._life.error - self._now()))

    def clear(self) -> None:
        """Drop all values from memory."""
        self._memory.clear()

    async def drain(self) -> None:
        """Wait for what is under way; for an orderly stop."""
        await self._flights.drain()
        await self._machinery.tier.drain()


async def _alone(compute: Compute) -> Sequence[Computed]:
    return [await compute()]


async def _only(compute: ComputeMany, place: int) -> Computed:
    return (await compute([place]))[0]


def _flight_key(want: Want) -> Hashable:
    return want.key, want.epoch.now
