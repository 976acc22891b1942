"""A cache with everything in hand: the clock, chance, the pauses, and what it counts."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from honeyguide.cache import (
    Cache,
    Computed,
    Epoch,
    Found,
    Generations,
    Lifetime,
    Machinery,
    MemoryTier,
    NoTier,
    SharedTier,
    Want,
)
from honeyguide.clock import ManualClock
from honeyguide.protocols import SharedCache
from honeyguide.testing.shared_cache import MemoryServer, MemoryShared
from honeyguide.types import Invalidation


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
        for name in ("made", "waits", "refused", "failures", "errors_served", "skipped"):
            setattr(self, name, _Count(self.seen, name))

    made: _Count
    waits: _Count
    refused: _Count
    failures: _Count
    errors_served: _Count
    skipped: _Count

    def unreadable(self, why: str) -> None:
        self.seen[f"unreadable {why}"] += 1


def numbered(start: int = 1) -> Callable[[int], int]:
    """Stands in for chance: counts, so that no two tokens are the same."""
    numbers = iter(range(start, start + 10_000_000))
    return lambda bits: next(numbers)


class Nodes:
    """Several nodes around one shared cache in memory. The server has a clock of its own, and so may each node."""

    def __init__(self, *, pause: "Callable[[], Awaitable[None]] | None" = None) -> None:
        self.clock = ManualClock()
        self.server = MemoryServer(self.clock)
        self.sequence = 0
        self._pause = pause

    def node(self, *, ahead: float = 0.0, **lifetime: Any) -> "Node":
        """Another node, whose clock is `ahead` by so many seconds."""
        return Node(
            self, MemoryShared(self.server, self._pause) if self._pause else MemoryShared(self.server), ahead, lifetime
        )


class Ahead:
    """A clock that goes along with another one, and is ahead of it."""

    def __init__(self, clock: ManualClock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def now_ms(self) -> int:
        return self._clock.now_ms() + round(self._seconds * 1000)

    def monotonic(self) -> float:
        return self._clock.monotonic() + self._seconds


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
        self.generations.replace(Invalidation(subject, self.sequence, self.sequence))

    def soft(self, subject: str) -> None:
        self.sequence += 1
        self.generations.replace(Invalidation(subject, 0, self.sequence))

    def new_epoch(self) -> None:
        self.epoch = Epoch(self.epoch.now + b"'", self.epoch.now)


TRUST = 0.5


class Node:
    """One of several nodes."""

    def __init__(self, nodes: Nodes, store: SharedCache, ahead: float, lifetime: dict[str, Any]) -> None:
        self.nodes, self.store = nodes, store
        self.clock = Ahead(nodes.clock, ahead)
        self.generations = Generations(random.Random(len(nodes.server.stream) + id(self)).getrandbits)
        self.counted = Counted()
        self.tier = SharedTier(
            store, self.generations, self.clock, self.counted, secret=b"secret", value_size=100_000, trust=TRUST
        )
        self.slept: list[float] = []
        self.machinery = Machinery(
            self.generations, self.tier, self.clock, lambda: 0.5, numbered(id(self)), asyncio.Semaphore(8), sleep=self._sleep
        )
        self.memory = MemoryTier(1_000_000)
        life = Lifetime(**{"ttl": 60.0, "stale": 600.0, "jitter": 0.0, "early": 0.0, **lifetime})
        self.cache = Cache("test", self.machinery, self.memory, life, self.counted)
        self.tier.on_clear.append(self.cache.clear)
        self.epoch = Epoch(b"epoch 1")
        self.computed = 0

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.nodes.clock.advance(seconds)
        await asyncio.sleep(0)

    def want(self, key: str, subject: str) -> Want:
        return Want(key, subject, self.epoch)

    def get(self, key: str, subject: str) -> Found | None:
        return self.cache.get(key, subject, self.epoch.now)

    async def fetch(self, key: str, subject: str, compute: "Callable[[], Awaitable[Computed]] | None" = None) -> Found:
        found = await self.cache.fetch(self.want(key, subject), compute or self.compute)
        await self.tier.drain()
        return found

    async def compute(self) -> Computed:
        self.computed += 1
        return Computed(b"value %d" % self.computed)

    async def event(self, subject: str, *, hard: bool = True, told: bool = True) -> None:
        """Take an event: commit, own tokens, and the shared ones if the server takes them in time."""
        self.nodes.sequence += 1
        done = Invalidation(subject, self.nodes.sequence if hard else 0, self.nodes.sequence)
        self.generations.replace(done)
        if told:
            await self.tier.replace([done])


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
