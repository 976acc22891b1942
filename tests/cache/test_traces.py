"""What the memory tier keeps, on traces with a shape: it must beat least-recently-used, and never be lost on any of them.

The bars are below what was measured over many runs (moka places keys by a hash that is drawn anew in each process), and
above what LRU gets on the very same trace."""

import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import accumulate

import pytest

from honeyguide.cache import MemoryTier
from honeyguide.cache.entry import Entry
from honeyguide.types import Tokens

PLACES = 500
LENGTH = 60_000
KEYS = 25_000
PAYLOAD = b"x" * 1000
Trace = Callable[[], Sequence[int]]


def entry() -> Entry:
    return Entry(PAYLOAD, Tokens(b"h" * 16, b"s" * 16), b"epoch", 0.0, 60.0, 600.0, 0.001)


def drawn(chance: random.Random, number: int, skew: float = 0.9) -> list[int]:
    """Keys by Zipf's law, the most popular ones first in number."""
    weights = list(accumulate(1.0 / (rank**skew) for rank in range(1, KEYS + 1)))
    return chance.choices(range(KEYS), cum_weights=weights, k=number)


def zipf() -> Sequence[int]:
    return drawn(random.Random(1), LENGTH)


def bots() -> Sequence[int]:
    """Two of five requests are for keys that nobody asks for again."""
    chance, strangers = random.Random(2), iter(range(KEYS, KEYS + LENGTH))
    return [next(strangers) if chance.random() < 0.4 else key for key in drawn(chance, LENGTH)]


def shifts() -> Sequence[int]:
    """Five times something else becomes popular."""
    chance = random.Random(3)
    return [key + phase * KEYS for phase in range(5) for key in drawn(chance, LENGTH // 5)]


def loop() -> Sequence[int]:
    """Round and round over a little more than there is room for: LRU throws each away just before it is asked for."""
    return [at % (PLACES * 5 // 4) for at in range(LENGTH)]


def hits_of_tier(trace: Sequence[int]) -> float:
    tier = MemoryTier(PLACES * entry().size)
    hits = 0
    for key in trace:
        if tier.get(key) is not None:
            hits += 1
        else:
            tier.set(key, entry(), 600.0)
    assert tier.size() <= PLACES * entry().size
    return hits / len(trace)


def hits_of_lru(trace: Sequence[int]) -> float:
    kept: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for key in trace:
        if key in kept:
            hits += 1
            kept.move_to_end(key)
        else:
            kept[key] = None
            if len(kept) > PLACES:
                kept.popitem(last=False)
    return hits / len(trace)


@pytest.mark.parametrize(
    ("trace", "times", "least"),
    [(zipf, 1.10, 0.41), (bots, 1.15, 0.21), (shifts, 1.03, 0.37), (loop, 1.0, 0.50)],
    ids=["zipf", "bots", "shifts", "loop"],
)
def test_the_memory_tier_keeps_what_is_asked_for_again(trace: Trace, times: float, least: float) -> None:
    asked = trace()
    ours, lru = hits_of_tier(asked), hits_of_lru(asked)
    assert ours >= max(times * lru, least), f"{ours:.3f} of requests are hits, with LRU {lru:.3f}"
