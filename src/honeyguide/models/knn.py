"""Item-item neighbours: those who touched this item also touched these.

Item-based collaborative filtering (Sarwar, Karypis, Konstan, Riedl, "Item-based collaborative filtering recommendation
algorithms", WWW 2001) with the memory of k neighbours per item (Deshpande, Karypis, "Item-based top-N recommendation
algorithms", TOIS 2004). `users` = 1 divides each user's row by the square root of its length, so that somebody with
1,000 items does not outvote everybody else; `source` = `target` = 0.5 is then the cosine, `source` = 1 and `target` = 0
a random walk item -> user -> item (Cooper, Lee, Radinsky, Siantos, "Random walks in recommender systems", WWW 2014).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from honeyguide.models.rows import best, cells, history_weights, links_of, strongest, user_item_matrix, weighted_rows
from honeyguide.models.trained import Trained, setting, take, take_links
from honeyguide.types import FloatArray, Histories, IntArray, Interactions

Wide = NDArray[np.float64]
_CELLS: Final = 8_000_000  # of a block of the item-item matrix: bounds the memory


@dataclass(kw_only=True, eq=False)
class Knn(Trained):
    """Scores are sums over the history of w * similarity; each candidate keeps only its k strongest links."""

    name: ClassVar[str] = "knn"

    k: int = setting(200, 1, 100_000, "Links kept per candidate.")
    users: float = setting(0.5, 0.0, 2.0, "Exponent of a user's number of items in the denominator.")
    source: float = setting(0.5, 0.0, 2.0, "Exponent of the history item's popularity in the denominator.")
    target: float = setting(0.5, 0.0, 2.0, "Exponent of the candidate's popularity in the denominator.")
    shrinkage: float = setting(0.0, 0.0, 1e9, "Added to the denominator: links seen rarely weigh less.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats interactions as binary, 1 takes their weights as they are.")
    _links: csr_array = field(init=False, repr=False)
    _scale: FloatArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Count who touched both, a block of items at a time; `seed` is not used."""
        matrix, scale = user_item_matrix(interactions, self.power)
        n_items = interactions.n_items
        touched = np.maximum(np.diff(matrix.indptr), 1).astype(np.float32)
        popularity = np.maximum(np.bincount(matrix.indices, matrix.data, minlength=n_items), 1e-30)
        rows = (diags_array(touched**-self.users) @ matrix).tocsr().astype(np.float32)
        transposed = matrix.T.tocsr()
        parts = [(matrix.indices[:0], matrix.indices[:0], matrix.data[:0])]
        step = max(1, _CELLS // max(1, n_items))
        for start in range(0, n_items, step):
            stop = min(start + step, n_items)
            parts.append(self._strongest(transposed[start:stop] @ rows, popularity, start))
            if progress is not None:
                progress(stop / n_items)
        sources, targets, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        links = links_of(sources, targets, values, n_items)
        return self.with_arrays(
            {
                "indptr": links.indptr.astype(np.int64),
                "indices": links.indices.astype(np.int32),
                "data": links.data,
                "scale": np.array([scale], dtype=np.float32),
            }
        )

    def _strongest(self, gram: csr_array, popularity: Wide, start: int) -> tuple[IntArray, IntArray, FloatArray]:
        """(source, target, similarity) of the k strongest sources of the targets that are the rows of `gram`."""
        targets = np.repeat(np.arange(start, start + gram.shape[0], dtype=np.int32), np.diff(gram.indptr))
        divisor = (popularity**self.target)[targets] * (popularity**self.source)[gram.indices] + self.shrinkage
        gram.data = np.where(gram.indices == targets, 0.0, gram.data / divisor).astype(np.float32)
        links = strongest(gram, self.k)
        targets = np.repeat(np.arange(start, start + gram.shape[0], dtype=np.int32), np.diff(links.indptr))
        real = links.data > 0
        return links.indices[real], targets[real], links.data[real]

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; zeros for an empty history."""
        items, weights, _ = history_weights(histories, self._links.shape[0], self.power, float(self._scale[0]))
        return weighted_rows(self._links, histories.indptr, items, weights)

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """The strongest links that go out from each item."""
        return best(self._links[items].toarray(), k)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: w * similarity(entry, item)."""
        entries, weights, _ = history_weights(history, self._links.shape[0], self.power, float(self._scale[0]))
        parts: FloatArray = weights[:, None] * cells(self._links, entries, items)
        return parts

    def arrays(self) -> Mapping[str, object]:
        """The links by source item in compressed rows: `indptr` int64, `indices` int32, `data` float32; `scale` [1]."""
        links = self._links
        return {
            "indptr": links.indptr.astype(np.int64),
            "indices": links.indices.astype(np.int32),
            "data": links.data,
            "scale": self._scale,
        }

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._links = take_links(arrays)
        twin._scale = take(arrays, "scale", np.float32, 1)
        return twin
