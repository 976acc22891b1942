"""The past of the synthetic shop: what its users did before the shop had a recommender.

Every session looks through the shelf that the user came for and a little around; most see the list of popular items.
Day by day in arrays; clicks and purchases follow the same truth as those of the live shoppers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from honeyguide.errors import InvalidInput
from honeyguide.simulate.arrays import Mask, Real, Whole
from honeyguide.simulate.calendar import arrivals
from honeyguide.simulate.shop import DAY_MS, Shop
from honeyguide.simulate.shopper import BOUGHT, CART_FIRST, RATED, dwell, hide_chance, stars
from honeyguide.simulate.truth import EAGER, SHOPPING_SHARE, Truth, click_chance, draw_errands, want_chance
from honeyguide.simulate.vocabulary import SHELVES

BROWSED: Final = 4
"""Items that a user sees on the shelf that they came for."""
WANDERED: Final = 12
"""Items that they see elsewhere, one here and one there."""
PURPOSE: Final = 1.6
"""How much likelier a click is on either than on a list: who looks around is looking for something."""
SEES_POPULAR: Final = 0.7
"""Share of sessions that see the list of popular items."""
LISTED: Final = 10
FORGETTING: Final = 0.93
"""What a day leaves of an item's popularity."""
WEIGHTS: Final = {"click": 2.0, "view": 1.0, "add_to_cart": 4.0, "purchase": 8.0}
"""What an event counts in an item's popularity."""

_TYPES: Final = pl.Enum(["hide", "click", "view", "add_to_cart", "purchase", "rating"])


@dataclass(frozen=True, slots=True)
class _Day:
    """The sessions of a day that begins at `begin` (ms): number over the whole history, user, time (ms), mood and
    errand (shelf); all [sessions]."""

    begin: int
    number: Whole
    user: Whole
    at: Whole
    mood: Whole
    errand: Whole


@dataclass(frozen=True, slots=True)
class _Places:
    """What was shown, one entry per place: the session (row of the day), the item, what it is to the user, P(click)."""

    session: Whole
    item: Whole
    fresh: Real
    chance: Real
    listed: Mask

    @classmethod
    def of(cls, items: Whole, fresh: Real, chance: Real, *, listed: bool) -> "_Places":
        """From matrices [sessions, places]."""
        sessions = np.repeat(np.arange(len(items)), items.shape[1])
        return cls(sessions, items.ravel(), fresh.ravel(), chance.ravel(), np.full(items.size, listed))

    def __getitem__(self, chosen: Mask) -> "_Places":
        return _Places(*(getattr(self, name)[chosen] for name in self.__slots__))

    def __add__(self, other: "_Places") -> "_Places":
        return _Places(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__slots__))


