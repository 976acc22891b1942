"""THE table of measures: what each is, how it is worked out from a tally, and whether more of it is better."""

import math
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

import numpy as np

from honeyguide.monitoring.quality.spread import distinct, percentile
from honeyguide.monitoring.quality.tally import Tally

_Z: Final = 1.959964
"""Of a 95 % interval."""


class Figure(NamedTuple):
    """A measure's value with its 95 % interval, where it has one, and what it is a share or mean of."""

    value: float | None
    n: int = 0
    low: float | None = None
    high: float | None = None


class Measure(NamedTuple):
    """`unit`: share, bits, seconds, money, count, ratio; `better`: higher, lower, or neither; `means`: its definition."""

    unit: str
    better: str
    means: str
    of: Callable[[Tally, Collection[str]], Figure]


def share(part: float, whole: float) -> Figure:
    """A ratio of counts with its Wilson interval (Wilson 1927)."""
    if whole <= 0:
        return Figure(None)
    p = min(1.0, part / whole)
    centre, spread = p + _Z**2 / (2 * whole), _Z * math.sqrt(p * (1 - p) / whole + _Z**2 / (4 * whole**2))
    scale = 1 + _Z**2 / whole
    return Figure(part / whole, round(whole), max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale))


def mean(total: float, n: int, squares: float | None = None) -> Figure:
    """A mean, with its normal interval where the sum of squares is known."""
    if n <= 0:
        return Figure(None)
    value = total / n
    if squares is None or n < 2:
        return Figure(value, n)
    error = _Z * math.sqrt(max(0.0, squares / n - value**2) / (n - 1))
    return Figure(value, n, value - error, value + error)


def _latency(part: float) -> Callable[[Tally, Collection[str]], Figure]:
    return lambda t, _: Figure(percentile(t.latency, part), sum(t.latency.values()))


def _coverage(tally: Tally, eligible: Collection[str]) -> Figure:
    if not eligible or not tally.shown:
        return Figure(None)
    return Figure(sum(item in eligible for item in tally.exposures) / len(eligible), len(eligible))


def gini(counts: Collection[int], others: int) -> float | None:
    """Gini coefficient of exposures with `others` items that have none: 0 all alike, 1 one item has all."""
    n, total = len(counts) + others, sum(counts)
    if not total:
        return None
    ranked = np.sort(np.array(list(counts), np.float64))
    places = np.arange(others + 1, n + 1)
    return float((2 * (places * ranked).sum()) / (n * total) - (n + 1) / n)


def _gini(tally: Tally, eligible: Collection[str]) -> Figure:
    counts = [count for item, count in tally.exposures.items() if item in eligible]
    return Figure(gini(counts, len(eligible) - len(counts)), len(eligible))


def _lift(tally: Tally, _: Collection[str]) -> Figure:
    value = tally.popularity_sum / tally.consumed_sum - 1 if tally.consumed_sum > 0 else None
    return Figure(value, tally.shown)


def _personalisation(tally: Tally, _: Collection[str]) -> Figure:
    found = mean(tally.overlap_sum, tally.overlap_pairs)
    return Figure(None if found.value is None else 1 - found.value, found.n)


def _first_impression(tally: Tally, _: Collection[str]) -> Figure:
    delays = [(first - made) / 1000 for made, first in tally.young.values()]
    return Figure(float(np.median(delays)) if delays else None, len(delays))


