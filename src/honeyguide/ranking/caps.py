"""Caps: no more than so many items with the same value of an attribute in so many consecutive positions."""

import heapq
from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Final

import numpy as np

from honeyguide.config.diversity import Cap
from honeyguide.config.settings import Surface
from honeyguide.protocols import Items, Request
from honeyguide.ranking.candidates import Candidates
from honeyguide.types import IntArray, LongArray

WINDOW: Final = 10
"""The stretch of `surface.max_per_category`."""

Values = tuple[Hashable, ...]
"""An item's value for each cap; None is not capped."""
Limit = tuple[int, int]
"""Most items of a value, and in how many consecutive positions."""


class Caps:
    """The last pass: best first, with at most so many items of a value in any stretch of the list.

    Greedy: each position takes the best remaining candidate that breaks no cap. When all of them do, it takes the best of
    those that break the fewest, since a short list would be worse. Items without a value are not capped."""

    name = "caps"

    def reorder(self, request: Request, candidates: Candidates, length: int) -> LongArray | None:
        """Places of the first `length` candidates."""
        if not caps_of(request.surface):
            return None
        return within(request.surface, request.items, candidates.rows, length)


def caps_of(surface: Surface) -> list[Cap]:
    """The caps of a surface that can hold anything back."""
    main = [Cap(of="category", most=surface.max_per_category, window=WINDOW)] if surface.max_per_category else []
    return [cap for cap in (*main, *surface.caps) if cap.most < cap.window]


def within(surface: Surface, items: Items, rows: IntArray, length: int) -> LongArray:
    """The first `length` places of a list of these rows, best first, within the caps of a surface."""
    caps, length = caps_of(surface), min(length, len(rows))
    if not caps:
        return np.arange(length)
    columns = [column(cap, items, rows) for cap in caps]
    return let_through(zip(*columns, strict=True), [(cap.most, cap.window) for cap in caps], length)


def let_through(values: Iterable[Values], limits: Sequence[Limit], length: int) -> LongArray:
    """The first `length` places of a list whose items, best first, have these values, in the order in which they may stand.

    `values` are asked for no further than they are needed."""
    return np.fromiter(_Gate(values, limits).places(length), dtype=np.int64, count=length)


class _Gate:
    """Candidates that wait stand in one line for each combination of values: the first of a line stands for all of it."""

    def __init__(self, values: Iterable[Values], limits: Sequence[Limit]) -> None:
        self._rest = iter(enumerate(values))
        self._most = [most for most, _ in limits]
        self._recent: list[deque[Hashable]] = [deque(maxlen=window - 1) for _, window in limits]
        self._lines: dict[Values, deque[int]] = {}
        self._heads: list[tuple[int, Values]] = []  # the first place of each line, as a heap

    def places(self, length: int) -> Iterator[int]:
        for _ in range(length):
            held: list[tuple[int, Values]] = []
            found = self._waiting(held) or self._next(held) or self._least_bad(held)
            for head in held:
                heapq.heappush(self._heads, head)
            place, values = found
            for recent, value in zip(self._recent, values, strict=True):
                recent.append(value)
            yield place

    def _broken(self, values: Values) -> int:
        """How many caps an item with these values would break now."""
        return sum(
            value is not None and recent.count(value) >= most
            for value, recent, most in zip(values, self._recent, self._most, strict=True)
        )

    def _waiting(self, held: list[tuple[int, Values]]) -> tuple[int, Values] | None:
        """The best of those that wait and may go on; the heads of lines that may not are added to `held`."""
        while self._heads:
            head = heapq.heappop(self._heads)
            if not self._broken(head[1]):
                self._lines[head[1]].popleft()
                self._close_up(head[1], held)
                return head
            held.append(head)
        return None

    def _next(self, held: list[tuple[int, Values]]) -> tuple[int, Values] | None:
        """The next that nobody has looked at and that may go on; those before it wait."""
        for place, values in self._rest:
            if not self._broken(values):
                return place, values
            line = self._lines.setdefault(values, deque())
            if not line:
                held.append((place, values))
            line.append(place)
        return None

    def _least_bad(self, held: list[tuple[int, Values]]) -> tuple[int, Values]:
        """Nobody may go on: the best of those that break the fewest caps."""
        head = min(held, key=lambda each: (self._broken(each[1]), each[0]))
        held.remove(head)
        self._lines[head[1]].popleft()
        self._close_up(head[1], held)
        return head

    def _close_up(self, values: Values, held: list[tuple[int, Values]]) -> None:
        line = self._lines[values]
        if line:
            held.append((line[0], values))


def column(cap: Cap, items: Items, rows: IntArray) -> Iterable[Hashable]:
    """The value that a cap looks at, of the items at `rows`; None where there is none."""
    if cap.of == "category":
        return _numbers(items.categories[rows, 0])
    if cap.of == "price":
        prices = items.price[rows]
        bands = np.searchsorted(np.array(cap.bands, np.float32), prices, side="right")
        return [None if price != price else band for price, band in zip(prices.tolist(), bands.tolist(), strict=True)]
    name = cap.of.removeprefix("properties.")
    return map(_property, (items.properties[row] for row in rows.tolist()), repeat(name), repeat(cap.bands))


def _numbers(categories: IntArray) -> list[int | None]:
    return [number if number >= 0 else None for number in categories.tolist()]


def _property(properties: dict[str, object], name: str, bands: Sequence[float]) -> Hashable:
    """The value of a property as something to compare: of several the first, of a number its band."""
    value = properties.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    if bands:
        return _band(value, bands) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return value if isinstance(value, str | int | float) else None


def _band(value: float, bands: Sequence[float]) -> int:
    return sum(value >= limit for limit in bands)
