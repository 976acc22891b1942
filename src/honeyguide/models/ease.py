"""EASE: a linear item-item model in closed form.

Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019: B = I - P diag(1 / diag(P)), P = (X'X + l2 I)^-1,
scores = x B. A user unseen in training is a new x. Memory grows with items^2 and time with items^3, so only the most
popular `max_items` take part; the others score 0. Similar items are those of largest partial correlation,
-P_ij / sqrt(P_ii P_jj), which B holds up to a scaling (Lauritzen, "Graphical models", 1996, 5.1.3).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Self

import numpy as np
from scipy.linalg import lapack, solve_triangular
from scipy.sparse import csr_array

from honeyguide.errors import InvalidInput
from honeyguide.models.rows import best, history_weights, user_item_matrix
from honeyguide.models.trained import Trained, setting, take
from honeyguide.types import FloatArray, Histories, IntArray, Interactions

_BLOCK: Final = 1_024
_BYTES_PER_CELL: Final = 6  # the matrix itself, and room for one block of sparse products


@dataclass(kw_only=True, eq=False)
class Ease(Trained):
    """Scores are sums over the history of w * B[item, candidate]."""

    name: ClassVar[str] = "ease"

    l2: float = setting(100.0, 0.001, 1e9, "Strength of the ridge.")
    max_items: int = setting(12_000, 1, 100_000, "Most popular items that take part; memory is 4 bytes x items^2.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats interactions as binary, 1 takes their weights as they are.")
    half_life: float = setting(0.0, 0.0, 1e6, "Days after which an interaction counts half in training; 0: never.")
    recency: float = setting(0.9, 0.0, 1.0, "Weight of a history's entry by each later one.")
    _weights: FloatArray = field(init=False, repr=False)
    _diagonal: FloatArray = field(init=False, repr=False)
    _places: IntArray = field(init=False, repr=False)
    _scale: FloatArray = field(init=False, repr=False)
    _kept: IntArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Invert the ridge of the Gram matrix; `seed` is not used.

        Raises `InvalidInput` for data too unbalanced for `l2`, `NotEnoughMemory` for a catalogue that does not fit."""
        interactions = self.admitted(interactions)
        matrix, scale = user_item_matrix(interactions, self.power, half_life=self.half_life)
        counts = np.bincount(matrix.indices, minlength=interactions.n_items)
        kept = np.sort(np.argsort(-counts, kind="stable")[: self.max_items])
        places = np.full(interactions.n_items, -1, dtype=np.int32)
        places[kept] = np.arange(len(kept), dtype=np.int32)
        inverse = _ridge_inverse(matrix[:, kept] if len(kept) < interactions.n_items else matrix, self.l2, progress)
        diagonal = inverse.diagonal().copy()
        inverse /= -diagonal[None, :]
        np.fill_diagonal(inverse, 0.0)
        if progress is not None:
            progress(1.0)
        arrays = {"weights": inverse, "diagonal": diagonal, "places": places, "scale": np.array([scale], np.float32)}
        return self.with_arrays(arrays)

    def _given(self, histories: Histories) -> tuple[IntArray, FloatArray]:
        """(rows of the weight matrix, x) of the entries; x is 0 where the item does not take part."""
        n_items, scale = len(self._places), float(self._scale[0])
        items, weights, _ = history_weights(histories, n_items, self.power, scale, self.recency)
        if len(self._kept) == len(self._places):
            return items, weights
        rows = self._places[items]
        return np.maximum(rows, 0), np.where(rows >= 0, weights, np.float32(0))

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; zeros for an empty history."""
        rows, weights = self._given(histories)
        scores = np.zeros((len(histories), len(self._places)), dtype=np.float32)
        for history in np.flatnonzero(np.diff(histories.indptr)).tolist():
            part = slice(histories.indptr[history], histories.indptr[history + 1])
            found = weights[part] @ self._weights[rows[part]]
            scores[history, self._kept if len(self._kept) < len(self._places) else slice(None)] = found
        return scores

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Items by partial correlation."""
        numbers = np.full((len(items), k), -1, dtype=np.int32)
        values = np.zeros((len(items), k), dtype=np.float32)
        for row, place in enumerate(self._places[items].tolist()):
            if place >= 0:
                line = self._weights[place] * np.sqrt(self._diagonal / self._diagonal[place])
                (found,), (values[row],) = best(line[None, :], k)
                numbers[row] = np.where(found >= 0, self._kept[found], -1)
        return numbers, values

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: w * B[entry, item]; 0 for items that do not take part."""
        rows, weights = self._given(history)
        places = self._places[items]
        parts: FloatArray = weights[:, None] * self._weights[np.ix_(rows, np.maximum(places, 0))]
        parts[:, places < 0] = 0.0
        return parts

    def arrays(self) -> Mapping[str, object]:
        """`weights` float32 [kept, kept], `diagonal` of P float32 [kept], `places` int32 [n_items], `scale` float32 [1]."""
        return {
            "weights": self._weights,
            "diagonal": self._diagonal,
            "places": self._places,
            "scale": self._scale,
        }

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._places = take(arrays, "places", np.int32, -1)
        twin._kept = np.flatnonzero(twin._places >= 0).astype(np.int32)
        twin._weights = take(arrays, "weights", np.float32, len(twin._kept), len(twin._kept))
        twin._diagonal = take(arrays, "diagonal", np.float32, len(twin._kept))
        twin._scale = take(arrays, "scale", np.float32, 1)
        return twin

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """The matrix of items, or for few users the dense matrices by which they are the shorter way."""
        items = min(n_items, self.max_items)
        dense = _BYTES_PER_CELL * items**2
        if 3 * n_users < items:
            dense = 4 * items**2 + 16 * n_users * (n_users + items)
        return super().peak_bytes(n_users, n_items, n_events) + dense

    def _cure_of_memory(self, interactions: Interactions, have: int) -> str:
        left = have - super().peak_bytes(interactions.n_users, interactions.n_items, len(interactions.users))
        most = int((max(left, 0) / _BYTES_PER_CELL) ** 0.5)
        return f"Set models.params.ease.max_items to {most} at most, or leave 'ease' out of models.train."


def _ridge_inverse(matrix: csr_array, l2: float, progress: Callable[[float], None] | None) -> FloatArray:
    """(matrix' @ matrix + l2 I)^-1, float32 [n, n], by way of the shorter side of the matrix."""
    matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
    if 3 * matrix.shape[0] < matrix.shape[1]:
        return _inverse_by_users(matrix, l2)
    gram = _gram(matrix, progress)
    gram[np.diag_indices_from(gram)] += np.float32(l2)
    _invert(gram)
    return gram


def _inverse_by_users(matrix: csr_array, l2: float) -> FloatArray:
    """The ridge's inverse by Woodbury's identity, (I - X' (X X' + l2 I)^-1 X) / l2: users * items^2 steps."""
    system = (matrix @ matrix.T).toarray().astype(np.float64)
    system[np.diag_indices_from(system)] += l2
    factor = np.linalg.cholesky(system)
    half = solve_triangular(factor, matrix.toarray().astype(np.float64), lower=True).astype(np.float32)
    inverse: FloatArray = half.T @ half
    inverse *= np.float32(-1.0 / l2)
    inverse[np.diag_indices_from(inverse)] += np.float32(1.0 / l2)
    return inverse


def _gram(matrix: csr_array, progress: Callable[[float], None] | None) -> FloatArray:
    """matrix' @ matrix, dense float32, a block of rows at a time: the whole sparse product would not fit beside it."""
    n = matrix.shape[1]
    transposed = matrix.T.tocsr()
    gram = np.empty((n, n), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        (transposed[start:stop] @ matrix).toarray(out=gram[start:stop])
        if progress is not None:
            progress(0.5 * stop / n)
    return gram


def _invert(matrix: FloatArray) -> None:
    """The inverse of a symmetric positive definite matrix, in place, by Cholesky: half the work of a general inverse."""
    if not len(matrix):
        return
    factor, failed = lapack.spotrf(matrix.T, lower=1, overwrite_a=1)
    if not failed:
        _, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise InvalidInput("The item-item matrix is too close to singular.", cure="Raise models.params.ease.l2.")
    for start in range(0, len(matrix), _BLOCK):  # LAPACK wrote one triangle: mirror it
        stop = min(start + _BLOCK, len(matrix))
        matrix[start:stop, :start] = matrix[:start, start:stop].T
        block = matrix[start:stop, start:stop]
        block[:] = np.triu(block) + np.triu(block, 1).T
