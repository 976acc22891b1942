"""How much of the data a trial sees: a validation part cut from the past, and rungs of more and more users of it.

Successive halving (Jamieson, Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS
2016) with the number of users as the resource: every user is answered from their own history, so a model of a sixteenth of
the users can be asked about any of them. All rungs ask the same users.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from honeyguide.offline.evaluation import Questions
from honeyguide.offline.splits import Split, at_random, by_time
from honeyguide.types import IntArray, Interactions

STEP: Final = 4
"""How many times the users of a rung the next one has."""

_FEWEST: Final = 8_000  # users of the lowest rung: with fewer, models fit so fast that nothing is saved
_ASKED_LOW: Final = 1_500  # users who are asked on all rungs but the highest

Cut = Callable[[Interactions], Split]
"""Interactions -> what may be learned from, and what is asked for."""


@dataclass(frozen=True, slots=True)
class Rung:
    """What trials of one rung learn from, the questions that they are asked, and how many users those are asked of."""

    interactions: Interactions
    questions: Questions
    asked: int

    @property
    def rows(self) -> int:
        """Interactions that are learned from."""
        return len(self.interactions.users)


def validation(interactions: Interactions, share: float, seed: int) -> Split:
    """The past cut once more, as the whole was: the latest `share` of each user's items is asked for.

    Where no user has two different times, there is no order that says what came last; what is asked for is then drawn."""
    return by_time(interactions, share) if in_time(interactions) else at_random(interactions, share, seed)


def in_time(interactions: Interactions) -> bool:
    """Whether any user has events at two different times."""
    low = np.full(interactions.n_users, np.iinfo(np.int64).max)
    high = np.full(interactions.n_users, np.iinfo(np.int64).min)
    np.minimum.at(low, interactions.users, interactions.ts)
    np.maximum.at(high, interactions.users, interactions.ts)
    return bool((low < high).any())


def rungs(split: Split, *, k: int, history: int | None, most_asked: int, seed: int) -> list[Rung]:
    """The rungs of a split, the highest the last: it learns from all users, and asks at most `most_asked`."""
    order = np.random.default_rng(seed).permutation(split.train.n_users).astype(np.int32)
    asked = _asked(split, order, most_asked)
    sizes = [split.train.n_users]
    while sizes[0] // STEP >= _FEWEST:
        sizes.insert(0, sizes[0] // STEP)
    high = _questions(split, asked, k, history)
    few = asked[:_ASKED_LOW]
    low = _questions(split, few, k, history) if len(sizes) > 1 else high
    parts = [of_users(split.train, np.sort(order[:size])) for size in sizes[:-1]]
    return [*(Rung(part, low, len(few)) for part in parts), Rung(split.train, high, len(asked))]


def _asked(split: Split, order: IntArray, most: int) -> IntArray:
    """Places in `split.users` of those who are asked, in the order of `order`, a permutation of all users."""
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    chosen: IntArray = np.argsort(place[split.users], kind="stable").astype(np.int32)
    return chosen[:most]


def _questions(split: Split, asked: IntArray, k: int, history: int | None) -> Questions:
    """Questions that hold the pasts of those who are asked alone, so that they are small."""
    places = np.sort(asked)
    users = split.users[places]
    sizes = split.indptr[places + 1] - split.indptr[places]
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    items = np.concatenate([split.items[:0], *(split.items[split.indptr[p] : split.indptr[p + 1]] for p in places.tolist())])
    everybody = np.arange(len(users), dtype=np.int32)
    return Questions(Split(of_users(split.train, users), everybody, indptr, items), k=k, history=history)


def of_users(interactions: Interactions, users: IntArray) -> Interactions:
    """What `users` (ascending) did, in the same order, with users numbered by their place in `users`."""
    number = np.full(interactions.n_users, -1, dtype=np.int32)
    number[users] = np.arange(len(users), dtype=np.int32)
    rows = np.flatnonzero(number[interactions.users] >= 0)
    segments = interactions.segments
    return replace(
        interactions,
        users=number[interactions.users[rows]],
        items=interactions.items[rows],
        weights=interactions.weights[rows],
        ts=interactions.ts[rows],
        n_users=len(users),
        segments=None if segments is None else segments[users],
    )
