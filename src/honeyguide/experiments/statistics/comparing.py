"""A treatment beside a control at one fixed look: differences, lifts, and tests of both.

Formulas: Welch, Biometrika 1947; Fieller, JRSS B 1954; Newcombe, Statistics in Medicine 1998; lift by the delta method as in
Deng, Knoblich, Lu 2018. Which test decides is always that of the absolute difference: p-values of lifts differ from it.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from scipy import stats

from honeyguide.experiments.statistics.sums import Sums

Side = Literal["two", "greater", "less"]


class Law(Protocol):
    """A distribution of scipy with its parameters."""

    def cdf(self, x: Any, /) -> Any:
        """Probability of at most x."""

    def sf(self, x: Any, /) -> Any:
        """Probability of more than x."""

    def pdf(self, x: Any, /) -> Any:
        """Density at x."""

    def ppf(self, q: Any, /) -> Any:
        """Where the probability of less is q."""

    def isf(self, q: Any, /) -> Any:
        """Where the probability of more is q."""


class Interval(NamedTuple):
    """Two ends; infinite where nothing is said, NaN where nothing can be."""

    low: float
    high: float


class Comparison(NamedTuple):
    """A statistic, its p-value, and the interval at the level that was asked for."""

    statistic: float
    p: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value per unit and the variance of one unit; `units` of them were averaged."""

    value: float
    spread: float
    units: float

    @classmethod
    def mean(cls, sums: Sums) -> "Estimate":
        """x per unit."""
        return cls(sums.mean, sums.variance, sums.units)

    @classmethod
    def ratio(cls, sums: Sums) -> "Estimate":
        """Sum of x over sum of y, by the delta method."""
        return cls(sums.ratio, sums.ratio_variance, sums.units)

    @property
    def variance(self) -> float:
        """Of the value; NaN without two units."""
        return self.spread / self.units if self.units else np.nan


def welch(control: Estimate, treatment: Estimate, *, alpha: float = 0.05, side: Side = "two") -> Comparison:
    """Welch's t test of treatment - control, and its interval. NaN where an arm has fewer than two units; with no
    variance at all a difference is certain and no difference is none."""
    difference, variance = treatment.value - control.value, treatment.variance + control.variance
    if np.isnan(difference) or np.isnan(variance):
        return Comparison(np.nan, np.nan, Interval(np.nan, np.nan))
    if variance == 0:
        return _certain(difference, side)
    freedom = variance**2 / sum(arm.variance**2 / (arm.units - 1) for arm in (control, treatment))
    error = sqrt(variance)
    return _tested(difference, difference / error, error, stats.t(freedom), alpha, side)


def _certain(difference: float, side: Side) -> Comparison:
    against = {"two": difference == 0, "greater": difference <= 0, "less": difference >= 0}[side]
    return Comparison(
        0.0 if difference == 0 else np.copysign(np.inf, difference), float(against), Interval(difference, difference)
    )


def _tested(difference: float, statistic: float, error: float, law: Law, alpha: float, side: Side) -> Comparison:
    """The p-value and interval of a statistic that follows `law` when there is no difference."""
    if side == "two":
        reach = float(law.ppf(1 - alpha / 2)) * error
        return Comparison(statistic, float(2 * law.sf(abs(statistic))), Interval(difference - reach, difference + reach))
    reach = float(law.ppf(1 - alpha)) * error
    if side == "greater":
        return Comparison(statistic, float(law.sf(statistic)), Interval(difference - reach, np.inf))
    return Comparison(statistic, float(law.cdf(statistic)), Interval(-np.inf, difference + reach))


def two_proportions(successes: tuple[int, int], units: tuple[int, int], *, alpha: float = 0.05) -> Comparison:
    """The z test of two proportions (control, treatment) with a pooled variance, and an interval of their difference.

    Wald's with the variance of each; Newcombe's where a cell holds fewer than five. NaN for an arm without units."""
    (x_a, x_b), (n_a, n_b) = successes, units
    if not n_a or not n_b:
        return Comparison(np.nan, np.nan, Interval(np.nan, np.nan))
    p_a, p_b, pooled = x_a / n_a, x_b / n_b, (x_a + x_b) / (n_a + n_b)
    error = sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    statistic = (p_b - p_a) / error if error else 0.0
    few = min(x_a, x_b, n_a - x_a, n_b - x_b) < 5
    interval = _newcombe(x_a, n_a, x_b, n_b, alpha) if few else _wald(p_a, n_a, p_b, n_b, alpha)
    return Comparison(statistic, float(2 * stats.norm.sf(abs(statistic))), interval)


