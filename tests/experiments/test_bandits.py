"""Weights of bandits: by quadrature, by period, with a floor; and what is measured of arms whose weights moved."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from honeyguide.experiments.bandits import (
    STEPS,
    Learning,
    Period,
    chances_of,
    estimates,
    in_steps,
    measured,
    next_weights,
    sizes,
    with_floor,
)
from honeyguide.experiments.hashing import ranges
from honeyguide.experiments.statistics.bayesian import beta_binomial
from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.highest import highest
from honeyguide.experiments.statistics.sums import Sums


def rates(*arms: tuple[float, float]) -> tuple[Sums, ...]:
    """Sums of arms in which so many of so many units had a success."""
    return tuple(Sums(units, x, x, units, units, x) for x, units in arms)


def period(*arms: tuple[float, float], weights: tuple[float, ...] = (0.5, 0.5)) -> Period:
    """A period of rates without a slice."""
    return Period(weights, rates(*arms))


@pytest.mark.parametrize(("x", "n"), [((10, 14), (100, 100)), ((0, 3), (5, 5)), ((1_000, 1_100), (20_000, 20_000))])
def test_two_rates_are_as_likely_the_best_as_the_belief_says(x: tuple[int, int], n: tuple[int, int]) -> None:
    law = stats.beta(1 + np.array(x)[:, None], 1 + np.array(n)[:, None] - np.array(x)[:, None])
    assert highest(law)[1] == pytest.approx(beta_binomial(x, n).chance, abs=1e-9)


def test_several_arms_are_as_likely_the_best_as_in_draws() -> None:
    rng = np.random.default_rng(1)
    mean, deviation = np.array([0.0, 0.3, 0.2, -1.0]), np.array([1.0, 0.2, 0.01, 3.0])
    draws = rng.normal(mean, deviation, (1_000_000, 4)).argmax(axis=1)
    found = highest(stats.norm(mean[:, None], deviation[:, None]))
    assert found == pytest.approx(np.bincount(draws) / 1e6, abs=2e-3)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_sure_arm_among_unsure_ones_is_no_step_between_nodes() -> None:
    found = highest(stats.norm(np.array([[0.0], [0.1]]), np.array([[1.0], [1e-4]])))
    assert found[1] == pytest.approx(stats.norm.cdf(0.1 / np.hypot(1, 1e-4)), abs=1e-8)


def test_many_rows_at_once_are_those_of_each() -> None:
    mean, deviation = np.random.default_rng(2).random((2, 7, 3, 1))
    together = highest(stats.norm(mean, deviation))
    assert together == pytest.approx(np.array([highest(stats.norm(*row)) for row in zip(mean, deviation, strict=True)]))


def test_the_better_arm_gets_the_traffic_and_the_worse_one_its_floor() -> None:
    found = next_weights([period((50, 1_000), (120, 1_000))], 2, Learning(floor=0.05))
    assert found.weights == (0.05, 0.95)
    assert found.chances[1] > 0.9999


@pytest.mark.parametrize("reward", ["bernoulli", "gaussian"])
def test_arms_that_did_the_same_are_alike(reward: str) -> None:
    learning = Learning(reward=reward)  # type: ignore[arg-type]
    found = next_weights([period((50, 500), (50, 500), (50, 500), weights=(0.2, 0.3, 0.5))], 3, learning)
    assert found.chances == pytest.approx([1 / 3] * 3)


def test_with_many_units_both_rewards_say_the_same() -> None:
    arms = estimates([period((1_000, 20_000), (1_050, 20_000))])
    by_rate, by_mean = (chances_of(arms, Learning(reward=reward)) for reward in ("bernoulli", "gaussian"))
    assert by_rate == pytest.approx(by_mean, abs=2e-3)


def test_weights_stay_alike_until_every_arm_has_enough_units() -> None:
    found = next_weights([period((0, 99), (5_000, 9_000))], 2, Learning(least=100))
    assert found.weights == (0.5, 0.5)
    assert "99 of 100" in found.because
    assert next_weights([period((0, 99), (5_000, 9_000)), period((0, 1), (0, 1))], 2, Learning(least=100)).weights[1] > 0.9


def test_without_anything_all_are_alike() -> None:
    assert next_weights([], 3, Learning()).weights == pytest.approx([1 / 3] * 3, abs=1e-4)
    assert estimates([]) == measured([]) == []
    assert sizes([]) is None


def test_means_without_any_variance_are_no_knowledge() -> None:
    same = tuple(Sums(200, 400, 800, 200, 200, 400) for _ in range(2))
    assert chances_of(estimates([Period((0.5, 0.5), same)]), Learning(reward="gaussian")) == pytest.approx((0.5, 0.5))


def test_an_outlier_in_one_arm_makes_it_unsure_and_not_the_winner() -> None:
    rng = np.random.default_rng(3)
    usual, odd = rng.random(500), np.append(rng.random(499), 1e9)
    found = next_weights([Period((0.5, 0.5), (Sums.of(usual), Sums.of(odd)))], 2, Learning(reward="gaussian"))
    assert found.chances[1] == pytest.approx(stats.norm.cdf(1.0), abs=0.01)  # one value of n is its own standard error


@given(st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=8), st.floats(0.0, 0.12))
def test_weights_are_whole_steps_that_the_hash_takes(raw: list[float], floor: float) -> None:
    chances = tuple(each / sum(raw) for each in raw)
    weights = in_steps(with_floor(chances, floor), floor)
    assert sum(round(each * STEPS) for each in weights) == STEPS
    assert all(abs(each * STEPS - round(each * STEPS)) < 1e-9 and each >= floor - 1e-12 for each in weights)
    assert len(ranges(weights, 1.0)) == len(weights)  # it refuses what does not sum to 1
    assert max(abs(a - b) for a, b in zip(weights, with_floor(chances, floor), strict=True)) <= len(raw) / STEPS


def test_the_floor_keeps_the_order_and_the_sum() -> None:
    found = with_floor((0.9, 0.09, 0.01, 0.0), 0.05)
    assert found == pytest.approx((0.77, 0.122, 0.058, 0.05))
    assert all(a > b for a, b in pairwise(found))
    with pytest.raises(ValueError, match="more than there is"):
        with_floor((0.5, 0.5), 0.6)


def test_by_period_no_arm_is_better_for_having_had_the_weekend() -> None:
    """Both arms convert alike, 5 % on working days and 15 % at the weekend, when most units happen to be drawn to B."""
    working, weekend = period((45, 900), (5, 100), weights=(0.9, 0.1)), period((15, 100), (135, 900), weights=(0.1, 0.9))
    raw = [sum(each.drawn[arm].x for each in (working, weekend)) / 1_000 for arm in (0, 1)]
    assert raw == [0.06, 0.14]
    assert [arm.value for arm in estimates([working, weekend])] == pytest.approx([0.1, 0.1])
    assert next_weights([working, weekend], 2, Learning()).chances == pytest.approx((0.5, 0.5), abs=0.05)


def test_the_variance_by_period_is_that_of_repeats() -> None:
    rng, weights, sizes_of, rate = np.random.default_rng(4), (0.2, 0.7), ((800, 200), (120, 280)), (0.05, 0.12)
    values, said = [], []
    for _ in range(2_000):
        periods = []
        for weight, numbers, chance in zip(weights, sizes_of, rate, strict=True):
            arms = [(rng.binomial(n, chance), n) for n in numbers]
            periods.append(period(*arms, weights=(1 - weight, weight)))
        found = estimates(periods)
        values.append(found[1].value - found[0].value)
        said.append(found[0].variance + found[1].variance)
    assert np.mean(said) == pytest.approx(np.var(values), rel=0.07)
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / 2_000**0.5)


def test_periods_of_the_same_weights_are_one_period() -> None:
    parts, whole = [period((10, 500), (20, 500)), period((30, 500), (10, 500))], period((40, 1_000), (30, 1_000))
    for together, apart in zip(estimates([whole]), estimates(parts), strict=True):
        assert (apart.value, apart.units) == pytest.approx((together.value, together.units))


def test_decay_is_that_of_the_counts_where_weights_stay() -> None:
    """alpha <- a0 + decay (alpha - a0) + x, and the same for the failures."""
    found = estimates([period((10, 100), (20, 100)), period((30, 100), (10, 100))], decay=0.5)
    assert [arm.units for arm in found] == pytest.approx([150, 150])
    assert [arm.value * arm.units for arm in found] == pytest.approx([35, 20])


def test_a_period_in_which_an_arm_has_nobody_is_taken_with_the_next() -> None:
    apart = estimates([period((0, 0), (20, 100)), period((30, 100), (10, 100)), period((1, 1), (0, 0))])
    assert [arm.value for arm in apart] == pytest.approx([31 / 101, 30 / 200])
    assert np.isnan(estimates([period((0, 0), (1, 10))])[0].value)


def test_the_slice_measures_and_is_not_learnt_from() -> None:
    (drawn,) = [rates((50, 1_000), (50, 1_000))]
    periods = [Period((0.5, 0.5), drawn, rates((10, 200), (90, 200)))]
    assert next_weights(periods, 2, Learning()).chances == pytest.approx((0.5, 0.5))
    assert measured(periods) == [Estimate.mean(sums) for sums in periods[0].uniform]


def test_sizes_are_those_of_the_weights_that_were_logged() -> None:
    """Units by the weights of their own period are no mismatch, whatever the weights are today."""
    sound = [period((0, 500), (0, 500)), period((0, 100), (0, 900), weights=(0.1, 0.9))]
    found = sizes(sound)
    assert found is not None
    assert found.statistic == pytest.approx(0)
    broken = sizes([*sound, period((0, 300), (0, 700), weights=(0.1, 0.9))])
    assert broken is not None
    assert broken.alarm
    with_slice = sizes([Period((0.1, 0.9), rates((0, 100), (0, 900)), rates((0, 50), (0, 50)))])
    assert with_slice is not None
    assert with_slice.statistic == pytest.approx(0)
