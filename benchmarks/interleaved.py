"""Two rankers of the synthetic shop beside each other: in an A/B test, and in one slate."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.experiments.interleaving import Merged, Method, credited, merged, sign_test
from honeyguide.experiments.statistics.comparing import Estimate, welch
from honeyguide.experiments.statistics.power import units_for_means
from honeyguide.experiments.statistics.sums import Sums
from honeyguide.ranking.exploration import chance
from honeyguide.simulate.shop import DAY_MS, Shop, make_shop
from honeyguide.simulate.shopper import MORE_PAGES
from honeyguide.simulate.truth import SHOPPING_SHARE, Truth, click_chance, draw_errands

LENGTH: Final = 10
REACH: Final = 20
USERS: Final = 700
DAYS: Final = 14
PAIRS: Final = ((1.0, 0.9), (1.0, 0.7), (1.0, 1.0))
"""How noisy the first and the second ranker are, in log odds."""
METHODS: Final[tuple[Method, ...]] = ("team_draft", "probabilistic")
_PLAYED: Final = 8
Real = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lists:
    """All lists that users look at in a fortnight: whose each is, the true attraction of all items, and the mood."""

    user: Places
    attraction: Real
    mood: Places


@dataclass(frozen=True, slots=True)
class Pool:
    """What users do in a fortnight, played several times, [times x users]: lists that they look at, clicks on those of
    either ranker, and the sum of who wins their interleaved lists."""

    lists: Real
    first: Real
    second: Real
    scores: dict[Method, Real]


def compared(repeats: int) -> list[dict[str, Any]]:
    """For each pair of rankers: the users that each way needs, and how often it then finds the better one."""
    shop, rng = make_shop(seed=11), np.random.default_rng(3)
    lists = _looked_at(shop, rng)
    return [_row(_played(shop, lists, noise, rng), noise, repeats, rng) for noise in PAIRS]


def _looked_at(shop: Shop, rng: np.random.Generator) -> Lists:
    """Users come as often as they do in the shop, for a shelf of that visit, to look around or to buy; nothing wears."""
    who = rng.choice(len(shop.users.sessions), USERS, replace=False)
    visits = np.maximum(rng.poisson(shop.users.sessions[who] * DAYS), 1)
    visitor = np.repeat(np.arange(USERS), visits)
    at = shop.opened_at + rng.integers(0, DAYS, len(visitor)) * DAY_MS
    errand, mood = draw_errands(rng, shop, who[visitor], at), (rng.random(len(visitor)) < SHOPPING_SHARE).astype(np.int64)
    pages = np.minimum(rng.geometric(1 - MORE_PAGES, len(visitor)), 12)
    items = np.arange(len(shop.items))[None, :]
    liked = Truth(shop).attraction(who[visitor][:, None], items, at[:, None], errand[:, None])
    return Lists(np.repeat(visitor, pages), np.repeat(liked, pages, axis=0), np.repeat(mood, pages))


def _row(pool: Pool, noise: tuple[float, float], repeats: int, rng: np.random.Generator) -> dict[str, Any]:
    row: dict[str, Any] = {"noise of the rankers": f"{noise[0]} / {noise[1]}"}
    if noise[0] == noise[1]:
        row |= {"clicks": "alike", "A/B, click rate": f"{_ab(pool, pool.first, 1_000, repeats, rng):.1%} false alarms"}
        for method in METHODS:
            alarms = _one_slate(pool.scores[method], 1_000, repeats, rng, null=True)
            row[method.replace("_", " ")] = f"{alarms:.1%} false alarms"
        return row
    first, second = (Sums.of(clicks, pool.lists) for clicks in (pool.first, pool.second))
    spread = [each.ratio_variance for each in (first, second)]
    users = sum(units_for_means(spread[0], second.ratio - first.ratio, spread_treatment=spread[1]))
    power = _ab(pool, pool.second, users, min(repeats, ceil(2e7 / users)), rng)
    row |= {"clicks": f"{second.ratio / first.ratio - 1:+.1%}", "A/B, click rate": f"{users:,} users (power {power:.0%})"}
    for method in METHODS:
        needed = _needed(pool.scores[method])
        power = _one_slate(pool.scores[method], needed, repeats, rng)
        row[method.replace("_", " ")] = f"{needed:,} users ({power:.0%}): {users / needed:.1f} times fewer"
    return row


def _needed(scores: Real) -> int:
    """Users for a power of 80 % of the sign test: a user prefers the second list so much more often than the first."""
    second, first = float((scores > 0).mean()), float((scores < 0).mean())
    return ceil((1.959964 + 0.841621) ** 2 * (second + first) / (second - first) ** 2)


def _ab(pool: Pool, other: Real, users: int, repeats: int, rng: np.random.Generator) -> float:
    """The share of A/B tests of so many users in which the click rates of two rankers are found to differ."""
    found = 0
    for _ in range(repeats):
        drawn = [(clicks, rng.integers(0, clicks.size, users // 2)) for clicks in (pool.first, other)]
        arms = (Estimate.ratio(Sums.of(clicks[who], pool.lists[who])) for clicks, who in drawn)
        found += welch(*arms).p < 0.05
    return found / repeats


def _one_slate(scores: Real, users: int, repeats: int, rng: np.random.Generator, *, null: bool = False) -> float:
    """The share of interleaved tests of so many users in which the sign test finds a preference. For the `null` a coin says
    which of the two rankers, which are alike, is called the first: the users of this pool need not be even by chance."""
    found = 0
    for _ in range(repeats):
        drawn = rng.choice(scores, users) * (rng.choice([-1, 1], users) if null else 1)
        found += sign_test(int((drawn < 0).sum()), int((drawn > 0).sum())) < 0.05
    return found / repeats


def _played(shop: Shop, lists: Lists, noise: tuple[float, float], rng: np.random.Generator) -> Pool:
    ranked = _ranked(lists.attraction, noise, rng)
    clicks = [_clicked(shop, lists, each[:, :LENGTH], rng).sum(-1) for each in ranked]
    scores = {method: _users(lists, _scores(shop, lists, ranked, method, rng)) for method in METHODS}
    seen = _users(lists, np.ones((_PLAYED, len(lists.user))))
    return Pool(seen, _users(lists, clicks[0]), _users(lists, clicks[1]), scores)


def _users(lists: Lists, values: Real) -> Real:
    """Sums of each user over their lists, of all times played in a row."""
    return np.concatenate([np.bincount(lists.user, each, minlength=USERS) for each in values])


def _ranked(attraction: Real, noise: tuple[float, float], rng: np.random.Generator) -> list[Places]:
    """The best items by the truth with noise, [lists, reach], of either ranker: the second is the first with less of its
    noise, or another one that is as noisy."""
    liked = np.log(np.maximum(attraction, 1e-9))
    off = rng.standard_normal(attraction.shape, dtype=np.float32)
    others = rng.standard_normal(attraction.shape, dtype=np.float32) if noise[0] == noise[1] else off
    return [_best(liked + each * of) for each, of in zip(noise, (off, others), strict=True)]


def _best(seen: Real) -> Places:
    best = np.argpartition(-seen, REACH, axis=1)[:, :REACH]
    order = np.argsort(-np.take_along_axis(seen, best, axis=1), axis=1)
    return np.take_along_axis(best, order, axis=1)


def _clicked(shop: Shop, lists: Lists, shown: Places, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which places of what is shown [lists, length] are clicked, each time it is played: [times, lists, length]."""
    odds = click_chance(np.take_along_axis(lists.attraction, shown, axis=1), shop.items.shelf[shown], lists.mood[:, None])
    return np.asarray(rng.random((_PLAYED, *odds.shape)) < odds)


def _scores(shop: Shop, lists: Lists, ranked: list[Places], method: Method, rng: np.random.Generator) -> Real:
    pairs = enumerate(zip(ranked[0].tolist(), ranked[1].tolist(), strict=True))
    slates = [merged(method, a, b, length=LENGTH, chance=_chances(number)) for number, (a, b) in pairs]
    clicked = _clicked(shop, lists, np.array([slate.items for slate in slates]), rng)
    return np.array([[_won(*each) for each in zip(slates, times, strict=True)] for times in clicked])


def _won(slate: Merged, clicked: NDArray[np.bool_]) -> float:
    return credited(slate.shares, dict.fromkeys(np.flatnonzero(clicked).tolist(), 1.0)).score


def _chances(number: int) -> Callable[[int], float]:
    return lambda position: chance(number, position)
