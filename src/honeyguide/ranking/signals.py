"""What a learned ranker sees of a candidate: one row of numbers, made the same way for training and for serving.

    rank:S score:S share:S   the place in the list of source S, its score there, and that score as a share of the best one
    blend                    the score by which the list would be ordered without a ranker
    category ... age         how the candidate goes with the user's history: `CROSS`
    item:V user:V            feature views of the item and of the user

NaN says that something is not known: trees have a branch for it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.protocols import Request
from honeyguide.ranking.scorers import blended
from honeyguide.types import FloatArray, IntArray, LongArray, Pool

SESSION_MS: Final = 30 * 60_000
_HOUR_MS: Final = 3_600_000
_FADING: Final = 0.8
"""What an event of the history weighs with each later one, for the mix of what the user looks at lately."""

CROSS: Final = (
    "history", "since_last", "category", "category_lately", "session_category", "since_category",
    "price", "price_ratio", "price_distance", "seen", "since_seen", "age",
)  # fmt: skip
"""`history`: events that say something. `since_...`: hours, as log(1 + h), since the last of them, since the last in the
candidate's main category, since the last on itself (`seen` counts these). `category`: the share of the history's weight in
the best of its categories, of the latest events above all (`_lately`), or of the session. `price` as log(1 + p),
`price_ratio` less the mean of the history's, `price_distance` without the sign. `age`: hours since it was created, as
log(1 + h)."""


@dataclass(frozen=True, slots=True)
class Signals:
    """Which numbers a ranker takes, in which order: sources, views of items, views of users."""

    sources: tuple[str, ...]
    item_views: tuple[str, ...] = ()
    user_views: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The columns by name."""
        return (
            *(f"{kind}:{source}" for source in self.sources for kind in ("rank", "score", "share")),
            "blend",
            *CROSS,
            *(f"item:{view}" for view in self.item_views),
            *(f"user:{view}" for view in self.user_views),
        )

    def of(self, request: Request, pool: Pool) -> FloatArray:
        """float32 [candidates, names], with what the views say now."""
        items = request.columns.gather(pool.items, self.item_views)
        users = None if request.features is None else request.features.numbers(self.user_views)
        return self.table(request, pool, items, users)

    def table(
        self, request: Request, pool: Pool, items: FloatArray | None = None, user: FloatArray | None = None
    ) -> FloatArray:
        """The same with the values of views from elsewhere: `items` float32 [candidates, item views], `user` float32
        [user views]; None: not known."""
        found = np.full((len(pool), len(self.names)), np.nan, np.float32)
        for place, source in enumerate(self.sources):
            if source in pool.sources:
                found[:, 3 * place : 3 * place + 3] = _of_source(pool, pool.sources.index(source))
        at = 3 * len(self.sources)
        if pool.sources:
            found[:, at] = blended(pool)
        found[:, at + 1 : at + 1 + len(CROSS)] = _cross(request, pool.items)
        at += 1 + len(CROSS)
        if items is not None:
            found[:, at : at + len(self.item_views)] = items
        if user is not None:
            found[:, at + len(self.item_views) :] = user
        return found


def _of_source(pool: Pool, column: int) -> FloatArray:
    """float32 [candidates, 3]: log(1 + rank), score, share of the best score."""
    scores = pool.scores[:, column]
    best = np.nanmax(scores) if not np.isnan(scores).all() else np.nan
    share = scores / best if best > 0 else np.full_like(scores, np.nan)
    return np.stack([np.log1p(pool.ranks[:, column]), scores, share], axis=1)


def _cross(request: Request, rows: IntArray) -> FloatArray:
    """float32 [candidates, CROSS]."""
    liked = request.history_weights > 0
    mine, weights, ts = request.history_rows[liked], request.history_weights[liked], request.history_ts[liked]
    found = np.full((len(rows), len(CROSS)), np.nan, np.float32)
    found[:, 0] = np.log1p(len(mine))
    created = request.items.created_at[rows]
    found[:, 11] = np.where(created > 0, _hours(request.now - created), np.nan)
    price = found[:, 6] = np.log1p(request.items.price[rows])
    if not len(mine):
        return found
    found[:, 1] = _hours(np.array([request.now - ts.max()]))[0]
    found[:, 2:6] = _of_categories(request, rows, mine, weights, ts)
    prices = np.log1p(request.items.price[mine].astype(np.float64))
    if not np.isnan(prices).all():
        ratio = price - np.nanmean(prices)
        found[:, 7], found[:, 8] = ratio, np.abs(ratio)
    last = np.zeros(len(request.items), np.int64)
    np.maximum.at(last, mine, ts)
    found[:, 9] = np.bincount(mine, minlength=len(request.items))[rows]
    found[:, 10] = np.where(last[rows] > 0, _hours(request.now - last[rows]), np.nan)
    return found


def _of_categories(request: Request, rows: IntArray, mine: IntArray, weights: FloatArray, ts: LongArray) -> FloatArray:
    """float32 [candidates, 4]: the share of the history in their categories, lately, in the session, and since when."""
    categories, number = request.items.categories, len(request.items.category_names)
    places = categories[mine]
    there = places >= 0
    owner = np.nonzero(there)[0]
    flat = places[there]
    lately = np.power(_FADING, np.arange(len(mine), dtype=np.float64)[::-1])
    session = (request.now - ts <= SESSION_MS).astype(np.float64)
    wanted = categories[rows]
    found = np.full((len(rows), 4), np.nan, np.float32)
    if not number:
        return found
    for column, each in enumerate((weights.astype(np.float64), lately, session)):
        if each.sum() > 0:
            share = np.append(np.bincount(flat, each[owner], minlength=number) / each.sum(), 0.0)  # the last is of -1
            found[:, column] = share[wanted].max(axis=1)
    last = np.zeros(number + 1, np.int64)
    np.maximum.at(last, flat, ts[owner])
    last[number] = 0
    since = last[wanted[:, 0]]
    found[:, 3] = np.where(since > 0, _hours(request.now - since), np.nan)
    return found


def _hours(ms: LongArray) -> FloatArray:
    hours: FloatArray = np.log1p(np.maximum(ms, 0) / _HOUR_MS).astype(np.float32)
    return hours
