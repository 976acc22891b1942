"""Scorers: one number per candidate."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from honeyguide.protocols import Request
from honeyguide.types import FloatArray, Pool

WEIGHTS: Final = {
    "together": 1.5,
    "alike": 1.0,
    "model": 1.0,
    "similar": 1.0,
    "interests": 0.9,
    "content": 0.88,
    "favourites": 0.75,
    "popular": 0.7,
    "new": 0.5,
    "catalogue": 0.01,
    "trending": 1.0,
    "given": 0.01,
    "pinned": 0.005,
    "promoted": 0.005,
}
"""With these a source's first item stands where the model's list has place 1, 1, 1, 8, 10, 21, 27, 61 and its end; what
is bought together with a basket stands before it, what only a rule wants after it."""
OTHER: Final = 0.5
"""Of a source that is not named: what other models find stands behind what is popular."""


class BlendedRanks:
    """The best weighted reciprocal rank of an item among its sources, for as long as no ranker is trained.

    score = max over sources of w * k / (k + rank), from 0 to the largest weight: the order of the strongest source stands
    as it is (so the list served is the list that was evaluated), and an item of a weaker one comes in where its own weight
    puts it. Reciprocal ranks with k = 60: Cormack, Clarke, Buettcher, SIGIR 2009; the maximum instead of the sum, since
    sources here are unequal and an item that is merely popular must not overtake the model's first choices. Ranks and not
    scores are blended since scores of different models have no common scale.
    """

    def __init__(self, weights: Mapping[str, float] = WEIGHTS, *, k: float = 60.0) -> None:
        self._weights = weights
        self._k = k

    def score(self, request: Request, pool: Pool) -> FloatArray:
        """float32 [len(pool)]."""
        return blended(pool, {**self._weights, **request.surface.weights()}, k=self._k)

    def terms(self, request: Request, pool: Pool) -> FloatArray:
        """float32 [len(pool), sources]: the weighted reciprocal ranks, NaN where there is none; the largest is the score."""
        return weighted_ranks(pool, {**self._weights, **request.surface.weights()}, k=self._k)


def blended(pool: Pool, weights: Mapping[str, float] = WEIGHTS, *, k: float = 60.0) -> FloatArray:
    """The scores of `BlendedRanks`: float32 [len(pool)]."""
    if not len(pool):
        return np.empty(0, np.float32)
    scores: FloatArray = np.nanmax(weighted_ranks(pool, weights, k=k), axis=1)
    return scores


def weighted_ranks(pool: Pool, weights: Mapping[str, float] = WEIGHTS, *, k: float = 60.0) -> FloatArray:
    """float32 [len(pool), sources]: w * k / (k + rank), NaN where a source does not have the item."""
    largest = np.array([weights.get(name, OTHER) for name in pool.sources], dtype=np.float64)
    terms: FloatArray = (largest * k / (k + pool.ranks)).astype(np.float32)
    return terms
