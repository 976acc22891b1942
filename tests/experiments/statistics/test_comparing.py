"""Tests and intervals against statsmodels, scipy and cases that can be reckoned by hand."""

from math import inf, isnan, nan

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)
from statsmodels.stats.proportion import (
    test_proportions_2indep as of_margin,
)
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from honeyguide.experiments.statistics.comparing import (
    Estimate,
    Side,
    fieller,
    lift,
    lift_interval,
    not_worse,
    two_proportions,
    welch,
    wilson,
)
from honeyguide.experiments.statistics.sums import Sums

RNG = np.random.default_rng(7)
A, B = RNG.gamma(2.0, 3.0, 300), RNG.gamma(2.0, 3.3, 170)
SIDES: list[tuple[Side, str]] = [("two", "two-sided"), ("greater", "larger"), ("less", "smaller")]


def mean(values: NDArray[np.float64]) -> Estimate:
    return Estimate.mean(Sums.of(values))


@pytest.mark.parametrize(("side", "theirs"), SIDES)
def test_welch(side: Side, theirs: str) -> None:
    ours = welch(mean(A), mean(B), side=side)
    compared = CompareMeans(DescrStatsW(B), DescrStatsW(A))
    t, p, _ = compared.ttest_ind(alternative=theirs, usevar="unequal")
    assert (ours.statistic, ours.p) == pytest.approx((t, p))
    assert ours.interval == pytest.approx(compared.tconfint_diff(alternative=theirs, usevar="unequal"))


def test_the_delta_method_agrees_with_clusters() -> None:
    """A CTR of users with many impressions each: the impressions alone would give a third of the variance."""
    impressions = 1 + RNG.poisson(10, 2_000)
    clicks = RNG.binomial(impressions, RNG.beta(1, 9, 2_000))
    ratio = Estimate.ratio(Sums.of(clicks, impressions))
    draws = RNG.integers(0, 2_000, (2_000, 2_000))
    resampled = clicks[draws].sum(axis=1) / impressions[draws].sum(axis=1)
    assert ratio.variance**0.5 == pytest.approx(resampled.std(), rel=0.06)
    naive = ratio.value * (1 - ratio.value) / impressions.sum()
    assert ratio.variance > 1.5 * naive


@pytest.mark.parametrize(
    ("x", "n"), [((120, 160), (2_000, 2_100)), ((2, 9), (40, 55)), ((0, 0), (30, 40)), ((30, 40), (30, 40))]
)
def test_two_proportions(x: tuple[int, int], n: tuple[int, int]) -> None:
    ours = two_proportions(x, n)
    if 0 < sum(x) < sum(n):
        assert (ours.statistic, ours.p) == pytest.approx(proportions_ztest(x[::-1], n[::-1]))
    else:
        assert (ours.statistic, ours.p) == (0.0, 1.0)
    few = min(*x, n[0] - x[0], n[1] - x[1]) < 5
    method = "newcomb" if few else "wald"
    assert ours.interval == pytest.approx(confint_proportions_2indep(x[1], n[1], x[0], n[0], method=method), abs=1e-9)


def test_wilson() -> None:
    assert wilson(7, 50) == pytest.approx(proportion_confint(7, 50, method="wilson"))


def test_not_worse() -> None:
    control, treatment = Estimate(0.10, 0.09, 4_000), Estimate(0.095, 0.085975, 4_100)
    theirs = of_margin(389.5, 4_100, 400, 4_000, value=-0.01, alternative="larger", method="wald")
    ours = not_worse(control, treatment, 0.01)
    assert (ours.statistic, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert ours.interval.high == inf


def test_a_lift_by_the_delta_method_is_that_of_many_draws() -> None:
    found, draws = lift(mean(A), mean(B)), 200_000
    a, b = (RNG.normal(arm.value, arm.variance**0.5, draws) for arm in (mean(A), mean(B)))
    assert found.value == pytest.approx(B.mean() / A.mean() - 1)
    assert found.variance**0.5 == pytest.approx((b / a - 1).std(), rel=0.02)


def test_fieller_covers_where_the_control_is_uncertain() -> None:
    """4,000 repeats with a control that is three deviations from 0: the delta interval is short of its level there."""
    truth, covered = 0.5, 0
    control, treatment = RNG.normal(1.0, 0.33, 4_000), RNG.normal(1.5, 0.2, 4_000)
    for a, b in zip(control, treatment, strict=True):
        low, high = fieller(Estimate(a, 0.33**2, 1), Estimate(b, 0.2**2, 1))
        covered += low <= truth <= high
    assert covered / 4_000 >= 0.94


def test_fieller_is_close_to_the_delta_method_where_the_control_is_certain() -> None:
    assert fieller(mean(A), mean(B)) == pytest.approx(lift_interval(mean(A), mean(B)), abs=0.02)


def test_a_negative_control_keeps_more_as_more() -> None:
    assert lift(Estimate(-10.0, 1, 100), Estimate(-5.0, 1, 100)).value == pytest.approx(0.5)
    low, high = fieller(Estimate(-10.0, 1, 100), Estimate(-5.0, 1, 100))
    assert low < 0.5 < high


def test_nothing_is_said_of_nothing() -> None:
    none, one, some = Estimate.mean(Sums()), Estimate.mean(Sums.of([1.0])), mean(A)
    for arm in (none, one):
        assert isnan(welch(arm, some).p)
        assert isnan(not_worse(arm, some, 1.0).p)
    assert isnan(two_proportions((0, 1), (0, 5)).p)
    assert isnan(lift(Estimate(0.0, 1, 10), some).value)
    assert fieller(Estimate(0.1, 100, 10), some) == (-inf, inf)


@pytest.mark.parametrize(
    ("value", "side", "p"), [(1.0, "two", 1.0), (2.0, "two", 0.0), (2.0, "greater", 0.0), (2.0, "less", 1.0)]
)
def test_no_variance_is_certainty(value: float, side: Side, p: float) -> None:
    ours = welch(Estimate(1.0, 0.0, 50), Estimate(value, 0.0, 50), side=side)
    assert ours.p == p
    assert ours.interval == (value - 1.0, value - 1.0)


def test_welch_is_scipys_on_values() -> None:
    assert welch(mean(A), mean(B)).p == pytest.approx(stats.ttest_ind(A, B, equal_var=False).pvalue)
    assert nan != welch(mean(A), mean(B)).p
