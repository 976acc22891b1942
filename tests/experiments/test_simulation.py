"""Simulated experiments: the arrays say what the statistics say, run by run; and the world is the one that was asked for."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.proportion import proportions_ztest

from honeyguide.experiments import engines
from honeyguide.experiments.engines import ENGINES, Rules, Said, mismatched, verdicts
from honeyguide.experiments.simulation import Runs, World, simulated
from honeyguide.experiments.statistics import adjusting, bayesian, comparing, sequential
from honeyguide.experiments.statistics.comparing import Estimate, Interval
from honeyguide.experiments.statistics.several import sample_ratio
from honeyguide.experiments.statistics.sums import Sums

WORLD = World(users=400, days=7, rate=0.1, lift=0.3)
RULES = Rules(0.05, 400)
LOOKS = 7


@pytest.fixture(scope="module")
def runs() -> Runs:
    """A few runs whose numbers are small enough for every corner of the formulas."""
    return simulated(WORLD, runs=12, looks=LOOKS, seed=1)


def clicks(runs: Runs, run: int, look: int, arm: int) -> Sums:
    """Clicks beside items shown."""
    return Sums(*(float(getattr(runs, name)[run, look, arm]) for name in ("units", "x", "xx", "y", "yy", "xy")))


def before(runs: Runs, run: int, look: int, arm: int) -> Sums:
    """Clicks beside clicks before."""
    return Sums(*(float(getattr(runs, name)[run, look, arm]) for name in ("units", "x", "xx", "z", "zz", "xz")))


def buyers(runs: Runs, run: int, look: int, arm: int) -> tuple[float, float]:
    """Users who bought, of how many."""
    return float(runs.bought[run, look, arm]), float(runs.units[run, look, arm])


Pair = tuple[Estimate, Estimate]


def _ratios(runs: Runs, run: int, look: int) -> Pair:
    return Estimate.ratio(clicks(runs, run, look, 0)), Estimate.ratio(clicks(runs, run, look, 1))


def _always(runs: Runs, run: int, look: int) -> Interval:
    control, treatment = _ratios(runs, run, look)
    value, variance = treatment.value - control.value, treatment.variance + control.variance
    return sequential.always_valid(value, variance, control.units + treatment.units, planned=400)


def _gaussian(runs: Runs, run: int, look: int) -> Interval:
    control, treatment = _ratios(runs, run, look)
    return bayesian.gaussian(treatment.value - control.value, treatment.variance + control.variance).interval


def _planned(runs: Runs, run: int, look: int) -> Interval:
    control, treatment = _ratios(runs, run, look)
    bound = sequential.group_sequential([(each + 1) / LOOKS for each in range(LOOKS)])[look]
    reach = bound * (treatment.variance + control.variance) ** 0.5
    return Interval(treatment.value - control.value - reach, treatment.value - control.value + reach)


BY_HAND: dict[str, Callable[[Runs, int, int], Interval]] = {
    "clicks per user, Welch": lambda r, i, j: (
        comparing.welch(Estimate.mean(clicks(r, i, j, 0)), Estimate.mean(clicks(r, i, j, 1))).interval
    ),
    "clicks per user, CUPED": lambda r, i, j: (
        comparing.welch(*adjusting.cuped(before(r, i, j, 0), before(r, i, j, 1))).interval
    ),
    "click rate, delta method": lambda r, i, j: comparing.welch(*_ratios(r, i, j)).interval,
    "lift, delta method": lambda r, i, j: comparing.lift_interval(*_ratios(r, i, j)),
    "lift, Fieller": lambda r, i, j: comparing.fieller(*_ratios(r, i, j)),
    "chance > 95 %, Gaussian": _gaussian,
    "always-valid": _always,
    "group-sequential": _planned,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_an_engine_says_of_arrays_what_it_says_of_sums(runs: Runs, name: str) -> None:
    said = ENGINES[name](runs, RULES)
    for run in range(12):
        for look in (2, LOOKS - 1):
            low, high = BY_HAND[name](runs, run, look)
            assert (said.low[run, look], said.high[run, look]) == pytest.approx((low, high), rel=1e-9), (run, look)
            if "chance" not in name:
                assert bool(said.different[run, look]) == (low > 0 or high < 0)


def test_a_chance_above_95_percent_is_that_of_the_beliefs(runs: Runs) -> None:
    by_rate, by_mean = (ENGINES[f"chance > 95 %, {name}"](runs, RULES) for name in ("Beta-Binomial", "Gaussian"))
    for run in range(4):
        for look in (0, LOOKS - 1):
            (x_a, n_a), (x_b, n_b) = buyers(runs, run, look, 0), buyers(runs, run, look, 1)
            believed = bayesian.beta_binomial((x_a, x_b), (n_a, n_b)).chance
            assert bool(by_rate.different[run, look]) == (believed > 0.95), (run, look, believed)
            control, treatment = _ratios(runs, run, look)
            normal = bayesian.gaussian(treatment.value - control.value, treatment.variance + control.variance).chance
            assert bool(by_mean.different[run, look]) == (normal > 0.95)


@pytest.mark.parametrize(
    ("name", "first", "second"), [("impressions, z", "x", "y"), ("users who buy, z", "bought", "units")]
)
def test_proportions_are_those_of_statsmodels(runs: Runs, name: str, first: str, second: str) -> None:
    said = ENGINES[name](runs, RULES)
    for run in range(12):
        _, p = proportions_ztest(getattr(runs, first)[run, -1], getattr(runs, second)[run, -1])
        assert bool(said.different[run, -1]) == (p < 0.05)


def test_mismatches_are_those_of_the_sizes() -> None:
    broken = simulated(World(users=2_000, lost=0.1, share=0.3), runs=20, looks=4, seed=2)
    found = mismatched(broken, 0.3)
    for run in range(20):
        for look in range(4):
            alarm = sample_ratio(broken.units[run, look].tolist(), [0.7, 0.3])
            assert bool(found[run, look]) == (alarm is not None and alarm.alarm)
    assert 0 < found.mean() < 1


def test_a_seed_settles_all_and_fewer_looks_are_the_same_run(runs: Runs) -> None:
    again = simulated(WORLD, runs=12, looks=LOOKS, seed=1)
    other = simulated(WORLD, runs=12, looks=LOOKS, seed=2)
    for each in fields(Runs):
        assert np.array_equal(getattr(runs, each.name), getattr(again, each.name))
    assert not np.array_equal(runs.x, other.x)
    assert np.array_equal(runs.at(1).x[:, 0], runs.x[:, -1])
    assert (np.diff(runs.units.sum(-1), axis=1) >= 0).all()
    assert (runs.units.sum(-1)[:, -1] == 400).all()


def test_the_world_is_the_one_that_was_asked_for() -> None:
    world = World(users=4_000, rate=0.06, lift=0.25, share=0.25, lost=0.2)
    runs = simulated(world, runs=50, looks=1, seed=3)
    x, y, units = (getattr(runs, name).sum(axis=(0, 1)) for name in ("x", "y", "units"))
    assert x / y == pytest.approx([0.06, 0.06 * 1.25], rel=0.02)
    assert y / units == pytest.approx([world.shown_per_user] * 2, rel=0.01)
    assert units / 200_000 == pytest.approx([0.75, 0.25 * 0.8], rel=0.02)
    control, _ = (
        Sums(*(float(getattr(runs, n)[0, 0, arm]) for n in ("units", "x", "xx", "y", "yy", "xy"))) for arm in (0, 1)
    )
    assert control.ratio_variance > 1.5 * control.ratio * (1 - control.ratio) / (control.y / control.units), "users differ"


def test_weekends_are_weekends_in_both_arms() -> None:
    runs = simulated(World(users=6_000, days=7, visits=1, weekend=2.0), runs=20, looks=7, seed=4)
    per_day = np.diff(runs.x, axis=1, prepend=0).sum(0) / np.diff(runs.y, axis=1, prepend=0).sum(0)
    assert per_day[5:].mean() / per_day[:5].mean() == pytest.approx(2.0, rel=0.05)
    assert per_day[:, 0] == pytest.approx(per_day[:, 1], rel=0.1)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"users": 1}, "users = 1"),
        ({"rate": 0}, "rate = 0"),
        ({"rate": 0.4, "lift": 1.0}, "above"),
        ({"share": 1}, "share = 1"),
        ({"lift": float("nan")}, "lift = nan"),
    ],
)
def test_a_world_that_cannot_be_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        World(**wrong)


def test_what_is_said_is_counted() -> None:
    value = np.array([[0.1, 0.2], [0.0, 0.0], [np.nan, 0.3]])
    different = np.array([[True, False], [False, False], [False, True]])
    found = verdicts(Said(value, value - 0.15, value + 0.15, different), 0.1)
    assert [found.last, found.ever] == pytest.approx([1 / 3, 2 / 3])
    assert [found.held_last, found.held_always] == pytest.approx([2 / 3, 2 / 3])
    assert found.took == pytest.approx(0.75)
    assert found.estimate == pytest.approx(0.2)
    assert engines.chance_error(0.05, 2_000) == pytest.approx(0.0049, abs=1e-4)


def test_one_look_is_right_and_peeking_is_not_unless_it_is_allowed_for() -> None:
    """1,000 A/A runs, looked at once and 20 times (the whole table: `python -m benchmarks calibration`)."""
    runs, rules = simulated(World(users=1_000), runs=1_000, looks=20, seed=5), Rules(0.05, 1_000)
    once, often = ({name: verdicts(ENGINES[name](runs.at(looks), rules), 0.0) for name in ENGINES if "Beta" not in name}
                   for looks in (1, 20))  # fmt: skip
    for name in ("clicks per user, Welch", "clicks per user, CUPED", "click rate, delta method", "users who buy, z"):
        assert once[name].ever == pytest.approx(0.05, abs=0.025), name
        assert often[name].ever > 0.15, name
    assert once["impressions, z"].ever > 0.09
    assert often["group-sequential"].ever < 0.08
    assert often["always-valid"].ever < 0.03
