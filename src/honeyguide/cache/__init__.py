"""The cache: keeps encoded bytes fresh by tokens and deadlines. It knows nothing of recommending.

A value carries the tokens of what it was made from. Reading compares tokens; invalidating replaces one.
`get` never waits and never computes; `fill` computes once however many ask, and stores only if no token has
changed since the computation began.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from honeyguide.cache.flight import Flights
from honeyguide.cache.freshness import jittered
from honeyguide.cache.generations import Generations, Tokens
from honeyguide.cache.memory import MemoryTier
from honeyguide.clock import Clock

__all__ = ["Cache", "CacheMetrics", "Found", "Generations", "Tokens"]


@dataclass(frozen=True, slots=True)
class Found:
    """A value from the cache: fresh, or stale (may be served once more while a new one is made)."""

    payload: bytes
    stale: bool


class CacheMetrics(Protocol):
    """What the cache counts."""

    def looked_up(self, result: Literal["hit", "stale", "miss"]) -> None:
        """A `get` ended."""

    def waited(self) -> None:
        """A `fill` joined a computation under way."""

    def refused(self) -> None:
        """A value was not stored because a token changed while it was made."""


@dataclass(frozen=True, slots=True)
class _Entry:
    payload: bytes
    tokens: Tokens
    epoch: int
    soft_deadline: float
    hard_deadline: float


class Cache:
    """One cache of encoded values, each belonging to a subject (a user) and to the present epoch.

    The epoch is replaced when models or configuration change; subjects have a hard and a soft token (`Generations`).
    """

    def __init__(
        self,
        tier: MemoryTier,
        generations: Generations,
        clock: Clock,
        metrics: CacheMetrics,
        *,
        ttl: float,
        stale: float,
        jitter: float,
        random: Callable[[], float],
    ) -> None:
        self._tier = tier
        self._generations = generations
        self._clock = clock
        self._metrics = metrics
        self._ttl, self._stale, self._jitter, self._random = ttl, stale, jitter, random
        self._flights: Flights[tuple[bytes, bool]] = Flights()
        self.epoch = 0

    def get(self, key: str, subject: str) -> Found | None:
        """The value under `key` if its hard token, epoch and deadline hold; never waits."""
        entry: _Entry | None = self._tier.get(key)
        now = self._clock.monotonic()
        if entry is None or entry.epoch != self.epoch or entry.hard_deadline <= now:
            self._metrics.looked_up("miss")
            return None
        tokens = self._generations.tokens(subject)
        if entry.tokens.hard != tokens.hard:
            self._metrics.looked_up("miss")
            return None
        stale = entry.tokens.soft != tokens.soft or entry.soft_deadline <= now
        self._metrics.looked_up("stale" if stale else "hit")
        return Found(entry.payload, stale)

    async def fill(self, key: str, subject: str, compute: Callable[[], Awaitable[tuple[bytes, bool]]]) -> bytes:
        """Compute the value, once for all who ask meanwhile, store it under the guard of its tokens, and return it.

        `compute` returns the payload and whether it may be stored (a degraded answer may not). Errors reach every
        waiter and are never stored; a cancelled caller does not cancel the others' computation.
        A computation that began before an invalidation is not joined by those who ask after it.
        """
        tokens = self._generations.tokens(subject)
        flight_key = (key, tokens.hard, self.epoch)
        joined = self._flights.running(flight_key)
        if joined:
            self._metrics.waited()
        payload, _ = await self._flights.run(flight_key, lambda: self._compute_and_store(key, subject, tokens, compute))
        return payload

    def refresh(self, key: str, subject: str, compute: Callable[[], Awaitable[tuple[bytes, bool]]]) -> None:
        """Start `fill` in the background unless one is under way; its errors are dropped, the next reader tries again."""
        tokens = self._generations.tokens(subject)
        flight_key = (key, tokens.hard, self.epoch)
        if not self._flights.running(flight_key):
            task = self._flights.start(flight_key, lambda: self._compute_and_store(key, subject, tokens, compute))
            task.add_done_callback(_observe)

    async def _compute_and_store(
        self, key: str, subject: str, tokens: Tokens, compute: Callable[[], Awaitable[tuple[bytes, bool]]]
    ) -> tuple[bytes, bool]:
        epoch = self.epoch
        payload, may_store = await compute()
        if not may_store:
            return payload, False
        if self._generations.tokens(subject).hard != tokens.hard or self.epoch != epoch:
            self._metrics.refused()
            return payload, False
        now = self._clock.monotonic()
        ttl = jittered(self._ttl, self._jitter, self._random())
        self._tier.set(key, _Entry(payload, tokens, epoch, now + ttl, now + ttl + self._stale), ttl + self._stale)
        return payload, True

    def new_epoch(self) -> None:
        """Everything stored so far is no longer served: models or configuration have changed."""
        self.epoch += 1

    def clear(self) -> None:
        """Drop all values."""
        self._tier.clear()

    async def drain(self) -> None:
        """Wait for the computations under way; for an orderly stop."""
        await self._flights.drain()


def _observe(task: "asyncio.Task[tuple[bytes, bool]]") -> None:
    if not task.cancelled():
        task.exception()  # marks it as seen: a failed refresh is no news, the next reader computes
