"""The frame of the models that see the order: transitions between items, counted with skips, asked with the latest items.

A transition counts at up to `window` places, each further place discounted (skip-grams: Guthrie, Allison, Liu, Guthrie,
Wilks, "A closer look at skip-gram modelling", LREC 2006); the entries of a history weigh less with each later one (as in
sequential rules: Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", UMUAI 2018). A run of events on
one item is one step, that of its heaviest event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from honeyguide.models.resources import blocks, each, threads
from honeyguide.models.rows import aged, best, links_of, sequences, strongest
from honeyguide.models.trained import Trained, setting, take, take_links
from honeyguide.types import FloatArray, Histories, IntArray, Interactions, LongArray

Wide = NDArray[np.float64]
_PENDING: Final = 8_000_000  # transitions gathered before they are summed: bounds the memory


@dataclass(frozen=True, slots=True)
class Walk:
    """The steps of all users, one after another: `weights` is x, `left` what age leaves, `scale` the weight of x = 1."""

    users: IntArray
    items: IntArray
    weights: FloatArray
    left: FloatArray
    scale: float


@dataclass(kw_only=True, eq=False)
class Successive(Trained):
    """A derived class says what the links are made of, and what is added to them."""

    window: int = setting(20, 1, 100, "Places that a transition may skip to.")
    decay: float = setting(0.8, 0.0, 1.0, "Weight of a transition by each further place.")
    recency: float = setting(0.7, 0.0, 1.0, "Weight of a history's entry by each later one.")
    latest: int = setting(20, 1, 1_000, "Steps of a history that are asked.")
    k: int = setting(500, 1, 100_000, "Transitions kept per item.")
    half_life: float = setting(0.0, 0.0, 1e6, "Days after which a transition counts half; 0: never.")
    power: float = setting(0.5, 0.0, 1.0, "0 treats events alike, 1 takes their weights as they are.")
    _links: csr_array = field(init=False, repr=False)
    _prior: FloatArray = field(init=False, repr=False)
    _scale: FloatArray = field(init=False, repr=False)

    def _walk(self, interactions: Interactions) -> Walk:
        """The users' steps, each of a run at its first event."""
        users, items, weights, ts = sequences(interactions)
        if not len(users):
            return Walk(users, items, weights, weights, 1.0)
        starts = np.flatnonzero(np.append(True, (users[1:] != users[:-1]) | (items[1:] != items[:-1])))
        heaviest = np.maximum.reduceat(weights, starts)
        scale = float(heaviest.mean(dtype=np.float64))
        left = aged(ts[starts], self.half_life) if self.half_life else np.ones(len(starts), np.float32)
        raised = np.power(heaviest / np.float32(scale), np.float32(self.power))
        return Walk(users[starts], items[starts], raised, left, scale)

    def _linked(
        self, walk: Walk, n: int, weigh: Callable[[csr_array], Wide], progress: Callable[[float], None] | None
    ) -> csr_array:
        """float32 [n, n]: the `k` strongest links of each item, which `weigh` makes of the counts [some items, n].

        A block of items at a time, on all cores."""
        order = np.argsort(walk.items, kind="stable").astype(np.int64)
        ends = np.concatenate([[0], np.cumsum(np.bincount(walk.items, minlength=n))])

        def linked(rows: slice) -> csr_array:
            counts = self._transitions(walk, order[ends[rows.start] : ends[rows.stop]], rows, n)
            counts.data = weigh(counts).astype(np.float32)
            return strongest(counts, self.k)

        parts = [*each(linked, blocks(np.diff(ends) * self.window + 1, _PENDING), progress)]
        none = links_of(walk.items[:0], walk.items[:0], walk.weights[:0], n)
        return csr_array(vstack(parts, format="csr")) if parts else none

    def _transitions(self, walk: Walk, places: LongArray, rows: slice, n: int) -> csr_array:
        """float32 [rows, n]: how much came of the column after the items `rows`, which stand at `places`, later places
        discounted, by the weight of the later step."""
        users, items, weights = walk.users, walk.items, walk.weights * walk.left
        counts = csr_array((rows.stop - rows.start, n), dtype=np.float32)
        pending: list[tuple[IntArray, IntArray, FloatArray]] = []
        for distance in range(1, self.window + 1):
            places = places[places < len(users) - distance]
            places = places[users[places + distance] == users[places]]  # a user's end is one for all further distances
            then = places[items[places + distance] != items[places]]
            discounted = weights[then + distance] * np.float32(self.decay ** (distance - 1))
            pending.append((items[then] - np.int32(rows.start), items[then + distance], discounted))
            if distance == self.window or sum(len(part[0]) for part in pending) > _PENDING:
                sources, targets, values = (np.concatenate(part) for part in zip(*pending, strict=True))
                counts = counts + csr_array((values, (sources, targets)), shape=counts.shape)
                pending = []
        counts.sort_indices()
        return counts

    def _asked(self, histories: Histories) -> tuple[LongArray, LongArray, IntArray, FloatArray]:
        """(places, indptr, items, v) of the entries that are asked: the latest known ones of each history.

        A run of entries on one item is one step, as in training; its entries share it by weight."""
        rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
        fits = (histories.items >= 0) & (histories.items < len(self._prior)) & (histories.weights > 0)
        fits &= np.isfinite(histories.weights)
        places = np.flatnonzero(fits)
        rows, items, weights = rows[places], histories.items[places], histories.weights[places]
        if not len(places):
            return places, np.zeros(len(histories) + 1, np.int64), items, weights
        new = np.append(True, (rows[1:] != rows[:-1]) | (items[1:] != items[:-1]))
        run, starts = np.cumsum(new) - 1, np.flatnonzero(new)
        share = weights / np.bincount(run, weights)[run]
        raised = np.power(np.maximum.reduceat(weights, starts)[run] / self._scale[0], np.float32(self.power))
        last = run[np.cumsum(np.bincount(rows, minlength=len(histories))) - 1]
        later = last[rows] - run
        asked = later < self.latest
        values = (raised * share * np.power(self.recency, np.minimum(later, self.latest)))[asked].astype(np.float32)
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[asked], minlength=len(histories)))])
        return places[asked], indptr, items[asked], values

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """What comes after each item, by the strength of the links."""
        return best(self._links[items].toarray(), k)

    def arrays(self) -> Mapping[str, object]:
        """The links in compressed rows (`indptr` int64, `indices` int32, `data` float32), `prior`, and `scale` [1]."""
        links = self._links
        return {
            "indptr": links.indptr.astype(np.int64),
            "indices": links.indices.astype(np.int32),
            "data": links.data,
            "prior": self._prior,
            "scale": self._scale,
        }

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        twin = replace(self)
        twin._links = take_links(arrays)
        twin._prior = take(arrays, "prior", np.float32, twin._links.shape[0])
        twin._scale = take(arrays, "scale", np.float32, 1)
        return twin

    def _with_links(self, links: csr_array, prior: Wide, scale: float) -> Self:
        """The model trained with these."""
        twin = replace(self)
        twin._links, twin._prior, twin._scale = links, prior.astype(np.float32), np.array([scale], np.float32)
        return twin.with_arrays(twin.arrays())

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """The steps, the links that are kept (twice while they are joined), and a block on each thread."""
        pairs = n_events * self.window
        links = min(pairs, n_items * min(self.k, n_items))
        return 80 * n_events + 24 * links + 60 * threads() * min(_PENDING, pairs) + 32 * n_items
