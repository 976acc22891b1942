"""Metrics of ranked lists against held-out items: per user, on full rankings, never on sampled negatives.

`hits` bool [users, k] says whether position p of a user's list is held out; `relevant` int64 [users] how many items are.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.types import BoolArray, IntArray, LongArray

PerUser = NDArray[np.float64]
NAMES: Final = ("recall", "ndcg", "precision", "hit_rate", "mrr", "map")


def per_user(hits: BoolArray, relevant: LongArray) -> dict[str, PerUser]:
    """All metrics, in the order of `NAMES`. A shorter list is a slice: `per_user(hits[:, :5], relevant)`."""
    return {
        "recall": recall(hits, relevant),
        "ndcg": ndcg(hits, relevant),
        "precision": precision(hits),
        "hit_rate": hit_rate(hits),
        "mrr": mrr(hits),
        "map": average_precision(hits, relevant),
    }


def hits_in(lists: IntArray, indptr: LongArray, items: IntArray, n_items: int) -> BoolArray:
    """Where `lists` int32 [users, k] (-1 pads) holds an item of the user's `items[indptr[u]:indptr[u + 1]]`."""
    users = np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))
    wanted = users * n_items + items
    shown = np.arange(len(lists), dtype=np.int64)[:, None] * n_items + lists
    found: BoolArray = np.isin(shown, wanted) & (lists >= 0)
    return found


def recall(hits: BoolArray, relevant: LongArray) -> PerUser:
    """Hits / number of held-out items: float64 [users]."""
    shares: PerUser = hits.sum(axis=1) / relevant
    return shares


def precision(hits: BoolArray) -> PerUser:
    """Hits / k: float64 [users]."""
    shares: PerUser = hits.mean(axis=1)
    return shares


def hit_rate(hits: BoolArray) -> PerUser:
    """1 where there is any hit: float64 [users]."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def mrr(hits: BoolArray) -> PerUser:
    """1 / position of the first hit, 0 without one: float64 [users]."""
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)
    return np.asarray(1.0 / first)


def ndcg(hits: BoolArray, relevant: LongArray) -> PerUser:
    """Binary NDCG, gain 1 / log2(position + 1), ideal over min(relevant, k) (Jaervelin, Kekaelaeinen, TOIS 2002)."""
    k = hits.shape[1]
    gains = 1.0 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(relevant, k)]
    shares: PerUser = (hits @ gains) / ideal
    return shares


def average_precision(hits: BoolArray, relevant: LongArray) -> PerUser:
    """Sum of the precisions at the hits / number of held-out items; its mean over users is MAP, trec_eval's `map_cut`."""
    precisions = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    shares: PerUser = (precisions * hits).sum(axis=1) / relevant
    return shares