class _Past:
    """The shop's memory while its past is played."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.truth = Truth(shop)
        self.owned = np.zeros((len(shop.users), len(shop.items)), dtype=np.bool_)
        self.popularity = np.zeros(len(shop.items))
        self.members = _members(shop.items.shelf)
        self.sessions = 0

    def play(self, begin: int) -> pl.DataFrame:
        """The events of one day, and the ratings of what was bought on it."""
        rng = np.random.default_rng([self.shop.seed, 6, begin // DAY_MS])
        sessions = list(arrivals(self.shop, begin, begin + DAY_MS))
        user = np.array([session.user for session in sessions], dtype=np.int32)
        at = np.array([session.at for session in sessions], dtype=np.int64)
        day = _Day(
            begin=begin,
            number=self.sessions + np.arange(len(sessions)),
            user=user,
            at=at,
            mood=(rng.random(len(sessions)) < SHOPPING_SHARE).astype(np.int32),
            errand=draw_errands(rng, self.shop, user, at),
        )
        self.sessions += len(sessions)
        seen = self._browse(rng, day) + self._wander(rng, day) + self._popular(rng, day)
        events = pl.concat(self._react(rng, day, seen))
        events = events.filter(pl.struct("user", "item", "type").is_first_distinct())  # once a day is enough
        self._remember(events)
        return events

    def _browse(self, rng: np.random.Generator, day: _Day) -> _Places:
        """Everybody looks through the shelf that they came for; appealing things stand in front there."""
        members = self.members[day.errand]
        order = rng.gumbel(size=members.shape) + 0.5 * self.shop.items.appeal[members]
        missing = (members < 0) | (self.shop.items.created_at[members] > day.at[:, None])
        front = np.argsort(np.where(missing, np.inf, -order), axis=1)[:, :BROWSED]
        items = np.take_along_axis(members, front, axis=1)
        return self._looked_at(day, np.where(np.take_along_axis(missing, front, axis=1), -1, items))

    def _wander(self, rng: np.random.Generator, day: _Day) -> _Places:
        """On the way they see single items of other shelves that are to their taste."""
        shape = (len(day.user), WANDERED)
        shelf = draw_errands(rng, self.shop, np.repeat(day.user, WANDERED), np.repeat(day.at, WANDERED)).reshape(shape)
        place = (rng.random(shape) * (self.members >= 0).sum(axis=1)[shelf]).astype(np.int64)
        return self._looked_at(day, self.members[shelf, place])

    def _looked_at(self, day: _Day, items: Whole) -> _Places:
        """Items [sessions, places] that users look at on their own account; -1 is an empty place."""
        fresh, worn = self._attraction(day, items)
        chance = np.minimum(worn * PURPOSE * EAGER[day.mood][:, None], 0.95)
        return _Places.of(items, fresh, np.where(items < 0, 0.0, chance), listed=False)

    def _popular(self, rng: np.random.Generator, day: _Day) -> _Places:
        """Most see the same list of what was popular until yesterday."""
        tie_break = 1e-6 * rng.random(len(self.popularity))
        ranking = np.argsort(-(self.popularity + tie_break) * (self.shop.items.created_at <= day.begin))
        items = np.broadcast_to(ranking[:LISTED], (len(day.user), min(LISTED, len(ranking))))
        fresh, worn = self._attraction(day, items)
        chance = click_chance(worn, self.shop.items.shelf[items], day.mood[:, None])
        sees = rng.random(len(day.user)) < SEES_POPULAR
        return _Places.of(items, fresh, chance * sees[:, None], listed=True)

    def _attraction(self, day: _Day, items: Whole) -> tuple[Real, Real]:
        """Fresh, and with what the users own as good as gone; [sessions, places]."""
        fresh = self.truth.attraction(day.user[:, None], items, day.at[:, None], day.errand[:, None])
        return fresh, np.where(self.owned[day.user[:, None], items], BOUGHT * fresh, fresh)

    def _react(self, rng: np.random.Generator, day: _Day, places: _Places) -> Iterator[pl.DataFrame]:
        """Clicks and what follows them, one frame per type of event."""
        draws = rng.random((2, len(places.item)))
        clicked = draws[0] < places.chance
        annoyed = places.listed & (places.chance > 0) & (draws[1] < hide_chance(places.fresh))
        yield self._events("hide", day, places[annoyed & ~clicked], 5_000)
        yield from self._after(rng, day, places[clicked])

    def _after(self, rng: np.random.Generator, day: _Day, clicks: _Places) -> Iterator[pl.DataFrame]:
        draws = rng.random((4, len(clicks.item)))
        delay = 20_000 + (600_000 * draws[0]).astype(np.int64)
        listed = clicks.listed
        wanted = draws[1] < want_chance(clicks.fresh, day.mood[clicks.session])
        carted = wanted & (draws[2] < CART_FIRST)
        rated = wanted & (draws[3] < RATED)
        price = self.shop.items.price[clicks.item]
        given = stars(clicks.fresh, rng.normal(size=len(wanted)))
        later = rng.integers(2 * DAY_MS, 9 * DAY_MS, len(wanted))
        yield self._events("click", day, clicks[listed], delay[listed])
        yield self._events("view", day, clicks, delay + 900, dwell(clicks.fresh, draws[1]))
        yield self._events("add_to_cart", day, clicks[carted], delay[carted] + 40_000)
        yield self._events("purchase", day, clicks[wanted], delay[wanted] + 700_000, price[wanted])
        yield self._events("rating", day, clicks[rated], later[rated], given[rated])

    def _events(self, kind: str, day: _Day, places: _Places, delay: Whole | int, value: Real | None = None) -> pl.DataFrame:
        count = len(places.item)
        return pl.DataFrame(
            {
                "ts": day.at[places.session] + delay,
                "user": day.user[places.session],
                "item": places.item.astype(np.int32),
                "type": pl.repeat(kind, count, dtype=_TYPES, eager=True),
                "value": pl.repeat(None, count, dtype=pl.Float64, eager=True) if value is None else value.astype(np.float64),
                "session": day.number[places.session],
                "listed": places.listed,
            }
        )

    def _remember(self, events: pl.DataFrame) -> None:
        """Who owns what now; and what is popular, by what users found themselves: a list must not feed on itself."""
        final = events.filter(pl.col("type").is_in(["purchase", "hide"]))
        self.owned[final["user"].to_numpy(), final["item"].to_numpy()] = True
        found = events.filter(~pl.col("listed"))
        weights = found["type"].cast(pl.String).replace_strict(WEIGHTS, default=0.0, return_dtype=pl.Float64)
        self.popularity *= FORGETTING
        np.add.at(self.popularity, found["item"].to_numpy(), weights.to_numpy())


def history(shop: Shop, days: int = 30) -> pl.DataFrame:
    """The events of the `days` before the opening, in order of `ts`.

    Columns: `event_id`, `ts` (ms), `user_id`, `item_id`, `type`, `value` (dwell seconds, money or stars), `session_id`.
    Raises `InvalidInput` for less than a day.
    """
    if days < 1:
        raise InvalidInput(f"A past of {days} days is none.", cure="Ask for at least one day.")
    past = _Past(shop)
    first = shop.opened_at - days * DAY_MS
    events = pl.concat([past.play(first + day * DAY_MS) for day in range(days)])
    events = events.filter(pl.col("ts") < shop.opened_at).sort("ts", "user", "item", "type")
    return events.select(
        pl.format("past-{}-{}", pl.lit(shop.seed), pl.int_range(pl.len())).alias("event_id"),
        "ts",
        pl.Series(shop.user_ids).gather(events["user"]).alias("user_id"),
        pl.Series(shop.item_ids).gather(events["item"]).alias("item_id"),
        pl.col("type").cast(pl.String),
        "value",
        pl.format("past-{}", "session").alias("session_id"),
    )


def popularity(shop: Shop, events: pl.DataFrame) -> Real:
    """How popular each item was in `events`, by weighted counts; [items], rows of the shop. Others are passed over."""
    weight = pl.col("type").replace_strict(WEIGHTS, default=0.0, return_dtype=pl.Float64)
    events = events.filter(pl.col("item_id").is_in(shop.item_ids))
    counts = events.group_by("item_id").agg(weight.sum().alias("weight"))
    popular = np.zeros(len(shop.items))
    popular[[shop.item_number[item_id] for item_id in counts["item_id"]]] = counts["weight"].to_numpy()
    return popular


def owned(shop: Shop, events: pl.DataFrame) -> dict[int, set[int]]:
    """What each user (row) has bought or hidden in `events` (rows of items). Strangers and strange items are passed over."""
    ours = pl.col("item_id").is_in(shop.item_ids) & pl.col("user_id").is_in(shop.user_ids)
    final = events.filter(pl.col("type").is_in(["purchase", "hide"]) & ours)
    rows = {user_id: user for user, user_id in enumerate(shop.user_ids)}
    result: dict[int, set[int]] = {}
    for user_id, item_id in final.select("user_id", "item_id").iter_rows():
        result.setdefault(rows[user_id], set()).add(shop.item_number[item_id])
    return result


def _members(shelf: Whole) -> Whole:
    """The items of each shelf, padded with -1: int32 [shelves, longest]."""
    members = np.full((len(SHELVES), int(np.bincount(shelf, minlength=len(SHELVES)).max())), -1, dtype=np.int32)
    for number in range(len(SHELVES)):
        mine = np.flatnonzero(shelf == number)
        members[number, : len(mine)] = mine
    return members
