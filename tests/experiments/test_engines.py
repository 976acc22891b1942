"""Corners of the engines: looks before there is anything, nobody who clicks, an arm that is empty."""

from dataclasses import fields, replace

import numpy as np
import pytest

from honeyguide.experiments.engines import ENGINES, Rules, foretold, mismatched, truths, verdicts
from honeyguide.experiments.simulation import Runs, World, simulated

RULES = Rules(0.05, 1_000)


def blank(**given: float) -> Runs:
    """One run and one look in which both arms have these sums, 0 where none is given."""
    return Runs(*(np.full((1, 1, 2), given.get(each.name, 0.0)) for each in fields(Runs)))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "runs",
    [
        blank(),
        blank(units=1.0, y=7.0, yy=49.0),
        blank(units=500.0, y=3_500.0, yy=24_500.0),
        blank(units=500.0, x=3_500.0, xx=24_500.0, y=3_500.0, yy=24_500.0, xy=24_500.0, bought=500.0),
    ],
    ids=["nobody", "one user", "nobody clicks", "all click and buy"],
)
def test_where_nothing_can_be_known_nothing_is_announced(name: str, runs: Runs) -> None:
    said = ENGINES[name](runs, RULES)
    assert not said.different.any()


def test_looks_before_the_first_user_say_nothing() -> None:
    runs = simulated(World(users=4, days=30), runs=50, looks=30, seed=1)
    found = foretold(runs, World(users=4, days=30), RULES)
    assert runs.units[:, 0].sum() < 50
    assert found["always-valid"].ever == 0.0
    assert found["always-valid"].held_always == 1.0


@pytest.mark.parametrize("planned", [100, 600, 2_000])
def test_always_valid_is_narrowest_where_it_was_planned(planned: int) -> None:
    """The reach in standard errors, by the units at which there is a look."""
    runs = simulated(World(users=2_000), runs=5, looks=20, seed=2)
    reach = {}
    for each in (100, 600, 2_000):
        said = ENGINES["always-valid"](runs, Rules(0.05, each))
        at = int(np.argmin(np.abs(runs.units[0].sum(-1) - planned)))
        reach[each] = float(said.high[0, at] - said.low[0, at])
    assert min(reach, key=lambda each: reach[each]) == planned


def test_truths_are_those_of_the_world() -> None:
    world = World(rate=0.1, lift=0.2)
    known = truths(world)
    assert known["always-valid"] == pytest.approx(0.02)
    assert known["clicks per user, Welch"] == pytest.approx(0.02 * world.shown_per_user)
    assert known["lift, Fieller"] == 0.2
    assert set(truths(replace(world, weekend=2.0))) == {"lift, delta method", "lift, Fieller"}
    assert set(known) <= set(ENGINES)


def test_intervals_hold_what_they_say_under_a_real_effect() -> None:
    """400 runs with +30 % (the whole table: `python -m benchmarks calibration`)."""
    world = World(users=600, rate=0.1, lift=0.3)
    found = foretold(simulated(world, runs=400, looks=10, seed=3), world, Rules(0.05, 600))
    for name in truths(world):
        assert found[name].held_last > 0.92, name
    assert found["always-valid"].held_always > 0.95
    assert found["group-sequential"].held_always > 0.91
    assert found["click rate, delta method"].held_always < 0.9
    assert found["clicks per user, CUPED"].last > found["clicks per user, Welch"].last
    assert found["always-valid"].estimate > 0.03, "what is stopped early is overestimated"


def test_a_broken_split_is_noticed_and_a_sound_one_is_not() -> None:
    sound, broken = (simulated(World(users=2_500, visits=1, lost=lost), runs=60, looks=5, seed=4) for lost in (0.0, 0.25))
    assert mismatched(sound, 0.5).any(axis=1).mean() < 0.05
    assert mismatched(broken, 0.5).any(axis=1).mean() > 0.95


def test_nothing_announced_has_no_time() -> None:
    found = verdicts(ENGINES["always-valid"](blank(units=500.0, y=3_500.0, yy=24_500.0), RULES), 0.0)
    assert np.isnan(found.took)
    assert np.isnan(found.estimate)
