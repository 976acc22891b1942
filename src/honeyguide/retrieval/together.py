"""Bought together: how much likelier an item is in a basket once another one is.

For items i and j in n_i and n_j of N baskets, n_ij of both, the score is (n_ij - n_i n_j / N) / (n_i + shrinkage): the
probability of j in a basket with i less that in any basket (the leverage of Piatetsky-Shapiro, "Discovery, analysis and
presentation of strong rules", 1991, per basket with i), so that what is in every basket is no companion of anything, as
with lift (Brin, Motwani, Ullman, Tsur, SIGMOD 1997); the shrinkage holds back pairs that were seen a few times by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from honeyguide.protocols import Request
from honeyguide.retrieval.learned import best_rows
from honeyguide.types import NOTHING, BoolArray, FloatArray, Found, IntArray, LongArray

TOGETHER: Final = "together"
"""Name of its part of an artefact, and of the source."""

COMPANIONS: Final = 50  # kept per item
_SHRINKAGE: Final = 5.0
_BLOCK: Final = 2_000  # items whose companions are counted at once


@dataclass(frozen=True, slots=True)
class Companions:
    """`protocols.Companions`: item i goes with `items[indptr[i]:indptr[i + 1]]`, best first, their `scores` beside them."""

    indptr: LongArray
    items: IntArray
    scores: FloatArray

    def of(self, number: int) -> tuple[IntArray, FloatArray]:
        """Item numbers and scores, best first."""
        here = slice(int(self.indptr[number]), int(self.indptr[number + 1]))
        return self.items[here], self.scores[here]

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The table as named arrays."""
        return {"indptr": self.indptr, "items": self.items, "scores": self.scores}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_items: int) -> "Companions":
        """The table again. Raises ValueError for arrays that do not fit `n_items`."""
        indptr, items, scores = arrays["indptr"], arrays["items"], arrays["scores"]
        fits = len(indptr) == n_items + 1 and indptr[0] == 0 and int(indptr[-1]) == len(items) == len(scores)
        if not fits or (np.diff(indptr) < 0).any() or not np.isfinite(scores).all():
            raise ValueError(f"its arrays do not belong to {n_items} items")
        if len(items) and not 0 <= int(items.min()) <= int(items.max()) < n_items:
            raise ValueError(f"it names items that are not among {n_items}")
        return cls(indptr, items, scores)


def fit_together(baskets: csr_array, *, k: int = COMPANIONS, shrinkage: float = _SHRINKAGE) -> Companions:
    """The `k` best companions of each item, of `baskets` float32 [baskets, items] of zeros and ones."""
    n_items = baskets.shape[1]
    by_item = baskets.T.tocsr()
    counts = np.diff(by_item.indptr).astype(np.float64)
    share = counts / max(1, baskets.shape[0])
    lengths, items, scores = np.zeros(n_items, np.int64), [np.empty(0, np.int32)], [np.empty(0, np.float32)]
    for start in range(0, n_items, _BLOCK):
        pairs = (by_item[start : start + _BLOCK] @ baskets).tocoo()
        of, other = pairs.coords[0] + start, pairs.coords[1]
        gain = (pairs.data - counts[of] * share[other]) / (counts[of] + shrinkage)
        real = np.flatnonzero((gain > 0) & (of != other))
        of, other, gain = of[real], other[real], gain[real]
        order = np.lexsort((other, -gain, of))
        begins = np.searchsorted(of[order], of[order])
        best = order[np.arange(len(order)) - begins < k]
        lengths += np.bincount(of[best], minlength=n_items)
        items.append(other[best].astype(np.int32))
        scores.append(gain[best].astype(np.float32))
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Companions(indptr, np.concatenate(items), np.concatenate(scores))


class TogetherSource:
    """What is bought together with what is in the basket."""

    name = TOGETHER
    slow = False

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.candidates` best companions by the sum of their scores, none that is in the basket."""
        served = request.popular
        if served is None or served.companions is None or not len(request.basket):
            return NOTHING
        rows = request.basket[request.basket < len(served.numbers)]
        known = [number for number in served.numbers[rows].tolist() if number >= 0]
        if not known:
            return NOTHING
        found = [served.companions.of(number) for number in known]
        items, place = np.unique(np.concatenate([items for items, _ in found]), return_inverse=True)
        sums = np.bincount(place, np.concatenate([scores for _, scores in found]), len(items)).astype(np.float32)
        limit = request.surface.limit(self.name, request.surface.candidates)
        new = np.flatnonzero(~np.isin(served.rows[items], rows))
        return best_rows(sums[new], served.rows[items[new]], allowed, limit)
