"""The graph filter: items that are near in the graph of who touched what, by its linear part and its smoothest waves.

Shen, Wu, Zhang, Shan, Zhang, Letaief, Li, "How powerful is graph convolution for recommendation?" (GF-CF), CIKM 2021: with
R the user-item matrix divided by powers of the users' and the items' numbers of interactions, scores are
x D^-b (R'R + share * V V') D^c. The linear part R'R is what `knn` computes, with other exponents; milder ones do better than
the paper's 1, 1 and 0 (`users`, `source`, `target`). V, the first right singular vectors of R, is an ideal low-pass filter:
what tastes have in common, for items that nobody touched together. They are found by a randomised decomposition (Halko,
Martinsson, Tropp, "Finding structure with randomness", SIAM Review 2011).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

import numpy as np
from scipy.sparse import csr_array, diags_array

from honeyguide.models.knn import Knn
from honeyguide.models.rows import LONGEST, user_item_matrix, weighted_rows
from honeyguide.models.trained import setting, take
from honeyguide.types import FloatArray, Histories, IntArray, Interactions

_SPARE: Final = 16  # vectors beyond those that are kept, for the accuracy of these
_PASSES: Final = 4


@dataclass(kw_only=True, eq=False)
class Graph(Knn):
    """score = sum over the history of w * (link[entry, item] + share * waves of the entry . waves of the item)."""

    name: ClassVar[str] = "graph"

    k: int = setting(1_000, 1, 100_000, "Links kept per candidate.")
    users: float = setting(0.7, 0.0, 2.0, "Exponent of a user's number of items in the denominator.")
    source: float = setting(0.8, 0.0, 2.0, "Exponent of the history item's popularity in the denominator.")
    target: float = setting(0.15, 0.0, 2.0, "Exponent of the candidate's popularity in the denominator.")
    factors: int = setting(0, 0, 2_048, "Waves of the low-pass part; 0: the linear part alone.")
    share: float = setting(0.2, 0.0, 100.0, "Weight of the low-pass part beside the linear one.")
    _sources: FloatArray = field(init=False, repr=False)
    _targets: FloatArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """The links, then the waves, from a start drawn by `seed`."""
        linked = None if progress is None else lambda done: progress(0.5 * done)
        twin = super().fit(interactions, seed=seed, progress=linked)
        matrix, _ = user_item_matrix(self.admitted(interactions), self.power, half_life=self.half_life, longest=LONGEST)
        degrees = np.maximum(np.bincount(matrix.indices, minlength=interactions.n_items), 1).astype(np.float32)
        touched = np.maximum(np.diff(matrix.indptr), 1).astype(np.float32)
        middle = (self.source + self.target) / 2  # R'R is the linear part, moved by the same power on both sides
        filtered = csr_array(diags_array(touched ** (-self.users / 2)) @ matrix @ diags_array(degrees**-middle))
        count = min(self.factors, min(matrix.shape) // 4)  # all waves would be no filter at all
        waves, strength = _waves(filtered.astype(np.float32), count, seed)
        if progress is not None:
            progress(1.0)
        twin._sources = (waves * (degrees ** (middle - self.source))[:, None]).astype(np.float32)
        twin._targets = (waves * (self.share * strength * degrees ** (middle - self.target))[:, None]).astype(np.float32)
        return twin

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; zeros for an empty history."""
        items, weights = self._given(histories)
        found = weighted_rows(self._links, histories.indptr, items, weights)
        if self._sources.shape[1]:
            rows = csr_array((weights, items, histories.indptr), shape=(len(histories), found.shape[1]))
            found += (rows @ self._sources) @ self._targets.T
        return found

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: w * (link[entry, item] + share * waves of the entry . waves of the item)."""
        entries, weights = self._given(history)
        smooth: FloatArray = weights[:, None] * (self._sources[entries] @ self._targets[items].T)
        return super().contributions(history, items) + smooth

    def arrays(self) -> Mapping[str, object]:
        """The links as `Linked` has them, and `sources` and `targets` float32 [n_items, waves]."""
        return {**super().arrays(), "sources": self._sources, "targets": self._targets}

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin, n_items = super().with_arrays(arrays), len(take(arrays, "indptr", np.int64, -1)) - 1
        twin._sources = take(arrays, "sources", np.float32, n_items, -1)
        twin._targets = take(arrays, "targets", np.float32, n_items, twin._sources.shape[1])
        return twin

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """The links, or the waves on both sides while they are found, whichever is more."""
        width = min(self.factors, min(n_users, n_items) // 4) + _SPARE
        waves = 4 * width * (n_users + 4 * n_items) + 16 * width**2
        links = super().peak_bytes(n_users, n_items, n_events)
        return links + waves if self.factors else links


def _waves(matrix: csr_array, count: int, seed: int) -> tuple[FloatArray, float]:
    """(float32 [items, count] of the first right singular vectors, the square of the first singular value).

    By subspace iteration on matrix' @ matrix from a random start."""
    width = min(count + _SPARE, *matrix.shape) if count else 0
    if not width or not matrix.nnz:
        return np.zeros((matrix.shape[1], 0), dtype=np.float32), 0.0
    transposed = matrix.T.tocsr()
    space = np.random.default_rng(seed).standard_normal((matrix.shape[1], width), dtype=np.float32)
    for _ in range(_PASSES):
        space = np.linalg.qr(transposed @ (matrix @ space))[0]
    inner = matrix @ space
    squares, turned = np.linalg.eigh((inner.T @ inner).astype(np.float64))
    waves: FloatArray = (space @ turned[:, ::-1][:, :count].astype(np.float32)).astype(np.float32)
    return waves, float(squares[-1])
