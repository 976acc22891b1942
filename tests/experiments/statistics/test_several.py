"""Many comparisons, and arms of the wrong size."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from honeyguide.experiments.statistics.several import (
    benjamini_hochberg,
    holm,
    sample_ratio,
    sample_ratio_by_dimension,
)

P = st.lists(st.floats(0, 1), min_size=1, max_size=12)
FEW = settings(max_examples=25)


@FEW
@given(P)
def test_holm(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


@FEW
@given(P)
def test_benjamini_hochberg(p_values: list[float]) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1])


def test_nothing_to_adjust() -> None:
    assert len(holm([])) == len(benjamini_hochberg([])) == 0


def test_sizes_as_asked_for() -> None:
    found = sample_ratio([520, 480, 1_010], [0.25, 0.25, 0.5])
    assert found is not None
    theirs = stats.chisquare([520, 480, 1_010], [502.5, 502.5, 1_005])
    assert (found.statistic, found.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert (found.freedom, found.alarm) == (2, False)


def test_an_arm_without_weight_takes_no_part() -> None:
    """With it the degrees of freedom would be 2 and the p-value .822 (a known defect elsewhere)."""
    found = sample_ratio([500, 520, 0], [0.5, 0.5, 0.0])
    assert found is not None
    assert found.freedom == 1
    assert found.p == pytest.approx(0.531, abs=5e-4)


def test_a_unit_where_none_should_be_is_an_alarm() -> None:
    found = sample_ratio([500, 520, 1], [0.5, 0.5, 0.0])
    assert found is not None
    assert found.alarm


@pytest.mark.parametrize(("counts", "weights"), [([5, 9], [0.5, 0.5]), ([0, 0], [0.5, 0.5]), ([100], [1.0]), ([], [])])
def test_too_little_to_judge(counts: list[float], weights: list[float]) -> None:
    assert sample_ratio(counts, weights) is None


def test_a_broken_split_is_found_in_the_dimension_that_breaks_it() -> None:
    found = sample_ratio_by_dimension([[1_000, 1_010], [1_000, 700], [3, 2]], [1, 1])
    assert [each.alarm if each else None for each in found] == [False, True, None]
    alone = sample_ratio([1_000, 1_010], [1, 1])
    assert alone is not None
    assert found[0] is not None
    assert found[0].p == pytest.approx(min(2 * alone.p, 1))
