"""What a ranker learns from: lists of the past, their candidates as rows of signals, and what each was worth.

Each group of rows is one list. From history: a user is asked as they were just before they chose what is held out, by models
that were fitted without it. From lists that were served: `slates.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from honeyguide.config.settings import Settings, Surface
from honeyguide.offline.splits import Split, by_moment, by_time
from honeyguide.protocols import Store
from honeyguide.train.ranker.world import Voices, World
from honeyguide.types import FloatArray, IntArray, Interactions, LongArray, Pool

OTHERS: Final = 200
"""Candidates of a list, drawn by the seed, beside those that were worth something."""
_FEWEST: Final = 200
"""Users who must be there to ask before all are asked from one moment on."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists one after another: list l is the rows `indptr[l]:indptr[l + 1]`, in the order shown if it was shown.

    `table` float32 [rows, signals]; `items` int32 [rows], the block's; `gains` float32 [rows], what each was worth, below 0
    where it was disliked; `at` int64 [lists], ms; `weights` float32 [lists], how much a list counts, 1 where nothing else
    is said."""

    table: FloatArray
    items: IntArray
    gains: FloatArray
    indptr: LongArray
    at: LongArray
    weights: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.at):
            object.__setattr__(self, "weights", np.ones(len(self.at), np.float32))

    def __len__(self) -> int:
        return len(self.at)

    def only(self, lists: LongArray) -> "Lists":
        """Some of the lists, in this order."""
        sizes = np.diff(self.indptr)[lists]
        ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        places = np.arange(ends[-1]) - np.repeat(ends[:-1], sizes) + np.repeat(self.indptr[lists], sizes)
        return Lists(self.table[places], self.items[places], self.gains[places], ends, self.at[lists], self.weights[lists])

    def joined(self, other: "Lists") -> "Lists":
        """These lists and then the others."""
        return Lists(
            np.concatenate([self.table, other.table]),
            np.concatenate([self.items, other.items]),
            np.concatenate([self.gains, other.gains]),
            np.concatenate([self.indptr, other.indptr[1:] + self.indptr[-1]]),
            np.concatenate([self.at, other.at]),
            np.concatenate([self.weights, other.weights]),
        )


@dataclass(slots=True)
class Gathering:
    """Lists while they are made: tables without views, and what is needed to replay these."""

    tables: list[FloatArray]
    rows: list[IntArray]
    gains: list[FloatArray]
    at: list[int]
    users: list[int]

    def add(self, table: FloatArray, rows: IntArray, gains: FloatArray, at: int, user: int) -> None:
        """One more list."""
        self.tables.append(table)
        self.rows.append(rows)
        self.gains.append(gains)
        self.at.append(at)
        self.users.append(user)

    def lists(self, world: World) -> Lists:
        """With views, replayed for all at once."""
        width = len(world.signals.names)
        sizes = np.array([len(rows) for rows in self.rows], np.int64)
        table = np.concatenate([np.empty((0, width), np.float32), *self.tables])
        rows = np.concatenate([np.empty(0, np.int32), *self.rows])
        at = np.array(self.at, np.int64)
        users = np.array(self.users, np.int64)
        table = world.with_views(table, rows, np.repeat(at, sizes), np.repeat(users, sizes))
        gains = np.concatenate([np.empty(0, np.float32), *self.gains])
        return Lists(table, rows, gains, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), at)


def worth(settings: Settings, surface: Surface) -> dict[str, float]:
    """What an event of each type is worth to a surface; without goals the weights of the types, below 0 for a no."""
    if surface.goals:
        return dict(surface.goals)
    kinds = settings.events.all_types().items()
    return {name: -kind.weight if kind.negative else kind.weight for name, kind in kinds if kind.weight}


def gains_of(events: pl.DataFrame, settings: Settings, surface: Surface, keys: list[str]) -> pl.DataFrame:
    """`keys` and `gain`: what the events (columns `type`, `value`) of each were worth, every type once."""
    goals = worth(settings, surface)
    scaled = {name for name, kind in settings.events.all_types().items() if kind.by_value} if not surface.goals else set()
    share = (pl.col("value").fill_null(settings.events.rating_middle) / settings.events.rating_middle).clip(lower_bound=0.0)
    gain = pl.col("type").replace_strict(goals, default=0.0, return_dtype=pl.Float64)
    long = (pl.col("type") == "view") & (pl.col("value").fill_null(0.0) >= settings.training.dwell)
    gain = gain * pl.when(pl.col("type").is_in(list(scaled))).then(share).otherwise(1.0)
    dwell = pl.when(long).then(goals.get("dwell", 0.0)).otherwise(0.0)
    each = events.with_columns(gain=gain, dwell=dwell).group_by([*keys, "type"]).agg(pl.col("gain", "dwell").last())
    return each.group_by(keys).agg(gain=(pl.col("gain") + pl.col("dwell")).sum())


def moments(interactions: Interactions, split: Split) -> LongArray:
    """int64 [asked]: when each user did the first of what they are asked for."""
    pairs = interactions.users.astype(np.int64) * interactions.n_items + interactions.items
    order = np.lexsort((interactions.ts, pairs))
    first = np.unique(pairs[order], return_index=True)
    owner = np.repeat(np.arange(len(split.users)), np.diff(split.indptr))
    held = split.users[owner].astype(np.int64) * interactions.n_items + split.items
    ts = interactions.ts[order][first[1]][np.searchsorted(first[0], held)]
    found = np.full(len(split.users), np.iinfo(np.int64).max)
    np.minimum.at(found, owner, ts)
    return found


def inner_split(interactions: Interactions, settings: Settings) -> Split:
    """What a ranker's lists are asked on: from one moment on for everybody, where enough users were there before and after;
    else the latest of each."""
    split = by_moment(interactions, settings.training.test_share)
    return split if len(split.users) >= _FEWEST else by_time(interactions, settings.training.test_share)


def drawn(places: IntArray | LongArray, most: int, seed: int) -> LongArray:
    """At most so many of these, drawn by the seed, in their order."""
    if len(places) <= most:
        return places.astype(np.int64)
    return np.sort(np.random.default_rng(seed).choice(places, most, replace=False)).astype(np.int64)


def gains_of_pairs(world: World, store: Store) -> dict[tuple[int, int], float]:
    """(user, item) -> what all that the one did with the other was worth to the surface."""
    dataset, keys = world.data.dataset, ["user_id", "item_id"]
    users, items = ({name: number for number, name in enumerate(ids)} for ids in (dataset.user_ids, dataset.item_ids))
    frame = store.log.interactions(until=world.data.position).select(*keys, "type", "value")
    told = gains_of(frame, world.settings, world.surface, keys).select(*keys, "gain")
    return {(users[user], items[item]): gain for user, item, gain in told.iter_rows() if user in users and item in items}


def from_history(
    world: World, voices: Voices, split: Split, whole: Interactions, gains: Mapping[tuple[int, int], float], asked: LongArray
) -> Lists:
    """The lists of those who are `asked` (places in `split.users`) on a split of `whole`, with all their candidates and what
    the held-out items were worth: (user, item) -> gain."""
    pasts, at = world.pasts(split.known), moments(whole, split)
    made = Gathering([], [], [], [], [])
    for place in asked.tolist():
        user = int(split.users[place])
        held = split.items[split.indptr[place] : split.indptr[place + 1]]
        valued = np.array([gains.get((user, item), 1.0) for item in held.tolist()], np.float32)
        request = world.request(voices, pasts, user, int(at[place]))
        pool = world.pool(request)
        table = world.signals.table(request, pool)
        made.add(table, pool.items, _gains(pool, world.rows[held], valued, len(world.items)), request.now, user)
    return made.lists(world)


def thinned(lists: Lists, seed: int) -> Lists:
    """Those lists of which something was worth something, each with that and a draw of its other candidates."""
    generator = np.random.default_rng(seed)
    worthy = np.add.reduceat(lists.gains > 0, lists.indptr[:-1]) > 0 if len(lists) else np.empty(0, np.bool_)
    places, sizes = [np.empty(0, np.int64)], []
    for one in np.flatnonzero(worthy).tolist():
        own = _some(lists.gains[lists.indptr[one] : lists.indptr[one + 1]], generator) + lists.indptr[one]
        places.append(own)
        sizes.append(len(own))
    kept = np.concatenate(places)
    ends = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Lists(lists.table[kept], lists.items[kept], lists.gains[kept], ends, lists.at[worthy], lists.weights[worthy])


def _gains(pool: Pool, rows: IntArray, valued: FloatArray, size: int) -> FloatArray:
    """float32 [candidates]: what each was worth, 0 for all else."""
    every = np.zeros(size, np.float32)
    every[rows] = valued
    return every[pool.items]


def _some(gains: FloatArray, generator: np.random.Generator) -> LongArray:
    """Places of all candidates that were worth something or disliked, and of some of the others."""
    rest = np.flatnonzero(gains == 0)
    if len(rest) > OTHERS:
        rest = generator.choice(rest, OTHERS, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(gains != 0), rest]))
