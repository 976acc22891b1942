"""What a maker of lists achieved: click-through rate, conversion, coverage, variety."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from honeyguide.lists import diversity
from honeyguide.simulate.shop import Shop
from honeyguide.simulate.shopper import Bought, Reaction
from honeyguide.simulate.vocabulary import SHELVES
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
        self._times_shown = np.zeros(len(shop.items), dtype=np.int64)
        self._categories = np.stack([shop.items.shelf, len(SHELVES) + shop.departments], axis=1).astype(np.int32)
        self._variety = 0.0

    def saw(self, slate: Sequence[int], reaction: Reaction) -> None:
        """One list was looked at."""
        Counts.saw(self, slate, reaction)
        items = np.asarray(slate, dtype=np.int32)
        self._times_shown[items] += 1
        self._variety += float(diversity(items[None], self._categories)[0])

    @property
    def coverage(self) -> float:
        """Share of the catalogue that was shown to anybody."""
        return float(np.count_nonzero(self._times_shown) / max(len(self._times_shown), 1))

    @property
    def diversity(self) -> float:
        """Mean over lists of `lists.diversity`, by department and shelf."""
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
