"""EASE: a linear item-item model in closed form.

Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019: B = I - P diag(1 / diag(P)), P = (X'X + l2 I)^-1,
scores = x B. A user unseen in training is a new x. Memory and time grow with items^2 and items^3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from scipy.linalg import lapack

from honeyguide.errors import NotEnoughData
from honeyguide.models.rows import best, history_weights, user_item_matrix
from honeyguide.models.trained import Trained, setting, state, take
from honeyguide.types import FloatArray, Histories, IntArray, Interactions


@dataclass(kw_only=True, eq=False)
class Ease(Trained):
    """Scores are sums over the history of w * B[item, candidate]."""

    name: ClassVar[str] = "ease"

    l2: float = setting(300.0, 0.001, 1e9, "Strength of the ridge.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats interactions as binary, 1 takes their summed weights as they are.")
    most_items: int = setting(20_000, 1, 100_000, "Largest catalogue that is tried: memory is 8 bytes x items^2.")
    _weights: FloatArray = state()
    _scale: FloatArray = state()

    def fit(
        self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None
    ) -> Self:
        """Invert the ridge of the Gram matrix; `seed` is not used. Raises `NotEnoughData` for a catalogue too large."""
        if interactions.n_items > self.most_items:
            cure = "Raise models.params.ease.most_items, or leave 'ease' out of models.train."
            raise NotEnoughData(f"{interactions.n_items} items are more than ease takes ({self.most_items}).", cure=cure)
        matrix, scale = user_item_matrix(interactions, self.power)
        gram = (matrix.T @ matrix).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += self.l2
        factor, _ = lapack.dpotrf(gram, lower=1, overwrite_a=1)
        inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        weights = (-inverse / np.diag(inverse)).astype(np.float32)
        np.fill_diagonal(weights, 0.0)
        return self.with_arrays({"weights": weights, "scale": np.array([scale], dtype=np.float32)})

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; zeros for an empty history."""
        given = history_weights(histories, len(self._weights), self.power, float(self._scale[0]))
        items = np.where((histories.items >= 0) & (histories.items < len(self._weights)), histories.items, 0)
        scores = np.zeros((len(histories), len(self._weights)), dtype=np.float32)
        for row in range(len(histories)):
            part = slice(histories.indptr[row], histories.indptr[row + 1])
            scores[row] = given[part] @ self._weights[items[part]]
        return scores

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Items by the weight that each given item has for them."""
        return best(self._weights[items], k)

    def contributions(self, history: Histories, item: int) -> FloatArray:
        """float32 [entries]: w * B[entry, item]."""
        given = history_weights(history, len(self._weights), self.power, float(self._scale[0]))
        items = np.where((history.items >= 0) & (history.items < len(self._weights)), history.items, 0)
        return given * self._weights[items, item]

    def arrays(self) -> Mapping[str, object]:
        """`weights` float32 [n_items, n_items], `scale` float32 [1]."""
        return {"weights": self._weights, "scale": self._scale}

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._weights = take(arrays, "weights", np.float32, -1, -1)
        twin._scale = take(arrays, "scale", np.float32, 1)
        return twin
