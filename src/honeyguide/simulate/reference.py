"""What recommenders are measured against: random, popularity and the oracle, each in a world of its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Final

import numpy as np

from honeyguide.simulate.arrays import Real
from honeyguide.simulate.calendar import Session
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shopper import Shopper, Visit
from honeyguide.simulate.tally import Counts, Tally
from honeyguide.simulate.truth import DULLNESS, Truth

ListMaker = Callable[[Visit, int], Sequence[int]]
"""Makes a list: (the visit, how many) -> rows of items, best first. Only the oracle may ask the visit for its odds."""

_REACH: Final = 60


def random_lists(shop: Shop) -> ListMaker:
    """Items that exist, by lot."""

    def make(visit: Visit, n: int) -> Sequence[int]:
        exist = int(np.searchsorted(shop.items.created_at, visit.session.at, side="right"))
        rng = np.random.default_rng([shop.seed, 5, visit.session.user, visit.session.at, visit.page])
        chosen: list[int] = rng.choice(exist, min(n, exist), replace=False).tolist()
        return chosen

    return make


def popular_lists(popularity: Real) -> ListMaker:
    """The items with the highest `popularity` [items], without those that the shopper has or has hidden."""
    order = np.argsort(-popularity, kind="stable").tolist()

    def make(visit: Visit, n: int) -> Sequence[int]:
        chosen: list[int] = []
        for item in order:
            if item not in visit.shopper.gone:
                chosen.append(item)
                if len(chosen) == n:
                    break
        return chosen

    return make


def oracle_lists(visit: Visit, n: int) -> Sequence[int]:
    """The best list there is, as far as choosing one place after another finds it: it knows the truth."""
    odds = visit.odds()
    reach = min(max(_REACH, 3 * n), len(odds))
    best = np.argpartition(-odds, reach - 1)[:reach]
    chances, shelves = odds[best], visit.shop.items.shelf[best]
    chosen: list[int] = []
    for _ in range(min(n, reach)):
        place = int(np.argmax(chances))
        chosen.append(int(best[place]))
        chances = chances * np.where(shelves == shelves[place], DULLNESS, 1.0)
        chances[place] = -1.0
    return chosen


class World:
    """Shoppers who are shown one maker's lists. Each maker has a world of its own: what was seen there, wears there.

    `owned` gives what users (rows) had bought or hidden before (`history.owned`)."""

    def __init__(self, shop: Shop, *, owned: Mapping[int, Set[int]] | None = None) -> None:
        self.shop = shop
        self._truth = Truth(shop)
        self._owned = owned or {}
        self._shoppers: dict[int, Shopper] = {}

    def visit(self, session: Session) -> Visit:
        """Begin a visit; the visits of one user follow one another."""
        if session.user not in self._shoppers:
            self._shoppers[session.user] = Shopper(gone=set(self._owned.get(session.user, ())))
        return Visit(self._truth, session, self._shoppers[session.user])

    def play(self, session: Session, make: ListMaker, n: int, *tallies: Counts) -> None:
        """A whole visit without a server, counted in each of the tallies."""
        visit = self.visit(session)
        visit.ratings()
        for _ in range(visit.pages):
            slate = make(visit, n)
            reaction = visit.see(slate)
            for tally in tallies:
                tally.saw(slate, reaction)
        purchases = visit.leave()
        for tally in tallies:
            tally.bought(purchases)


def measure(
    shop: Shop, make: ListMaker, sessions: Iterable[Session], *, n: int = 10, owned: Mapping[int, Set[int]] | None = None
) -> Tally:
    """What `make`'s lists of length `n` achieve in these sessions, by the truth, without a server."""
    world, tally = World(shop, owned=owned), Tally(shop)
    for session in sessions:
        world.play(session, make, n, tally)
    return tally


def references(shop: Shop, popularity: Real) -> dict[str, ListMaker]:
    """The three that every report shows: `random`, `popularity` (of items, weighted counts) and `oracle`."""
    return {"random": random_lists(shop), "popularity": popular_lists(popularity), "oracle": oracle_lists}
