"""Lists that were served, as a ranker learns from them: what was shown, where, with what signals, and what came of it.

A row is a candidate that was shown. Signals are those of the moment in which the list was made: the sources' of models that
were fitted before what came of it, the views' as they were logged with the list, else replayed. Candidates that were not
shown are drawn beside them, worth nothing, so that trees can tell apart what the sources find, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.features.values import number
from honeyguide.offline.splits import Split
from honeyguide.protocols import Store
from honeyguide.train.ranker.outcomes import Attribution, Outcome, gains_of_slates, outcomes, windows_of
from honeyguide.train.ranker.positions import Positions, measured, weighed
from honeyguide.train.ranker.rows import Gathering, Lists, moments
from honeyguide.train.ranker.world import Voices, World
from honeyguide.types import FloatArray, Histories, IntArray, Json, LongArray, Pool, ServedSlate

ENOUGH: Final = 200
"""Lists of which something came, below which nothing is learned from served lists."""
_MOST: Final = 100_000
"""So many of the latest slates are looked at."""
_UNSHOWN: Final = 30
_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Slates:
    """The served lists of a surface, oldest first: `users` int64, numbers of the data's users; what came of them; and how
    much positions are looked at."""

    slates: list[ServedSlate]
    users: LongArray
    found: list[Outcome]
    positions: Positions

    def between(self, world: World, known: Split, later: Split | None) -> "Chosen":
        """The lists of which models fitted on the past of a split know nothing: those after the last that they know of each
        user, and before anything that a `later` split asks for."""
        whole = world.data.dataset.interactions
        after, before = np.full(whole.n_users, -1, np.int64), np.full(whole.n_users, _NEVER, np.int64)
        np.maximum.at(after, known.train.users, known.train.ts)
        if later is not None:
            before[later.users] = moments(whole, later)
        open_to = [
            after[user] < slate.computed_at and slate.ts < before[user]
            for slate, user in zip(self.slates, self.users.tolist(), strict=True)
        ]
        ends = before[self.users]
        found = [one for one in self.found if open_to[one.slate] and one.at < ends[one.slate]]
        gains = gains_of_slates(world, self.slates, found)
        worthy = [place for place, each in enumerate(gains) if open_to[place] and (each > 0).any()]
        return Chosen(self, np.array(worthy, np.int64), gains)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some of the served lists (`places`), those of which something came, and what each place of every list was worth."""

    slates: Slates
    places: LongArray
    gains: list[FloatArray]

    @property
    def drawn(self) -> int:
        """How many of them were drawn by chance."""
        return sum(_is_drawn(self.slates.slates[place]) for place in self.places.tolist())

    def some(self, most: int, seed: int) -> "Chosen":
        """At most so many: those that were drawn by chance first, since what they show depends on nothing."""
        if len(self.places) <= most:
            return self
        generator = np.random.default_rng(seed)
        drawn = np.array([_is_drawn(self.slates.slates[place]) for place in self.places.tolist()])
        order = np.lexsort((generator.random(len(drawn)), ~drawn))[:most]
        return Chosen(self.slates, np.sort(self.places[order]), self.gains)

    def lists(self, world: World, voices: Voices, pasts: Histories, *, k: int, seed: int) -> Lists:
        """Them as rows of signals, worth by position taken out. `pasts` are whole; of each what was before counts."""
        generator, made = np.random.default_rng(seed), Gathering([], [], [], [], [])
        for place in self.places.tolist():
            slate, user = self.slates.slates[place], int(self.slates.users[place])
            shown = np.array([world.items.number(item_id) for item_id in slate.items], np.int32)
            table, rows = _signals(world, voices, pasts, slate, user, shown, generator)
            gains = np.zeros(len(rows), np.float32)
            gains[: len(shown)] = self.gains[place] / self.slates.positions.at(len(shown))
            made.add(table, rows, gains, slate.computed_at, user)
        lists = made.lists(world)
        for one, place in enumerate(self.places.tolist()):
            _as_logged(world, self.slates.slates[place], lists.table[lists.indptr[one] : lists.indptr[one + 1]])
        return weighed(lists, k)

    def joined(self, other: "Chosen") -> "Chosen":
        """These and the others, which are of the same slates and with the same worth."""
        return Chosen(self.slates, np.union1d(self.places, other.places), self.gains)

    def about(self) -> Json:
        """What a version keeps of where a ranker's rows came from."""
        used = [self.slates.slates[place] for place in self.places.tolist()]
        return {
            "from": "slates",
            "slates": len(self.slates.slates),
            "lists": len(used),
            "drawn": self.drawn,
            "features_logged": sum(slate.features is not None for slate in used),
            "window": [min(slate.ts for slate in used), max(slate.ts for slate in used)] if used else [],
            "looked_at": [round(float(share), 4) for share in self.slates.positions.at(20)],
        }


