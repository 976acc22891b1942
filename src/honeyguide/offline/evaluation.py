"""How good a model's lists are on held-out items, with intervals over users."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from honeyguide import lists
from honeyguide.offline import metrics
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model
from honeyguide.types import FloatArray, Histories, IntArray, Interactions, LongArray

METRICS = ("recall", "ndcg", "precision", "hit_rate", "mrr")
_CHUNK_CELLS = 8_000_000
_RESAMPLES = 1_000
_VARIED = 1_000  # lists, evenly spaced, whose diversity is measured: each is a comparison of all its pairs


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over users and its 95 % percentile bootstrap interval."""

    mean: float
    low: float
    high: float


Ranker = Callable[[FloatArray, int], IntArray]
"""(scores float32 [users, items], -inf where the user's past is; k) -> lists int32 [users, k], best first, -1 pads."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`values`: metric -> float64 [users]; `k`: list length; `coverage`: share of all items that stand in any list.

    `novelty` in bits and `diversity` are means over lists (`honeyguide.lists`), the latter None without categories."""

    k: int
    values: Mapping[str, metrics.PerUser]
    coverage: float
    novelty: float
    diversity: float | None = None

    def mean(self, metric: str) -> float:
        """The mean over users."""
        return float(self.values[metric].mean())

    def interval(self, metric: str, seed: int) -> Interval:
        """The mean with its interval."""
        return bootstrap(self.values[metric], seed)

    def difference(self, other: "Evaluation", metric: str, seed: int) -> Interval:
        """The mean of the paired differences to `other` on the same users, with its interval."""
        return bootstrap(self.values[metric] - other.values[metric], seed)


class Questions:
    """Who is asked on a split, and how answers are measured: lists of `k` items, all items ranked, none of the user's past.

    `users` (places in `split.users`) restricts it to some; a model sees the latest `history` events of each (None: all);
    `categories` int32 [items, m] are what the diversity of lists is told by."""

    def __init__(
        self,
        split: Split,
        *,
        k: int,
        users: IntArray | None = None,
        history: int | None = None,
        categories: IntArray | None = None,
    ) -> None:
        self.k, self._split, self._history, self._categories = k, split, history, categories
        self._asked = np.arange(len(split.users)) if users is None else users
        self._pasts = histories_of(split.train)
        pairs = split.train.users.astype(np.int64) * split.train.n_items + split.train.items
        self._known_to = np.bincount(np.unique(pairs) % max(1, split.train.n_items), minlength=split.train.n_items)

    def answers(
        self, model: Model, rankers: Sequence[Ranker], *, progress: Callable[[float], None] | None = None
    ) -> list[Evaluation]:
        """What each ranker makes of the model's scores. Scores are made once, in chunks of bounded memory; `progress` is
        told the share that is done after each."""
        chunk = max(1, _CHUNK_CELLS // max(1, self._split.train.n_items))
        made: list[list[IntArray]] = [[np.empty((0, self.k), np.int32)] for _ in rankers]
        for at in range(0, len(self._asked), chunk):
            scores = self._scores(model, self._split.users[self._asked[at : at + chunk]])
            for answers, ranker in zip(made, rankers, strict=True):
                answers.append(ranker(scores, self.k))
            if progress is not None:
                progress(min(1.0, (at + chunk) / len(self._asked)))
        return [self._measured(np.concatenate(answers)) for answers in made]

    def _scores(self, model: Model, users: IntArray) -> FloatArray:
        """float32 [users, items], -inf for what is in the user's past."""
        scores = np.array(model.scores(_latest(self._pasts, users, self._history)), dtype=np.float32)
        indptr, places = _rows(self._pasts.indptr, users)
        scores[np.repeat(np.arange(len(users)), np.diff(indptr)), self._pasts.items[places]] = -np.inf
        return scores

    def _measured(self, ranked: IntArray) -> Evaluation:
        n_items, split = self._split.train.n_items, self._split
        indptr, places = _rows(split.indptr, self._asked)
        hits, relevant = metrics.hits_in(ranked, indptr, split.items[places], n_items), np.diff(indptr)
        values = {
            "recall": metrics.recall(hits, relevant),
            "ndcg": metrics.ndcg(hits, relevant),
            "precision": metrics.precision(hits),
            "hit_rate": metrics.hit_rate(hits),
            "mrr": metrics.mrr(hits),
        }
        novelty = _mean(lists.novelty(ranked, self._known_to, split.train.n_users))
        some = ranked[:: -(-len(ranked) // _VARIED) or 1]
        diversity = None if self._categories is None else _mean(lists.diversity(some, self._categories))
        return Evaluation(self.k, values, lists.coverage(ranked, n_items), novelty, diversity)


def _mean(values: metrics.PerUser) -> float:
    return float(values.mean()) if len(values) else 0.0


def evaluate(
    model: Model,
    split: Split,
    *,
    k: int,
    users: IntArray | None = None,
    history: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """The model's own order of all items, without those of the user's past, compared at `k`; see `Questions`."""
    return Questions(split, k=k, users=users, history=history).answers(model, [top_k], progress=progress)[0]


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
