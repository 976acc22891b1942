"""Less variance from what was known before: CUPED, strata, and caps on what one unit may add.

CUPED: Deng, Xu, Kohavi, Walker, WSDM 2013. What is adjusted by must have been measured before the unit's first exposure.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.sums import Sums

Wide = NDArray[np.float64]


def cuped(control: Sums, treatment: Sums) -> tuple[Estimate, Estimate]:
    """Both means with what the covariate explains taken off: x is the outcome and y the covariate of each unit.

    One slope, cov / var pooled within the arms, so that no effect is taken for what was there before. The values are
    those of outcomes adjusted to the mean covariate of both arms together; a covariate that never varies changes nothing."""
    within = [(arm.units - 1) * value for arm in (control, treatment) for value in (arm.variance_y, arm.covariance)]
    variance, covariance = within[0] + within[2], within[1] + within[3]
    slope = covariance / variance if variance > 0 else 0.0
    both = control + treatment
    middle = both.y / both.units if both.units else 0.0
    first, second = (
        Estimate(arm.mean - slope * (arm.y / arm.units - middle), _left(arm, slope), arm.units) if arm.units else Estimate(
            np.nan, np.nan, 0
        )
        for arm in (control, treatment)
    )  # fmt: skip
    return first, second


def _left(arm: Sums, slope: float) -> float:
    """The variance of outcome - slope * covariate."""
    return max(arm.variance - 2 * slope * arm.covariance + slope**2 * arm.variance_y, 0.0)


def post_stratified(strata: Sequence[tuple[Sums, Sums]]) -> tuple[Estimate, Estimate]:
    """Means of both arms weighed by the strata's shares of all units (Miratrix, Sekhon, Yu, JRSS B 2013), as estimates of
    one unit. Strata in which an arm has fewer than two units are joined into one."""
    whole = [pair for pair in strata if min(arm.units for arm in pair) >= 2]
    rest = [pair for pair in strata if min(arm.units for arm in pair) < 2]
    if rest:
        joined = (sum((a for a, _ in rest), Sums()), sum((b for _, b in rest), Sums()))
        if min(arm.units for arm in joined) >= 2:
            whole.append(joined)
    total = sum(a.units + b.units for a, b in whole)
    shares = [(a.units + b.units) / total for a, b in whole]
    first, second = (
        Estimate(
            sum(share * pair[arm].mean for share, pair in zip(shares, whole, strict=True)),
            sum(share**2 * pair[arm].variance / pair[arm].units for share, pair in zip(shares, whole, strict=True)),
            1,
        )
        for arm in (0, 1)
    )
    return (first, second) if whole else (Estimate(np.nan, np.nan, 1), Estimate(np.nan, np.nan, 1))


def winsorised(arms: Sequence[ArrayLike], quantile: float, *, of_positive: bool = False) -> list[Wide]:
    """The values per unit of each arm, those above the quantile of all arms together cut to it.

    One cap for all arms: caps of their own would move the arms apart. `of_positive`: the quantile of values above 0."""
    values = [np.asarray(arm, dtype=np.float64) for arm in arms]
    pooled = np.concatenate(values) if values else np.empty(0)
    pooled = pooled[pooled > 0] if of_positive else pooled
    return values if not len(pooled) else [np.minimum(arm, np.quantile(pooled, quantile)) for arm in values]
