"""A quantile of values that come in clusters: its error is that of the units."""

import numpy as np
import pytest
from numpy.typing import NDArray

from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.quantiles import clustered_quantile
from honeyguide.experiments.statistics.sums import Sums

THRESHOLDS = [float(at) for at in range(1, 101)]


def at(values: NDArray[np.float64], quantile: float = 0.5) -> Estimate:
    """Of the values of each unit, [units, values]."""
    sums = [Sums.of((values <= limit).sum(axis=1), np.full(len(values), values.shape[1])) for limit in THRESHOLDS]
    return clustered_quantile(THRESHOLDS, sums, quantile)


def test_the_error_is_that_of_units_and_not_of_values() -> None:
    """Over many samples the deviation of the median is what one sample says of it, within a tenth or so."""
    chance = np.random.default_rng(1)
    medians, said, independent = [], [], []
    for _ in range(150):
        own = chance.uniform(10, 90, 200)
        values = np.ceil(np.clip(own[:, None] + chance.normal(0, 10, (200, 8)), 1, 100))
        found = at(values)
        medians.append(found.value)
        said.append(np.sqrt(found.variance))
        independent.append(np.sqrt(at(values.reshape(-1, 1)).variance))
    assert np.mean(said) == pytest.approx(np.std(medians), rel=0.15)
    assert np.mean(independent) < 0.6 * np.std(medians)


def test_one_value_of_each_unit_is_the_plain_quantile() -> None:
    chance = np.random.default_rng(2)
    values = chance.integers(1, 101, 2000)
    found = at(values[:, None].astype(np.float64), 0.9)
    assert found.value == np.sort(values)[1799]
    assert np.sqrt(found.variance) == pytest.approx(np.sqrt(0.09 / 2000) * 100, rel=0.2)


def test_too_few_values_have_no_variance_and_none_no_quantile() -> None:
    assert np.isnan(clustered_quantile([], [], 0.5).value)
    few = at(np.array([[5.0], [7.0]]))
    assert (few.value, np.isnan(few.variance)) == (5.0, True)
