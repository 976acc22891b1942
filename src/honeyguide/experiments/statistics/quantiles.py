"""A quantile of values of which a unit may have several, with the variance that units, not values, give it.

Deng, Knoblich, Lu, "Applying the delta method in metric analytics", KDD 2018, section 4: order statistics around the
quantile give the deviation as if values were independent; the ratio of the clustered to the independent variance of
I{value <= quantile} corrects it.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy import stats

from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.sums import Sums


def clustered_quantile(
    thresholds: Sequence[float], sums: Sequence[Sums], quantile: float, *, alpha: float = 0.05
) -> Estimate:
    """The quantile of an arm. `thresholds` rise; the sums of each are over units with any value: x is how many of the unit's
    values are at most the threshold, y how many it has.

    NaN without values, and without a variance where there are too few values for order statistics on both sides."""
    if not sums or not sums[-1].y:
        return Estimate(np.nan, np.nan, 0)
    levels, values = [each.ratio for each in sums], sums[-1].y
    at = int(np.searchsorted(levels, quantile - 1e-12))
    if at == len(levels):
        return Estimate(np.nan, np.nan, 0)
    z = float(stats.norm.ppf(1 - alpha / 2))
    independent = quantile * (1 - quantile) / values
    low, high = quantile - z * sqrt(independent), quantile + z * sqrt(independent)
    units = sums[at].units
    if low * values < 1 or high >= 1 or units < 2:
        return Estimate(thresholds[at], np.nan, units)
    ends = [thresholds[min(int(np.searchsorted(levels, level - 1e-12)), len(levels) - 1)] for level in (low, high)]
    deviation = (ends[1] - ends[0]) / (2 * z)
    clustered = sums[at].ratio_variance / units
    return Estimate(thresholds[at], deviation**2 * clustered / independent * units, units)
