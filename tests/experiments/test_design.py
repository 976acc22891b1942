"""How large an experiment must be."""

from typing import Any

import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from honeyguide.errors import InvalidInput
from honeyguide.experiments.design import SizeIn, SizeOut, sized


def size(**fields: Any) -> SizeOut:
    return sized(SizeIn(**fields))


@pytest.mark.parametrize(("base", "lift", "split"), [(0.05, 0.08, 1.0), (0.3, -0.1, 0.25), (0.5, 0.02, 4.0)])
def test_units_for_a_lift_are_those_of_statsmodels(base: float, lift: float, split: float) -> None:
    found = size(base=base, lift=lift, split=split)
    expected = samplesize_proportions_2indep_onetail(base * lift, base, 0.8, ratio=1 / split, alpha=0.05)
    assert found.treatment == pytest.approx(expected, abs=5)
    assert found.control == pytest.approx(expected / split, abs=2)
    assert (found.total, found.days) == (found.control + found.treatment, None)


def test_units_for_a_mean_are_those_of_statsmodels() -> None:
    found = size(base=20.0, kind="mean", deviation=40.0, lift=0.05)
    assert found.control == pytest.approx(NormalIndPower().solve_power(1.0 / 40, alpha=0.05, power=0.8), abs=1)


def test_the_past_several_arms_and_metrics_change_it() -> None:
    plain = size(base=20.0, kind="mean", deviation=40.0, lift=0.05)
    assert size(base=20.0, kind="mean", deviation=40.0, lift=0.05, correlation=0.6).control == pytest.approx(
        plain.control * 0.64, abs=1
    )
    assert size(base=0.05, lift=0.08, correlation=0.6).control < 0.7 * size(base=0.05, lift=0.08).control
    several = size(base=0.05, lift=0.08, arms=3, metrics=2, per_day=5000)
    assert several.comparisons == 4
    assert several.control > size(base=0.05, lift=0.08).control
    assert several.total == several.control + 2 * several.treatment
    assert several.days == -(-several.total // 5000)


def test_the_least_lift_of_so_many_units_asks_for_so_many_units() -> None:
    for fields in ({"base": 0.05}, {"base": 20.0, "kind": "mean", "deviation": 40.0, "correlation": 0.5}):
        found = size(units=100_000, **fields)
        assert found.lift is not None
        assert size(lift=found.lift, **fields).total == pytest.approx(100_000, rel=0.1)
    assert size(base=0.01, units=100).lift is None


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"base": 1.2, "lift": 0.1}, "/base"),
        ({"base": 0.5}, "/lift"),
        ({"base": 0.5, "lift": 0.1, "units": 10}, "/lift"),
        ({"base": 0.5, "lift": 0.0}, "/lift"),
        ({"base": 0.5, "lift": 1.5}, "/lift"),
        ({"base": 0.5, "units": -1}, "/units"),
        ({"base": 0.5, "lift": 0.1, "split": 0}, "/split"),
        ({"base": 0.5, "lift": 0.1, "arms": 1}, "/arms"),
        ({"base": 0.5, "lift": 0.1, "metrics": 0}, "/metrics"),
        ({"base": 0.5, "lift": 0.1, "alpha": 1.0}, "/alpha"),
        ({"base": 0.5, "lift": 0.1, "power": 0.0}, "/power"),
        ({"base": 0.5, "lift": 0.1, "correlation": 1.0}, "/correlation"),
        ({"base": 0.5, "lift": 0.1, "per_day": 0.0}, "/per_day"),
        ({"base": 5.0, "kind": "mean", "lift": 0.1}, "/deviation"),
        ({"base": 0.0, "kind": "mean", "deviation": 1.0, "lift": 0.1}, "/base"),
    ],
)
def test_what_does_not_fit_is_named(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        size(**fields)
    assert [error.pointer for error in caught.value.errors] == [pointer]
