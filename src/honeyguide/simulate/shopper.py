"""A simulated shopper: sees lists, gets tired of them, clicks and buys by the truth. No network, no clock.

Each visit draws from a stream of its own, seeded by (seed, user, time of the visit), and every list takes the same
number of draws from it. So what a shopper does depends on the lists they are shown and on nothing else: not on the
order in which the visits of different users run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from honeyguide.simulate.arrays import Real
from honeyguide.simulate.calendar import Session
from honeyguide.simulate.shop import DAY_MS, Shop
from honeyguide.simulate.truth import LOOKING, SHOPPING, SHOPPING_SHARE, Truth, click_chance, draw_errands, want_chance

WEAR: Final = 0.07
"""Having seen an item s times leaves 1 / (1 + WEAR * s) of its attraction; a click counts as three looks."""
WEAR_DAYS: Final = 1.5
"""After so many days a look counts half."""
BOUGHT: Final = 0.01
"""What is left of the attraction of an item that the user has, or has hidden."""
ANNOYANCE: Final = 0.0015
"""P(hide) of a place that was shown and means nothing to the user; things that attract are hidden less."""
CART_FIRST: Final = 0.35
"""Share of the wanted items that go to the cart at once; the others are bought at the end of the visit."""
RATED: Final = 0.12
"""Share of purchases that are rated at a later visit."""
MORE_PAGES: Final = 0.72
"""P(another list is looked at), up to `MOST_PAGES` a visit."""
MOST_PAGES: Final = 12
_FORGOTTEN: Final = 0.1


@dataclass(slots=True)
class Shopper:
    """What a user brings from visit to visit: `seen` (item -> looks, ms), what is `gone`, because it was bought or
    hidden, and what is to be rated. `trail` is what a shop could know: (item, event type, ms), oldest first."""

    seen: dict[int, tuple[float, int]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    to_rate: list[int] = field(default_factory=list)
    trail: list[tuple[int, str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Click:
    """A click on a place of a list: `dwell` seconds on the item's page; `carted` if it went to the cart."""

    item: int
    position: int
    dwell: float
    carted: bool


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a shopper does with one list."""

    clicks: tuple[Click, ...]
    hidden: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bought:
    """A purchase: the item, and the list that it came from (`source`, as given to `Visit.see`)."""

    item: int
    source: str


class Visit:
    """One session of one shopper: `ratings` first, then `see` as often as `pages` says, then `leave`."""

    def __init__(self, truth: Truth, session: Session, shopper: Shopper) -> None:
        self.shop: Shop = truth.shop
        self.session = session
        self.shopper = shopper
        self.page = 0
        self._random = np.random.default_rng([self.shop.seed, 4, session.user, session.at])
        mood, patience = self._random.random(2)
        self.mood = SHOPPING if mood < SHOPPING_SHARE else LOOKING
        self.pages = min(1 + int(np.log1p(-patience) / np.log(MORE_PAGES)), MOST_PAGES)
        user, at = np.array([session.user]), np.array([session.at])
        self.errand = draw_errands(self._random, self.shop, user, at)
        self._fresh = truth.attraction(user, np.arange(len(self.shop.items)), at, self.errand)
        self._looks = self._remembered_looks()
        self._wanted: dict[int, str] = {}

    @property
    def user_id(self) -> str:
        """The shopper's id."""
        return self.shop.user_ids[self.session.user]

    def odds(self) -> Real:
        """The present attraction of every item to this shopper, wear included: what only an oracle knows."""
        odds: Real = self._fresh / (1 + WEAR * self._looks)
        odds[list(self.shopper.gone)] *= BOUGHT
        return odds

    def ratings(self) -> list[tuple[int, int]]:
        """(item, stars) of earlier purchases that the shopper rates now."""
        items = self.shopper.to_rate
        given = stars(self._fresh[items], self._random.normal(size=len(items)))
        self.shopper.to_rate = []
        self.shopper.trail += [(item, "rating", self.session.at) for item in items]
        return [(item, int(number)) for item, number in zip(items, given, strict=True)]

    def see(self, slate: Sequence[int], source: str = "") -> Reaction:
        """Look at a list (rows of items, top first) and react; `source` is handed back with what is bought of it."""
        items = np.asarray(slate, dtype=np.intp)
        click, want, cart, hide = self._random.random((4, len(items)))
        fresh = self._fresh[items]
        clicked = click < click_chance(self.odds()[items], self.shop.items.shelf[items], self.mood)
        wanted = clicked & (want < want_chance(fresh, self.mood))
        carted = wanted & (cart < CART_FIRST)
        hidden = ~clicked & (hide < hide_chance(fresh))
        seconds = dwell(fresh, want)
        self.page += 1
        self._notice(items.tolist(), clicked.tolist())
        for place in np.flatnonzero(wanted).tolist():
            self._wanted.setdefault(int(items[place]), source)
        clicks = tuple(
            Click(int(items[place]), place, float(seconds[place]), bool(carted[place]))
            for place in np.flatnonzero(clicked).tolist()
        )
        return self._record(Reaction(clicks, tuple(items[hidden].tolist())))

    def leave(self) -> list[Bought]:
        """Buy what was wanted, and go."""
        shopper, at = self.shopper, self.session.at
        bought = [Bought(item, source) for item, source in self._wanted.items() if item not in shopper.gone]
        self._wanted.clear()
        for purchase, draw in zip(bought, self._random.random(len(bought)), strict=True):
            shopper.gone.add(purchase.item)
            shopper.trail.append((purchase.item, "purchase", at))
            if draw < RATED:
                shopper.to_rate.append(purchase.item)
        return bought

    def _remembered_looks(self) -> Real:
        """How often each item was looked at, faded by now; what has faded away is forgotten."""
        looks = np.zeros(len(self.shop.items), dtype=np.float32)
        for item, (strength, when) in list(self.shopper.seen.items()):
            left = strength * 0.5 ** ((self.session.at - when) / (WEAR_DAYS * DAY_MS))
            looks[item] = left
            if left < _FORGOTTEN:
                del self.shopper.seen[item]
        return looks

    def _notice(self, items: Sequence[int], clicked: Sequence[bool]) -> None:
        for item, closely in zip(items, clicked, strict=True):
            self._looks[item] += 3.0 if closely else 1.0
            self.shopper.seen[item] = (float(self._looks[item]), self.session.at)

    def _record(self, reaction: Reaction) -> Reaction:
        at, trail = self.session.at, self.shopper.trail
        for click in reaction.clicks:
            trail.append((click.item, "click", at))
            if click.carted:
                trail.append((click.item, "add_to_cart", at))
        self.shopper.gone.update(reaction.hidden)
        trail += [(item, "hide", at) for item in reaction.hidden]
        return reaction


def stars(attraction: Real, noise: Real) -> Real:
    """1-5 stars for things that were bought: better where they suit, with most of a star of noise."""
    return np.clip(np.rint(3.2 + 4.5 * attraction + 0.8 * noise), 1, 5).astype(np.float32)


def dwell(attraction: Real, draw: Real) -> Real:
    """Seconds on an item's page: longer where it suits; `draw` is uniform in 0-1."""
    seconds: Real = 8.0 + 90.0 * attraction * draw
    return seconds.round(1)


def hide_chance(attraction: Real) -> Real:
    """P(hide) of things that were shown and not clicked."""
    chance: Real = ANNOYANCE * np.exp(-30.0 * attraction)
    return chance
