"""What comes next: transitions between items in the order in which users touched them.

A first-order chain whose counts are smoothed by skips over up to `window` places (Guthrie, Allison, Liu, Guthrie, Wilks,
"A closer look at skip-gram modelling", LREC 2006), asked with the latest items of the history, the last one weighing most
(as in sequential rules: Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018). What a
row has not seen often enough goes back to popularity (Witten, Bell, "The zero-frequency problem", IEEE Transactions on
Information Theory 1991): of r transitions seen, r / (r + kappa) is the row's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final, Self

import numpy as np
from scipy.sparse import csr_array

from honeyguide.models.rows import best, cells, links_of, sequences, strongest, weighted_rows
from honeyguide.models.trained import Trained, setting, take, take_links
from honeyguide.types import FloatArray, Histories, IntArray, Interactions

_PENDING: Final = 16_000_000  # transitions gathered before they are summed: bounds the memory


@dataclass(kw_only=True, eq=False)
class Markov(Trained):
    """score = popularity + sum over the latest items of v * (Q[item] - sum of Q[item] * popularity)."""

    name: ClassVar[str] = "markov"

    window: int = setting(10, 1, 100, "Places that a transition may skip to.")
    decay: float = setting(0.8, 0.0, 1.0, "Weight of a transition by each further place.")
    kappa: float = setting(20.0, 0.001, 1e6, "Transitions that popularity counts for in each row.")
    recency: float = setting(0.7, 0.0, 1.0, "Weight of a history's entry by each later one.")
    latest: int = setting(20, 1, 1_000, "Entries of a history that are asked.")
    k: int = setting(300, 1, 100_000, "Transitions kept per item.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats events alike, 1 takes their weights as they are.")
    _links: csr_array = field(init=False, repr=False)
    _own: FloatArray = field(init=False, repr=False)
    _prior: FloatArray = field(init=False, repr=False)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Count transitions; `seed` is not used."""
        n = interactions.n_items
        users, items, weights = self._steps(interactions)
        counts = self._transitions(users, items, weights, n, progress)
        totals = np.asarray(counts.sum(axis=1)).ravel()
        links = strongest(counts, self.k)
        rows = np.repeat(np.arange(n), np.diff(links.indptr))
        shares = (links.data / (totals[rows] + self.kappa)).astype(np.float32)
        popularity = np.bincount(items, weights, minlength=n)
        return self.with_arrays(
            {
                "indptr": links.indptr.astype(np.int64),
                "indices": links.indices.astype(np.int32),
                "data": shares,
                "own": np.bincount(rows, shares, minlength=n).astype(np.float32),
                "prior": (popularity / max(popularity.sum(), 1e-30)).astype(np.float32),
            }
        )

    def _steps(self, interactions: Interactions) -> tuple[IntArray, IntArray, FloatArray]:
        """Users, items and x of the steps of all users: a run of events on one item is one step, its heaviest event."""
        users, items, weights, _ = sequences(interactions)
        if not len(users):
            return users, items, weights
        starts = np.flatnonzero(np.append(True, (users[1:] != users[:-1]) | (items[1:] != items[:-1])))
        heaviest = np.maximum.reduceat(weights, starts)
        scaled = heaviest / np.float32(heaviest.mean(dtype=np.float64))
        return users[starts], items[starts], np.power(scaled, np.float32(self.power))

    def _transitions(
        self, users: IntArray, items: IntArray, weights: FloatArray, n: int, progress: Callable[[float], None] | None
    ) -> csr_array:
        """float32 [n, n]: how much came of the column after the row, later places discounted, by the later event's x."""
        counts = links_of(items[:0], items[:0], weights[:0], n)
        pending: list[tuple[IntArray, IntArray, FloatArray]] = []
        for distance in range(1, self.window + 1):
            follows = (users[distance:] == users[:-distance]) & (items[distance:] != items[:-distance])
            discounted = weights[distance:][follows] * np.float32(self.decay ** (distance - 1))
            pending.append((items[:-distance][follows], items[distance:][follows], discounted))
            if distance == self.window or sum(len(part[0]) for part in pending) > _PENDING:
                rows, columns, values = (np.concatenate(part) for part in zip(*pending, strict=True))
                counts = counts + links_of(rows, columns, values, n)
                pending = []
            if progress is not None:
                progress(distance / self.window)
        return counts

    def _asked(self, histories: Histories) -> tuple[IntArray, FloatArray]:
        """(items, v) of the entries: v falls with age, and sums to 1 per history over the entries that are known."""
        n = len(self._prior)
        known = (histories.items >= 0) & (histories.items < n) & (histories.weights > 0)
        rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
        later = histories.indptr[1:][rows] - 1 - np.arange(len(histories.items))
        scaled = np.power(np.where(known, histories.weights, 1.0), self.power)
        values = np.where(known & (later < self.latest), scaled * float(self.recency) ** np.minimum(later, self.latest), 0.0)
        totals = np.bincount(rows, values, minlength=len(histories))
        shares = values / np.maximum(totals, 1e-300)[rows]
        return np.where(known, histories.items, 0).astype(np.int32), shares.astype(np.float32)

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; popularity for an empty history."""
        items, shares = self._asked(histories)
        found = weighted_rows(self._links, histories.indptr, items, shares)
        rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
        own = np.bincount(rows, shares * self._own[items], minlength=len(histories))
        found += (1.0 - own).astype(np.float32)[:, None] * self._prior
        return found

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """What most often comes after each item."""
        return best(self._links[items].toarray(), k)

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: v * (Q[entry, item] - sum of Q[entry] * popularity of the item)."""
        entries, shares = self._asked(history)
        used = np.flatnonzero(shares)  # only the latest entries have a share
        rows = entries[used]
        gain = np.zeros((len(entries), len(items)), dtype=np.float32)
        gain[used] = shares[used, None] * (cells(self._links, rows, items) - self._own[rows, None] * self._prior[items])
        return gain

    def arrays(self) -> Mapping[str, object]:
        """Q in compressed rows (`indptr` int64, `indices` int32, `data` float32), its row sums `own`, and `prior`."""
        links = self._links
        return {
            "indptr": links.indptr.astype(np.int64),
            "indices": links.indices.astype(np.int32),
            "data": links.data,
            "own": self._own,
            "prior": self._prior,
        }

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._links = take_links(arrays)
        twin._own = take(arrays, "own", np.float32, twin._links.shape[0])
        twin._prior = take(arrays, "prior", np.float32, twin._links.shape[0])
        return twin
