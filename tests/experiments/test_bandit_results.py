"""What is said of a bandit, from its periods and its slice."""

from typing import NamedTuple

import numpy as np
import pytest

from honeyguide.experiments.bandit_results import BanditResults, Slice, found, summed
from honeyguide.experiments.bandits import Learning, Period
from honeyguide.experiments.statistics.sequential import always_valid
from honeyguide.experiments.statistics.sums import Sums

ARMS = {"control": 0.2, "varied": 0.8}


class Unit(NamedTuple):
    """A unit in an arm."""

    unit: str
    arm: str


def of(*arms: tuple[float, float]) -> tuple[Sums, ...]:
    """Sums of arms in which so many of so many units had a success."""
    return tuple(Sums(units, x, x, units, units, x) for x, units in arms)


def said(*periods: Period, apart: Slice | None = None, planned: int = 1_000) -> BanditResults:
    return found("b", 1, ARMS, periods, apart or Slice(list(ARMS)), Learning(), planned=planned)


def test_before_anybody_came_there_are_weights_alone() -> None:
    for nothing in (said(), said(Period((0.5, 0.5), of((0, 0), (0, 0)), of((0, 0), (0, 0))))):
        assert [arm.weight for arm in nothing.arms] == [0.2, 0.8]
        assert all(arm.best is None and arm.mean is None and arm.difference is None for arm in nothing.arms)
        assert (nothing.mismatch, nothing.alarm) == (None, False)


def test_arms_are_above_the_control_by_period_with_an_interval_for_every_look() -> None:
    result = said(Period((0.5, 0.5), of((100, 1_000), (150, 1_000))))
    control, varied = result.arms
    assert control.difference is None
    assert varied.difference == pytest.approx(0.05)
    assert [control.mean, varied.mean] == pytest.approx([0.1, 0.15])
    variance = (0.1 * 0.9 + 0.15 * 0.85) / 999
    assert [varied.low, varied.high] == pytest.approx([*always_valid(0.05, variance, 2_000, planned=1_000)], rel=1e-6)
    assert varied.best is not None
    assert varied.best > 0.99


def test_sizes_that_do_not_fit_the_logged_weights_are_an_alarm() -> None:
    assert not said(Period((0.1, 0.9), of((0, 100), (0, 900)))).alarm
    broken = said(Period((0.5, 0.5), of((0, 100), (0, 900))))
    assert broken.alarm
    assert broken.mismatch is not None
    assert broken.mismatch < 1e-6


def test_a_unit_of_the_slice_counts_once_however_often_it_came() -> None:
    apart = Slice(list(ARMS))
    units = [Unit("a", "control"), Unit("b", "control"), Unit("c", "varied"), Unit("d", "varied"), Unit("x", "gone")]
    apart.add(units, {"a": 1.0, "c": 2.0, "x": 9.0})
    apart.add(units[:3], {"a": 1.0, "c": 1.0})
    control, varied = apart.estimates()
    assert (control.units, varied.units) == (2, 2)
    assert (control.value, varied.value) == (1.0, 1.5)
    row = said(apart=apart).arms[1]
    assert (row.slice_units, row.slice_difference) == (2, 0.5)
    assert row.slice_low is not None
    assert row.slice_low < 0


@pytest.mark.parametrize(("reward", "mean"), [("bernoulli", 0.5), ("gaussian", 3.5)])
def test_a_reward_is_whether_or_how_much(reward: str, mean: float) -> None:
    units = [Unit(f"u{at}", "varied") for at in range(4)]
    sums = summed(units, list(ARMS), {"u0": 4.0, "u1": 10.0, "u2": 0.0}, reward)  # type: ignore[arg-type]
    assert sums[0].units == 0
    assert (sums[1].units, sums[1].mean) == (4, mean)
    assert np.isnan(sums[0].mean)
