"""What is like the things in a basket, where nothing has been bought together with any of them."""

import numpy as np

from honeyguide.protocols import Request
from honeyguide.retrieval.learned import best_rows
from honeyguide.retrieval.text import unit
from honeyguide.retrieval.together import TogetherSource
from honeyguide.types import NOTHING, BoolArray, Found


class AlikeSource:
    """Items like those in the basket, by the model; by their content where it knows none of them.

    Only where no companion of them may be shown: what is like a thing is often instead of it, and not with it."""

    name = "alike"
    slow = True

    def __init__(self) -> None:
        self._together = TogetherSource()

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.candidates` most alike by the sum of their likenesses, none that is in the basket."""
        if not len(request.basket) or len(self._together.retrieve(request, allowed)):
            return NOTHING
        open_to = allowed.copy()
        open_to[request.basket[request.basket < len(open_to)]] = False
        limit = request.surface.limit(self.name, request.surface.candidates)
        found = _by_model(request, open_to, limit)
        return found if len(found) else _by_content(request, open_to, limit)


def _by_model(request: Request, allowed: BoolArray, limit: int) -> Found:
    served = request.model
    if served is None:
        return NOTHING
    numbers = served.numbers[request.basket[request.basket < len(served.numbers)]]
    numbers = numbers[numbers >= 0].astype(np.int32)
    if not len(numbers):
        return NOTHING
    found, scores = served.model.similar(numbers, limit)
    real = (found >= 0) & (scores > 0)
    items, place = np.unique(found[real], return_inverse=True)
    sums = np.bincount(place, scores[real], len(items)).astype(np.float32)
    return best_rows(sums, served.rows[items], allowed, limit)


def _by_content(request: Request, allowed: BoolArray, limit: int) -> Found:
    if request.content is None:
        return NOTHING
    known = request.basket[request.basket < len(request.items)]
    vectors = request.content.vectors(request.items, known)
    vector = unit(vectors.sum(axis=0, keepdims=True).astype(np.float32))[0]
    return request.content.nearest(request.items, vector, allowed, limit) if vector.any() else NOTHING
