"""Several models as one: a weighted sum of their scores, each brought to a common scale.

Linear blending of models that err differently is better than any of them (Jahrer, Toescher, Legenstein, "Combining
predictions for accurate recommender systems", KDD 2010). A part's scores are divided by their usual spread over items, so
that weights compare. Weights that are not given are found on what the blend hides from its parts: the latest items of some
users, ranked among the items that any part would show them, by coordinate search on NDCG (Metzler, Croft, "Linear
feature-based models for information retrieval", Information Retrieval 2007). As the sum is linear, contributions are exact.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from honeyguide import models as registered
from honeyguide.errors import ConfigError
from honeyguide.models.rows import best, sequences
from honeyguide.models.trained import Trained, setting, table, take
from honeyguide.protocols import Model
from honeyguide.types import BoolArray, FloatArray, Histories, IntArray, Interactions

Wide = NDArray[np.float64]

_USERS: Final = 2_000  # whose hidden item the weights are found by
_POOL: Final = 100  # items that each part brings in for each of them
_FACTORS: Final = (0.0, 0.25, 0.5, 0.8, 1.25, 2.0, 4.0)
_ROUNDS: Final = 4
_CELLS: Final = 4_000_000
_K: Final = 20
_GAINS: Final = 1.0 / np.log2(np.arange(2, _K + 2))


@dataclass(kw_only=True, eq=False)
class Blend(Trained):
    """score = sum over the parts of weight / spread * score."""

    name: ClassVar[str] = "blend"

    parts: Mapping[str, Any] = table(
        {"bayes": {}, "graph": {}, "popular": {}, "ridge": {}}, "Models to blend, each with its hyper-parameters."
    )
    weights: Mapping[str, Any] = table({}, "Weight of each part; none: found on items that are hidden from the parts.")
    hidden: float = setting(
        0.2, 0.0, 0.9, "Latest share of a user's items that is hidden to find weights by, at least one item."
    )
    _parts: tuple[Model, ...] = field(init=False, repr=False)
    _shares: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._untrained()
        for name, weight in self.weights.items():
            good = isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight < 1e9
            if name not in self.parts or not good:
                cure = f"Give a number from 0 on for each of: {', '.join(self.parts)}."
                raise ConfigError(f"models.params.blend.weights.{name} is {weight!r}.", cure=cure)

    def fit(self, interactions: Interactions, *, seed: int = 0, progress: Callable[[float], None] | None = None) -> Self:
        """Find the weights, if there are none, by parts that do not see all; then fit every part on everything."""
        interactions = self.admitted(interactions)
        parts, stages = self._untrained(), iter(_stages(progress, len(self.parts) * (1 if self.weights else 2)))
        users = _drawn(interactions, seed)
        if self.weights:
            weights = np.array([float(self.weights.get(name, 0.0)) for name in sorted(self.parts)])
        else:
            past, hidden = _hidden(interactions, users, self.hidden, seed)
            trial = [part.fit(past, seed=seed, progress=next(stages)) for part in parts]
            weights = _weights(trial, _histories(past, users), hidden)
        fitted = [part.fit(interactions, seed=seed, progress=next(stages)) for part in parts]
        return self._with_parts(fitted, weights / _spreads(fitted, _histories(interactions, users)))

    def _untrained(self) -> list[Model]:
        """The parts before training, by name: files keep no order of tables. Raises `ConfigError` for what is no part."""
        if not self.parts or self.name in self.parts:
            raise ConfigError("models.params.blend.parts must name other models.", cure="For example: bayes, markov, knn.")
        return [registered.untrained(name, params) for name, params in sorted(self.parts.items())]

    def _with_parts(self, parts: Sequence[Model], shares: Wide) -> Self:
        twin = replace(self)
        twin._parts, twin._shares = tuple(parts), shares.astype(np.float32)
        return twin

    def scores(self, histories: Histories) -> FloatArray:
        """float32 [len(histories), n_items]; the same sum of the parts' priors for an empty history."""
        return self._summed(lambda part: part.scores(histories))

    def contributions(self, history: Histories, items: IntArray) -> FloatArray:
        """float32 [entries, items]: the same sum of the parts' contributions."""
        return self._summed(lambda part: part.contributions(history, items))

    def _summed(self, ask: Callable[[Model], FloatArray]) -> FloatArray:
        """The sum over the parts that count. The first is asked for its shape where none does."""
        found: FloatArray = self._shares[0] * ask(self._parts[0])
        for part, share in zip(self._parts[1:], self._shares[1:], strict=True):
            if share:
                found += share * ask(part)
        return found

    def similar(self, items: IntArray, k: int) -> tuple[IntArray, FloatArray]:
        """Items by the sum of the parts' likeness, each relative to the part's best for that item."""
        n_items = self.scores(_NOBODY).shape[1]
        near = np.zeros((len(items), n_items), dtype=np.float32)
        for part, share in zip(self._parts, self._shares, strict=True):
            numbers, values = part.similar(items, 5 * k)
            relative = share * values / np.maximum(values[:, :1], 1e-30)
            rows, columns = np.nonzero((numbers >= 0) & (values > 0))
            near[rows, numbers[rows, columns]] += relative[rows, columns]
        return best(near, k)

    def arrays(self) -> Mapping[str, object]:
        """`shares` float32 [parts], and each part's arrays under its name and a point."""
        own = {f"{part.name}.{key}": array for part in self._parts for key, array in part.arrays().items()}
        return {"shares": self._shares} | own

    def with_arrays(self, arrays: Mapping[str, object]) -> Self:
        """The trained model again."""
        shares = take(arrays, "shares", np.float32, len(self.parts))
        parts = [
            part.with_arrays({key.partition(".")[2]: array for key, array in arrays.items() if key.startswith(f"{name}.")})
            for name, part in zip(sorted(self.parts), self._untrained(), strict=True)
        ]
        return self._with_parts(parts, shares)

    def peak_bytes(self, n_users: int, n_items: int, n_events: int) -> int:
        """What all parts take: those that are fitted stay while the others are."""
        own = [part.peak_bytes(n_users, n_items, n_events) for part in self._untrained() if isinstance(part, Trained)]
        return super().peak_bytes(n_users, n_items, n_events) + sum(own)


