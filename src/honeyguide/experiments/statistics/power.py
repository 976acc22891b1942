"""How many units an experiment needs, and what it could find: before the start, and while it runs.

Proportions: Fleiss, Levin, Paik, "Statistical methods for rates and proportions", 2003 (without continuity correction).
Means and ratios by their variance per unit. A lift moves the variance of the treatment: the least one solves a quadratic.
"""

from math import ceil, inf, sqrt

from scipy import stats

from honeyguide.experiments.statistics.comparing import Estimate


def units_for_proportions(
    base: float, lift: float, *, split: float = 1.0, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1
) -> tuple[int, int]:
    """Units of control and treatment that find a relative `lift` of the proportion `base` with this power.

    `split` is the treatment's units per one of the control; `comparisons` shares alpha out (arms less one times metrics).
    Raises `ValueError` where base or base * (1 + lift) is no proportion between 0 and 1, or the lift is 0."""
    other = base * (1 + lift)
    if not (0 < base < 1 and 0 < other < 1 and lift):
        raise ValueError(f"from {base} by {lift:+.2%} is no change between two proportions within 0 and 1")
    pooled = (base + split * other) / (1 + split)
    reach = _z(1 - alpha / comparisons / 2) * sqrt(pooled * (1 - pooled) * (1 + 1 / split))
    reach += _z(power) * sqrt(base * (1 - base) + other * (1 - other) / split)
    units = (reach / (other - base)) ** 2
    return ceil(units), ceil(units * split)


def units_for_means(
    spread: float,
    difference: float,
    *,
    spread_treatment: float | None = None,
    split: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
    comparisons: int = 1,
    correlation: float = 0.0,
) -> tuple[int, int]:
    """The same for a difference of means (or ratios: `spread` is then `Sums.ratio_variance`) whose variance per unit is
    `spread`. CUPED with a covariate of this `correlation` leaves 1 - correlation^2 of it."""
    if not difference or spread < 0 or not -1 < correlation < 1:
        raise ValueError("a difference of 0, a negative variance or a correlation of 1 asks for no number of units")
    total = (spread + (spread if spread_treatment is None else spread_treatment) / split) * (1 - correlation**2)
    units = (_z(1 - alpha / comparisons / 2) + _z(power)) ** 2 * total / difference**2
    return ceil(units), ceil(units * split)


def least_lift(
    control: Estimate, units: tuple[float, float], *, alpha: float = 0.05, power: float = 0.8, comparisons: int = 1
) -> float:
    """The smallest relative lift that so many units (control, treatment) find with this power; infinite if none is.

    The lift L has the variance s2 / m^2 (1 / n_b + (1 + L)^2 / n_a) under the delta method; L = k times its root."""
    if not control.value or min(units) <= 0 or not control.spread >= 0:
        return inf
    k = _z(1 - alpha / comparisons / 2) + _z(power)
    scale = k**2 * control.spread / control.value**2
    a, b, c = 1 - scale / units[0], -2 * scale / units[0], -scale * (1 / units[0] + 1 / units[1])
    return inf if a <= 0 else (-b + sqrt(b**2 - 4 * a * c)) / (2 * a)


def days_left(needed: float, seen: float, per_day: float) -> float:
    """Days until `needed` units are there, by the traffic that was seen; infinite without any, 0 when they are."""
    return 0.0 if seen >= needed else (inf if per_day <= 0 else (needed - seen) / per_day)


def _z(quantile: float) -> float:
    return float(stats.norm.ppf(quantile))
