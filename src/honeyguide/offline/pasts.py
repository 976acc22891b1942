"""What each user did, as compressed rows: whole, the latest part of it, and as sets of items."""

import numpy as np

from honeyguide.lists import PerList
from honeyguide.types import Histories, IntArray, Interactions, LongArray


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


def latest(pasts: Histories, users: IntArray, most: int | None) -> Histories:
    """The histories of `users`, each without all but its latest `most` entries (None: all of it)."""
    indptr, places = rows(pasts.indptr, users)
    if most is not None:
        sizes = np.diff(indptr)
        later = np.repeat(indptr[1:], sizes) - np.arange(len(places))
        places = places[later <= most]
        indptr = np.concatenate([[0], np.cumsum(np.minimum(sizes, most))])
    return Histories(indptr, pasts.items[places], pasts.weights[places], pasts.ts[places], pasts.now)


def rows(indptr: LongArray, chosen: IntArray | LongArray) -> tuple[LongArray, LongArray]:
    """The compressed rows `chosen`: their own indptr, and the places of their entries."""
    sizes = indptr[chosen + 1] - indptr[chosen]
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return ends, np.arange(ends[-1]) - np.repeat(ends[:-1], sizes) + np.repeat(indptr[chosen], sizes)


def distinct(interactions: Interactions) -> tuple[IntArray, IntArray]:
    """(users, items) of the pairs that are not disliked, each once, ascending."""
    n_items = max(1, interactions.n_items)
    pairs = np.unique((interactions.users.astype(np.int64) * n_items + interactions.items)[~(interactions.weights < 0)])
    users, items = np.divmod(pairs, n_items)
    return users.astype(np.int32), items.astype(np.int32)


def sizes_and_popularity(pairs: tuple[IntArray, IntArray], n_users: int, known_to: LongArray) -> tuple[LongArray, PerList]:
    """Per user: how many items (int64 [users]), and by how many users these are known on the mean (float64, NaN without)."""
    users, items = pairs
    sizes = np.bincount(users, minlength=n_users)
    sums = np.bincount(users, known_to[items], minlength=n_users)
    return sizes, np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)
