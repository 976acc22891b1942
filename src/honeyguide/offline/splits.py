"""Splits of interactions into what a model may learn from and what it is asked for.

Everywhere equal times stay in the order of the log, and a user's past ends before the first event on an item that they are
asked for: nothing of the future is known. Nobody is asked for what they disliked: interactions of negative weight are in the
past alone, up to its last event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from types import MappingProxyType
from typing import Concatenate, Final, ParamSpec

import numpy as np

from honeyguide.types import BoolArray, IntArray, Interactions, LongArray


@dataclass(frozen=True, slots=True)
class Split:
    """`train` holds the same users and items as the whole. User `users[t]` is asked for `items[indptr[t]:indptr[t + 1]]`.

    `users` int32 [t] ascending, `indptr` int64 [t + 1], `items` int32: distinct per user, none of them in their past.
    `pasts` is what is known of users when they are asked, where it is more than what is learned from (None: `train`)."""

    train: Interactions
    users: IntArray
    indptr: LongArray
    items: IntArray
    pasts: Interactions | None = None

    @property
    def known(self) -> Interactions:
        """What users are known by when they are asked."""
        return self.train if self.pasts is None else self.pasts


Given = ParamSpec("Given")


def _of_likes(cut: Callable[Concatenate[Interactions, Given], Split]) -> Callable[Concatenate[Interactions, Given], Split]:
    """The split of what is not disliked; the dislikes that a past knows are added to it."""

    @wraps(cut)
    def split(interactions: Interactions, /, *given: Given.args, **named: Given.kwargs) -> Split:
        disliked = interactions.weights < 0
        if not disliked.any():
            return cut(interactions, *given, **named)
        found, dislikes = cut(interactions.only(~disliked), *given, **named), interactions.only(disliked)
        pasts = None if found.pasts is None else _with_dislikes(found.pasts, dislikes)
        return replace(found, train=_with_dislikes(found.train, dislikes), pasts=pasts)

    return split


def _with_dislikes(past: Interactions, dislikes: Interactions) -> Interactions:
    """`past` and, behind it, the dislikes of its items up to the last event of each user in it."""
    last = np.full(past.n_users, np.iinfo(np.int64).min)
    np.maximum.at(last, past.users, past.ts)
    there = np.zeros(past.n_items, dtype=np.bool_)
    there[past.items] = True
    known = dislikes.only(there[dislikes.items] & (dislikes.ts <= last[dislikes.users]))
    return replace(
        past,
        users=np.concatenate([past.users, known.users]),
        items=np.concatenate([past.items, known.items]),
        weights=np.concatenate([past.weights, known.weights]),
        ts=np.concatenate([past.ts, known.ts]),
    )


@_of_likes
def by_time(interactions: Interactions, share: float) -> Split:
    """Hold out the latest `share` of each user's distinct items, at least one, by the time of their first event.

    Users with a single item are not asked. Later events on other items are in neither part. This is protocol P5 of the
    benchmark page."""
    return _latest_of_each(interactions, lambda counts: np.maximum(1, np.floor(counts * share + 1e-9).astype(np.int64)))


@_of_likes
def leave_last(interactions: Interactions) -> Split:
    """Hold out each user's last item by the time of its first event; all else as `by_time` has it."""
    return _latest_of_each(interactions, np.ones_like)


@_of_likes
def by_moment(interactions: Interactions, share: float) -> Split:
    """Learn from what was before one moment, for all users the same, and ask for the latest `share` of all events.

    Asked is who has a past, for the items that they chose from then on for the first time."""
    count = len(interactions.ts)
    order = np.argsort(interactions.ts, kind="stable")
    later = np.zeros(count, dtype=np.bool_)
    later[order[count - int(count * share + 1e-9) :]] = True
    pairs = _pairs(interactions)
    has_past = np.bincount(interactions.users[~later], minlength=interactions.n_users) > 0
    fresh = later & has_past[interactions.users] & ~np.isin(pairs, pairs[~later])
    return _split(interactions, ~later, _first_events(interactions, fresh))


@_of_likes
def at_random(interactions: Interactions, share: float, seed: int) -> Split:
    """Hold out a drawn `share` of each user's distinct items, at least one; all that they did with these is in neither part.

    What came later may be in the past: figures on such a split are too good, and comparable with those of papers only."""
    pairs, back = np.unique(_pairs(interactions), return_inverse=True)
    users = pairs // max(1, interactions.n_items)
    counts = np.bincount(users, minlength=interactions.n_users)
    held = np.minimum(np.maximum(1, np.floor(counts * share + 1e-9).astype(np.int64)), counts - 1)
    order = np.lexsort((np.random.default_rng(seed).random(len(pairs)), users))
    drawn = np.zeros(len(pairs), dtype=np.bool_)
    drawn[order] = np.arange(len(pairs)) - (np.cumsum(counts) - counts)[users] < held[users]
    rows = drawn[back]
    return _split(interactions, ~rows, _first_events(interactions, rows))


