"""How much each position of a list is looked at, told from lists that were drawn by chance; and what was chosen, without it.

In a drawn list every item is as likely to stand at any position, so that how often positions are chosen from differs by how
much they are looked at and by nothing else (Joachims, Swaminathan, Schnabel, "Unbiased Learning-to-Rank with Biased
Feedback", WSDM 2017). What was chosen at a position counts by the inverse of that (inverse propensity weighting). Gains are
linear in NDCG here, so the expected gain of an item is then what it is worth, wherever it stood; lists are weighed by their
ideal gain, since NDCG would divide by it what was just multiplied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.train.ranker.rows import Lists
from honeyguide.types import BoolArray, FloatArray

MEASURED: Final = 100
"""Places of drawn lists that something came of, below which nothing is said about positions."""
LEAST: Final = 0.1
"""A position counts as looked at at least this much, so that no single choice counts as more than ten."""


@dataclass(frozen=True, slots=True)
class Positions:
    """`looked_at` float32 [positions]: how much each is looked at, the first 1, falling; the last is for all beyond."""

    looked_at: FloatArray

    def at(self, positions: int) -> FloatArray:
        """Of the first so many positions."""
        found: FloatArray = self.looked_at[np.minimum(np.arange(positions), len(self.looked_at) - 1)]
        return found


def measured(chosen: Sequence[BoolArray]) -> Positions | None:
    """From drawn lists, each as bool [positions]: whether something came of what stood there. None where too little did.

    What is further down is not looked at more: neighbours that say so are pooled (isotonic regression)."""
    size = max(map(len, chosen), default=0)
    shown, good = np.zeros(size), np.zeros(size)
    for each in chosen:
        shown[: len(each)] += 1
        good[: len(each)] += each
    if good.sum() < MEASURED:
        return None
    rates = _falling(good / shown, shown)
    return Positions(np.maximum(rates / rates[0], LEAST).astype(np.float32))


def _falling(rates: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The closest line that never rises, by weighted squares (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for rate, weight in zip(rates.tolist(), weights.tolist(), strict=True):
        block = (rate, weight, 1)
        while blocks and blocks[-1][0] < block[0]:
            mean, mass, size = blocks.pop()
            total = mass + block[1]
            block = ((mean * mass + block[0] * block[1]) / total, total, size + block[2])
        blocks.append(block)
    return np.concatenate([np.full(size, rate) for rate, _, size in blocks])


def weighed(lists: Lists, k: int) -> Lists:
    """The lists, each counting as much as its ideal discounted gain at k."""
    discounts = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.ones(len(lists), np.float32)
    for one in range(len(lists)):
        gains = np.sort(np.maximum(lists.gains[lists.indptr[one] : lists.indptr[one + 1]], 0))[::-1][:k]
        ideal[one] = max(float(gains @ discounts[: len(gains)]), 1e-6)
    return Lists(lists.table, lists.items, lists.gains, lists.indptr, lists.at, ideal)
