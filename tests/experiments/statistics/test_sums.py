"""Six sums say of an arm what its values say, and add up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.experiments.statistics.sums import Sums

VALUES = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 1e3)), min_size=2, max_size=40)


@given(VALUES, st.integers(0, 40))
def test_parts_add_up_to_the_whole_and_say_what_numpy_says(values: list[tuple[float, float]], cut: int) -> None:
    x, y = np.array(values).T
    whole = Sums.of(x[:cut], y[:cut]) + Sums.of(x[cut:], y[cut:])
    assert whole.mean == pytest.approx(x.mean(), abs=1e-9)
    scale = max(float(x @ x), float(y @ y), 1.0)
    assert whole.variance == pytest.approx(x.var(ddof=1), abs=1e-10 * scale)
    assert whole.covariance == pytest.approx(np.cov(x, y)[0, 1], abs=1e-10 * scale)
    assert (whole - Sums.of(x[cut:], y[cut:])).units == min(cut, len(x))


def test_the_variance_of_a_ratio_is_that_of_its_linear_form() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(1, 30, 500).astype(float)
    x = rng.binomial(y.astype(int), 0.1).astype(float)
    sums = Sums.of(x, y)
    linear = (x - sums.ratio * y) / y.mean()
    assert sums.ratio_variance == pytest.approx(linear.var(ddof=1))


@pytest.mark.parametrize("values", [[], [3.0]])
def test_fewer_than_two_units_have_no_variance(values: list[float]) -> None:
    sums = Sums.of(values)
    assert np.isnan(sums.variance)
    assert np.isnan(sums.ratio_variance)


def test_values_that_are_all_the_same_have_none_either() -> None:
    assert Sums.of([0.1] * 1_000).variance == 0.0
    assert Sums.of([1e9] * 7).variance == 0.0
    assert np.isnan(Sums.of([1.0, 2.0], [0.0, 0.0]).ratio)
