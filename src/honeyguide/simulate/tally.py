"""What a maker of lists achieved: click-through rate, conversion, coverage, variety."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from honeyguide.simulate.arrays import Whole
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shopper import Bought, Reaction
from honeyguide.types import Json


@dataclass(slots=True)
class Counts:
    """Lists, the items on them, and what became of these; the rates of nothing are 0."""

    lists: int = 0
    shown: int = 0
    clicks: int = 0
    carts: int = 0
    hides: int = 0
    purchases: int = 0

    def saw(self, slate: Sequence[int], reaction: Reaction) -> None:
        """One list was looked at."""
        self.lists += 1
        self.shown += len(slate)
        self.clicks += len(reaction.clicks)
        self.carts += sum(click.carted for click in reaction.clicks)
        self.hides += len(reaction.hidden)

    def bought(self, purchases: Sequence[Bought]) -> None:
        """A visit ended with these purchases."""
        self.purchases += len(purchases)

    @property
    def ctr(self) -> float:
        """Clicks per item shown."""
        return self.clicks / max(self.shown, 1)

    @property
    def conversion(self) -> float:
        """Purchases per item shown."""
        return self.purchases / max(self.shown, 1)

    @property
    def conversion_per_click(self) -> float:
        """Purchases per click."""
        return self.purchases / max(self.clicks, 1)


class Tally(Counts):
    """Counts that also know which items were shown, and how varied the lists were."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self._shop = shop
        self._times_shown = np.zeros(len(shop.items), dtype=np.int64)
        self._variety = 0.0

    def saw(self, slate: Sequence[int], reaction: Reaction) -> None:
        """One list was looked at."""
        Counts.saw(self, slate, reaction)
        items = np.asarray(slate, dtype=np.intp)
        self._times_shown[items] += 1
        self._variety += intra_list_diversity(self._shop.departments[items], self._shop.items.shelf[items])

    @property
    def coverage(self) -> float:
        """Share of the catalogue that was shown to anybody."""
        return float(np.count_nonzero(self._times_shown) / max(len(self._times_shown), 1))

    @property
    def diversity(self) -> float:
        """Mean over lists of the mean distance between two of their items."""
        return self._variety / max(self.lists, 1)

    def as_json(self) -> Json:
        """Counts and rates, rounded."""
        return {
            "lists": self.lists,
            "shown": self.shown,
            "clicks": self.clicks,
            "purchases": self.purchases,
            "ctr": round(self.ctr, 5),
            "conversion": round(self.conversion, 5),
            "conversion_per_click": round(self.conversion_per_click, 5),
            "coverage": round(self.coverage, 4),
            "diversity": round(self.diversity, 4),
        }


def intra_list_diversity(departments: Whole, shelves: Whole) -> float:
    """Mean over pairs of 1 - Jaccard of the two items' categories (department and shelf); 1 for fewer than two items.

    Two items of a shelf share both categories (distance 0), of a department one of three (2/3), others none (1)."""
    count = len(shelves)
    if count < 2:
        return 1.0
    same_shelf = int((shelves[:, None] == shelves[None]).sum()) - count
    same_department = int((departments[:, None] == departments[None]).sum()) - count
    return 1.0 - (same_shelf + (same_department - same_shelf) / 3) / (count * (count - 1))
