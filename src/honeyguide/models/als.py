"""Matrix factorisation of implicit feedback by alternating least squares, with fold-in.

Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008; fitted by the library `implicit`
(conjugate gradients: Takacs, Pilaszy, Tikk, "Applications of the conjugate gradient method for implicit feedback
collaborative filtering", RecSys 2011). Only item factors are kept: a history's factor is solved for when it is asked,
u = (Y'CY + reg I)^-1 Y'C p, so everyone is served alike and no factor of a person is ever stored. An interaction of negative
weight (a dislike) is a preference of 0 that is known with confidence, where what was not touched is a 0 hardly known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_limits

from honeyguide.models.rows import best, history_weights, recency, user_item_matrix
from honeyguide.models.trained import Trained, setting, take
from honeyguide.types import FloatArray, Histories, IntArray, Interactions

Wide = NDArray[np.float64]


@dataclass(kw_only=True, eq=False)
class Als(Trained):
    """Scores are dot products of the folded-in factor with the items' factors; confidence is 1 + alpha * x."""

    name: ClassVar[str] = "als"

    factors: int = setting(64, 1, 2_048, "Length of a factor.")
    alpha: float = setting(4.0, 0.0, 1e6, "How much an interaction adds to the confidence of 1.")
    regularization: float = setting(20.0, 1e-6, 1e6, "Strength of the ridge on factors.")
    iterations: int = setting(15, 1, 1_000, "Passes over users and items.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats interactions as binary, 1 takes their weights as they are.")
    half_life: float = setting(0.0, 0.0, 1e6, "Days after which an interaction counts half in training; 0: never.")
    recency: float = setting(0.9, 0.0, 1.0, "Weight of a history's entry by each later one.")
    _factors: FloatArray = field(init=False, repr=False)
    _scale: FloatArray = field(init=False, repr=False)
    _ridge: Wide = field(init=False, repr=False)
    _lengths: FloatArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Alternate between users and items from starting factors drawn by `seed`."""
        interactions = self.admitted(interactions, dislikes=True)
        liked = replace(interactions, weights=np.maximum(interactions.weights, 0.0))
        matrix, scale = user_item_matrix(self.admitted(liked), self.power, half_life=self.half_life)
        confidence = csr_array((1.0 + np.float32(self.alpha) * matrix.data, matrix.indices, matrix.indptr), matrix.shape)
        if bool((interactions.weights < 0).any()):
            confidence = confidence - self._disliked(interactions, matrix, scale)
        factors = np.zeros((interactions.n_items, self.factors), dtype=np.float32)
        if matrix.nnz:
            factors = self._factorised(csr_matrix(confidence), seed, progress)
        return self.with_arrays({"factors": factors, "scale": np.array([scale], dtype=np.float32)})

    def _disliked(self, interactions: Interactions, liked: csr_array, scale: float) -> csr_array:
        """Confidences of the pairs that are disliked and nothing else; the library knows them by their sign."""
        data = self.admitted(replace(interactions, weights=-interactions.weights))
        own = replace(data, weights=data.weights / np.float32(scale))
        heaviest, unit = user_item_matrix(own, self.power)
        heaviest.data = 1.0 + np.float32(self.alpha * unit**self.power) * heaviest.data
        return csr_array(heaviest - heaviest.multiply(liked > 0))

    def _factorised(self, confidence: csr_matrix, seed: int, progress: Callable[[float], None] | None) -> FloatArray:
        """float32 [n_items, factors], learned by the library."""
        from implicit.cpu.als import AlternatingLeastSquares  # here: it takes a second, and serving never needs it

        told = None if progress is None else lambda done, *_: progress((done + 1) / self.iterations)
        with threadpool_limits(1, "blas"):  # the library spreads rows over threads by itself
            library = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.regularization,
                alpha=1.0,
                iterations=self.iterations,
                random_state=seed,
            )
            library.fit(confidence, show_progress=False, callback=told)
        return np.ascontiguousarray(library.item_factors, dtype=np.float32)

    def _given(self, histories: Histories) -> tuple[FloatArray, FloatArray]:
        """(x, share of the preference) of the entries; a disliked one has an x and no share."""
        n_items, scale = len(self._factors), float(self._scale[0])
        _, weights, shares = history_weights(histories, n_items, self.power, scale)
        shares = np.where(weights > 0, shares, np.float32(0))
        if len(weights) and float(histories.weights.min()) < 0:
            turned = replace(histories, weights=-histories.weights)
            _, against, _ = history_weights(turned, n_items, self.power, scale)
            rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
            pairs = rows * np.int64(n_items + 1) + np.clip(histories.items, -1, n_items)
            weights = np.where(np.isin(pairs, pairs[weights > 0]), weights, against)
        said = replace(histories, weights=np.abs(histories.weights))
        return weights * recency(said, self.recency), shares

    def _folded(self, histories: Histories, row: int, weights: FloatArray, shares: FloatArray) -> tuple[Wide, Wide]:
        """The parts of the right side [entries, factors] and the system [factors, factors] of one history."""
        part = slice(histories.indptr[row], histories.indptr[row + 1])
        raised = self.alpha * weights[part].astype(np.float64)
        known = (histories.items[part] >= 0) & (histories.items[part] < len(self._factors))
        vectors = self._factors[np.where(known, histories.items[part], 0)].astype(np.float64)
        system = self._ridge + (vectors * raised[:, None]).T @ vectors
        liked = np.where(shares[part] > 0, shares[part] + raised, 0.0)
        return vectors * liked[:, None], system

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; zeros for an empty history."""
        weights, shares = self._given(histories)
        users = np.zeros((len(histories), self._factors.shape[1]))
        for row in np.flatnonzero(np.diff(histories.indptr)).tolist():
            parts, system = self._folded(histories, row, weights, shares)
            users[row] = _solved(system, parts.sum(axis=0))
        found: FloatArray = users.astype(np.float32) @ self._factors.T
        return found

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Items by cosine of factors."""
        unit: FloatArray = self._factors[items] / self._lengths[items, None]
        scores: FloatArray = np.divide(unit @ self._factors.T, self._lengths, dtype=np.float32)
        scores[np.arange(len(items)), items] = 0.0
        return best(scores, k)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: the score is linear in the system's right side, and each entry owns a part of that."""
        if not len(history.items) or not len(items):
            return np.zeros((len(history.items), len(items)), dtype=np.float32)
        weights, shares = self._given(history)
        parts, system = self._folded(history, 0, weights, shares)
        return (parts @ _solved(system, self._factors[items].T.astype(np.float64))).astype(np.float32)

    def arrays(self) -> Mapping[str, object]:
        """`factors` float32 [n_items, factors], `scale` float32 [1]."""
        return {"factors": self._factors, "scale": self._scale}

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._factors = take(arrays, "factors", np.float32, -1, self.factors)
        twin._scale = take(arrays, "scale", np.float32, 1)
        wide = twin._factors.astype(np.float64)
        twin._ridge = wide.T @ wide + self.regularization * np.eye(self.factors)
        twin._lengths = np.maximum(np.linalg.norm(twin._factors, axis=1), 1e-30).astype(np.float32)
        return twin

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """Factors of both sides with a copy, and those of the items in double precision."""
        factors = self.factors * (8 * (n_users + n_items) + 8 * n_items)
        return super().peak_bytes(n_users, n_items, n_events) + factors


def _solved(system: Wide, right: Wide) -> Wide:
    """The solution of a small symmetric positive definite system, by Cholesky."""
    solution: Wide = lapack.dposv(system, right, lower=1)[1]
    return solution
