"""How good a model's lists are on held-out items, with intervals over users."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from honeyguide.offline import metrics
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model
from honeyguide.types import BoolArray, FloatArray, Histories, IntArray, Interactions, LongArray

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
    values: Mapping[str, FloatArray]
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


def evaluate(model: Model, split: Split, *, k: int, users: IntArray | None = None) -> Evaluation:
    """Rank all items for each asked user, leave out what the user's history holds, and compare the first `k`.

    `users` (places in `split.users`) restricts it to some; scores are made in chunks of bounded memory."""
    asked = np.arange(len(split.users)) if users is None else users
    histories = histories_of(split.train)
    n_items = split.train.n_items
    chunk = max(1, _CHUNK_CELLS // max(1, n_items))
    lists = [_lists(model, histories, split.users[asked[at : at + chunk]], k) for at in range(0, len(asked), chunk)]
    ranked = np.concatenate(lists) if lists else np.empty((0, k), np.int32)
    indptr, items = _rows(split.indptr, split.items, asked)
    hits, relevant = metrics.hits_in(ranked, indptr, items, n_items), np.diff(indptr)
    values = {
        "recall": metrics.recall(hits, relevant),
        "ndcg": metrics.ndcg(hits, relevant),
        "precision": metrics.precision(hits),
        "hit_rate": metrics.hit_rate(hits),
        "mrr": metrics.mrr(hits),
    }
    shown = np.unique(ranked[ranked >= 0])
    return Evaluation(k, values, len(shown) / max(1, n_items))


def histories_of(interactions: Interactions) -> Histories:
    """Every user's history, oldest first, equal times in log order; `now` is the latest event of all."""
    order = np.lexsort((np.arange(len(interactions.ts)), interactions.ts, interactions.users))
    counts = np.bincount(interactions.users, minlength=interactions.n_users)
    return Histories(
        indptr=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        items=interactions.items[order],
        weights=interactions.weights[order],
        ts=interactions.ts[order],
        now=int(interactions.ts.max()) if len(interactions.ts) else 0,
    )


def bootstrap(values: FloatArray, seed: int) -> Interval:
    """Mean and 95 % percentile interval of 1,000 resamples of the users (Efron, Tibshirani, 1993)."""
    generator = np.random.default_rng(seed)
    if len(values) == 0:
        return Interval(0.0, 0.0, 0.0)
    means = [values[generator.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def _lists(model: Model, histories: Histories, users: IntArray, k: int) -> IntArray:
    indptr, entries = _rows(histories.indptr, np.arange(len(histories.items)), users)
    batch = Histories(
        indptr, histories.items[entries], histories.weights[entries], histories.ts[entries], histories.now
    )
    scores = np.array(model.scores(batch), dtype=np.float32)
    scores[np.repeat(np.arange(len(users)), np.diff(indptr)), batch.items] = -np.inf
    return top_k(scores, k)


def top_k(scores: FloatArray, k: int) -> IntArray:
    """The `k` best columns of each row, best first, ties by column; -1 where the rest is -inf or there are fewer."""
    rows, n = scores.shape
    k_here = min(k, n)
    lists = np.full((rows, k), -1, dtype=np.int32)
    if k_here == 0 or rows == 0:
        return lists
    thresholds = np.partition(scores, n - k_here, axis=1)[:, n - k_here]
    for row in range(rows):
        chosen = np.flatnonzero(_at_least(scores[row], thresholds[row]))
        chosen = chosen[np.argsort(-scores[row, chosen], kind="stable")][:k_here]
        lists[row, : len(chosen)] = chosen
    return lists


def _at_least(line: FloatArray, threshold: np.float32) -> BoolArray:
    return (line >= threshold) & (line > -np.inf)


def _rows(indptr: LongArray, values: IntArray | LongArray, rows: IntArray | LongArray) -> tuple[LongArray, LongArray]:
    """The compressed rows `rows` of (indptr, values)."""
    sizes = indptr[rows + 1] - indptr[rows]
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    places = np.arange(ends[-1]) - np.repeat(ends[:-1], sizes) + np.repeat(indptr[rows], sizes)
    return ends, values[places].astype(np.int64)