_NOBODY: Final = Histories(np.zeros(1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.int64))


def _stages(progress: Callable[[float], None] | None, count: int) -> Iterator[Callable[[float], None] | None]:
    """A listener for each of `count` stages of equal length."""
    for stage in range(count):
        yield None if progress is None else partial(_part, progress, stage, count)


def _part(progress: Callable[[float], None], stage: int, count: int, share: float) -> None:
    progress((stage + min(share, 1.0)) / count)


def _drawn(interactions: Interactions, seed: int) -> IntArray:
    """int32, ascending: at most `_USERS` of the users who touched two items or more, all alike likely."""
    pairs = np.unique(interactions.users.astype(np.int64) * interactions.n_items + interactions.items)
    several = np.flatnonzero(np.bincount(pairs // max(interactions.n_items, 1), minlength=interactions.n_users) > 1)
    if len(several) > _USERS:
        several = np.sort(np.random.default_rng(seed).choice(several, _USERS, replace=False))
    return several.astype(np.int32)


def _histories(interactions: Interactions, users: IntArray) -> Histories:
    """The histories of these users, oldest first."""
    who, items, weights, ts = sequences(interactions.only(np.isin(interactions.users, users)))
    indptr = np.append(np.searchsorted(who, users), len(who)).astype(np.int64)
    return Histories(indptr, items, weights, ts, int(ts.max(initial=0)))


def _hidden(interactions: Interactions, users: IntArray, share: float, seed: int) -> tuple[Interactions, list[IntArray]]:
    """The interactions without the latest `share` of these users' items, at least one and never all; and those items.

    Where all events of a user are of one moment, there is no latest: the items are drawn."""
    generator, n = np.random.default_rng(seed), interactions.n_items
    asked, hidden = _histories(interactions, users), []
    for row in range(len(users)):
        part = slice(asked.indptr[row], asked.indptr[row + 1])
        items, first = np.unique(asked.items[part], return_index=True)
        items = items[np.argsort(first)]
        if asked.ts[part][0] == asked.ts[part][-1]:
            items = generator.permutation(items)
        hidden.append(items[len(items) - min(max(1, int(share * len(items))), len(items) - 1) :].astype(np.int32))
    keys = [user * np.int64(n) + items for user, items in zip(users.tolist(), hidden, strict=True)]
    gone = np.isin(interactions.users.astype(np.int64) * n + interactions.items, np.concatenate([[-1], *keys]))
    return interactions.only(~gone), hidden


def _chunked(histories: Histories, n_items: int) -> Iterator[tuple[int, Histories]]:
    """The histories in parts whose scores are of bounded size, each with the place of its first."""
    step = max(1, _CELLS // max(1, n_items))
    for start in range(0, len(histories), step):
        bounds = histories.indptr[start : start + step + 1]
        part = slice(bounds[0], bounds[-1])
        yield (
            start,
            Histories(bounds - bounds[0], histories.items[part], histories.weights[part], histories.ts[part], histories.now),
        )


def _spreads(parts: Sequence[Model], histories: Histories) -> Wide:
    """float64 [parts]: the mean standard deviation over items of each part's scores, 1 where they are all alike."""
    n_items = parts[0].scores(_NOBODY).shape[1]
    found = np.zeros(len(parts))
    for _, some in _chunked(histories, n_items):
        found += [float(part.scores(some).std(axis=1).sum(dtype=np.float64)) for part in parts]
    means: Wide = np.where(found > 0, found / max(len(histories), 1), 1.0)
    return means


def _weights(parts: Sequence[Model], histories: Histories, hidden: Sequence[IntArray]) -> Wide:
    """float64 [parts], the largest 1: by coordinate search on the NDCG of the hidden items; all alike where none are."""
    if not hidden:
        return np.ones(len(parts))
    values, shown, wanted, ideal = _pools(parts, histories, hidden)
    values /= _spreads(parts, histories)[:, None, None].astype(np.float32)
    weights, best_so_far = np.ones(len(parts)), -1.0
    for _ in range(_ROUNDS):
        before = best_so_far
        for place in range(len(parts)):
            for factor in _FACTORS:
                trial = weights.copy()
                trial[place] = factor * max(weights[place], 0.25)
                blended = np.tensordot(trial.astype(np.float32), values, 1)
                gain = _ndcg(np.where(shown, blended, -np.inf), wanted, ideal)
                if trial.any() and gain > best_so_far + 1e-6:
                    weights, best_so_far = trial, gain
        if best_so_far <= before:
            break
    found: Wide = weights / weights.max()
    return found


def _pools(
    parts: Sequence[Model], histories: Histories, hidden: Sequence[IntArray]
) -> tuple[FloatArray, BoolArray, BoolArray, Wide]:
    """(scores [parts, users, pool]; whether there is an item, and whether it is hidden [users, pool]; best gain [users]).

    A user's pool are the items that any part ranks among its first, without those of the history."""
    n_items = parts[0].scores(_NOBODY).shape[1]
    width = len(parts) * min(_POOL, n_items)
    values = np.zeros((len(parts), len(histories), width), dtype=np.float32)
    shown, wanted = np.zeros((2, len(histories), width), dtype=np.bool_)
    for start, some in _chunked(histories, n_items):
        scored = [part.scores(some) for part in parts]
        for row in range(len(some)):
            past = some.items[some.indptr[row] : some.indptr[row + 1]]
            tops = [np.argpartition(-line[row], min(_POOL, n_items) - 1)[:_POOL] for line in scored]
            pool = np.setdiff1d(np.concatenate(tops), past)
            values[:, start + row, : len(pool)] = [line[row, pool] for line in scored]
            shown[start + row, : len(pool)] = True
            wanted[start + row, : len(pool)] = np.isin(pool, hidden[start + row])
    gains = np.concatenate([[0.0], np.cumsum(_GAINS)])
    return values, shown, wanted, gains[np.minimum([len(items) for items in hidden], _K)]


def _ndcg(scores: FloatArray, wanted: BoolArray, ideal: Wide) -> float:
    """The mean NDCG at 20."""
    top = np.argsort(-scores, axis=1, kind="stable")[:, :_K]
    gained = np.take_along_axis(wanted, top, axis=1) @ _GAINS[: top.shape[1]]
    return float((gained / ideal).mean())