def _wald(p_a: float, n_a: int, p_b: float, n_b: int, alpha: float) -> Interval:
    reach = float(stats.norm.ppf(1 - alpha / 2)) * sqrt(p_a * (1 - p_a) / n_a + p_b * (1 - p_b) / n_b)
    return Interval(p_b - p_a - reach, p_b - p_a + reach)


def _newcombe(x_a: int, n_a: int, x_b: int, n_b: int, alpha: float) -> Interval:
    """Newcombe's hybrid of two Wilson intervals (his method 10)."""
    p_a, p_b = x_a / n_a, x_b / n_b
    low_a, high_a = wilson(x_a, n_a, alpha)
    low_b, high_b = wilson(x_b, n_b, alpha)
    difference = p_b - p_a
    return Interval(difference - sqrt((p_b - low_b) ** 2 + (high_a - p_a) ** 2), difference + sqrt(
        (high_b - p_b) ** 2 + (p_a - low_a) ** 2
    ))  # fmt: skip


def wilson(successes: int, units: int, alpha: float = 0.05) -> Interval:
    """Wilson's interval of a proportion (JASA 1927); NaN without units."""
    if not units:
        return Interval(np.nan, np.nan)
    z, p = float(stats.norm.ppf(1 - alpha / 2)), successes / units
    middle, scale = p + z**2 / (2 * units), 1 + z**2 / units
    reach = z * sqrt(p * (1 - p) / units + z**2 / (4 * units**2))
    return Interval((middle - reach) / scale, (middle + reach) / scale)


def lift(control: Estimate, treatment: Estimate) -> Estimate:
    """treatment / control - 1 with its variance by the delta method, as an estimate of one unit; NaN for a control of 0.

    Divided by the absolute value of the control, so that more stays more where the control is negative."""
    if not control.value:
        return Estimate(np.nan, np.nan, 1)
    base = control.value
    variance = treatment.variance / base**2 + control.variance * treatment.value**2 / base**4
    return Estimate((treatment.value - base) / abs(base), variance, 1)


def lift_interval(control: Estimate, treatment: Estimate, *, alpha: float = 0.05) -> Interval:
    """The interval of the lift by the delta method."""
    found, z = lift(control, treatment), float(stats.norm.ppf(1 - alpha / 2))
    reach = z * sqrt(found.variance) if found.variance >= 0 else np.nan
    return Interval(found.value - reach, found.value + reach)


def fieller(control: Estimate, treatment: Estimate, *, alpha: float = 0.05, errors: float | None = None) -> Interval:
    """Fieller's interval of the lift; unbounded where the control may be 0 at this level: then nothing can be said.

    `errors` is how many standard errors an interval of a difference reaches, if not those of a normal one at `alpha`: with
    those of a confidence sequence the lift's interval holds at every look as well, since it only asks of each possible lift
    r whether treatment - (1 + r) control may be 0."""
    z = float(stats.norm.ppf(1 - alpha / 2)) if errors is None else errors
    if not control.value or np.isnan(control.variance) or np.isnan(treatment.variance):
        return Interval(np.nan, np.nan)
    certainty = z**2 * control.variance / control.value**2
    if certainty >= 1:
        return Interval(-np.inf, np.inf)
    ratio = treatment.value / control.value
    root = sqrt(max(ratio**2 * control.variance + (1 - certainty) * treatment.variance, 0.0))
    reach = z / abs(control.value) * root
    low, high = (ratio - reach) / (1 - certainty) - 1, (ratio + reach) / (1 - certainty) - 1
    return Interval(low, high) if control.value > 0 else Interval(-high, -low)


def not_worse(control: Estimate, treatment: Estimate, margin: float, *, alpha: float = 0.05) -> Comparison:
    """Non-inferiority: whether treatment - control is above -margin (a positive one; for metrics where more is better).

    One-sided, normal, variances apart; a small p says that it is not worse by more than the margin."""
    difference, variance = treatment.value - control.value, treatment.variance + control.variance
    if not variance > 0:
        return Comparison(np.nan, np.nan, Interval(np.nan, np.nan))
    error = sqrt(variance)
    reach = float(stats.norm.ppf(1 - alpha)) * error
    statistic = (difference + margin) / error
    return Comparison(statistic, float(stats.norm.sf(statistic)), Interval(difference - reach, np.inf))
