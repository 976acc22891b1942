"""A linear item-item model whose memory is linear in items: a ridge over each item's strongest neighbours.

EASE's column for an item is the ridge regression of that item on all others. Here it is regressed on its `k` most similar
items only, in a small dense system of its own (Steck, "Markov random fields for collaborative filtering", NeurIPS 2019;
neighbours chosen before the regression: Ning, Karypis, "SLIM: sparse linear methods for top-N recommender systems", ICDM
2011, 4.3). What two neighbours have in common is known in a small catalogue, and in a large one where one is among the
strongest of the other; else it is taken as 0. Users weigh less with the length of their rows (Park, Yoon, Choi, Lee, "Why is
normalization necessary for linear recommenders?", SIGIR 2025), which matters where some rows are very long. A million items
are a million small systems.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from honeyguide.models.links import Linked
from honeyguide.models.resources import each, threads
from honeyguide.models.rows import LONGEST, links_of, strongest_links, user_item_matrix
from honeyguide.models.trained import setting
from honeyguide.types import FloatArray, IntArray, Interactions

Wide = NDArray[np.float64]
_KEPT: Final = 20_000_000  # neighbours in all that are kept while the systems are filled, and
_WIDER: Final = 2  # times `k` of each item at least: what two of a system's items have in common is known by them
_LEAST: Final = 1e-4  # of a ridge beside a cosine of 1: what single precision can still tell
_CELLS: Final = 1_000_000  # of the systems that one thread solves at a time


@dataclass(frozen=True, slots=True)
class _Near:
    """Neighbours int32 and cosines float32 [items, _WIDER * k] of each item, strongest first, -1 and 0 pad."""

    items: IntArray
    cosines: FloatArray


@dataclass(kw_only=True, eq=False)
class Ridge(Linked):
    """Links are the coefficients of each candidate's regression on its neighbours."""

    name: ClassVar[str] = "ridge"

    k: int = setting(100, 1, 1_000, "Neighbours that an item is regressed on: links per candidate.")
    l2: float = setting(15.0, 0.001, 1e9, "Strength of the ridge.")
    users: float = setting(0.5, 0.0, 2.0, "Exponent of a user's number of items by which a row weighs less.")

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Find the neighbours, then solve a system per item, on all cores; `seed` is not used."""
        interactions = self.admitted(interactions)
        matrix, scale = user_item_matrix(interactions, self.power, half_life=self.half_life, longest=LONGEST)
        touched = np.maximum(np.diff(matrix.indptr), 1).astype(np.float32)
        matrix = (diags_array(touched ** (-self.users / 2)) @ matrix).tocsr().astype(np.float32)
        squares = np.bincount(matrix.indices, matrix.data.astype(np.float64) ** 2, minlength=interactions.n_items)
        lengths = np.sqrt(np.maximum(squares, 1e-30))
        near = self._near(matrix, lengths, None if progress is None else lambda done: progress(0.5 * done))
        step = max(1, _CELLS // self.k**2)
        parts = [slice(start, min(start + step, len(lengths))) for start in range(0, len(lengths), step)]
        later = None if progress is None else lambda done: progress(0.5 + 0.5 * done)
        solved = [*each(lambda part: _regressed(near, lengths, self.l2, self.k, part), parts, later)]
        none = (near.items[:0, 0], near.items[:0, 0], near.cosines[:0, 0])
        sources, targets, values = (np.concatenate(column) for column in zip(none, *solved, strict=True))
        return self._with_links(links_of(sources, targets, values, len(lengths)), scale)

    def _near(self, matrix: csr_array, lengths: Wide, progress: Callable[[float], None] | None) -> _Near:
        """The strongest neighbours of each item by the cosine of their columns."""
        n, width = len(lengths), self._width(len(lengths))
        data = (matrix.data / lengths[matrix.indices]).astype(np.float32)
        unit = csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)

        def cosine(product: csr_array, targets: IntArray) -> FloatArray:
            return np.where(product.indices == targets, np.float32(0), product.data)

        links = strongest_links(unit.T.tocsr(), unit, width, cosine, progress).T.tocsr()
        near = _Near(np.full((n, width), -1, dtype=np.int32), np.zeros((n, width), dtype=np.float32))
        sizes = np.diff(links.indptr)
        rows = np.repeat(np.arange(n), sizes)
        order = np.lexsort((links.indices, -links.data, rows))
        places = np.arange(links.nnz) - np.repeat(links.indptr[:-1], sizes)
        near.items[rows, places], near.cosines[rows, places] = links.indices[order], links.data[order]
        return near

    def _width(self, n_items: int) -> int:
        """Neighbours that are kept of each item while the systems are filled: all, where there is room."""
        return min(n_items, max(_WIDER * self.k, _KEPT // max(n_items, 1)))

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """The neighbours, in both of their forms, and the systems on each thread."""
        neighbours = n_items * self._width(n_items) * 64
        return super().peak_bytes(n_users, n_items, n_events) + neighbours + threads() * 24 * max(_CELLS, self.k**2)


def _regressed(near: _Near, lengths: Wide, l2: float, k: int, part: slice) -> tuple[IntArray, IntArray, FloatArray]:
    """(source, target, coefficient) of the regressions of the items `part` on their neighbours.

    In units of the columns' lengths: (C + l2 / lengths ** 2) y = c, coefficients y * length of target / length of source."""
    chosen = near.items[part, :k]
    width = chosen.shape[1]
    systems = np.zeros((len(chosen), width, width), dtype=np.float32)
    places = np.full(len(lengths) + 1, -1, dtype=np.int32)  # the last is that of the padding
    for system, row in zip(systems, chosen, strict=True):
        own = row[row >= 0]
        places[own] = np.arange(len(own), dtype=np.int32)
        at = places[near.items[own]]
        rows, columns = np.nonzero(at >= 0)
        system[rows, at[rows, columns]] = near.cosines[own[rows], columns]
        places[own] = -1
    systems = np.maximum(systems, systems.transpose(0, 2, 1))
    diagonal = np.arange(width)
    systems[:, diagonal, diagonal] = 1.0 + np.where(chosen >= 0, np.maximum(l2 / lengths[chosen] ** 2, _LEAST), 0.0)
    solution = np.linalg.solve(systems, near.cosines[part, :k, None])[:, :, 0]
    values = solution * lengths[part, None] / lengths[chosen]
    real = (chosen >= 0) & (values != 0)
    targets = np.broadcast_to(np.arange(part.start, part.stop, dtype=np.int32)[:, None], chosen.shape)
    return chosen[real], targets[real], values[real].astype(np.float32)
