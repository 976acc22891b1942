"""Numbers of units against statsmodels, and against what experiments of that size find."""

from math import inf

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.power import days_left, least_lift, units_for_means, units_for_proportions


@pytest.mark.parametrize(("base", "lift", "split"), [(0.05, 0.1, 1.0), (0.3, -0.2, 0.5), (0.01, 0.5, 3.0)])
def test_proportions(base: float, lift: float, split: float) -> None:
    theirs = samplesize_proportions_2indep_onetail(base * lift, base, 0.8, ratio=1 / split, alpha=0.05)
    control, treatment = units_for_proportions(base, lift, split=split)
    assert treatment == pytest.approx(theirs, abs=3)
    assert control == pytest.approx(theirs / split, abs=1)


def test_means() -> None:
    theirs = NormalIndPower().solve_power(effect_size=0.1, alpha=0.05, power=0.9, ratio=1.0)
    assert units_for_means(4.0, 0.2, power=0.9)[0] == pytest.approx(theirs, abs=1)
    assert units_for_means(4.0, 0.2, correlation=0.6)[0] == pytest.approx(0.64 * units_for_means(4.0, 0.2)[0], abs=1)
    assert units_for_means(4.0, 0.2, comparisons=3)[0] > units_for_means(4.0, 0.2)[0]


def test_so_many_units_find_it_as_often_as_was_asked_for() -> None:
    rng = np.random.default_rng(1)
    n_a, n_b = units_for_proportions(0.1, 0.3, split=2.0)
    x_a, x_b = rng.binomial(n_a, 0.1, 20_000), rng.binomial(n_b, 0.13, 20_000)
    pooled = (x_a + x_b) / (n_a + n_b)
    z = (x_b / n_b - x_a / n_a) / np.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.015)


def test_the_least_lift_is_found_as_often_as_was_asked_for() -> None:
    rng, control = np.random.default_rng(2), Estimate(10.0, 400.0, 1)
    found = least_lift(control, (300_000, 200_000))
    a = rng.normal(10.0, 20 / 300_000**0.5, 50_000)
    b = rng.normal(10.0 * (1 + found), 20 / 200_000**0.5, 50_000)
    error = np.sqrt(400 / (200_000 * a**2) + 400 * b**2 / (300_000 * a**4))
    assert (np.abs(b / a - 1) > 1.96 * error).mean() == pytest.approx(0.8, abs=0.02)


def test_too_few_units_find_nothing() -> None:
    assert least_lift(Estimate(1.0, 400.0, 1), (100, 100)) == inf
    assert least_lift(Estimate(0.0, 1.0, 1), (100, 100)) == inf


@pytest.mark.parametrize(("base", "lift"), [(0.0, 0.1), (1.0, 0.1), (0.8, 0.5), (0.1, 0.0)])
def test_what_is_no_change_of_a_proportion_is_refused(base: float, lift: float) -> None:
    with pytest.raises(ValueError, match="no change between two proportions"):
        units_for_proportions(base, lift)


def test_what_asks_for_no_number_is_refused() -> None:
    for spread, difference in ((1.0, 0.0), (-1.0, 1.0)):
        with pytest.raises(ValueError, match="asks for no number"):
            units_for_means(spread, difference)


def test_days_left() -> None:
    assert days_left(1_000, 400, 100) == 6
    assert days_left(1_000, 1_000, 0) == 0
    assert days_left(1_000, 0, 0) == inf
