"""The truth of the synthetic shop: how likely this user is to click this item, here and now, and then to buy it.

    attraction = CEILING * sigmoid(STEEPNESS * (liking - THRESHOLD))
    P(click)   = attraction * wear * EXAMINATION[position] * DULLNESS ** (items of the same shelf above) * EAGER[mood]
    P(want)    = WANT[mood] * (attraction / CEILING) ** (1 / 3)                 given a click

`liking` adds up the user's taste for the shelf, for the style, the brand, the item's charm and its plain appeal, the
season, the pull of new things, less the squared distance between the item's price tier and what the user spends.
`wear` is what is left of an item after the user has seen it, and next to nothing once it is bought (`shopper.py`).

The numbers below were fixed once, so that ten random items are clicked in under 2 % of the places, the most popular
in under 4 % and what an oracle shows in over 10 % (`reference.py` measures it, a test asserts it). They are never
changed to make a recommender look better.
"""

from typing import Final

import numpy as np

from honeyguide.simulate.arrays import Real, Whole
from honeyguide.simulate.calendar import season
from honeyguide.simulate.shop import DAY_MS, Shop
from honeyguide.simulate.vocabulary import SHELVES

CEILING: Final = 0.42
STEEPNESS: Final = 2.0
THRESHOLD: Final = 2.1

SHELF: Final = 1.1
STYLE: Final = 0.9
CHARM: Final = 0.35
APPEAL: Final = 0.33
PRICE: Final = 0.20
SEASON: Final = 0.5
NEW_DAYS: Final = 14.0
ERRAND: Final = 0.5
"""What is added for the shelf that a user has come for this time."""

EXAMINATION: Final[Real] = (1.0 / (1.0 + 0.09 * np.arange(500))).astype(np.float32)
"""How likely position k (from 0) is looked at: 1, 0.92, 0.85, ... 0.55 at the tenth."""
DULLNESS: Final = 0.90
"""What each item of the same shelf higher up in the list leaves of an item's chance."""

LOOKING: Final = 0
SHOPPING: Final = 1
SHOPPING_SHARE: Final = 0.3
"""Share of sessions whose mood is to buy; the others only look around."""
EAGER: Final[Real] = np.array([0.75, 1.6], dtype=np.float32)
WANT: Final[Real] = np.array([0.30, 1.0], dtype=np.float32)


class Truth:
    """The likings of a shop's users. Pure: the same question has the same answer."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def liking(self, users: Whole, items: Whole, at: Whole, errand: Whole) -> Real:
        """How much users [...] like items [...] at times [...] (ms), in log odds, on errands [...] (shelves).

        All are broadcast against each other."""
        u, i = self.shop.users, self.shop.items
        shelf = i.shelf[items]
        price_gap = i.tier[items] - u.spends[users]
        age_days = np.maximum(at - i.created_at[items], 0) / DAY_MS
        liking: Real = (
            SHELF * u.shelves[users, shelf]
            + STYLE * u.styles[users, i.style[items]]
            + CHARM * np.einsum("...c,...c->...", u.charm[users], i.charm[items])
            + APPEAL * i.appeal[items]
            + u.loyalty[users] * u.loves[users, i.brand[items]]
            + u.novelty[users] * np.exp(-age_days / NEW_DAYS)
            - PRICE * price_gap**2
            + SEASON * season(at, shelf)
            + ERRAND * (shelf == errand)
        )
        return liking.astype(np.float32)

    def attraction(self, users: Whole, items: Whole, at: Whole, errand: Whole) -> Real:
        """P(click) of an item that is looked at, alone, fresh and in an average mood; 0 before the item exists."""
        liking = self.liking(users, items, at, errand)
        exists = self.shop.items.created_at[items] <= at
        chance: Real = exists * CEILING / (1.0 + np.exp(STEEPNESS * (THRESHOLD - liking)))
        return chance.astype(np.float32)


def draw_errands(rng: np.random.Generator, shop: Shop, users: Whole, at: Whole) -> Whole:
    """The shelf that each user [n] comes for at `at` [n]: by taste and season."""
    pull: Real = shop.users.shelves[users] + SEASON * season(at[:, None], np.arange(len(SHELVES)))
    errands: Whole = np.argmax(pull + rng.gumbel(size=pull.shape), axis=1)
    return errands


def click_chance(attraction: Real, shelves: Whole, mood: Whole | int) -> Real:
    """P(click) of each place of lists [..., k], given the attraction (worn as it is) and shelf of what stands there."""
    length = attraction.shape[-1]
    same = shelves[..., :, None] == shelves[..., None, :]
    above = np.tril(same, -1).sum(axis=-1)
    chance: Real = attraction * EXAMINATION[:length] * DULLNESS**above * EAGER[mood]
    return np.minimum(chance, 0.95)


def want_chance(attraction: Real, mood: Whole | int) -> Real:
    """P(the user wants to have it) of items that were clicked, given their fresh attraction."""
    chance: Real = WANT[mood] * np.cbrt(attraction / CEILING)
    return chance
