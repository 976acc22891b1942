"""Chance to win, expected loss and credible intervals, by closed forms and quadrature.

Beta-Binomial: conjugate, integrals by Gauss-Legendre over where the posteriors have mass. Gaussian: a normal prior on the
effect times a normal likelihood; losses in closed form. None of these is immune to looking often: they are shown beside an
always-valid interval.
"""

from math import exp, pi, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from honeyguide.experiments.statistics.comparing import Interval, Law

Wide = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)
_TAIL: Final = 1e-12


class Belief(NamedTuple):
    """What is believed of treatment against control: the chance that it is better, what is lost on average by shipping it
    or by keeping the control, and the interval of their difference that holds 1 - alpha of the belief."""

    chance: float
    loss_of_shipping: float
    loss_of_keeping: float
    interval: Interval


def beta_binomial(
    successes: tuple[float, float],
    units: tuple[float, float],
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    alpha: float | None = 0.05,
) -> Belief:
    """Of two proportions (control, treatment), each with the Beta `prior`. Absolute errors are below 1e-9.

    Nearly all of the work is the interval: with an `alpha` of None it is left out."""
    control, treatment = (
        stats.beta(prior[0] + x, prior[1] + n - x) for x, n in zip(successes, units, strict=True)
    )  # fmt: skip
    low = min(float(law.ppf(_TAIL)) for law in (control, treatment))
    high = max(float(law.isf(_TAIL)) for law in (control, treatment))
    points, weights = _panels(np.unique([low, *_middles(control), *_middles(treatment), high]))
    chance = float(weights @ (treatment.pdf(points) * control.cdf(points)))
    shipping = float(weights @ (control.sf(points) * treatment.cdf(points)))
    keeping = float(weights @ (treatment.sf(points) * control.cdf(points)))
    nothing = Interval(np.nan, np.nan)
    interval = nothing if alpha is None else _difference(control, treatment, points, weights, alpha)
    return Belief(min(chance, 1.0), shipping, keeping, interval)


def _middles(law: Law) -> list[float]:
    """Places between which the law is smooth enough for one panel."""
    return [float(law.ppf(q)) for q in (1e-6, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1e-6)]


def _panels(ends: Wide) -> tuple[Wide, Wide]:
    """Points and weights of a quadrature over all panels between the ends."""
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    points = middle[:, None] + half[:, None] * _NODES[None, :]
    return points.ravel(), (half[:, None] * _WEIGHTS[None, :]).ravel()


def _difference(control: Law, treatment: Law, points: Wide, weights: Wide, alpha: float) -> Interval:
    """Quantiles of treatment - control: its distribution function is an integral over the control."""
    mass = weights * control.pdf(points)

    def below(d: float) -> float:
        return float(mass @ treatment.cdf(points + d))

    def quantile(q: float) -> float:
        low, high = -1.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle) < q else (low, middle)
        return (low + high) / 2

    return Interval(quantile(alpha / 2), quantile(1 - alpha / 2))


def gaussian(effect: float, variance: float, *, prior: tuple[float, float] | None = None, alpha: float = 0.05) -> Belief:
    """Of an effect estimated with this variance; `prior` is (mean, variance) on the same scale, flat if there is none.

    NaN throughout without a variance; a variance of 0 is certainty."""
    mean, spread = (effect, variance) if prior is None else _weighed(effect, variance, *prior)
    if np.isnan(mean) or not spread >= 0:
        return Belief(np.nan, np.nan, np.nan, Interval(np.nan, np.nan))
    if spread == 0:
        return Belief(float(mean > 0) + 0.5 * (mean == 0), max(-mean, 0.0), max(mean, 0.0), Interval(mean, mean))
    deviation = sqrt(spread)
    z = mean / deviation
    density, reach = deviation * exp(-(z**2) / 2) / sqrt(2 * pi), deviation * float(special.ndtri(1 - alpha / 2))
    below, above = float(special.ndtr(-z)), float(special.ndtr(z))
    return Belief(
        above,
        density - mean * below,
        density + mean * above,
        Interval(mean - reach, mean + reach),
    )


def _weighed(effect: float, variance: float, mean: float, spread: float) -> tuple[float, float]:
    """Prior and estimate weighed by their precision."""
    if not variance > 0:
        return effect, variance
    total = 1 / variance + 1 / spread
    return (effect / variance + mean / spread) / total, 1 / total
