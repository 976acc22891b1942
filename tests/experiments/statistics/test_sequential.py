"""What holds at every look: closed forms, published bounds, and A/A tests that are looked at a hundred times."""

from math import exp, log, sqrt

import numpy as np
import pytest
from scipy import stats

from honeyguide.experiments.statistics.sequential import (
    always_valid,
    always_valid_p,
    group_sequential,
    obrien_fleming,
    quadratic,
    tuning,
)


def test_the_interval_is_the_published_one() -> None:
    """In GrowthBook's form: se * sqrt(N) * sqrt(2 (N rho^2 + 1) / (N^2 rho^2) * ln(sqrt(N rho^2 + 1) / alpha))."""
    units, alpha, error = 3_000, 0.05, 0.01
    rho = tuning(alpha, 5_000)
    half = error * sqrt(units) * sqrt(2 * (units * rho + 1) / (units**2 * rho) * log(sqrt(units * rho + 1) / alpha))
    low, high = always_valid(0.02, error**2, units, planned=5_000)
    assert (high - low) / 2 == pytest.approx(half)
    assert (high + low) / 2 == pytest.approx(0.02)


def test_it_is_eppos_too() -> None:
    units, alpha = 3_000, 0.05
    r = 1 / tuning(alpha, 10_000)
    low, high = always_valid(0.0, 1.0, units, planned=10_000)
    assert (high - low) / 2 == pytest.approx(sqrt((units + r) / units * log((units + r) / (r * alpha**2))))


@pytest.mark.parametrize("value", [0.0, 0.5, 2.0, 3.1, 4.0, 9.0])
def test_p_is_below_alpha_just_when_the_interval_leaves_zero_out(value: float) -> None:
    low, high = always_valid(value, 1.0, 800, planned=1_000)
    assert (always_valid_p(value, 1.0, 800, planned=1_000) < 0.05) == (not low <= 0 <= high)


def test_it_is_tightest_near_the_planned_size() -> None:
    widths = {
        planned: np.subtract(*always_valid(0.0, 1.0, 5_000, planned=planned)[::-1]) for planned in (100, 5_000, 500_000)
    }
    assert min(widths, key=widths.__getitem__) == 5_000


def test_an_aa_test_that_is_looked_at_140_times_is_quiet() -> None:
    """Per repeat, 140 looks of 40 units; the fixed test at 1.96 fires in a third of them."""
    rng, repeats, looks, step = np.random.default_rng(3), 1_000, 140, 40
    sums = rng.normal(0.0, sqrt(step), (repeats, looks)).cumsum(axis=1)
    units = step * np.arange(1, looks + 1)
    means = sums / units
    fired = np.zeros(repeats, dtype=bool)
    for look, count in enumerate(units.tolist()):
        low, high = always_valid(0.0, 1 / count, count, planned=looks * step)
        fired |= ~((low <= means[:, look]) & (means[:, look] <= high))
    assert fired.mean() <= 0.05
    assert (np.abs(means * np.sqrt(units)) > 1.96).any(axis=1).mean() > 0.3


def test_it_finds_what_is_there() -> None:
    rng = np.random.default_rng(4)
    means = 0.1 + rng.normal(0, 1, (500, 5_000)).cumsum(axis=1)[:, -1] / 5_000
    found = [always_valid(value, 1 / 5_000, 5_000, planned=5_000).low > 0 for value in means.tolist()]
    assert np.mean(found) > 0.99


def test_bounds_of_obrien_and_fleming_for_five_looks_are_the_published_ones() -> None:
    """Lan-DeMets spending, two-sided 5 %, equal steps (Jennison and Turnbull 2000; gsDesign prints the same)."""
    bounds = group_sequential([0.2, 0.4, 0.6, 0.8, 1.0], spending=obrien_fleming)
    assert bounds == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.002)


def test_one_look_is_the_fixed_test() -> None:
    assert group_sequential([1.0]) == pytest.approx([stats.norm.ppf(0.975)], abs=1e-6)


def test_planned_looks_spend_alpha_and_no_more() -> None:
    shares = [0.25, 0.5, 0.75, 1.0]
    bounds = group_sequential(shares)
    rng = np.random.default_rng(5)
    walk = rng.normal(0, 0.5, (200_000, 4)).cumsum(axis=1) / np.sqrt(shares)
    over = np.abs(walk) > bounds
    assert over.any(axis=1).mean() == pytest.approx(0.05, abs=0.002)
    assert over[:, 0].mean() == pytest.approx(quadratic(0.25, 0.05), abs=0.0007)


@pytest.mark.parametrize("shares", [[], [0.5, 0.5], [0.0, 1.0], [0.5, 1.2], [1.0, 0.5]])
def test_looks_that_cannot_be_planned_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="do not rise"):
        group_sequential(shares)


def test_no_variance_and_no_units() -> None:
    assert np.isnan(always_valid(1.0, np.nan, 10, planned=100).low)
    assert np.isnan(always_valid_p(1.0, 1.0, 0, planned=100))
    assert always_valid_p(0.0, 0.0, 10, planned=100) == 1.0
    assert always_valid_p(0.1, 0.0, 10, planned=100) == 0.0
    assert always_valid_p(1e6, 1.0, 1_000, planned=100) == pytest.approx(0.0, abs=exp(-600))
