"""Less variance and no other effect."""

import numpy as np
import pytest

from honeyguide.experiments.statistics.adjusting import cuped, post_stratified, winsorised
from honeyguide.experiments.statistics.comparing import Estimate, Interval, welch
from honeyguide.experiments.statistics.sums import Sums

RNG = np.random.default_rng(11)


def width(interval: Interval) -> float:
    return interval.high - interval.low


def arms(effect: float, size: int = 4_000) -> list[tuple[np.ndarray, np.ndarray]]:
    before = RNG.normal(10, 3, (2, size))
    after = before * 0.8 + RNG.normal(0, 1.5, (2, size)) + np.array([[0.0], [effect]])
    return [(after[arm], before[arm]) for arm in (0, 1)]


def test_cuped_takes_off_what_the_covariate_explains() -> None:
    control, treatment = (Sums.of(*arm) for arm in arms(0.1))
    plain = welch(Estimate.mean(control), Estimate.mean(treatment))
    less = welch(*cuped(control, treatment))
    correlation = 0.8 * 3 / np.hypot(0.8 * 3, 1.5)
    assert width(less.interval) / width(plain.interval) == pytest.approx((1 - correlation**2) ** 0.5, rel=0.05)
    assert less.interval.low < 0.1 < less.interval.high


def test_cuped_has_no_bias() -> None:
    pairs = [cuped(*(Sums.of(*arm) for arm in arms(0.2, 200))) for _ in range(2_000)]
    found = [treatment.value - control.value for control, treatment in pairs]
    assert np.mean(found) == pytest.approx(0.2, abs=4 * np.std(found) / 2_000**0.5)


def test_a_covariate_that_never_varies_changes_nothing() -> None:
    control, treatment = Sums.of([1.0, 2.0, 5.0], [1.0] * 3), Sums.of([2.0, 2.0, 7.0], [1.0] * 3)
    first, second = cuped(control, treatment)
    assert (first.value, second.value) == pytest.approx((control.mean, treatment.mean))
    assert (first.spread, second.spread) == pytest.approx((control.variance, treatment.variance))


def test_strata_of_unequal_sizes_are_weighed_by_all_their_units() -> None:
    low, high = RNG.normal(1, 1, 900), RNG.normal(50, 1, 100)
    first, second = post_stratified([(Sums.of(low[:500]), Sums.of(low[500:])), (Sums.of(high[:30]), Sums.of(high[30:]))])
    assert second.value - first.value == pytest.approx(0.0, abs=0.4)
    by_hand = 0.9 * low[:500].mean() + 0.1 * high[:30].mean()
    assert first.value == pytest.approx(by_hand)
    assert first.variance == pytest.approx(0.81 * low[:500].var(ddof=1) / 500 + 0.01 * high[:30].var(ddof=1) / 30)


def test_strata_that_are_too_small_are_joined() -> None:
    whole = (Sums.of([1.0, 2.0, 3.0]), Sums.of([2.0, 3.0, 4.0]))
    first, second = post_stratified([whole, (Sums.of([5.0]), Sums.of([6.0])), (Sums.of([7.0]), Sums.of([8.0]))])
    assert second.value - first.value == pytest.approx(1.0)
    nothing, _ = post_stratified([(Sums.of([1.0]), Sums())])
    assert np.isnan(nothing.value)


def test_one_cap_for_all_arms() -> None:
    control, treatment = winsorised([[0.0, 1.0, 2.0, 3.0], [0.0, 4.0, 5.0, 1e9]], 0.75)
    assert control.max() == 3.0
    assert treatment.max() == pytest.approx(np.quantile([0, 1, 2, 3, 0, 4, 5, 1e9], 0.75))
    (capped,) = winsorised([[0.0] * 90 + [1.0] * 9 + [1e9]], 0.9, of_positive=True)
    assert capped.max() == pytest.approx(np.quantile([1.0] * 9 + [1e9], 0.9))
    assert [len(arm) for arm in winsorised([[], []], 0.9)] == [0, 0]
