"""Simulated time: the seasons of the year, the rhythm of day and week, and who comes to the shop when."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.simulate.arrays import Real, Whole
from honeyguide.simulate.shop import DAY_MS, Shop
from honeyguide.simulate.vocabulary import SHELVES

HOUR_MS: Final = 3_600_000
_YEAR_MS: Final = 365.2425 * DAY_MS

_HOURS: Final = np.array(
    [3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 13, 12, 10, 10, 11, 13, 16, 20, 22, 19, 12, 6], dtype=np.float64
)
_WEEKDAYS: Final = np.array([1.0, 0.95, 0.95, 1.0, 0.95, 1.1, 1.3])  # Monday first; people shop on Sundays
_RHYTHM: Final = np.outer(_WEEKDAYS / _WEEKDAYS.mean(), _HOURS / _HOURS.mean())

_PEAKS: Final = np.array([shelf.peak - 0.5 for shelf in SHELVES], dtype=np.float32)
_SWINGS: Final = np.array([shelf.swing for shelf in SHELVES], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Session:
    """One visit: `user` (row) comes at `at` (ms, simulated)."""

    user: int
    at: int


def rhythm(at: int) -> float:
    """How busy the shop is in the hour of `at` (ms, UTC), relative to the average hour."""
    hours = at // HOUR_MS
    return float(_RHYTHM[(hours // 24 + 3) % 7, hours % 24])  # 1970-01-01 was a Thursday


def season(at: Whole | int, shelf: Whole) -> Real:
    """What the season adds to the log odds of `shelf` at `at` (ms), broadcast against each other."""
    month = np.asarray(at) % _YEAR_MS / _YEAR_MS * 12
    return (_SWINGS[shelf] * np.cos((month - _PEAKS[shelf]) * (np.pi / 6))).astype(np.float32)


def arrivals(shop: Shop, begin: int, end: int | None = None) -> Iterator[Session]:
    """Sessions in order of time from `begin` (ms) to `end`, or for ever. Whole hours, each from its own stream.

    How many come follows the rhythm; who comes follows the users' activity, a power law.
    """
    weights = shop.users.sessions.astype(np.float64)
    bounds = np.cumsum(weights)
    hour = begin // HOUR_MS
    while end is None or hour * HOUR_MS < end:
        rng = np.random.default_rng([shop.seed, 3, hour])
        count = rng.poisson(weights.sum() / 24 * rhythm(hour * HOUR_MS))
        times = np.sort(rng.integers(0, HOUR_MS, count)) + hour * HOUR_MS
        users = np.searchsorted(bounds, rng.random(count) * bounds[-1], side="right")
        for user, at in zip(users.tolist(), times.tolist(), strict=True):
            if at >= begin and (end is None or at < end):
                yield Session(user, at)
        hour += 1
