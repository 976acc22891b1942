"""Selectors: the order of the list, with variety."""

import heapq
from collections import deque
from collections.abc import Iterator

import numpy as np

from honeyguide.protocols import Request
from honeyguide.types import IntArray, Pool

WINDOW = 10


class CategoryCap:
    """Best first, with at most `surface.max_per_category` items of one main category in any 10 consecutive positions.

    Greedy: each position takes the best remaining candidate whose category is not full in the 9 positions before it; when
    every category left is full, the best remaining one, since a short list would be worse. Items without a category
    are not capped. The list of length n is the beginning of every longer one.
    """

    def select(self, request: Request, pool: Pool, order: IntArray, length: int) -> IntArray:
        """Positions in `pool`, at most `length`."""
        cap = request.surface.max_per_category
        if cap == 0 or cap >= WINDOW:
            return order[:length]
        categories = request.items.categories[pool.items[order], 0].tolist()
        chosen = list(_capped(categories, cap, min(length, len(order))))
        return order[np.asarray(chosen, dtype=np.int64)] if chosen else order[:0]


def _capped(categories: list[int], cap: int, length: int) -> Iterator[int]:
    """Places in `categories` (sorted best first), in the order in which the cap lets them through."""
    waiting: dict[int, deque[int]] = {}
    for place, category in enumerate(categories):
        waiting.setdefault(category, deque()).append(place)
    heads = [(places[0], category) for category, places in waiting.items()]
    heapq.heapify(heads)
    recent: deque[int] = deque(maxlen=WINDOW - 1)
    for _ in range(length):
        full: list[tuple[int, int]] = []
        while heads and heads[0][1] >= 0 and recent.count(heads[0][1]) >= cap:
            full.append(heapq.heappop(heads))
        if not heads:  # every category is full: the best of all goes first
            heads, full = full, []
        place, category = heapq.heappop(heads)
        waiting[category].popleft()
        if waiting[category]:
            heapq.heappush(heads, (waiting[category][0], category))
        for head in full:
            heapq.heappush(heads, head)
        recent.append(category)
        yield place
