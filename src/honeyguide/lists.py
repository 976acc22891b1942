"""What lists are like as lists: coverage, diversity, novelty, popularity. One definition, for offline and for live figures.

`lists` int32 [n, k] holds rows of items, -1 where a list is shorter than k.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.types import BoolArray, IntArray, LongArray

PerList = NDArray[np.float64]
_CELLS: Final = 4_000_000  # pairs of categories compared at a time: bounds the memory


def coverage(lists: IntArray, n_items: int) -> float:
    """Share of all items that stand in any list."""
    return len(np.unique(lists[lists >= 0])) / max(1, n_items)


def diversity(lists: IntArray, categories: IntArray) -> PerList:
    """Mean over the pairs of a list of 1 - Jaccard of their categories: float64 [n], 1 for lists of fewer than two items.

    `categories` int32 [items, m]: each item's categories, each once, -1 pads. Items that have none are alike."""
    found = np.ones(len(lists), dtype=np.float64)
    if not len(categories):
        return found
    k, m = lists.shape[1], categories.shape[1]
    step = max(1, _CELLS // max(1, k * k * m * m))
    for start in range(0, len(lists), step):
        part = lists[start : start + step]
        found[start : start + step] = _mean_distance(part >= 0, np.where((part >= 0)[..., None], categories[part], -1))
    return found


def _mean_distance(there: BoolArray, categories: IntArray) -> PerList:
    """Of lists [n, k] with `categories` [n, k, m]; what is not `there` is in no pair."""
    real = categories >= 0
    sizes = real.sum(axis=2)
    same = (categories[:, :, None, :, None] == categories[:, None, :, None, :]) & real[:, :, None, :, None]
    common = same.sum(axis=(3, 4))
    either = sizes[:, :, None] + sizes[:, None, :] - common
    distances = np.where(either > 0, 1.0 - common / np.maximum(either, 1), 0.0)
    pairs = there[:, :, None] & there[:, None, :] & ~np.eye(there.shape[1], dtype=np.bool_)
    counts = pairs.sum(axis=(1, 2))
    return np.where(counts > 0, (distances * pairs).sum(axis=(1, 2)) / np.maximum(counts, 1), 1.0)


def novelty(lists: IntArray, known_to: LongArray, n_users: int) -> PerList:
    """Mean over a list of -log2((n_i + 1) / (N + 2)), in bits: float64 [n], 0 for empty lists.

    `known_to` int64 [items]: how many of the N users have the item in their past (Vargas, Castells, RecSys 2011; the
    additions keep items that nobody has)."""
    bits = -np.log2((known_to + 1.0) / (n_users + 2.0))
    there = lists >= 0
    sums = np.where(there, bits[lists] if len(bits) else 0.0, 0.0).sum(axis=1)
    return np.asarray(sums / np.maximum(there.sum(axis=1), 1), dtype=np.float64)


def popularity(lists: IntArray, known_to: LongArray) -> PerList:
    """Mean over a list of how many users have the item in their past: float64 [n], NaN for empty lists."""
    there = lists >= 0
    sums = np.where(there, known_to[lists] if len(known_to) else 0, 0).sum(axis=1)
    sizes = there.sum(axis=1)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def popularity_lift(shown: PerList, own: PerList) -> float | None:
    """How much more popular the items shown are than those that the same users chose themselves: mean / mean - 1.

    0: as popular, 1: twice as much; None where nobody has both. `shown` and `own` are `popularity` per user; NaN is left
    out (Abdollahpouri, Mansoury, Burke, Mobasher, "The unfairness of popularity bias in recommendation", RMSE 2019)."""
    both = np.isfinite(shown) & np.isfinite(own)
    chosen = float(own[both].mean()) if both.any() else 0.0
    return float(shown[both].mean()) / chosen - 1.0 if chosen > 0 else None
