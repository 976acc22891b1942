"""What must hold before a verdict: sizes, crossings, days, and what was there before."""

from dataclasses import replace

import numpy as np
import pytest

from honeyguide.experiments.gates import Gate, Health, days_to_wait, gates
from honeyguide.experiments.outcomes import DAY_MS
from honeyguide.experiments.statistics.sums import Sums

FINE = Health(
    units={"control": 1000.0, "new": 1010.0}, weights={"control": 0.5, "new": 0.5}, crossed=0, mixed=0, named=5000,
    unknown=0, began=0, now=14 * DAY_MS, min_days=14,
)  # fmt: skip


def states(health: Health) -> dict[str, str]:
    return {gate.name: gate.state for gate in gates(health) if gate.state != "passed"}


def gate(health: Health, name: str) -> Gate:
    return next(each for each in gates(health) if each.name == name)


def test_a_healthy_experiment_passes() -> None:
    assert states(FINE) == {}


def test_a_broken_split_is_an_alarm_that_says_what_was_expected() -> None:
    broken = replace(FINE, units={"control": 5000.0, "new": 5400.0})
    assert states(broken) == {"sample-ratio": "alarm"}
    assert "new 5,400 (expected 5,200)" in gate(broken, "sample-ratio").detail
    asked = replace(broken, weights={"control": 5000.0, "new": 5400.0})
    assert states(asked) == {}


def test_an_arm_of_weight_nought_takes_no_degree_of_freedom() -> None:
    three = replace(FINE, units={"a": 500.0, "b": 520.0, "c": 0.0}, weights={"a": 0.5, "b": 0.5, "c": 0.0})
    assert gate(three, "sample-ratio").p == pytest.approx(0.531, abs=0.001)
    assert gate(three, "units").state == "passed", "and nobody waits for its units"


def test_a_split_that_is_broken_in_one_segment_is_found_there() -> None:
    segments = {"os=ios": {"control": 300.0, "new": 100.0}, "os=web": {"control": 700.0, "new": 910.0}}
    found = [each for each in gates(replace(FINE, segments=segments)) if each.state == "alarm"]
    assert [each.detail.split(":")[0] for each in found] == [
        "The arms do not have the sizes that were asked for where os=ios",
        "The arms do not have the sizes that were asked for where os=web",
    ]


@pytest.mark.parametrize(("crossed", "state"), [(0, "passed"), (1, "passed"), (3, "warning"), (21, "alarm")])
def test_units_of_several_arms(crossed: int, state: str) -> None:
    assert gate(replace(FINE, crossed=crossed), "crossed").state == state
    assert gate(replace(FINE, mixed=crossed), "served").state == state


def test_lists_that_nobody_knows_are_missing_exposures() -> None:
    assert gate(replace(FINE, unknown=40), "exposures").state == "passed"
    assert gate(replace(FINE, unknown=60), "exposures").state == "warning"
    assert gate(replace(FINE, unknown=300), "exposures").state == "alarm"
    assert gate(replace(FINE, named=0, unknown=0), "exposures").state == "passed"


def test_arms_that_differed_before_are_an_alarm() -> None:
    chance = np.random.default_rng(3)
    alike, other = (Sums.of(chance.poisson(mean, 1000)) for mean in (2.0, 2.6))
    assert gate(replace(FINE, before={"clicks": {"control": alike, "new": alike}}), "before").state == "passed"
    assert gate(replace(FINE, before={"clicks": {"control": alike, "new": other}}), "before").state == "alarm"
    nothing = {"clicks": {"control": Sums(), "new": Sums()}}
    assert "before" not in {each.name for each in gates(replace(FINE, before=nothing))}


@pytest.mark.parametrize(
    ("days", "least", "left"), [(3, 14, 11), (14, 14, 0), (14.5, 14, 0), (16, 14, 5), (21, 14, 0), (2, 1, 0), (0.5, 1, 1)]
)
def test_weeks_are_whole(days: float, least: int, left: int) -> None:
    health = replace(FINE, now=round(days * DAY_MS), min_days=least)
    assert days_to_wait(health) == left
    assert (gate(health, "days").state == "waiting") == (left > 0)
    ended = replace(health, running=False)
    assert days_to_wait(ended) == 0
    assert gate(ended, "days").state == ("warning" if left else "passed")


def test_nobody_yet_is_waited_for_and_no_error() -> None:
    nobody = replace(FINE, units={"control": 0.0, "new": 0.0}, named=0, now=-5)
    assert states(nobody) == {"units": "waiting", "sample-ratio": "waiting", "days": "waiting"}
    one = replace(FINE, units={"control": 1.0, "new": 0.0})
    assert gate(one, "units").state == "waiting"
