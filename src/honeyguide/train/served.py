"""A model's lists as a surface serves them: popular items behind the model's, as many as it is filled with, and no more of
an attribute's value than its caps allow."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.config.diversity import Cap
from honeyguide.config.settings import Settings, Surface
from honeyguide.features import ItemBlock
from honeyguide.features.attributes import MAX_CATEGORIES
from honeyguide.offline.evaluation import top_k
from honeyguide.protocols import CatalogueTable, Model
from honeyguide.ranking.caps import caps_of, column, let_through
from honeyguide.ranking.pools import best_first, filled, merge, settled
from honeyguide.ranking.scorers import WEIGHTS, blended
from honeyguide.retrieval.learned import best_rows, no_history
from honeyguide.retrieval.sources import first_allowed
from honeyguide.types import FloatArray, Found, IntArray, LongArray, Pool

_LADDER: Final = ("popular",)
"""What fills a list up to its `minimum`; of the other sources that do, none is here."""
_LOOK: Final = 4  # times the length of a list that are looked at before everything is


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap: at most `most` items of the same value in `window` positions; `values` by item, None: not capped."""

    values: Sequence[Hashable]
    most: int
    window: int


@dataclass(frozen=True, slots=True)
class AsServed:
    """A ranker (`offline.evaluation`) that does what the recipe `personal` does, without new items, those by content, the
    passes of re-ranking, and segments.

    `ids`: of the items that scores are for; `limits` (`limits_of`): what the caps of the surface see of them; `popular`
    int32: the items that anybody touched, most popular first."""

    surface: Surface
    ids: Sequence[str]
    limits: Sequence[Limit]
    popular: IntArray

    def __call__(self, scores: FloatArray, k: int) -> IntArray:
        """int32 [users, k], -1 pads, for scores float32 [users, items] that are -inf where an item is not allowed."""
        lists = np.full((len(scores), k), -1, dtype=np.int32)
        limit = self.surface.limit("model", self.surface.candidates)
        most = min(_LOOK * k, _unmixed(self._weights()), limit, scores.shape[1])
        best = top_k(np.where(scores > 0, scores, -np.inf), most)
        for row, (line, found) in enumerate(zip(scores, best, strict=True)):
            chosen = self._head(found, k)
            if chosen is None:
                chosen = self._list(line, k)
            lists[row, : len(chosen)] = chosen
        return lists

    def _head(self, found: IntArray, k: int) -> IntArray | None:
        """The list, if it is made of a model's very best alone; None if it has too few, or the caps hold too many back."""
        if not len(found) or found[-1] < 0:
            return None
        # Something that no cap sees always passes: had the best not been enough, it would stand in the list.
        places = self._capped(found, k, beyond=1)
        return found[places] if len(places) == k and places.max() < len(found) else None

    def _capped(self, items: IntArray, k: int, *, beyond: int = 0) -> LongArray:
        """The first k places of items within the caps, so many things `beyond` them that no cap sees."""
        length = min(k, len(items) + beyond)
        if not self.limits:
            return np.arange(length)
        rows, unseen = items.tolist(), [None] * beyond
        columns = [[*map(limit.values.__getitem__, rows), *unseen] for limit in self.limits]
        return let_through(zip(*columns, strict=True), [(limit.most, limit.window) for limit in self.limits], length)

    def _list(self, scores: FloatArray, k: int) -> IntArray:
        allowed = scores > -np.inf
        rows = np.where(scores > 0, np.arange(len(scores), dtype=np.int32), -1)
        found = {
            "model": best_rows(scores, rows, allowed, self.surface.limit("model", self.surface.candidates)),
            "popular": Found(first_allowed(self.popular, allowed, self.surface.limit("popular", self.surface.popular))),
        }
        taken = {use.name for use in self.surface.sources} or set(found)
        pool = merge({name: each for name, each in found.items() if name in taken}, len(scores))
        if not len(pool):
            return pool.items
        order = best_first(settled(blended(pool, self._weights())), pool.items, self.ids)
        ranked = pool.items[filled(pool, order, _LADDER, self.surface.minimum)]
        return ranked[self._capped(ranked, k)]

    def _weights(self) -> dict[str, float]:
        return {**WEIGHTS, **self.surface.weights()}


def _unmixed(weights: Mapping[str, float]) -> int:
    """How many of a model's best stand before anything popular in the blend: the first popular item has its whole weight."""
    ranks = np.arange(1_000, dtype=np.float32)[:, None]
    own = blended(Pool(np.arange(1_000, dtype=np.int32), ranks, ranks, ("model",)), weights)
    return int(np.count_nonzero(own > weights["popular"]))


def surface_of(settings: Settings) -> Surface:
    """The surface whose lists a model is judged by: `home`, or the first that is personal."""
    surfaces = settings.all_surfaces()
    personal = [surface for surface in surfaces.values() if surface.recipe in ("personal", "ranked")]
    return next((surface for surface in personal if surface.name == "home"), (personal or [Surface(name="home")])[0])


def categories_of(catalogue: CatalogueTable, ids: Sequence[str]) -> IntArray:
    """int32 [len(ids), m]: numbers of each item's categories, the main one first, -1 pads; m is at least 1."""
    numbers = {item_id: number for number, item_id in enumerate(ids)}
    names: dict[str, int] = {}
    found: Mapping[int, list[int]] = {
        numbers[item.item_id]: [
            names.setdefault(name, len(names)) for name in dict.fromkeys(item.categories[:MAX_CATEGORIES])
        ]
        for batch in catalogue.scan_items()
        for item in batch
        if item.item_id in numbers
    }
    categories = np.full((len(ids), max(map(len, found.values()), default=0) or 1), -1, dtype=np.int32)
    for number, listed in found.items():
        categories[number, : len(listed)] = listed
    return categories


def limits_of(catalogue: CatalogueTable, ids: Sequence[str], surface: Surface, categories: IntArray) -> list[Limit]:
    """What the caps of a surface see of items; `categories` are theirs (`categories_of`)."""
    caps, block = caps_of(surface), ItemBlock()
    if any(cap.of != "category" for cap in caps):
        block.put(item for batch in catalogue.scan_items() for item in batch)
    rows = [block.number(item_id) for item_id in ids]
    return [Limit(_values(cap, block, rows, categories), cap.most, cap.window) for cap in caps]


def _values(cap: Cap, block: ItemBlock, rows: Sequence[int], categories: IntArray) -> list[Hashable]:
    """By item; None for one that is not in the catalogue."""
    if cap.of == "category":
        return [number if number >= 0 else None for number in categories[:, 0].tolist()]
    known = np.array([row for row in rows if row >= 0], np.int32)
    there = iter(column(cap, block, known))
    return [next(there) if row >= 0 else None for row in rows]


def most_popular(popular: Model) -> IntArray:
    """int32: the items of positive popularity, most popular first."""
    scores = popular.scores(no_history())[0]
    order: IntArray = np.argsort(-scores, kind="stable").astype(np.int32)
    return order[: int(np.count_nonzero(scores > 0))]
