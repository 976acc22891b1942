"""Selectors: the order of the list, with variety."""

import heapq
from collections import deque
from collections.abc import Iterator

import numpy as np

from honeyguide.protocols import Request
from honeyguide.types import IntArray, LongArray, Pool

WINDOW = 10


class CategoryCap:
    """Best first, with at most `surface.max_per_category` items of one main category in any 10 consecutive positions.

    Greedy: each position takes the best remaining candidate whose category is not full in the 9 positions before it; when
    every category left is full, the best remaining one, since a short list would be worse. Items without a category
    are not capped. The list of length n is the beginning of every longer one.
    """

    def select(self, request: Request, pool: Pool, order: IntArray, length: int) -> IntArray:
        """Positions in `pool`, at most `length`."""
        return order[capped(request.items.categories[pool.items[order], 0], request.surface.max_per_category, length)]


def capped(categories: IntArray, cap: int, length: int) -> LongArray:
    """The first `length` places of a list whose items, best first, have these main `categories` (-1: none); 0 is no cap."""
    length = min(length, len(categories))
    if cap == 0 or cap >= WINDOW:
        return np.arange(length)
    return np.fromiter(_through(categories.tolist(), cap, length), dtype=np.int64, count=length)


def _through(categories: list[int], cap: int, length: int) -> Iterator[int]:
    """Places in the order in which the cap lets them through; what it holds back waits, the best of a category first."""
    waiting: dict[int, deque[int]] = {}
    heads: list[tuple[int, int]] = []  # the first place that waits, and its category
    rest = iter(enumerate(categories))
    recent: deque[int] = deque(maxlen=WINDOW - 1)
    for _ in range(length):
        full: list[tuple[int, int]] = []
        while heads and recent.count(heads[0][1]) >= cap:
            full.append(heapq.heappop(heads))
        found = None if heads else _next(rest, recent, cap, waiting, full)
        if found is None:
            if not heads:  # every category is full: the best of all goes first
                heads, full = full, []
                heapq.heapify(heads)
            found = heapq.heappop(heads)
            waiting[found[1]].popleft()
            if waiting[found[1]]:
                heapq.heappush(heads, (waiting[found[1]][0], found[1]))
        for head in full:
            heapq.heappush(heads, head)
        recent.append(found[1])
        yield found[0]


def _next(
    rest: Iterator[tuple[int, int]],
    recent: deque[int],
    cap: int,
    waiting: dict[int, deque[int]],
    full: list[tuple[int, int]],
) -> tuple[int, int] | None:
    """The next place that the cap lets through; those before it go to `waiting`, and to `full` as first of theirs."""
    for place, category in rest:
        if category < 0 or recent.count(category) < cap:
            return place, category
        line = waiting.setdefault(category, deque())
        if not line:
            full.append((place, category))
        line.append(place)
    return None
