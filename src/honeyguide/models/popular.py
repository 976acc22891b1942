"""Popularity with exponential decay, for all users and for each segment: the baseline every model must beat.

An old event counts less, by half with each half-life (Cormode, Shkapenyuk, Srivastava, Xu, "Forward decay", ICDE 2009:
with exponential decay the order of items does not change as time passes, so nothing has to be updated). Segments are
shrunken to the whole by a Dirichlet prior (Manning, Raghavan, Schuetze, "Introduction to Information Retrieval", 2008,
12.2.2: Bayesian smoothing with a background distribution).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from honeyguide.errors import DamagedArtefact
from honeyguide.models.rows import aged, latest_times, user_item_matrix
from honeyguide.models.trained import Trained, setting, take
from honeyguide.types import FloatArray, Histories, IntArray, Interactions

Wide = NDArray[np.float64]


@dataclass(kw_only=True, eq=False)
class Popular(Trained):
    """Scores are shares: row 0 of `scores` over all users, the rows after it over the users of each segment."""

    name: ClassVar[str] = "popular"
    personal: ClassVar[bool] = False

    half_life: float = setting(30.0, 0.001, 1e6, "Days after which an event counts half.")
    floor: float = setting(0.05, 0.0, 1.0, "Share of its weight that an event never loses.")
    power: float = setting(0.5, 0.0, 1.0, "0 counts users alike, 1 by the weight of their heaviest event.")
    shrinkage: float = setting(200.0, 0.0, 1e9, "Weight of the whole in a segment's shares, in interactions.")
    _scores: FloatArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Count; `seed` is not used. Each (user, item) pair counts once, at its latest time."""
        interactions = self.admitted(interactions)
        n_items, n_segments = interactions.n_items, max(1, interactions.n_segments)
        pairs, _ = user_item_matrix(interactions, self.power)
        users = np.repeat(np.arange(interactions.n_users), np.diff(pairs.indptr))
        weights = pairs.data * self._decay(latest_times(interactions, pairs))
        counts: Wide = np.zeros((n_segments, n_items))
        if interactions.segments is not None and n_segments > 1:
            flat = interactions.segments[users].astype(np.int64) * n_items + pairs.indices
            counts = np.bincount(flat, weights, minlength=n_segments * n_items).astype(float).reshape(n_segments, n_items)
        counts[0] = np.bincount(pairs.indices, weights, minlength=n_items)
        overall = counts[0] / max(counts[0].sum(), 1e-30)
        totals = counts.sum(axis=1, keepdims=True)
        shares = (counts + self.shrinkage * overall) / np.maximum(totals + self.shrinkage, 1e-30)
        shares[0] = overall
        return self.with_arrays({"scores": shares.astype(np.float32)})

    def _decay(self, ts: Wide) -> Wide:
        """Weight of an event by its age: that of `aged`, but never less than `floor`."""
        decayed: Wide = self.floor + (1.0 - self.floor) * aged(ts, self.half_life).astype(np.float64)
        return decayed

    def scores(self, histories: Histories) -> FloatArray:
        """The shares over all users, whatever the history."""
        return np.repeat(self._scores[:1], len(histories), axis=0)

    def segment_scores(self, segment: int) -> FloatArray:
        """float32 [n_items]: the shares in one segment; those over all users where the segment is not known."""
        row: FloatArray = self._scores[segment if 0 <= segment < len(self._scores) else 0]
        return row

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Nothing: popularity knows no likeness."""
        return np.full((len(items), k), -1, dtype=np.int32), np.zeros((len(items), k), dtype=np.float32)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """Zeros: the history has no part in the score."""
        return np.zeros((len(history.items), len(items)), dtype=np.float32)

    def arrays(self) -> Mapping[str, object]:
        """`scores` float32 [n_segments, n_items]."""
        return {"scores": self._scores}

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._scores = take(arrays, "scores", np.float32, -1, -1)
        if not len(twin._scores):
            raise DamagedArtefact("The popularity model has no scores.", cure="Train again: honeyguide train.")
        return twin
