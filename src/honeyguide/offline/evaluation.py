"""How good a model's lists are on held-out items, at any length and for any group, with intervals over users."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from honeyguide import lists
from honeyguide.errors import InvalidInput
from honeyguide.offline import metrics
from honeyguide.offline.pasts import distinct, histories_of, latest, rows, sizes_and_popularity
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model
from honeyguide.types import BoolArray, FloatArray, IntArray, LongArray

METRICS: Final = metrics.NAMES
_CHUNK_CELLS = 8_000_000
_RESAMPLES: Final = 1_000
_DRAWN_AT_ONCE = 50_000
_VARIED: Final = 1_000  # lists, evenly spaced, whose diversity is measured: each is a comparison of all its pairs


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over users and its 95 % percentile bootstrap interval."""

    mean: float
    low: float
    high: float


Ranker = Callable[[FloatArray, int], IntArray]
"""(scores float32 [users, items], -inf where the user's past is; k) -> lists int32 [users, k], best first, -1 pads."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some of those asked (`users` bool [asked]) or some of what they are asked for (`items` bool [items]); None: all.

    `about` says in a few words who or what is in it."""

    name: str
    about: str = ""
    users: BoolArray | None = None
    items: BoolArray | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`values`: metric -> float64 [users]; `k`: list length; `coverage`: share of all items that stand in any list.

    `novelty` in bits, `diversity` and `popularity_lift` are those of `honeyguide.lists`, means over lists; None where
    they are not known: diversity without categories, the lift where nobody has a past. `answers` measures again."""

    k: int
    values: Mapping[str, metrics.PerUser]
    coverage: float
    novelty: float
    diversity: float | None = None
    popularity_lift: float | None = None
    answers: "Answers | None" = field(default=None, repr=False, compare=False)

    def mean(self, metric: str) -> float:
        """The mean over users; 0 without any."""
        return _mean(self.values[metric])

    def interval(self, metric: str, seed: int) -> Interval:
        """The mean with its interval."""
        return bootstrap(self.values[metric], seed)

    def intervals(self, seed: int) -> dict[str, Interval]:
        """The means of all metrics with their intervals, of the same resamples."""
        found = bootstraps(np.stack(list(self.values.values()), axis=1), seed)
        return dict(zip(self.values, found, strict=True))

    def difference(self, other: "Evaluation", metric: str, seed: int) -> Interval:
        """The mean of the paired differences to `other` on the same users, with its interval."""
        return bootstrap(self.values[metric] - other.values[metric], seed)

    def at(self, k: int, group: Group | None = None) -> "Evaluation":
        """The same lists cut to `k`, for a group: nothing is scored or looked up again.

        For a group of items only hits on these count, of users who are asked for any; coverage is that of the group."""
        if not 1 <= k <= self.k:
            raise InvalidInput(f"There are lists of {self.k} items, none of {k}.", cure=f"Ask for 1 to {self.k}.")
        return self.made_of.at(k, group)

    @property
    def made_of(self) -> "Answers":
        """The lists that were measured, and what they were measured against."""
        if self.answers is None:
            raise InvalidInput("The lists of this evaluation were not kept.", cure="Take one that Questions.answers made.")
        return self.answers


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of items and of those who are asked, beside the lists that are measured.

    `known_to` int64 [items] users have the item in their past, of `n_users`; `sizes` int64 [asked] items are in the past
    of each who is asked, and `popularity` float64 [asked] is their mean `known_to`."""

    n_users: int
    known_to: LongArray
    sizes: LongArray
    popularity: lists.PerList
    categories: IntArray | None


