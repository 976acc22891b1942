"""What comes next, as a mixture: each of the latest items says what came after it, the last one loudest.

A first-order chain whose counts are smoothed by skips (`steps`). What a row has not seen often goes back to popularity
(Witten, Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 1991): of r transitions seen,
r / (r + kappa) is the row's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from scipy.sparse import csr_array

from honeyguide.models.rows import cells, weighted_rows
from honeyguide.models.steps import Successive, Wide
from honeyguide.models.trained import setting
from honeyguide.types import FloatArray, Histories, IntArray, Interactions, LongArray


@dataclass(kw_only=True, eq=False)
class Markov(Successive):
    """score = popularity + sum over the latest items of v * (Q[item] - sum of Q[item] * popularity); the v sum to 1."""

    name: ClassVar[str] = "markov"

    window: int = setting(10, 1, 100, "Places that a transition may skip to.")
    kappa: float = setting(20.0, 0.001, 1e6, "Transitions that popularity counts for in each row.")
    _own: FloatArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Count transitions; `seed` is not used."""
        walk, n = self._walk(self.admitted(interactions)), interactions.n_items

        def shares(counts: csr_array) -> Wide:
            found: Wide = counts.data / np.repeat(counts.sum(axis=1) + self.kappa, np.diff(counts.indptr))
            return found

        popularity = np.bincount(walk.items, walk.weights, minlength=n)
        links = self._linked(walk, n, shares, progress)
        return self._with_links(links, popularity / max(popularity.sum(), 1e-30), walk.scale)

    def _voices(self, histories: Histories) -> tuple[LongArray, LongArray, IntArray, FloatArray]:
        """(places, indptr, items, v) of the entries that are asked; v sums to 1 per history."""
        places, indptr, items, values = self._asked(histories)
        rows = np.repeat(np.arange(len(histories)), np.diff(indptr))
        totals = np.bincount(rows, values, minlength=len(histories))
        return places, indptr, items, (values / np.maximum(totals, 1e-300)[rows]).astype(np.float32)

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; popularity for an empty history."""
        _, indptr, items, shares = self._voices(histories)
        found = weighted_rows(self._links, indptr, items, shares)
        rows = np.repeat(np.arange(len(histories)), np.diff(indptr))
        own = np.bincount(rows, shares * self._own[items], minlength=len(histories))
        found += (1.0 - own).astype(np.float32)[:, None] * self._prior
        return found

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: v * (Q[entry, item] - sum of Q[entry] * popularity of the item)."""
        places, _, entries, shares = self._voices(history)
        own = self._own[entries, None] * self._prior[items]
        gain = np.zeros((len(history.items), len(items)), dtype=np.float32)
        gain[places] = shares[:, None] * (cells(self._links, entries, items) - own)
        return gain

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = super().with_arrays(arrays)
        twin._own = twin._links.sum(axis=1).astype(np.float32)
        return twin
