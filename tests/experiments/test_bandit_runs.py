"""Simulated bandits: their weights are those of bandits, and the better arm gets the traffic."""

from dataclasses import replace

import numpy as np
import pytest

from honeyguide.experiments.bandit_runs import BanditRuns, BanditWorld, bandits, judged, next_weights_of
from honeyguide.experiments.bandits import Learning, Period, estimates, measured, next_weights
from honeyguide.experiments.statistics.sums import Sums

WORLD = BanditWorld(users=1_000, periods=7, lifts=(0.0, 0.3, -0.1), weekend=1.5)


@pytest.fixture(scope="module")
def runs() -> BanditRuns:
    """A few runs."""
    return bandits(WORLD, runs=20, seed=1)


def periods_of(runs: BanditRuns, run: int, end: int) -> list[Period]:
    """The same as periods of a bandit."""
    found = []
    for at in range(end):
        rows = zip(runs.successes[run, at], runs.drawn[run, at], strict=True)
        drawn = tuple(Sums(float(n), float(x), float(x), float(n), float(n), float(x)) for x, n in rows)
        found.append(Period(tuple(runs.weights[run, at]), drawn))
    return found


def test_weights_are_those_of_bandits(runs: BanditRuns) -> None:
    learning = Learning("gaussian", floor=0.05)
    for run in range(20):
        for end in (0, 1, 4, 6):
            said = next_weights(periods_of(runs, run, end), 3, learning).weights
            assert runs.weights[run, end] == pytest.approx(said, abs=2e-4), (run, end)  # those are in whole steps


def test_by_period_is_that_of_bandits(runs: BanditRuns) -> None:
    found = judged(runs, "by period")
    for run in range(20):
        control, treatment, _ = estimates(periods_of(runs, run, 7))
        assert found.value[run, -1] == pytest.approx(treatment.value - control.value)
        assert found.variance[run, -1] == pytest.approx(treatment.variance + control.variance)


def test_the_slice_is_measured_by_user(runs: BanditRuns) -> None:
    found = judged(runs, "uniform slice")
    for run in range(20):
        rows = zip(*(getattr(runs, f"slice_{name}")[run, -1] for name in ("units", "x", "xx")), strict=True)
        sums = tuple(Sums(float(n), float(x), float(xx)) for n, x, xx in rows)
        control, treatment, _ = measured([Period((1 / 3,) * 3, (), sums)])
        assert found.value[run, -1] == pytest.approx(treatment.value - control.value)
        assert found.variance[run, -1] == pytest.approx(treatment.variance + control.variance)


def test_the_better_arm_gets_the_traffic_and_less_is_missed() -> None:
    runs = bandits(replace(WORLD, users=4_000, periods=10), runs=60, seed=2)
    assert runs.weights[:, -1, 1].mean() > 0.7
    assert runs.weights[:, -1].min() >= WORLD.floor - 1e-9
    assert runs.weights.sum(-1) == pytest.approx(1.0)
    assert runs.regret.mean() < 0.6 * runs.even.mean()


def test_all_alike_until_there_is_enough() -> None:
    drawn, successes = np.full((1, 2, 2), 49.0), np.array([[[0.0, 30.0], [0.0, 30.0]]])
    assert next_weights_of(drawn, successes, 0.05, 100)[0] == pytest.approx([0.5, 0.5])
    assert next_weights_of(drawn * 2, successes + 1, 0.05, 100)[0, 1] > 0.9


def test_without_a_difference_raw_totals_see_one_at_weekends_and_the_others_do_not() -> None:
    """T7: weights that move mix working days and weekends (the whole table: `python -m benchmarks calibration`)."""
    runs = bandits(BanditWorld(users=1_000, weekend=2.0, rate=0.2), runs=600, seed=3)
    wrong = {way: judged(runs, way).at_once(0.05) for way in ("raw totals", "by period", "uniform slice")}
    assert wrong["raw totals"] > 0.1
    assert 0.02 < wrong["by period"] < 0.085
    assert 0.02 < wrong["uniform slice"] < 0.085
    assert judged(runs, "raw totals").always(0.05) > judged(runs, "by period").always(0.05)
    assert judged(runs, "by period").always(0.05) < 0.04
    assert judged(runs, "uniform slice").always(0.05) < 0.04
