"""What callers and caches say to each other, and what the caches of a process share."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from honeyguide.cache.entry import Entry, Epoch
from honeyguide.cache.generations import Generations
from honeyguide.cache.shared import Tier
from honeyguide.clock import Clock
from honeyguide.types import Tokens

ServedFrom = Literal["l1", "l2", "computed", "stale", "stale-error"]


@dataclass(slots=True)
class Found:
    """A value, and where it came from. `refresh`: making it anew is due. `negative`: there is nothing, and that is known."""

    payload: bytes
    served_from: ServedFrom
    refresh: bool = False
    negative: bool = False

    @property
    def stale(self) -> bool:
        """Whether a newer one is due."""
        return self.served_from in ("stale", "stale-error")


@dataclass(slots=True)
class Computed:
    """What a computation gave. A poor value is answered once and not kept (`keep`); where the source itself `failed`, an
    older value is better than this one. It is fresh for `lasts` seconds
    at most. `negative`: there is nothing; that is kept for a short while, here only."""

    payload: bytes
    keep: bool = True
    failed: bool = False
    negative: bool = False
    lasts: float = inf


@dataclass(slots=True)
class Want:
    """One value: under which key, of which subject, of which epoch.

    The key holds all else that shapes the value; it is a tuple of strings, numbers, bytes and such. `ttl` is how long the
    value is fresh (seconds), where it is not as long as others of its cache."""

    key: Hashable
    subject: str
    epoch: Epoch
    ttl: float | None = None


Compute = Callable[[], Awaitable[Computed]]
ComputeMany = Callable[[Sequence[int]], Awaitable[Sequence[Computed]]]
"""Makes the values at these places of what was wanted, in this order."""


@dataclass(slots=True)
class Machinery:
    """What the caches of a process share. `chance` gives numbers in [0, 1); `bulkhead` bounds the computations at once,
    `most_refreshes` those of them that nobody waits for."""

    generations: Generations
    tier: Tier
    clock: Clock
    chance: Callable[[], float]
    random_bits: Callable[[int], int]
    bulkhead: asyncio.Semaphore
    most_refreshes: int = 16
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    refreshing: int = 0


@dataclass(slots=True)
class Seen:
    """What there is of a wanted value: its names in the shared tier, its subject's tokens as they were read, the best entry
    (`found` is how it is answered), and one for when nothing can be made. `kept`: it is in memory;
    `newer`: it is fresh and was not in memory before."""

    subject: bytes
    names: tuple[bytes, ...]
    tokens: Tokens
    best: Entry | None = None
    found: Found | None = None
    spare: Entry | None = None
    kept: bool = False
    newer: bool = False
