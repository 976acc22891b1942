"""Intervals that hold at every look at once, and bounds for looks that were planned.

Confidence sequences: Howard, Ramdas, McAuliffe, Sekhon, Annals of Statistics 2021 (normal mixture, two-sided);
Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory", 2021 (for estimates that are normal in the
limit). Alpha spending: Lan and DeMets, Biometrika 1983, with recursive numerical integration after Armitage, McPherson and
Rowe, JRSS A 1969.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from honeyguide.experiments.statistics.comparing import Interval

Wide = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(300)  # of a density between the bounds of a look


def tuning(alpha: float, planned: float) -> float:
    """rho^2 of the mixture that is tightest at `planned` units; fixed before the start, or the guarantee is gone."""
    return (-2 * log(alpha) + log(1 - 2 * log(alpha))) / planned


def always_valid(value: float, variance: float, units: float, *, planned: float, alpha: float = 0.05) -> Interval:
    """The interval of an estimate with this variance after `units` units (of all arms that it compares): with probability
    1 - alpha it holds at all looks together, however many. NaN without a variance."""
    if not units or not variance >= 0:
        return Interval(np.nan, np.nan)
    reach = sqrt(variance) * errors(units, planned=planned, alpha=alpha)
    return Interval(value - reach, value + reach)


def errors(units: float, *, planned: float, alpha: float = 0.05) -> float:
    """How many standard errors that interval reaches to each side after `units` units."""
    scaled = units * tuning(alpha, planned)
    return sqrt(2 * (scaled + 1) / scaled * log(sqrt(scaled + 1) / alpha))


def always_valid_p(value: float, variance: float, units: float, *, planned: float, alpha: float = 0.05) -> float:
    """1 over the e-value against no effect, at most 1: below alpha just when the interval leaves 0 out."""
    if not units or not variance >= 0:
        return np.nan
    if variance == 0:
        return 1.0 if value == 0 else 0.0
    scaled = units * tuning(alpha, planned)
    evidence = scaled * value**2 / variance / (2 * (scaled + 1)) - log(scaled + 1) / 2
    return min(1.0, exp(-min(evidence, 700.0)))


def quadratic(share: float, alpha: float) -> float:
    """Alpha spent at a share of the information: alpha * share^2."""
    return alpha * min(share, 1.0) ** 2


def obrien_fleming(share: float, alpha: float) -> float:
    """Alpha spent as by O'Brien and Fleming's bounds: little early, nearly all at the end."""
    return float(4 * stats.norm.sf(stats.norm.ppf(1 - alpha / 4) / sqrt(min(share, 1.0)))) if share > 0 else 0.0


Spending = Callable[[float, float], float]


def group_sequential(shares: Sequence[float], *, alpha: float = 0.05, spending: Spending = quadratic) -> list[float]:
    """|z| above which to stop at each of the planned looks, two-sided; `shares` of the information, rising, up to 1.

    Raises `ValueError` for shares that do not rise within (0, 1]."""
    if not shares or min(np.diff([0.0, *shares])) <= 0 or shares[-1] > 1:
        raise ValueError(f"the shares of information {list(shares)} do not rise from above 0 to at most 1")
    bounds: list[float] = []
    walk, before, spent = _Walk(np.zeros(1), np.ones(1)), 0.0, 0.0
    for share in shares:
        step = sqrt(share - before)
        target = spending(share, alpha) - spent
        bound = walk.bound(step, target)
        bounds.append(bound / sqrt(share))
        spent, before = spent + target, share
        walk = walk.kept(step, bound)
    return bounds


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where a walk of normal steps is that has not left any bound yet: probabilities `mass` at points (float [points])."""

    points: Wide
    mass: Wide

    def bound(self, step: float, target: float) -> float:
        """The bound that it leaves with probability `target` in its next step."""

        def left(bound: float) -> float:
            out = stats.norm.sf((bound - self.points) / step) + stats.norm.cdf((-bound - self.points) / step)
            return float(self.mass @ out) - target

        return float(optimize.brentq(left, 1e-9, 20.0, xtol=1e-10))

    def kept(self, step: float, bound: float) -> "_Walk":
        """The walk after the step, where it has not left."""
        points = bound * _NODES
        density = stats.norm.pdf((points[:, None] - self.points[None, :]) / step) @ self.mass / step
        return _Walk(points, bound * _WEIGHTS * density)
