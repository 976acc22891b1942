"""A cache with everything in hand: the clock, chance, the pauses, and what it counts."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from honeyguide.cache import Cache, Computed, Epoch, Found, Generations, Lifetime, Machinery, MemoryTier, NoTier, Want
from honeyguide.clock import ManualClock


class _Count:
    def __init__(self, seen: "Counter[str]", name: str) -> None:
        self._seen, self._name = seen, name

    def inc(self, amount: float = 1.0) -> None:
        if amount:
            self._seen[self._name] += int(amount)

    def observe(self, value: float) -> None:
        self._seen[self._name] += 1


class _Named(defaultdict[Any, _Count]):
    def __init__(self, seen: "Counter[str]", prefix: str = "") -> None:
        super().__init__()
        self._seen, self._prefix = seen, prefix

    def __missing__(self, key: Any) -> _Count:
        self[key] = made = _Count(self._seen, self._prefix + (" ".join(key) if isinstance(key, tuple) else key))
        return made


class Counted:
    """Counts into `seen`: "l1 hit", "waits", "refresh begun", "lease won", ..."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.results, self.refreshes = _Named(self.seen), _Named(self.seen, "refresh ")
        self.leases, self.pulls = _Named(self.seen, "lease "), _Named(self.seen, "pull ")
        self.ages: _Named = _Named(Counter())
        for name in ("waits", "refused", "failures", "errors_served", "skipped"):
            setattr(self, name, _Count(self.seen, name))

    waits: _Count
    refused: _Count
    failures: _Count
    errors_served: _Count
    skipped: _Count

    def unreadable(self, why: str) -> None:
        self.seen[f"unreadable {why}"] += 1


def numbered() -> Callable[[int], int]:
    """Stands in for chance: counts, so that no two tokens are the same."""
    numbers = iter(range(1, 10_000_000))
    return lambda bits: next(numbers)


class Bench:
    """An embedded cache. `sequence` stands for the log: each invalidation takes the next number."""

    def __init__(self, *, machinery: Machinery | None = None, size: int = 1_000_000, **lifetime: Any) -> None:
        self.clock = ManualClock()
        self.generations = Generations(numbered())
        self.counted = Counted()
        self.machinery = machinery or Machinery(
            self.generations, NoTier(), self.clock, lambda: 0.5, numbered(), asyncio.Semaphore(8)
        )
        self.memory = MemoryTier(size)
        life = Lifetime(**{"ttl": 60.0, "stale": 600.0, "jitter": 0.0, "early": 0.0, **lifetime})
        self.cache = Cache("test", self.machinery, self.memory, life, self.counted)
        self.epoch = Epoch(b"epoch 1")
        self.computed = 0
        self.sequence = 0

    def want(self, key: str, subject: str) -> Want:
        return Want(key, subject, self.epoch)

    def get(self, key: str, subject: str) -> Found | None:
        return self.cache.get(key, subject, self.epoch.now)

    async def fetch(self, key: str, subject: str, compute: "Callable[[], Awaitable[Computed]] | None" = None) -> bytes:
        return (await self.cache.fetch(self.want(key, subject), compute or self.compute)).payload

    def refresh(self, key: str, subject: str, compute: "Callable[[], Awaitable[Computed]] | None" = None) -> None:
        self.cache.refresh(self.want(key, subject), compute or self.compute)

    async def compute(self) -> Computed:
        self.computed += 1
        return Computed(b"value %d" % self.computed)

    def hard(self, subject: str) -> None:
        self.sequence += 1
        self.generations.replace_hard(subject, self.sequence)

    def soft(self, subject: str) -> None:
        self.sequence += 1
        self.generations.replace_soft(subject, self.sequence)

    def new_epoch(self) -> None:
        self.epoch = Epoch(self.epoch.now + b"'", self.epoch.now)


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test on an event loop of its own."""
    asyncio.run(body())


def constant(value: bytes, **how: Any) -> Callable[[], Coroutine[Any, Any, Computed]]:
    """A computation that always gives this value."""

    async def compute() -> Computed:
        return Computed(value, **how)

    return compute


async def failing() -> Computed:
    """A computation that fails."""
    await asyncio.sleep(0)
    raise RuntimeError("no")
