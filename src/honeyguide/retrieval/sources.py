"""Sources that need no history: popular, popular in declared interests, new."""

from bisect import bisect_left
from typing import Final, Protocol, cast

import numpy as np

from honeyguide.protocols import Request, ServedModel
from honeyguide.retrieval.learned import answers, best_rows
from honeyguide.types import NOTHING, BoolArray, FloatArray, Found, IntArray, LongArray

IMPRESSIONS: Final = "impressions_30d"
_FADING: Final = 0.9
_LIKED: Final = 5  # categories


class _SegmentScores(Protocol):
    def segment_scores(self, segment: int) -> FloatArray: ...


class _PopularOrder:
    """The items of a popularity version from most to least popular, sorted once per version and segment."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, int], Found] = {}

    def of(self, served: ServedModel, segment: str) -> Found:
        """Rows of the block, best first, items that nobody ever touched left out."""
        number = served.segments.get(segment, 0)
        key = (served.label, number)
        order = self._orders.get(key)
        if order is None:
            scores = cast(_SegmentScores, served.model).segment_scores(number)
            rows = served.rows
            real = np.flatnonzero((rows >= 0) & (scores > 0))
            best = real[np.lexsort((rows[real], -scores[real]))]
            order = Found(rows[best], scores[best])
            if len(self._orders) >= 1000:
                self._orders.clear()
            self._orders[key] = order
        return order


class PopularSource:
    """What the user's segment likes, or everybody where there is no segment."""

    name = "popular"
    slow = False

    def __init__(self) -> None:
        self._order = _PopularOrder()

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.popular` most popular items."""
        if request.popular is None:
            return NOTHING
        order = self._order.of(request.popular, request.segment)
        return order.at(first_places(order.rows, allowed, request.surface.limit(self.name, request.surface.popular)))


class InterestSource:
    """Popular items of the categories that the user has named as interests, for users without a history."""

    name = "interests"
    slow = False

    def __init__(self) -> None:
        self._order = _PopularOrder()

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of popular items in those categories; nothing once the user has a history."""
        if request.popular is None or not request.interests or (request.history_weights > 0).any():
            return NOTHING
        wanted = [request.items.category_numbers.get(name, -2) for name in request.interests]
        order = self._order.of(request.popular, request.segment)
        inside = order.at(np.flatnonzero(np.isin(request.items.categories[order.rows], wanted).any(axis=1)))
        return inside.at(first_places(inside.rows, allowed, request.surface.limit(self.name, request.surface.popular)))


class FavouriteSource:
    """Popular items of the categories that the user's own history is made of, the latest most.

    Only where no model has something to say of the history: with one, lists stay as they are judged."""

    name = "favourites"
    slow = False

    def __init__(self) -> None:
        self._order = _PopularOrder()

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.popular` items of greatest popularity times weight of their main category in the history,
        none that is in it."""
        tastes = _tastes(request)
        if request.popular is None or not tastes.any() or answers(request):
            return NOTHING
        order = self._order.of(request.popular, request.segment)
        main = request.items.categories[order.rows, 0]
        open_to = allowed.copy()
        open_to[request.history_rows] = False
        liked = np.flatnonzero((main >= 0) & (main < len(tastes)) & open_to[order.rows])
        liked = liked[tastes[main[liked]] > 0]
        assert order.scores is not None
        limit = request.surface.limit(self.name, request.surface.popular)
        return best_rows(order.scores[liked] * tastes[main[liked]], order.rows[liked], open_to, limit)


def _tastes(request: Request) -> FloatArray:
    """float32 [categories]: each main category's share of the history, an event weighing 0.9 of the one after it; 0 for all
    but the `_LIKED` strongest."""
    rows = request.history_rows
    weights = request.history_weights * _FADING ** np.arange(len(rows) - 1, -1, -1, dtype=np.float32)
    main = request.items.categories[rows, 0]
    real = np.flatnonzero(main >= 0)
    sums = np.maximum(np.bincount(main[real], weights[real], len(request.items.category_names)), 0.0)
    if np.count_nonzero(sums) > _LIKED:
        sums[sums < np.partition(sums, -_LIKED)[-_LIKED]] = 0.0
    made: FloatArray = (sums / max(float(sums.sum()), 1e-30)).astype(np.float32)
    return made


class NewItemSource:
    """The newest items that have not had their impressions yet, so that what nobody has seen can be seen."""

    name = "new"
    slow = False

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.new_items` newest items that are younger than `recommend.new_item_age` and were seen less
        often than `recommend.new_item_impressions`."""
        rows, created = request.items.newest(), request.items.created_at
        rows = rows[_since(rows, created, request.now) : _since(rows, created, request.now - request.new_item_age)]
        if request.new_item_impressions and len(rows):
            seen = request.columns.gather(rows, (IMPRESSIONS,))[:, 0]
            rows = rows[~(seen >= request.new_item_impressions)]  # NaN: no view counts them
        return Found(first_allowed(rows, allowed, request.surface.limit(self.name, request.surface.new_items)))


class CatalogueSource:
    """Anything that may be shown, newest first: the end of every list, so that no list is short while items are left."""

    name = "catalogue"
    slow = False

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of `surface.popular` items, those without a creation time last."""
        rows = request.items.newest()
        limit = request.surface.limit(self.name, request.surface.popular)
        dated = first_allowed(rows[_since(rows, request.items.created_at, request.now) :], allowed, limit)
        missing = limit - len(dated)
        if missing <= 0:
            return Found(dated)
        undated = np.flatnonzero(allowed & (request.items.created_at == 0))[:missing].astype(np.int32)
        return Found(np.concatenate([dated, undated]))


def _since(newest: IntArray, created: LongArray, moment: int) -> int:
    """Where in rows, newest first, the first one stands that was there at a moment (ms); found without looking at all."""
    return bisect_left(newest, -moment, key=lambda row: -int(created[row]))


def first_allowed(rows: IntArray, allowed: BoolArray, limit: int) -> IntArray:
    """The first `limit` of `rows` that are allowed."""
    return rows[first_places(rows, allowed, limit)]


def first_places(rows: IntArray, allowed: BoolArray, limit: int) -> LongArray:
    """Where in `rows` the first `limit` stand that are allowed."""
    head = rows[: 4 * limit]
    places = np.flatnonzero(allowed[head])
    if len(places) < limit and len(head) < len(rows):
        places = np.flatnonzero(allowed[rows])
    return places[:limit]
