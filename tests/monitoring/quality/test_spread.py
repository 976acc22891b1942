"""Percentiles from bins, and the number of different ids from a sketch."""

import numpy as np
import pytest

from honeyguide.monitoring.quality.spread import RATIO, distinct, percentile, registers_of, spread_of, united


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99, 1.0])
def test_a_percentile_is_right_to_within_the_width_of_a_bin(share: float) -> None:
    values = np.random.default_rng(1).lognormal(-3, 2, 5000)
    exact = np.quantile(values, share, method="inverted_cdf")
    found = percentile(spread_of(values), share)
    assert found is not None
    assert exact / RATIO <= found <= exact * RATIO


def test_signs_and_zero_keep_their_order() -> None:
    spread = spread_of(np.array([-5.0, 0.0, 0.0, 7.0]))
    assert [round(percentile(spread, share) or 0.0, 1) for share in (0.25, 0.5, 0.75)] == pytest.approx([-5, 0, 0], abs=0.2)
    assert percentile({}, 0.5) is None


@pytest.mark.parametrize("number", [0, 1, 7, 300, 5000, 60_000])
def test_different_ids_are_counted_to_within_a_few_percent(number: int) -> None:
    ids = [f"user-{each}" for each in range(number)]
    whole = united(registers_of(ids[: number // 2]), registers_of(ids[number // 3 :]))
    assert distinct(whole) == pytest.approx(number, rel=0.05)
    assert whole == registers_of([*ids, *ids])
