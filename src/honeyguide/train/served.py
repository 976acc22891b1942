"""A model's lists as a surface serves them: popular items behind the model's, and no more of a category than allowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.config.settings import Settings, Surface
from honeyguide.features.attributes import MAX_CATEGORIES
from honeyguide.offline.evaluation import top_k
from honeyguide.protocols import CatalogueTable, Model
from honeyguide.ranking.caps import capped
from honeyguide.ranking.pools import best_first, merge, settled
from honeyguide.ranking.scorers import WEIGHTS, blended
from honeyguide.retrieval.learned import best_rows, no_history
from honeyguide.retrieval.sources import first_allowed
from honeyguide.types import FloatArray, Found, IntArray, Pool

_LOOK: Final = 4  # times the length of a list that are looked at before everything is


@dataclass(frozen=True, slots=True)
class AsServed:
    """A ranker (`offline.evaluation`) that does what the recipe `personal` does, without new items, those by content, and
    segments.

    `ids`: of the items that scores are for; `categories` int32 [items, m], the main one first; `popular` int32: the items
    that anybody touched, most popular first."""

    surface: Surface
    ids: Sequence[str]
    categories: IntArray
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
        """The list, if it is made of a model's very best alone; None if it has too few, or the cap holds too many back."""
        if not len(found) or found[-1] < 0:
            return None
        # Something without a category always passes: had the best not been enough, it would stand in the list.
        places = capped(np.append(self.categories[found, 0], -1), self.surface.max_per_category, k)
        return found[places] if len(places) == k and places.max() < len(found) else None

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
        ranked = pool.items[best_first(settled(blended(pool, self._weights())), pool.items, self.ids)]
        return ranked[capped(self.categories[ranked, 0], self.surface.max_per_category, k)]

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


def most_popular(popular: Model) -> IntArray:
    """int32: the items of positive popularity, most popular first."""
    scores = popular.scores(no_history())[0]
    order: IntArray = np.argsort(-scores, kind="stable").astype(np.int32)
    return order[: int(np.count_nonzero(scores > 0))]
