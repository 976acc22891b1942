"""Six sums per arm: all that means, ratios and their variances need, and they merge by addition."""

from dataclasses import astuple, dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the units of an arm: their number, of a numerator x and of a denominator y (1 for a mean), of squares and of
    products. Sums of disjoint sets of units add up to those of their union."""

    units: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    y: float = 0.0
    yy: float = 0.0
    xy: float = 0.0

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike | None = None) -> Self:
        """The sums of values per unit, float [units]; `y` is 1 for each unit if it is not given."""
        first = np.asarray(x, dtype=np.float64)
        second = np.ones_like(first) if y is None else np.asarray(y, dtype=np.float64)
        return cls(len(first), *(float(each) for each in (
            first.sum(), first @ first, second.sum(), second @ second, first @ second
        )))  # fmt: skip

    def __add__(self, other: Self) -> Self:
        return type(self)(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Self) -> Self:
        return type(self)(*(a - b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def mean(self) -> float:
        """x per unit; NaN without units."""
        return self.x / self.units if self.units else np.nan

    @property
    def ratio(self) -> float:
        """x per y; NaN where there is no y."""
        return self.x / self.y if self.y else np.nan

    @property
    def variance(self) -> float:
        """Of x over units, with n - 1; NaN for fewer than two units."""
        return self._second(self.xx, self.x, self.x)

    @property
    def covariance(self) -> float:
        """Of x and y over units, with n - 1."""
        return self._second(self.xy, self.x, self.y)

    @property
    def variance_y(self) -> float:
        """Of y over units, with n - 1."""
        return self._second(self.yy, self.y, self.y)

    @property
    def ratio_variance(self) -> float:
        """Of a unit's part in the ratio, by the delta method: (s2_x - 2 R s_xy + R^2 s2_y) / mean(y)^2.

        Divided by the units it is the variance of the ratio."""
        if self.units < 2 or not self.y:
            return np.nan
        ratio, per_unit = self.ratio, self.y / self.units
        spread = self.variance - 2 * ratio * self.covariance + ratio**2 * self.variance_y
        return max(spread, 0.0) / per_unit**2

    def _second(self, products: float, first: float, second: float) -> float:
        if self.units < 2:
            return np.nan
        moment = products - first * second / self.units
        # what cancels to less than the sums can tell is nothing
        return 0.0 if abs(moment) <= 1e-12 * abs(products) else moment / (self.units - 1)
