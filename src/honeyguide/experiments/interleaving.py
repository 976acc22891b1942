"""Interleaving: two arms' lists in one slate, and which of them the people who see it prefer.

Everybody sees both arms, so that what differs between people cancels out: far fewer users are needed than for comparing two
groups of them. Only a preference comes out, no size of an effect on a metric.

    team draft      teams choose in turns, who begins a round by a fair coin (Radlinski, Kurup, Joachims, CIKM 2008); what
                    both lists begin with alike is nobody's
    probabilistic   each position is drawn from a softmax over ranks of either list, the list by a fair coin; credit is
                    the probability that it was the one or the other, given what stands there (Hofmann, Whiteson, de Rijke,
                    CIKM 2011)

Where only one list has anything that may come next, what comes is nobody's either: a longer list is no better one.

Items are numbers, as a caller likes them. Each position depends on those above and on a chance of its own, so
that a short list is the beginning of every longer one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from honeyguide.experiments.statistics.comparing import Interval
from honeyguide.experiments.statistics.sequential import always_valid, always_valid_p

Method = Literal["team_draft", "probabilistic"]
LetThrough = Callable[[list[int], list[int]], list[int]]
"""Those of the first items, in their order, that may come after the others."""
Chance = Callable[[int], float]
"""A number from 0 up to 1 that belongs to a position."""

SHARPNESS: Final = 3
"""Probabilities fall by 1 / rank^3."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A slate of two lists: `items`; whose each is, as the probability that it is the second list's (None: nobody's); and
    with which probability it stands where it stands, given those above and whose they are."""

    items: list[int]
    shares: list[float | None]
    propensities: list[float]

    def add(self, item: int, share: float | None, propensity: float) -> None:
        """The next position."""
        self.items.append(item)
        self.shares.append(share)
        self.propensities.append(propensity)


def merged(
    method: Method,
    first: Sequence[int],
    second: Sequence[int],
    *,
    length: int,
    chance: Chance,
    let_through: LetThrough = lambda line, above: line,
    fixed: Mapping[int, int] | None = None,
) -> Merged:
    """The first `length` positions of both lists in one, or all that there are. Items at `fixed` positions stay there.

    `let_through` keeps caps: where it leaves none, all may."""
    table = _Table((list(first), list(second)), let_through, fixed or {})
    length = min(length, len({*first, *second, *table.fixed.values()}))
    return _team_draft(table, length, chance) if method == "team_draft" else _probabilistic(table, length, chance)


class _Table:
    """Both lists, and which of their items may come next."""

    def __init__(self, lists: tuple[list[int], list[int]], let_through: LetThrough, fixed: Mapping[int, int]) -> None:
        self.fixed, self._let_through = fixed, let_through
        gone = set(fixed.values())
        self._lists = [[item for item in each if item not in gone] for each in lists]
        self.ranks = [{item: rank for rank, item in enumerate(each, start=1)} for each in lists]

    def place(self, found: Merged, item: int, share: float | None, propensity: float) -> None:
        """Put an item at the next position."""
        found.add(item, share, propensity)
        for each in self._lists:
            if item in each:
                each.remove(item)

    def lines(self, above: list[int]) -> list[list[int]]:
        """The items of either list that may come next: of those left, those that caps let through, all where these let
        none through."""
        open_to = [self._let_through(each, above) for each in self._lists]
        return open_to if any(open_to) else self._lists


def _team_draft(table: _Table, length: int, chance: Chance) -> Merged:
    found, picks, alike = Merged([], [], []), [0, 0], True
    for position in range(length):
        if position in table.fixed:
            table.place(found, table.fixed[position], None, 1.0)
            continue
        best = [line[0] if line else None for line in table.lines(found.items)]
        if best == [None, None]:
            break  # what is left is pinned further down than there are items
        alike = alike and best[0] == best[1]
        if alike and best[0] is not None:  # with the coin it would be either's by chance alone: noise, and no preference
            table.place(found, best[0], None, 1.0)
            continue
        first, second = best
        if first is None or second is None:
            table.place(found, _only(best), None, 1.0)
            continue
        tied = picks[0] == picks[1]
        team = int(chance(position) >= 0.5) if tied else int(picks[1] < picks[0])
        table.place(found, (first, second)[team], float(team), 0.5 if tied and first != second else 1.0)
        picks[team] += 1
    return found


def _only(best: list[int | None]) -> int:
    """The item of the one list that has any left."""
    return next(item for item in best if item is not None)


def _probabilistic(table: _Table, length: int, chance: Chance) -> Merged:
    found = Merged([], [], [])
    for position in range(length):
        if position in table.fixed:
            table.place(found, table.fixed[position], None, 1.0)
            continue
        lines = table.lines(found.items)
        chances = [_softmax(line, ranks) for line, ranks in zip(lines, table.ranks, strict=True)]
        alone = not all(chances)
        first, second = (each or other for each, other in zip(chances, chances[::-1], strict=True))
        both = {item: (first.get(item, 0.0) + second.get(item, 0.0)) / 2 for item in sorted({*first, *second})}
        if not both:
            break  # what is left is pinned further down than there are items
        item = _at(both, chance(position))
        table.place(found, item, None if alone else second.get(item, 0.0) / (2 * both[item]), both[item])
    return found


def _softmax(line: Sequence[int], ranks: Mapping[int, int]) -> dict[int, float]:
    """The chance of each item of what is left of a list, by the rank that it had in it."""
    weights = {item: 1.0 / ranks[item] ** SHARPNESS for item in line}
    total = sum(weights.values())
    return {item: weight / total for item, weight in weights.items()}


def _at(chances: Mapping[int, float], at: float) -> int:
    """The item whose stretch of the line from 0 to 1 holds the point `at`."""
    ends = zip(chances, accumulate(chances.values()), strict=True)
    return next((item for item, end in ends if at < end), list(chances)[-1])  # the last end may be just below 1


class Won(NamedTuple):
    """The probability that the first or the second list has won a slate; what is left is a tie."""

    first: float
    second: float

    @property
    def score(self) -> float:
        """From -1, the first has won, to 1, the second has."""
        return self.second - self.first


def credited(shares: Sequence[float | None], credits: Mapping[int, float]) -> Won:
    """Who wins a slate: the list with more credit. `credits` are those of positions (from 0), 1 for a click, or the worth of
    a purchase; whose a position is, is marginalised over exactly: positions are independent, given what stands in them."""
    behind: dict[float, float] = {0.0: 1.0}  # what the second list has more than the first, and how likely
    for position, credit in credits.items():
        share = shares[position] if position < len(shares) else None
        if share is None or not credit:
            continue
        after: dict[float, float] = {}
        for lead, probability in behind.items():
            for part, gained in ((share, credit), (1.0 - share, -credit)):
                if part > 0:
                    # what differs in the last bits only is a tie
                    at = round(lead + gained, 9)
                    after[at] = after.get(at, 0.0) + probability * part
        behind = after
    first = sum(probability for lead, probability in behind.items() if lead < 0)
    return Won(first, sum(probability for lead, probability in behind.items() if lead > 0))


@dataclass(frozen=True, slots=True)
class Preference:
    """What users say of two lists: how many preferred the `first`, the `second`, neither.

    `delta` is (second + ties / 2) / users - 1/2, above 0 where the second is preferred; `interval` is that of the bootstrap
    over users, `p` that of the sign test, both for one look; `always` and `always_p` hold at all looks together."""

    users: int
    first: int
    second: int
    ties: int
    delta: float
    interval: Interval
    p: float
    always: Interval
    always_p: float


def preference(scores: ArrayLike, *, seed: int, planned: float, alpha: float = 0.05, repeats: int = 2_000) -> Preference:
    """Of the scores of users: each one the sum of the scores of their slates, of which only the sign counts, so that one
    who sees a hundred lists has one voice. `planned` are the users at which the always-valid interval is tightest."""
    signs = np.sign(np.round(np.asarray(scores, dtype=np.float64), 9))
    users, first, second = len(signs), int((signs < 0).sum()), int((signs > 0).sum())
    counts = (first, users - first - second, second)
    delta = (second - first) / (2 * users) if users else np.nan
    # that of no preference, not that about the mean: a few users who all agree are not certainty
    variance = (first + second) / 4 / users**2 if first + second else np.nan
    always = always_valid(delta, variance, users, planned=planned, alpha=alpha)
    low, high = np.clip(always, -0.5, 0.5)  # further ahead than by all users nobody can be
    return Preference(
        users=users,
        first=first,
        second=second,
        ties=counts[1],
        delta=delta,
        interval=_bootstrap(counts, seed, alpha, repeats),
        p=sign_test(first, second),
        always=Interval(float(low), float(high)),
        always_p=always_valid_p(delta, variance, users, planned=planned, alpha=alpha),
    )


def sign_test(first: int, second: int) -> float:
    """The two-sided p-value of so many users for either side, those who prefer neither left out; NaN without any."""
    voices = first + second
    return min(1.0, 2 * float(stats.binom.cdf(min(first, second), voices, 0.5))) if voices else np.nan


def _bootstrap(counts: tuple[int, int, int], seed: int, alpha: float, repeats: int) -> Interval:
    """Percentiles of delta over samples of users with replacement; users are of three kinds: a sample is one draw."""
    users = sum(counts)
    if users < 2:
        return Interval(np.nan, np.nan)
    drawn = np.random.default_rng(seed).multinomial(users, np.array(counts) / users, size=repeats)
    low, high = np.quantile((drawn[:, 2] - drawn[:, 0]) / (2 * users), [alpha / 2, 1 - alpha / 2])
    return Interval(float(low), float(high))
