"""Splits of interactions into what a model may learn from and what it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from honeyguide.types import BoolArray, IntArray, Interactions, LongArray


@dataclass(frozen=True, slots=True)
class Split:
    """`train` holds the same users and items as the whole. User `users[t]` is asked for `items[indptr[t]:indptr[t + 1]]`.

    `users` int32 [t] ascending, `indptr` int64 [t + 1], `items` int32: distinct per user, none of them in train."""

    train: Interactions
    users: IntArray
    indptr: LongArray
    items: IntArray


def by_time(interactions: Interactions, share: float) -> Split:
    """Hold out the latest `share` of each user's distinct items, at least one, by the time of their first event.

    Equal times stay in log order. Users with a single item are not asked. A user's past ends before the first event on
    a held-out item: later events on other items are in neither part. This is protocol P5 of the benchmark page."""
    return _held_out(interactions, lambda counts: np.maximum(1, np.floor(counts * share + 1e-9).astype(np.int64)))


def leave_last(interactions: Interactions) -> Split:
    """Hold out each user's last item by the time of its first event; all else as `by_time` has it."""
    return _held_out(interactions, np.ones_like)


def _held_out(interactions: Interactions, held_of: Callable[[LongArray], LongArray]) -> Split:
    """The split in which the last `held_of(number of items)` items of each user, but never all, are asked for."""
    order = np.lexsort((interactions.ts, interactions.users))  # stable: equal times keep their places in the log
    pairs = interactions.users[order].astype(np.int64) * interactions.n_items + interactions.items[order]
    first = np.sort(np.unique(pairs, return_index=True)[1])  # places in `order` of each pair's first event
    users = interactions.users[order][first]
    counts = np.bincount(users, minlength=interactions.n_users)
    held = np.minimum(held_of(counts), counts - 1)
    place_from_end = np.cumsum(counts)[users] - 1 - np.arange(len(users))
    test = place_from_end < held[users]
    end_of_past = np.full(interactions.n_users, len(order), dtype=np.int64)
    np.minimum.at(end_of_past, users[test], first[test])
    past = np.zeros(len(order), dtype=np.bool_)
    past[order] = np.arange(len(order)) < end_of_past[interactions.users[order]]
    asked, sizes = np.unique(users[test], return_counts=True)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    items = interactions.items[order][first[test]]
    return Split(_only(interactions, past), asked.astype(np.int32), indptr, items.astype(np.int32))


def _only(interactions: Interactions, rows: BoolArray) -> Interactions:
    return replace(
        interactions,
        users=interactions.users[rows],
        items=interactions.items[rows],
        weights=interactions.weights[rows],
        ts=interactions.ts[rows],
    )
