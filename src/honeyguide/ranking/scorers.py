"""Scorers: one number per candidate."""

from collections.abc import Mapping

import numpy as np

from honeyguide.protocols import Request
from honeyguide.types import FloatArray, Pool


class BlendedRanks:
    """Weighted reciprocal ranks of the sources, for as long as no ranker is trained.

    score = sum over sources of w * k / (k + rank), divided by the largest weight present, so that the first item of the
    strongest source scores about 1. Reciprocal rank fusion: Cormack, Clarke, Buettcher, SIGIR 2009, with their k = 60.
    Ranks and not scores are blended since scores of different models have no common scale.
    """

    def __init__(self, weights: Mapping[str, float], *, k: float = 60.0) -> None:
        self._weights = weights
        self._k = k

    def score(self, request: Request, pool: Pool) -> FloatArray:
        """float32 [len(pool)]."""
        if not len(pool):
            return np.empty(0, np.float32)
        weights = np.array([self._weights[name] for name in pool.sources], dtype=np.float64)
        present = ~np.isnan(pool.ranks)
        parts = np.where(present, weights * self._k / (self._k + np.nan_to_num(pool.ranks)), 0.0)
        strongest = weights[present.any(axis=0)].max()
        scores: FloatArray = (parts.sum(axis=1) / strongest).astype(np.float32)
        return scores