def read(world: World, store: Store) -> Slates | str:
    """The lists that the surface has served and what came of them; or why they cannot be learned from."""
    numbers = {user_id: user for user, user_id in enumerate(world.data.dataset.user_ids)}
    slates, people = list[ServedSlate](), dict[str, str]()
    for batch in store.slates.latest(_MOST):
        for slate in batch:
            if _is_usable(slate, world):
                person = people.setdefault(slate.user_id, world.past.ids_of(slate.user_id, "visible", _NEVER)[-1])
                if person in numbers:
                    slates.append(slate)
    slates.reverse()
    few = f"{len(slates):,} served lists are too few"
    if len(slates) < ENOUGH:
        return few
    first = min(slate.as_of for slate in slates)
    others = frozenset(world.settings.all_surfaces()) - {world.surface.name}
    attribution = Attribution(slates, people, windows_of(world.settings), others)
    found = outcomes(store.log.scan(after=first, until=world.data.position), attribution)
    gains = gains_of_slates(world, slates, found)
    if sum((each > 0).any() for each in gains) < ENOUGH:
        return f"something came of {sum((each > 0).any() for each in gains):,} of {len(slates):,} served lists, too few"
    positions = measured([each > 0 for each, slate in zip(gains, slates, strict=True) if _is_drawn(slate)])
    if positions is None:
        return "too little came of lists drawn by chance to tell how much positions are looked at (exploration.share)"
    users = np.array([numbers[people[slate.user_id]] for slate in slates], np.int64)
    return Slates(slates, users, found, positions)


def _is_usable(slate: ServedSlate, world: World) -> bool:
    """A first page of the surface's own candidates."""
    context = slate.context
    limited = context.get("offset") or context.get("candidates") is not None or context.get("item_id") is not None
    known = all(world.items.number(item_id) >= 0 for item_id in slate.items)
    return bool(slate.surface == world.surface.name and slate.user_id and slate.items and known and not limited)


def _is_drawn(slate: ServedSlate) -> bool:
    return slate.explored is not None and slate.explored.how == "all"


def _signals(
    world: World,
    voices: Voices,
    pasts: Histories,
    slate: ServedSlate,
    user: int,
    shown: IntArray,
    generator: np.random.Generator,
) -> tuple[FloatArray, IntArray]:
    """The signals of what was shown, in its order, and of some other candidates behind it; and their rows in the block."""
    request = world.request(voices, pasts, user, slate.computed_at, shown)
    pool = world.pool(request)
    whole = world.signals.table(request, pool)
    place = np.full(len(world.items), -1, np.int64)
    place[pool.items] = np.arange(len(pool))
    at = place[shown]
    others = np.setdiff1d(np.arange(len(pool)), at)
    if len(others) > _UNSHOWN:
        others = np.sort(generator.choice(others, _UNSHOWN, replace=False))
    none = np.empty((len(shown), 0), np.float32)
    table = world.signals.table(request, Pool(shown, none, none, ()))  # as of what no source finds now
    table[at >= 0] = whole[at[at >= 0]]
    return np.concatenate([table, whole[others]]), np.concatenate([shown, pool.items[others]])


def _as_logged(world: World, slate: ServedSlate, table: FloatArray) -> None:
    """Put the values of views that were logged with a list in the place of replayed ones."""
    told = slate.features
    if told is None:
        return
    signals, size = world.signals, len(slate.items)
    start = len(signals.names) - len(signals.item_views) - len(signals.user_views)
    for column, name in enumerate(signals.item_views, start):
        if name in told.items:
            table[:size, column] = _numbers(told.items[name])
    for column, name in enumerate(signals.user_views, start + len(signals.item_views)):
        if name in told.user:
            table[:, column] = _numbers([told.user[name]])


def _numbers(values: Sequence[object]) -> FloatArray:
    return np.array([np.nan if (found := number(value)) is None else found for value in values], np.float32)
