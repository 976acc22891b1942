"""Splits of interactions into what a model may learn from and what it is asked for."""

from dataclasses import dataclass, replace

import numpy as np

from honeyguide.types import BoolArray, IntArray, Interactions, LongArray


@dataclass(frozen=True, slots=True)
class Split:
    """`train` holds the same users and items as the whole. User `users[t]` is asked for `items[indptr[t]:indptr[t + 1]]`.

    `users` int32 [t] ascending, `indptr` int64 [t + 1], `items` int32: distinct per user, none of them in the user's train."""

    train: Interactions
    users: IntArray
    indptr: LongArray
    items: IntArray


def by_time(interactions: Interactions, share: float) -> Split:
    """Hold out the latest `share` of each user's distinct items, at least one, by the time of their first event.

    Equal times stay in log order. Users with a single item are not asked; all events on a held-out item are held out.
    This is protocol P5 of the benchmark page."""
    first = _first_events(interactions)
    users, items = interactions.users[first], interactions.items[first]
    counts = np.bincount(users, minlength=interactions.n_users)
    held = np.where(counts > 1, np.maximum(1, (counts * share).astype(np.int64)), 0)
    return _held_out(interactions, users, items, counts, held)


def leave_last(interactions: Interactions) -> Split:
    """Hold out each user's last item by the time of its first event; users with a single item are not asked."""
    first = _first_events(interactions)
    users, items = interactions.users[first], interactions.items[first]
    counts = np.bincount(users, minlength=interactions.n_users)
    return _held_out(interactions, users, items, counts, (counts > 1).astype(np.int64))


def _first_events(interactions: Interactions) -> LongArray:
    """Rows of the first event of each (user, item) pair, by user, then time, then log order."""
    order = np.lexsort((np.arange(len(interactions.ts)), interactions.ts, interactions.users))
    pairs = interactions.users[order].astype(np.int64) * interactions.n_items + interactions.items[order]
    _, first = np.unique(pairs, return_index=True)
    return order[np.sort(first)]


def _held_out(
    interactions: Interactions, users: IntArray, items: IntArray, counts: LongArray, held: LongArray
) -> Split:
    """The split in which each user's last `held` of the rows (users, items), grouped by user, are asked for."""
    ends = np.cumsum(counts)
    place_from_end = ends[users] - 1 - np.arange(len(users))
    test = place_from_end < held[users]
    pairs = users[test].astype(np.int64) * interactions.n_items + items[test]
    all_pairs = interactions.users.astype(np.int64) * interactions.n_items + interactions.items
    asked, sizes = np.unique(users[test], return_counts=True)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Split(_only(interactions, ~np.isin(all_pairs, pairs)), asked.astype(np.int32), indptr, items[test])


def _only(interactions: Interactions, rows: BoolArray) -> Interactions:
    return replace(
        interactions,
        users=interactions.users[rows],
        items=interactions.items[rows],
        weights=interactions.weights[rows],
        ts=interactions.ts[rows],
    )
