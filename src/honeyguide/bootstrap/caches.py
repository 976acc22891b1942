"""The caches of one process: lists, and what experiments know of users."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Literal

from honeyguide.cache import Cache, Generations, Lifetime, Machinery, MemoryTier, NoTier, SharedTier
from honeyguide.clock import Chance
from honeyguide.jobs import DUTIES
from honeyguide.monitoring.cache import NamedCacheMetrics, SharedTierMetrics
from honeyguide.monitoring.dependencies import RedisCalls
from honeyguide.stores.urls import open_shared

if TYPE_CHECKING:
    from honeyguide.bootstrap import Runtime

_PERSONS_SIZE: Final = 32 << 20
_TRUST_SECONDS: Final = 2 * DUTIES["pull"].every
"""How long what is known of invalidations may be served from: two rounds of asking what is new."""


class Caches:
    """The caches of one process, the tokens that it holds, and the tier that it shares with others, if there is one."""

    def __init__(self, runtime: "Runtime", chance: Chance) -> None:
        settings, self._clock, metrics = runtime.settings, runtime.clock, runtime.metrics
        self.generations = Generations(chance.getrandbits)
        self.shared = open_shared(settings, self._clock, chance, RedisCalls(metrics))
        self.tier = self._shared_tier(runtime) if self.shared is not None else None
        self.machinery = Machinery(
            self.generations,
            self.tier or NoTier(),
            self._clock,
            chance.random,
            chance.getrandbits,
            asyncio.Semaphore(settings.cache.computations),
            settings.cache.refreshes,
        )
        self.memory, self.lists = self._cache(runtime, "recommendations", settings.cache.l1_size)
        _, self.persons = self._cache(runtime, "persons", _PERSONS_SIZE)

    def _cache(self, runtime: "Runtime", name: str, size: int) -> tuple[MemoryTier, Cache]:
        counts, cache = NamedCacheMetrics(runtime.metrics, name), runtime.settings.cache
        memory = MemoryTier(size, dropped=counts.dropped)
        counts.watch(memory.count, memory.size)
        lifetime = Lifetime(cache.ttl, cache.stale, cache.stale_on_error, jitter=cache.jitter, early=cache.early_refresh)
        made = Cache(name, self.machinery, memory, lifetime, counts)
        if self.tier is not None:
            self.tier.on_clear.append(made.clear)
        return memory, made

    def _shared_tier(self, runtime: "Runtime") -> SharedTier:
        assert self.shared is not None
        return SharedTier(
            self.shared,
            self.generations,
            self._clock,
            SharedTierMetrics(runtime.metrics),
            secret=runtime.store.people.pseudonyms.secret(b"shared cache"),
            value_size=runtime.settings.cache.value_size,
            trust=_TRUST_SECONDS,
        )

    async def clear(self, subjects: Sequence[str] | None) -> Literal["process", "all"]:
        """Make the values of these subjects unservable, or with None all of them, and say in which processes.
        Raises `Unavailable` if the shared tier does not answer."""
        if self.tier is not None:
            await (self.tier.clear() if subjects is None else self.tier.forget(subjects))
            return "all"
        for subject in subjects or ():
            self.generations.renew(subject)
        if subjects is None:
            self.lists.clear()
            self.persons.clear()
        return "process"

    def heard_log(self, started: float) -> None:
        """All of the log as it was at `started` has been followed: what is held is true at least for a while."""
        self.generations.trust(started + _TRUST_SECONDS)
