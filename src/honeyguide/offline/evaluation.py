"""How good a model's lists are on held-out items, with intervals over users."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from honeyguide.lists import coverage
from honeyguide.offline import metrics
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model
from honeyguide.types import FloatArray, Histories, IntArray, Interactions, LongArray

METRICS = ("recall", "ndcg", "precision", "hit_rate", "mrr")
_CHUNK_CELLS = 8_000_000
_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over users and its 95 % percentile bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`values`: metric -> float64 [users]; `coverage`: share of all items that stand in any list; `k`: list length."""

    k: int
    values: Mapping[str, metrics.PerUser]
    coverage: float

    def mean(self, metric: str) -> float:
        """The mean over users."""
        return float(self.values[metric].mean())

    def interval(self, metric: str, seed: int) -> Interval:
        """The mean with its interval."""
        return bootstrap(self.values[metric], seed)

    def difference(self, other: "Evaluation", metric: str, seed: int) -> Interval:
        """The mean of the paired differences to `other` on the same users, with its interval."""
        return bootstrap(self.values[metric] - other.values[metric], seed)


def evaluate(
    model: Model,
    split: Split,
    *,
    k: int,
    users: IntArray | None = None,
    history: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """Rank all items for each asked user, leave out what the user's past holds, and compare the first `k`.

    `users` (places in `split.users`) restricts it to some; the model sees the latest `history` events of each (None:
    all); scores are made in chunks of bounded memory, and `progress` is told the share that is done after each."""
    asked = np.arange(len(split.users)) if users is None else users
    pasts = histories_of(split.train)
    n_items = split.train.n_items
    chunk = max(1, _CHUNK_CELLS // max(1, n_items))
    lists = [np.empty((0, k), np.int32)]
    for at in range(0, len(asked), chunk):
        lists.append(_lists(model, pasts, split.users[asked[at : at + chunk]], k, history))
        if progress is not None:
            progress(min(1.0, (at + chunk) / len(asked)))
    ranked = np.concatenate(lists)
    indptr, places = _rows(split.indptr, asked)
    hits, relevant = metrics.hits_in(ranked, indptr, split.items[places], n_items), np.diff(indptr)
    values = {
        "recall": metrics.recall(hits, relevant),
        "ndcg": metrics.ndcg(hits, relevant),
        "precision": metrics.precision(hits),
        "hit_rate": metrics.hit_rate(hits),
        "mrr": metrics.mrr(hits),
    }
    return Evaluation(k, values, coverage(ranked, n_items))


def histories_of(interactions: Interactions) -> Histories:
    """Every user's history, oldest first, equal times in log order; `now` is the latest event of all."""
    order = np.lexsort((interactions.ts, interactions.users))  # stable: equal times keep their places in the log
    counts = np.bincount(interactions.users, minlength=interactions.n_users)
    return Histories(
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        items=interactions.items[order],
        weights=interactions.weights[order],
        ts=interactions.ts[order],
        now=int(interactions.ts.max()) if len(interactions.ts) else 0,
    )


def bootstrap(values: metrics.PerUser, seed: int) -> Interval:
    """Mean and 95 % percentile interval of 1,000 resamples of the users (Efron, Tibshirani, 1993)."""
    if len(values) == 0:
        return Interval(0.0, 0.0, 0.0)
    generator = np.random.default_rng(seed)
    means = [values[generator.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def top_k(scores: FloatArray, k: int) -> IntArray:
    """The `k` best columns of each row, best first, ties by column; -1 where the rest is -inf or there are fewer."""
    rows, n = scores.shape
    lists = np.full((rows, k), -1, dtype=np.int32)
    shown = min(k, n)
    if rows == 0 or shown == 0:
        return lists
    thresholds = np.partition(scores, n - shown, axis=1)[:, n - shown]
    for row in range(rows):
        line = scores[row]
        chosen = np.flatnonzero((line >= thresholds[row]) & (line > -np.inf))
        chosen = chosen[np.argsort(-line[chosen], kind="stable")][:shown]
        lists[row, : len(chosen)] = chosen
    return lists


def _lists(model: Model, pasts: Histories, users: IntArray, k: int, history: int | None) -> IntArray:
    """int32 [users, k]: the best items that are not in the user's past."""
    asked = _latest(pasts, users, history)
    scores = np.array(model.scores(asked), dtype=np.float32)
    indptr, places = _rows(pasts.indptr, users)
    scores[np.repeat(np.arange(len(users)), np.diff(indptr)), pasts.items[places]] = -np.inf
    return top_k(scores, k)


def _latest(pasts: Histories, rows: IntArray, most: int | None) -> Histories:
    """The histories `rows`, each without all but its latest `most` entries."""
    indptr, places = _rows(pasts.indptr, rows)
    if most is not None:
        sizes = np.diff(indptr)
        later = np.repeat(indptr[1:], sizes) - np.arange(len(places))
        places = places[later <= most]
        indptr = np.concatenate([[0], np.cumsum(np.minimum(sizes, most))])
    return Histories(indptr, pasts.items[places], pasts.weights[places], pasts.ts[places], pasts.now)


def _rows(indptr: LongArray, rows: IntArray | LongArray) -> tuple[LongArray, LongArray]:
    """The compressed rows `rows`: their own indptr, and the places of their entries."""
    sizes = indptr[rows + 1] - indptr[rows]
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return ends, np.arange(ends[-1]) - np.repeat(ends[:-1], sizes) + np.repeat(indptr[rows], sizes)
