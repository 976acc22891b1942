"""The frame of the models that are a sparse matrix between items: a history's score of an item is a sum over their links."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np
from scipy.sparse import csr_array

from honeyguide.models.resources import threads
from honeyguide.models.rows import BLOCK_CELLS, best, cells, history_weights, weighted_rows
from honeyguide.models.trained import Trained, setting, take, take_links
from honeyguide.types import FloatArray, Histories, IntArray

_CELL_BYTES: Final = 60  # of an entry of an item-item block while it is weighed and thinned out
_LINK_BYTES: Final = 40  # of a kept link while the blocks are joined and sorted


@dataclass(kw_only=True, eq=False)
class Linked(Trained):
    """Scores are sums over the history of w * link[item of the history, item]; a derived class says what the links are."""

    k: int = setting(200, 1, 100_000, "Links kept per candidate.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats interactions as binary, 1 takes their weights as they are.")
    half_life: float = setting(0.0, 0.0, 1e6, "Days after which an interaction counts half in training; 0: never.")
    recency: float = setting(0.9, 0.0, 1.0, "Weight of a history's entry by each later one.")
    _links: csr_array = field(init=False, repr=False)
    _scale: FloatArray = field(init=False, repr=False)

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; zeros for an empty history."""
        items, weights = self._given(histories)
        return weighted_rows(self._links, histories.indptr, items, weights)

    def _given(self, histories: Histories) -> tuple[IntArray, FloatArray]:
        """(items, w) of the entries."""
        n_items, scale = self._links.shape[0], float(self._scale[0])
        items, weights, _ = history_weights(histories, n_items, self.power, scale, self.recency)
        return items, weights

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """The strongest links that go out from each item to others."""
        lines = self._links[items].toarray()
        lines[np.arange(len(items)), items] = 0.0
        return best(lines, k)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: w * link[entry, item]."""
        entries, weights = self._given(history)
        parts: FloatArray = weights[:, None] * cells(self._links, entries, items)
        return parts

    def arrays(self) -> Mapping[str, object]:
        """The links by source item in compressed rows: `indptr` int64, `indices` int32, `data` float32; `scale` [1]."""
        return _arrays(self._links, self._scale)

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._links = take_links(arrays)
        twin._scale = take(arrays, "scale", np.float32, 1)
        return twin

    def _with_links(self, links: csr_array, scale: float) -> Self:
        """The model trained with these links."""
        return Linked.with_arrays(self, _arrays(links, np.array([scale], dtype=np.float32)))

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """The matrix, a block of item-item cells on each thread, and the links that are kept."""
        links = n_items * min(self.k, n_items)
        block = max(BLOCK_CELLS, n_items)
        return super().peak_bytes(n_users, n_items, n_events) + _CELL_BYTES * threads() * block + _LINK_BYTES * links


def _arrays(links: csr_array, scale: FloatArray) -> Mapping[str, object]:
    return {
        "indptr": links.indptr.astype(np.int64),
        "indices": links.indices.astype(np.int32),
        "data": links.data,
        "scale": scale,
    }