@dataclass(frozen=True, slots=True)
class Answers:
    """Lists int32 [asked, k], looked up once in what is held out: `hits` bool [asked, k]; `held` items in rows `indptr`."""

    lists: IntArray
    hits: BoolArray
    indptr: LongArray
    held: IntArray
    known: Known

    def at(self, k: int, group: Group | None = None) -> Evaluation:
        """The lists cut to `k`, for a group; `Evaluation.at` says how groups count."""
        shown, hits, relevant = self.lists[:, :k], self.hits[:, :k], np.diff(self.indptr)
        popularity, n_items = self.known.popularity, len(self.known.known_to)
        asked = None if group is None else group.users
        if group is not None and group.items is not None:
            wanted = np.concatenate([[0], np.cumsum(group.items[self.held])])
            relevant, hits = np.diff(wanted[self.indptr]), hits & group.items[shown]
            asked = relevant > 0 if asked is None else asked & (relevant > 0)
        if asked is not None:
            shown, hits, relevant, popularity = shown[asked], hits[asked], relevant[asked], popularity[asked]
        counted = shown
        if group is not None and group.items is not None:
            counted, n_items = np.where(group.items[shown], shown, -1), int(group.items.sum())
        return Evaluation(
            k=k,
            values=metrics.per_user(hits, relevant),
            coverage=lists.coverage(counted, n_items),
            novelty=_mean(lists.novelty(shown, self.known.known_to, self.known.n_users)),
            diversity=self._diversity(shown),
            popularity_lift=lists.popularity_lift(lists.popularity(shown, self.known.known_to), popularity),
            answers=self,
        )

    def curve(self, metric: str, ks: Sequence[int]) -> list[float]:
        """The mean of a metric at each length."""
        relevant = np.diff(self.indptr)
        return [_mean(metrics.per_user(self.hits[:, :k], relevant)[metric]) for k in ks]

    def _diversity(self, shown: IntArray) -> float | None:
        if self.known.categories is None:
            return None
        return _mean(lists.diversity(shown[:: -(-len(shown) // _VARIED) or 1], self.known.categories))


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
        self.k, self._split, self._history = k, split, history
        self._asked = np.arange(len(split.users), dtype=np.int32) if users is None else users
        self._pasts = histories_of(split.known)
        pairs = distinct(split.train)
        known_to = np.bincount(pairs[1], minlength=split.train.n_items)
        own = pairs if split.known is split.train else distinct(split.known)
        sizes, popularity = sizes_and_popularity(own, split.train.n_users, known_to)
        who = split.users[self._asked]
        self.known = Known(split.train.n_users, known_to, sizes[who], popularity[who], categories)

    def __len__(self) -> int:
        """How many are asked."""
        return len(self._asked)

    def answers(
        self, model: Model, rankers: Sequence[Ranker], *, progress: Callable[[float], None] | None = None
    ) -> list[Evaluation]:
        """What each ranker makes of the model's scores. Scores are made once, in chunks of bounded memory; `progress` is
        told the share that is done after each. Raises `InvalidInput` for a model whose scores are no numbers."""
        chunk = max(1, _CHUNK_CELLS // max(1, self._split.train.n_items))
        made: list[list[IntArray]] = [[np.empty((0, self.k), np.int32)] for _ in rankers]
        for at in range(0, len(self._asked), chunk):
            scores = self._scores(model, self._split.users[self._asked[at : at + chunk]])
            for answers, ranker in zip(made, rankers, strict=True):
                answers.append(ranker(scores, self.k))
            if progress is not None:
                progress(min(1.0, (at + chunk) / len(self._asked)))
        return [self.measured(np.concatenate(answers)) for answers in made]

    def _scores(self, model: Model, users: IntArray) -> FloatArray:
        """float32 [users, items], -inf for what is in the user's past."""
        scores = np.array(model.scores(latest(self._pasts, users, self._history)), dtype=np.float32)
        if np.isnan(scores).any():
            cure = "Its hyper-parameters or its data are out of range: take others, or leave it out of models.train."
            raise InvalidInput(f"The model {model.name!r} gives scores that are no numbers.", cure=cure)
        indptr, places = rows(self._pasts.indptr, users)
        scores[np.repeat(np.arange(len(users)), np.diff(indptr)), self._pasts.items[places]] = -np.inf
        return scores

    def measured(self, ranked: IntArray) -> Evaluation:
        """Lists int32 [asked, k], -1 pads, measured against what is held out."""
        return self._matched(ranked).at(self.k)

    def _matched(self, ranked: IntArray) -> Answers:
        indptr, places = rows(self._split.indptr, self._asked)
        held = self._split.items[places]
        return Answers(ranked, metrics.hits_in(ranked, indptr, held, self._split.train.n_items), indptr, held, self.known)


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


def bootstrap(values: metrics.PerUser, seed: int) -> Interval:
    """Mean and 95 % percentile interval of 1,000 resamples of the users (Efron, Tibshirani, 1993)."""
    return bootstraps(values[:, None], seed)[0]


def bootstraps(values: NDArray[np.float64], seed: int) -> list[Interval]:
    """As `bootstrap`, for each column of float64 [users, m]; all of the same resamples."""
    count, width = values.shape
    if count == 0:
        return [Interval(0.0, 0.0, 0.0)] * width
    generator = np.random.default_rng(seed)
    means = np.empty((_RESAMPLES, width))
    together = max(_DRAWN_AT_ONCE // count, 1)  # a draw of few users costs less than a call
    for start in range(0, _RESAMPLES, together):
        resamples = min(together, _RESAMPLES - start)
        drawn = generator.integers(0, count, (resamples, count)) + np.arange(resamples)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count)
        means[start : start + resamples] = times @ values / count
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return [Interval(*found) for found in zip(values.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)]


def top_k(scores: FloatArray, k: int) -> IntArray:
    """The `k` best columns of each row, best first, ties by column; -1 where the rest is -inf or there are fewer."""
    count, n = scores.shape
    found = np.full((count, k), -1, dtype=np.int32)
    shown = min(k, n)
    if count == 0 or shown == 0:
        return found
    thresholds = np.partition(scores, n - shown, axis=1)[:, n - shown]
    for row in range(count):
        line = scores[row]
        chosen = np.flatnonzero((line >= thresholds[row]) & (line > -np.inf))
        chosen = chosen[np.argsort(-line[chosen], kind="stable")][:shown]
        found[row, : len(chosen)] = chosen
    return found


def _mean(values: metrics.PerUser) -> float:
    return float(values.mean()) if len(values) else 0.0
