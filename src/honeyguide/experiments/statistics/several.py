"""Several comparisons at once, and whether the arms have the sizes that were asked for."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Wide = NDArray[np.float64]
LEAST_EXPECTED: Final = 8.0
"""Units that each arm must be expected to have before sizes are judged."""
SRM_ALARM: Final = 0.001
"""Sizes are looked at every day: so unlikely must a mismatch be."""


def holm(p_values: Sequence[float]) -> Wide:
    """p-values adjusted for their number, in their order: the chance of any false alarm is held (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(np.minimum(p[order] * np.arange(len(p), 0, -1), 1.0))
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> Wide:
    """The same where the share of false ones among the alarms is held (Benjamini, Hochberg, JRSS B 1995)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    scaled = np.minimum(p[order] * len(p) / np.arange(1, len(p) + 1), 1.0)
    adjusted[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return adjusted


class Mismatch(NamedTuple):
    """Chi squared against the weights, its degrees of freedom and p-value; `alarm` says that the split is broken."""

    statistic: float
    freedom: int
    p: float
    alarm: bool


def sample_ratio(counts: Sequence[float], weights: Sequence[float]) -> Mismatch | None:
    """Whether units fell into the arms by their weights (sample ratio mismatch). Arms of weight 0 take no part, and a unit
    in one of them is an alarm by itself. None while an arm is expected to have fewer than `LEAST_EXPECTED`."""
    observed, shares = np.asarray(counts, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if observed[shares <= 0].sum():
        return Mismatch(np.inf, int((shares > 0).sum()) - 1, 0.0, alarm=True)
    observed, shares = observed[shares > 0], shares[shares > 0]
    expected = observed.sum() * shares / shares.sum() if len(shares) else shares
    if len(shares) < 2 or expected.min() < LEAST_EXPECTED:
        return None
    statistic, freedom = float(((observed - expected) ** 2 / expected).sum()), len(shares) - 1
    p = float(stats.chi2.sf(statistic, freedom))
    return Mismatch(statistic, freedom, p, p < SRM_ALARM)


def sample_ratio_by_dimension(counts: Sequence[Sequence[float]], weights: Sequence[float]) -> list[Mismatch | None]:
    """The same within each value of a dimension, p-values multiplied by how many could be judged (Bonferroni)."""
    found = [sample_ratio(row, weights) for row in counts]
    judged = sum(each is not None for each in found)
    return [
        each._replace(p=min(each.p * judged, 1.0), alarm=each.p * judged < SRM_ALARM) if each is not None else None
        for each in found
    ]
