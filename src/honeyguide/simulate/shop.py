"""The synthetic shop: items and users drawn from one seed, with everything that decides who likes what."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.simulate.arrays import Real, Whole
from honeyguide.simulate.covers import cover
from honeyguide.simulate.people import Users, draw_users
from honeyguide.simulate.vocabulary import BRANDS, DEPARTMENTS, SHELVES, STYLES
from honeyguide.types import Json

DAY_MS: Final = 86_400_000
CHARMS: Final = 4
"""Dimensions of what makes an item pleasing beyond its category, style, brand and price."""

_STYLE_NAMES: Final = tuple(STYLES)


@dataclass(frozen=True, slots=True)
class Items:
    """The catalogue in columns, in order of creation; row i is `item_{i + 1}`.

    `shelf`, `style` and `brand` index the vocabulary; `tier` is how many standard deviations the (log) price lies
    above the shelf's median; `appeal` is what everybody sees in an item; `charm` [i, CHARMS] what only some do.
    """

    titles: tuple[str, ...]
    shelf: Whole
    style: Whole
    brand: Whole
    price: NDArray[np.float64]
    tier: Real
    appeal: Real
    charm: Real
    created_at: Whole

    def __len__(self) -> int:
        return len(self.titles)


@dataclass(frozen=True)
class Shop:
    """A shop with a known truth. The same `seed`, sizes and `opened_at` give the same shop, byte for byte.

    `opened_at` (ms) is the moment that the simulation takes for now: history lies before it, live traffic after it.
    """

    seed: int
    opened_at: int
    items: Items = field(repr=False)
    users: Users = field(repr=False)

    @cached_property
    def item_ids(self) -> tuple[str, ...]:
        """`item_1`, `item_2`, ... in the order of the columns."""
        return tuple(f"item_{number + 1}" for number in range(len(self.items)))

    @cached_property
    def user_ids(self) -> tuple[str, ...]:
        """`user_1`, `user_2`, ... in the order of the columns."""
        return tuple(f"user_{number + 1}" for number in range(len(self.users)))

    @cached_property
    def item_number(self) -> dict[str, int]:
        """The row of each item id."""
        return {item_id: number for number, item_id in enumerate(self.item_ids)}

    @cached_property
    def departments(self) -> Whole:
        """The department of each item, as a row of `DEPARTMENTS`."""
        numbers = [DEPARTMENTS.index(shelf.department) for shelf in SHELVES]
        return np.array(numbers, dtype=np.int32)[self.items.shelf]

    def categories(self, item: int) -> list[str]:
        """An item's two categories: department, shelf."""
        shelf = SHELVES[self.items.shelf[item]]
        return [shelf.department, shelf.name]

    def item_row(self, item: int) -> Json:
        """One item as the catalogue takes it, its drawn cover included."""
        items = self.items
        style = _STYLE_NAMES[items.style[item]]
        return {
            "item_id": self.item_ids[item],
            "title": items.titles[item],
            "categories": self.categories(item),
            "price": float(items.price[item]),
            "image_url": cover(SHELVES[items.shelf[item]].motif, style, self.seed * 1_000_003 + item),
            "url": f"https://shop.example/items/{self.item_ids[item]}",
            "created_at": int(items.created_at[item]),
            "properties": {"brand": BRANDS[items.brand[item]], "style": style},
        }

    def item_rows(self, *, until: int | None = None) -> Iterator[Json]:
        """The items that exist at `until` (ms; the opening by default), oldest first."""
        last = self.opened_at if until is None else until
        for item in np.flatnonzero(self.items.created_at <= last):
            yield self.item_row(int(item))

    def user_rows(self) -> Iterator[Json]:
        """All users as the catalogue takes them: country, age band, and declared interests of those who say."""
        for user, user_id in enumerate(self.user_ids):
            yield {"user_id": user_id, "properties": self.users.properties(user)}


def make_shop(*, items: int = 2_000, users: int = 5_000, seed: int = 2, opened_at: int = 1_760_000_000_000) -> Shop:
    """Draw a shop. `opened_at` is in ms since 1970; nothing else asks for the time."""
    return Shop(
        seed=seed,
        opened_at=opened_at,
        items=_draw_items(np.random.default_rng([seed, 1]), items, opened_at),
        users=draw_users(np.random.default_rng([seed, 2]), users, charms=CHARMS),
    )


def _draw_items(rng: np.random.Generator, count: int, opened_at: int) -> Items:
    """Items spread evenly over the shelves; a fifth came in the last 60 days and a fiftieth comes in the next 30."""
    shelf = rng.permutation(np.arange(count, dtype=np.int32) % len(SHELVES)).astype(np.int32)
    style = rng.integers(0, len(STYLES), count, dtype=np.int32)
    tier = rng.normal(size=count).astype(np.float32)
    medians = np.array([SHELVES[number].price for number in shelf])
    age_days = np.where(rng.random(count) < 0.78, rng.uniform(60, 900, count), rng.uniform(-6, 60, count))
    created_at = np.sort((opened_at - age_days * DAY_MS).astype(np.int64))
    return Items(
        titles=_draw_titles(rng, shelf, style),
        shelf=shelf,
        style=style,
        brand=_draw_brands(rng, shelf),
        price=_pretty_prices(medians * np.exp(0.42 * tier)),
        tier=tier,
        appeal=rng.normal(size=count).astype(np.float32),
        charm=rng.normal(size=(count, CHARMS)).astype(np.float32),
        created_at=created_at,
    )


def _draw_brands(rng: np.random.Generator, shelf: Whole) -> Whole:
    """Each department has ten of the brands, each brand two departments."""
    departments = np.array([DEPARTMENTS.index(each.department) for each in SHELVES])[shelf]
    return ((departments * 5 + rng.integers(0, 10, len(shelf))) % len(BRANDS)).astype(np.int32)


def _pretty_prices(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Prices as shops write them: x.90 below 20, x.50 or whole below 100, else whole numbers that end in 5 or 9."""
    low = np.floor(prices) + 0.90
    middle = np.round(prices * 2) / 2
    high = np.round(prices / 5) * 5 - (np.round(prices) % 2)
    return np.where(prices < 20, low, np.where(prices < 100, middle, high)).round(2)


def _draw_titles(rng: np.random.Generator, shelf: Whole, style: Whole) -> tuple[str, ...]:
    """A title for each item; none occurs twice while there are words left, then they are numbered."""
    taken: dict[str, int] = {}
    titles: list[str] = []
    for shelf_number, style_number in zip(shelf, style, strict=True):
        for _ in range(8):
            title = _title(rng, int(shelf_number), int(style_number))
            if title not in taken:
                break
        taken[title] = taken.get(title, 0) + 1
        titles.append(title if taken[title] == 1 else f"{title} No. {taken[title]}")
    return tuple(titles)


def _title(rng: np.random.Generator, shelf_number: int, style_number: int) -> str:
    shelf, words = SHELVES[shelf_number], STYLES[_STYLE_NAMES[style_number]]
    word, make, noun = (choices[rng.integers(len(choices))] for choices in (words, shelf.makes, shelf.nouns))
    if word in {make, noun}:  # "Copper Copper Kettle"
        make = shelf.makes[(shelf.makes.index(make) + 1) % len(shelf.makes)]
    return shelf.shape.format(word=word, make=make, noun=noun)