def calibration(tally: Tally) -> tuple[float | None, float | None, int]:
    """Expected calibration error over ten bins of equal mass of what was predicted, its ratio sum(p) / sum(y), and how
    many places were predicted (Naeini, Cooper, Hauskrecht, AAAI 2015)."""
    cells = [tally.predicted[key] for key in sorted(tally.predicted)]
    total, clicks = sum(cell[0] for cell in cells), sum(cell[2] for cell in cells)
    if not total:
        return None, None, 0
    groups: dict[int, tuple[int, float, int]] = {}
    before = 0
    for n, p, y in cells:
        group = min(9, (before + n // 2) * 10 // total)
        m, q, z = groups.get(group, (0, 0.0, 0))
        groups[group], before = (m + n, q + p, z + y), before + n
    error = sum(abs(p - y) for _, p, y in groups.values()) / total
    return error, sum(cell[1] for cell in cells) / clicks if clicks else None, total


MEASURES: Final[dict[str, Measure]] = {
    "requests": Measure("count", "", "lists served", lambda t, _: Figure(t.requests, t.requests)),
    "shown": Measure("count", "", "pairs of a list and an item that were shown", lambda t, _: Figure(t.shown, t.shown)),
    "clicks": Measure("count", "higher", "of these, clicked within the window", lambda t, _: Figure(t.clicks, t.shown)),
    "conversions": Measure("count", "higher", "of these, converted", lambda t, _: Figure(t.conversions, t.shown)),
    "users": Measure("count", "higher", "users who were served", lambda t, _: Figure(round(distinct(t.users)), t.requests)),
    "revenue": Measure("money", "higher", "value of the conversions", lambda t, _: Figure(t.revenue, t.conversions)),
    "ctr": Measure("share", "higher", "clicked of the items shown", lambda t, _: share(t.clicks, t.shown)),
    "conversion": Measure("share", "higher", "converted of the items shown", lambda t, _: share(t.conversions, t.shown)),
    "conversion_per_click": Measure(
        "share", "higher", "converted of the items clicked", lambda t, _: share(t.conversions, t.clicks)
    ),
    "add_to_cart": Measure("share", "higher", "put into the cart of the items shown", lambda t, _: share(t.carts, t.shown)),
    "revenue_per_user": Measure(
        "money", "higher", "value of the conversions by user served",
        lambda t, _: mean(t.revenue, round(distinct(t.users))),
    ),
    "latency_p50": Measure("seconds", "lower", "half of the lists took at most this", _latency(0.5)),
    "latency_p95": Measure("seconds", "lower", "95 of 100 lists took at most this", _latency(0.95)),
    "latency_p99": Measure("seconds", "lower", "99 of 100 lists took at most this", _latency(0.99)),
    "hit_rate": Measure("share", "higher", "lists that came from a cache", lambda t, _: share(t.hits, t.seen_lists)),
    "fallback": Measure(
        "share", "lower", "lists without anything personal to make them of", lambda t, _: share(t.fallbacks, t.seen_lists)
    ),
    "degraded": Measure("share", "lower", "lists that lacked something", lambda t, _: share(t.degraded, t.seen_lists)),
    "coverage": Measure("share", "higher", "items shown in the first k places, of all that may be shown", _coverage),
    "diversity": Measure(
        "share", "higher", "mean distance (1 - Jaccard of categories) of the pairs in a list",
        lambda t, _: mean(t.diversity_sum, t.varied, t.diversity_squares),
    ),
    "category_entropy": Measure(
        "bits", "higher", "entropy of the main categories in a list", lambda t, _: mean(t.entropy_sum, t.lists)
    ),
    "novelty": Measure(
        "bits", "higher", "mean -log2((n + 1) / (N + 2)) of an item that n of N users have",
        lambda t, _: mean(t.novelty_sum, t.lists, t.novelty_squares),
    ),
    "popularity_lift": Measure(
        "ratio", "lower", "how much more popular the items shown are than those that users chose themselves: 0 as popular",
        _lift,
    ),
    "exposure_gini": Measure("ratio", "lower", "inequality of exposure over all items that may be shown", _gini),
    "long_tail": Measure(
        "share", "higher", "shown items that are not among the most popular fifth", lambda t, _: share(t.tail_shown, t.shown)
    ),
    "personalisation": Measure(
        "share", "higher", "1 - the share of items that the lists of two random users have in common", _personalisation
    ),
    "cold_users": Measure(
        "share", "", "lists made without anything known of the user", lambda t, _: share(t.cold_lists, t.seen_lists)
    ),
    "cold_items": Measure(
        "share", "", "shown items that no user had in the past", lambda t, _: share(t.cold_shown, t.shown)
    ),
    "new_items": Measure("share", "", "shown items younger than seven days", lambda t, _: share(t.new_shown, t.shown)),
    "first_impression": Measure("seconds", "lower", "median age of new items when they were first shown", _first_impression),
    "list_age_p95": Measure(
        "seconds", "lower", "95 of 100 cached lists were at most this old",
        lambda t, _: Figure(percentile(t.age, 0.95), sum(t.age.values())),
    ),
    "event_lag_p99": Measure(
        "seconds", "lower", "99 of 100 events came in at most so long after they happened",
        lambda t, _: Figure(percentile(t.lag, 0.99), sum(t.lag.values())),
    ),
    "calibration_error": Measure(
        "ratio", "lower", "mean difference of predicted and true click rate over ten bins (ECE)",
        lambda t, _: Figure(calibration(t)[0], calibration(t)[2]),
    ),
    "calibration_ratio": Measure(
        "ratio", "", "clicks predicted for each click that there was",
        lambda t, _: Figure(calibration(t)[1], calibration(t)[2]),
    ),
}  # fmt: skip
"""All measures by name."""


def measured(tally: Tally, eligible: Collection[str]) -> dict[str, Figure]:
    """All measures of a tally; `eligible` are the items that may be shown."""
    return {name: measure.of(tally, eligible) for name, measure in MEASURES.items()}
