"""The probability of each of several independent quantities to be the highest, by quadrature."""

from typing import Final

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from honeyguide.experiments.statistics.comparing import Law

Wide = NDArray[np.float64]
_QUANTILES: Final = np.array([1e-12, 1e-6, 1e-3, 0.02, 0.2, 0.5, 0.8, 0.98, 1 - 1e-3, 1 - 1e-6, 1 - 1e-12])
"""Of each law: places between which it is smooth enough for one panel."""
_NODES, _WEIGHTS = leggauss(12)


def highest(law: Law) -> Wide:
    """P(arm i is the highest), float64 [..., arms], in sum 1: the integral of f_i times the product of the other F_j.

    `law` is a distribution of scipy whose parameters have the shape [..., arms, 1], such as `stats.norm(mean, deviation)`.
    Panels end at quantiles of all arms, so that a sure arm among unsure ones is no step between two nodes; the error is
    below 1e-8 for normal laws and for Beta laws with both parameters from 1 up."""
    ends = np.asarray(law.ppf(_QUANTILES), dtype=np.float64)  # [..., arms, quantiles]
    rows = ends.shape[:-2]
    ends = np.sort(ends.reshape(*rows, ends.shape[-2] * ends.shape[-1]), axis=-1)
    half, middle = np.diff(ends) / 2, (ends[..., 1:] + ends[..., :-1]) / 2
    flat = (*rows, 1, half.shape[-1] * len(_NODES))
    points = (middle[..., None] + half[..., None] * _NODES).reshape(flat)
    weights = (half[..., None] * _WEIGHTS).reshape(flat)
    below = np.asarray(law.cdf(points), dtype=np.float64)  # [..., arms, points]
    shares = (np.asarray(law.pdf(points)) * weights * _others(below)).sum(axis=-1)
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True), dtype=np.float64)


def _others(below: Wide) -> Wide:
    """For each arm the product of all others, without dividing by what may be 0."""
    arms = below.shape[-2]
    found = np.ones_like(below)
    for arm in range(arms):
        for other in range(arms):
            if other != arm:
                found[..., arm, :] *= below[..., other, :]
    return found