@_of_likes
def cold_users(interactions: Interactions, share: float, seed: int) -> Split:
    """Learn nothing of a drawn `share` of the users with two items or more; ask them, by the rest of their past, for the
    latest fifth of their items, as `by_time` does."""
    whole = by_time(interactions, 0.2)
    chosen = np.random.default_rng(seed).permutation(len(whole.users))[: int(np.ceil(len(whole.users) * share))]
    asked = np.sort(chosen)
    sizes = np.diff(whole.indptr)[asked]
    rows = np.repeat(whole.indptr[asked] - np.cumsum(sizes) + sizes, sizes) + np.arange(int(sizes.sum()))
    cold = np.zeros(interactions.n_users, dtype=np.bool_)
    cold[whole.users[asked]] = True
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    train = interactions.only(~cold[interactions.users])
    return Split(train, whole.users[asked], indptr, whole.items[rows], pasts=whole.train)


@_of_likes
def cold_items(interactions: Interactions, share: float) -> Split:
    """Learn nothing of the `share` of the items that came last, by their first event; ask for them.

    Asked is who has other items before their first such one: their past ends there."""
    order = np.argsort(interactions.ts, kind="stable")
    items, first = np.unique(interactions.items[order], return_index=True)
    newest = items[np.argsort(first, kind="stable")][len(items) - int(len(items) * share + 1e-9) :]
    cold = np.isin(interactions.items, newest)
    place = np.lexsort((interactions.ts, interactions.users))
    start = np.full(interactions.n_users, len(place), dtype=np.int64)
    np.minimum.at(start, interactions.users[place][cold[place]], np.flatnonzero(cold[place]))
    early = np.zeros(len(place), dtype=np.bool_)
    early[place] = np.arange(len(place)) < start[interactions.users[place]]
    has_past = np.bincount(interactions.users[early], minlength=interactions.n_users) > 0
    found = _split(interactions, ~cold, _first_events(interactions, cold & has_past[interactions.users]))
    return replace(found, pasts=interactions.only(early))


Splitter = Callable[[Interactions, float, int], Split]
SPLITS: Final[Mapping[str, Splitter]] = MappingProxyType(
    {
        "time": lambda interactions, share, seed: by_time(interactions, share),
        "moment": lambda interactions, share, seed: by_moment(interactions, share),
        "last": lambda interactions, share, seed: leave_last(interactions),
        "random": at_random,
        "cold-users": cold_users,
        "cold-items": lambda interactions, share, seed: cold_items(interactions, share),
    }
)
"""Name -> (interactions, share that is held out, seed) -> split."""


def _latest_of_each(interactions: Interactions, held_of: Callable[[LongArray], LongArray]) -> Split:
    """The split in which the last `held_of(number of items)` items of each user, but never all, are asked for."""
    order = np.lexsort((interactions.ts, interactions.users))  # stable: equal times keep their places in the log
    first = np.sort(np.unique(_pairs(interactions)[order], return_index=True)[1])  # places in `order` of first events
    users = interactions.users[order][first]
    counts = np.bincount(users, minlength=interactions.n_users)
    held = np.minimum(held_of(counts), counts - 1)
    place_from_end = np.cumsum(counts)[users] - 1 - np.arange(len(users))
    test = place_from_end < held[users]
    end_of_past = np.full(interactions.n_users, len(order), dtype=np.int64)
    np.minimum.at(end_of_past, users[test], first[test])
    past = np.zeros(len(order), dtype=np.bool_)
    past[order] = np.arange(len(order)) < end_of_past[interactions.users[order]]
    return _split(interactions, past, order[first[test]])


def _split(interactions: Interactions, past: BoolArray, asked: LongArray) -> Split:
    """Learn from the rows `past`; ask for the pairs of the rows `asked`, each pair once, kept in that order per user."""
    asked = asked[np.argsort(interactions.users[asked], kind="stable")]
    users, sizes = np.unique(interactions.users[asked], return_counts=True)
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    items = interactions.items[asked].astype(np.int32)
    return Split(interactions.only(past), users.astype(np.int32), indptr, items)


def _pairs(interactions: Interactions) -> LongArray:
    """int64 [rows]: one number for each pair of user and item."""
    pairs: LongArray = interactions.users.astype(np.int64) * max(1, interactions.n_items) + interactions.items
    return pairs


def _first_events(interactions: Interactions, rows: BoolArray) -> LongArray:
    """Of the rows chosen, the place of the first event of each pair, in order of time."""
    places = np.flatnonzero(rows)
    places = places[np.argsort(interactions.ts[places], kind="stable")]
    found: LongArray = places[np.sort(np.unique(_pairs(interactions)[places], return_index=True)[1])]
    return found
